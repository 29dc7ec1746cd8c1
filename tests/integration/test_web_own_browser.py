"""A real browser goes through readers' papers and data, and the archive: without JavaScript, and axe finds nothing."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import judging
import pytest
from newsroom import DAY, TODAY, Newsroom, address, papers, titles
from playwright.async_api import Browser, Page, async_playwright
from webroom import Site, open_site

from newsletter.pipeline import subscribers
from newsletter.pipeline.doors import Doors

CHROMIUM = Path("/usr/bin/chromium")

AXE = """async () => {
  const found = await axe.run(document, {
    resultTypes: ['violations'],
    rules: {'color-contrast-enhanced': {enabled: true}},
    runOnly: ['wcag2a', 'wcag2aa', 'wcag2aaa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  })
  return found.violations.map(each => [each.id, each.nodes.map(node => node.html).slice(0, 3)])
}"""
MEASURE = """() => ({
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  small: [...document.querySelectorAll("button, input:not([type=hidden]):not([type=checkbox]), select, summary")]
    .map(one => one.getBoundingClientRect()).filter(box => box.height && box.height < 44).length,
})"""


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter of which Ada had a mail, one paper of which has a title that fits nowhere."""
    title = "On what nobody has measured so far and " + "why-it-does-not-break-anywhere" * 6
    await small_room.take_in(
        *papers(1, title=title, authors=("Märta Öberg", "Bo Berg", "N" * 60), organization="An Institute"),
        *papers(2, 3),
    )
    await small_room.subscribe("ada")
    await small_room.send()
    small_room.clock.moment += DAY
    small_room.set("archive", public=True)
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


async def addresses(site: Site) -> dict[str, str]:
    """Return where the pages are."""
    person = await subscribers.find(site.room.database, address("ada"))
    doors = Doors(site.signer, site.room.clock)
    return {
        "papers": f"/papers/{doors.settings(person)}",
        "saved": f"/papers/{doors.settings(person)}?said=saved",
        "nothing": f"/papers/{doors.settings(person)}?q=zzz",
        "data": f"/data/{doors.own(person)}",
        "mail": (await site.saying("more")).removesuffix("more") + "saved",
        "archive": "/archive",
        "day": f"/archive/{TODAY}",
    }


async def opened(browser: Browser, site: Site, **options: Any) -> tuple[Page, list[str]]:
    """Return a page, and the list of what it complains of and asks others for."""
    context = await browser.new_context(base_url=f"http://127.0.0.1:{site.port}", **options)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on(
        "request",
        lambda request: None if f"127.0.0.1:{site.port}/" in request.url else wrong.append(request.url),
    )
    return page, wrong


async def test_a_reader_goes_through_all_of_it_without_javascript(browser: Browser, site: Site) -> None:
    page, wrong = await opened(browser, site, java_script_enabled=False, accept_downloads=True)
    here = await addresses(site)

    async def press(words: str, within: Any = None) -> None:
        async with page.expect_navigation():
            await (within or page).get_by_role("button", name=words, exact=True).click()

    await page.goto(here["papers"])
    await page.get_by_label("Words in titles, authors and abstracts").fill("öberg")
    await press("Show")
    assert await page.locator("article").count() == 1
    await press("Save it")
    assert await page.get_by_role("status").inner_text() == "Noted: saved"
    await page.get_by_role("link", name="Show all papers").click()
    assert await page.locator("article").count() == 3
    await page.get_by_label("What you said of them").select_option("Save it")
    await press("Show")
    assert await page.locator("article").count() == 1
    assert await page.get_by_role("button", name="Save it", exact=True).get_attribute("aria-pressed") == "true"
    await page.get_by_text("Mute an author").click()
    await press("Mute Bo Berg")
    assert (await subscribers.find(site.room.database, address("ada"))).muted_authors == ("Bo Berg",)
    # What is taken back stays in sight.
    await press("Save it")
    assert await page.get_by_role("status").inner_text() == "Taken back"
    assert await page.locator("article").count() == 1
    async with page.expect_download() as download:
        await page.get_by_role("link", name="BibTeX").first.click()
    assert (await download.value).suggested_filename == "papers.bib"

    # By the keyboard alone.
    await page.goto(here["mail"])
    button = page.get_by_role("button", name="Save it", exact=True)
    for _ in range(10):
        await page.keyboard.press("Tab")
        if await button.evaluate("element => element === document.activeElement"):
            break
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert await page.inner_text("h1") == "Noted: saved"

    await page.goto(here["archive"])
    async with page.expect_navigation():
        await page.get_by_role("link", name="Monday, March 2, 2026").click()
    assert titles(2)[0] in await page.inner_text("main")

    await page.goto(here["data"])
    await press("Erase my data")
    assert await page.inner_text("h1") == "Nothing was erased"
    await page.get_by_label("I am sure: erase all my data.").check()
    await press("Erase my data")
    assert await page.inner_text("h1") == "You are erased"
    assert await site.room.rows("SELECT * FROM subscribers") == []
    # A page that answers 422 says so in the console as well.
    assert [one for one in wrong if "422" not in one] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_pages_fit(browser: Browser, site: Site, scheme: Any) -> None:
    axe = (judging.folder() / "node_modules/axe-core/axe.min.js").read_text("utf-8")
    shots = os.environ.get("NEWSLETTER_TEST_SHOTS")
    # axe is let in; without the policy a browser also asks for an icon, which there is not.
    page, _ = await opened(browser, site, color_scheme=scheme, bypass_csp=True)
    here = await addresses(site)
    await site.press(here["papers"], paper="1", act="more")
    found: dict[str, Any] = {}
    for name, path in here.items():
        for width in (320, 1000):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.goto(path)
            for details in await page.locator("details").all():
                await details.evaluate("element => { element.open = true }")
            await page.evaluate(axe)
            if violations := await page.evaluate(AXE):
                found[f"{name} {width}"] = violations
            measured = await page.evaluate(MEASURE)
            assert measured == {"overflow": 0, "small": 0}, (name, width)
            if shots:
                await page.screenshot(path=f"{shots}/{name}-{scheme}-{width}.png", full_page=True)
    assert found == {}
