"""A real browser goes through the readers' pages: they work, fit, can be read, and load nothing."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from newsroom import Newsroom, address, papers
from playwright.async_api import Browser, Page, async_playwright
from webroom import BASE, Site, open_site

from newsletter.models import Consent
from newsletter.pipeline import subscribers

CHROMIUM = Path("/usr/bin/chromium")
WIDTHS = (320, 375, 1000)

# The rendered colours of all text, and what lies behind it, as WCAG 2.2 counts their contrast (1.4.3).
MEASURE = """() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => channels(colour).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!/\\S/.test(texts.currentNode.data) || !element.getClientRects().length) continue;
    const pair = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    found.push([(pair[0] + 0.05) / (pair[1] + 0.05), texts.currentNode.data.trim(),
                parseFloat(getComputedStyle(element).fontSize)]);
  }
  return {
    worst: found.reduce((a, b) => a[0] < b[0] ? a : b),
    smallest: Math.min(...found.map(one => one[2])),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    small: [...document.querySelectorAll("button, textarea")].map(one => one.getBoundingClientRect())
      .filter(box => box.height < 44 || box.width < 44).length,
    resources: performance.getEntriesByType("resource").length,
    title: document.title, headings: document.querySelectorAll("h1").length,
    unnamed: [...document.querySelectorAll("textarea")].filter(one => !one.labels.length).length,
  };
}"""


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter with a mail for Ada: a paper with a very long title, and another."""
    title = "On the measurement of what nobody has measured so far and " + "why-it-does-not-break-anywhere" * 6
    await small_room.take_in(*papers(1, title=title, authors=("Ada Ångström", "Bo Berg", "Cy", "Di", "Ed")), *papers(2))
    await small_room.subscribe("ada")
    await small_room.compose()
    async with open_site(small_room) as opened:
        yield opened


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium (Debian package chromium), which is not here")
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield found
        await found.close()


async def opened(browser: Browser, site: Site, **options: Any) -> tuple[Page, list[str]]:
    """Return a page without JavaScript of its own, and the list of what it complains of and asks others for."""
    context = await browser.new_context(base_url=f"http://127.0.0.1:{site.port}", **options)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: None if f"127.0.0.1:{site.port}/" in request.url else wrong.append(request.url),
    )
    return page, wrong


async def heading(page: Page) -> str:
    """Return what the page is called."""
    return (await page.text_content("h1") or "").strip()


async def test_a_reader_goes_through_all_of_it_without_javascript(browser: Browser, site: Site) -> None:
    page, wrong = await opened(browser, site, java_script_enabled=False)

    async def press(words: str) -> str:
        async with page.expect_navigation():
            await page.get_by_role("button", name=words, exact=True).click()
        return await heading(page)

    async def follow(words: str) -> None:
        async with page.expect_navigation():
            await page.get_by_role("link", name=words).click()

    await page.goto(await site.leaving())
    assert await heading(page) == "Unsubscribe?"
    assert await press("Unsubscribe") == "You are unsubscribed"
    await page.get_by_label("Would you tell us why?").fill("Too much\nof it")
    assert await press("Send the reason") == "Thank you"
    assert (await site.evidence())[-1].source == "Too much of it"
    assert await press("Undo: subscribe me again") == "You are subscribed again"
    await follow("Unsubscribe")
    await follow("Or take a break instead")
    assert await heading(page) == "Take a break"
    assert await press("A week") == "You are on a break"
    assert "Monday, March 9, 2026" in await page.inner_text("main")
    assert await press("End the break") == "Your break is over"

    await page.goto(await site.saying("more", 2))
    assert await heading(page) == "More like this?"
    assert await press("More like this") == "Noted: more like this"
    assert await press("Less like this") == "Noted: less like this"
    assert await press("Undo") == "Taken back"
    assert "You said so far: more like this." in await page.inner_text("main")
    # By the keyboard alone, the button that was chosen in the mail comes after the paper.
    await page.goto(await site.saying("less", 2))
    for _ in range(3):
        await page.keyboard.press("Tab")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert await heading(page) == "Noted: less like this"
    assert [verdict for (verdict,) in await site.room.rows("SELECT verdict FROM feedback")] == ["less"]
    assert wrong == []


async def pictured(page: Page, name: str) -> dict[str, Any]:
    """Return what is measured of a page."""
    found: dict[str, Any] = await page.evaluate(MEASURE)
    return found | {"name": name}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "de"])
async def test_pages_fit_and_can_be_read(browser: Browser, site: Site, scheme: Any, language: str) -> None:
    await subscribers.edit(
        site.room.database, address("ada"), lambda person: person.model_copy(update={"language": language})
    )
    page, wrong = await opened(browser, site, color_scheme=scheme, locale=language)
    visits = {
        "ask": (await site.leaving(), None),
        "pause": (await site.pausing(), None),
        "paused": (await site.pausing(), "[value=month]"),
        "more": (await site.saying("more"), None),
        "said": (await site.saying("less"), "[value=less]"),
        "left": (await site.leaving(), "[value=leave]"),
    }
    found = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        for name, (path, button) in visits.items():
            answer = await page.goto(path)
            assert answer is not None
            assert answer.status == 200
            if button is not None and await page.query_selector(button):
                async with page.expect_navigation():
                    await page.click(button)
            found.append(await pictured(page, f"{name} {width}"))
    # A fault says so by its status, which the browser tells as well.
    assert wrong == []
    await page.goto("/pause/x")
    found.append(await pictured(page, "broken"))
    assert [message for message in wrong if "404" not in message] == []
    for one in found:
        assert one["worst"][0] >= 7, one
        assert one["smallest"] >= 14, one
        assert (one["overflow"], one["small"], one["resources"], one["unnamed"]) == (0, 0, 0, 0), one
        assert one["headings"] == 1, one
        assert one["title"].endswith("– Papers for you"), one
    assert (await subscribers.find(site.room.database, address("ada"))).state is Consent.UNSUBSCRIBED


async def test_the_policy_holds_in_a_browser(browser: Browser, site: Site) -> None:
    page, wrong = await opened(browser, site)
    await page.goto(await site.leaving())
    assert await page.evaluate("getComputedStyle(document.querySelector('button.chosen')).backgroundColor") == (
        "rgb(23, 65, 110)"
    )
    await page.set_content("<p>Framed</p><iframe></iframe>")
    await page.evaluate("url => { document.querySelector('iframe').src = url }", page.url)
    assert BASE not in page.url
    await page.goto(await site.leaving())
    await page.evaluate("document.body.append(Object.assign(document.createElement('img'), {src: '/robots.txt'}))")
    await page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))"
    )
    assert await page.evaluate("window.ran") is None
    assert any(re.search("Content.Security.Policy", message) for message in wrong)
