"""A real browser goes through the readers' pages: they work, fit, can be read, and load nothing."""

import re
from collections.abc import AsyncIterator

import pytest
from newsroom import Newsroom, address, papers
from playwright.async_api import Browser
from reading import SCHEMES, WIDTHS, heading, measured, opened, press
from webroom import BASE, Site, open_site

from newsletter.models import Consent
from newsletter.pipeline import subscribers


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter with a mail for Ada: a paper with a very long title, and another."""
    title = "On the measurement of what nobody has measured so far and " + "why-it-does-not-break-anywhere" * 6
    await small_room.take_in(*papers(1, title=title, authors=("Ada Ångström", "Bo Berg", "Cy", "Di", "Ed")), *papers(2))
    await small_room.subscribe("ada")
    await small_room.compose()
    async with open_site(small_room) as opened:
        yield opened


async def test_a_reader_goes_through_all_of_it_without_javascript(browser: Browser, site: Site) -> None:
    page, wrong = await opened(browser, site.port, java_script_enabled=False)

    async def follow(words: str) -> None:
        async with page.expect_navigation():
            await page.get_by_role("link", name=words).click()

    await page.goto(await site.leaving())
    assert await heading(page) == "Unsubscribe?"
    assert await press(page, "Unsubscribe") == "You are unsubscribed"
    await page.get_by_label("Would you tell us why?").fill("Too much\nof it")
    assert await press(page, "Send the reason") == "Thank you"
    assert (await site.evidence())[-1].source == "Too much of it"
    assert await press(page, "Undo: subscribe me again") == "You are subscribed again"
    await follow("Unsubscribe")
    await follow("Or take a break instead")
    assert await heading(page) == "Take a break"
    assert await press(page, "A week") == "You are on a break"
    assert "Monday, March 9, 2026" in await page.inner_text("main")
    assert await press(page, "End the break") == "Your break is over"

    await page.goto(await site.saying("more", 2))
    assert await heading(page) == "More like this?"
    assert await press(page, "More like this") == "Noted: more like this"
    assert await press(page, "Less like this") == "Noted: less like this"
    assert await press(page, "Undo") == "Taken back"
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


@pytest.mark.parametrize("language", ["en", "de"])
async def test_pages_fit_and_can_be_read(browser: Browser, site: Site, language: str) -> None:
    await subscribers.edit(
        site.room.database, address("ada"), lambda person: person.model_copy(update={"language": language})
    )
    page, wrong = await opened(browser, site.port, locale=language)
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
            found += [{**await measured(page, scheme), "name": f"{name} {width} {scheme}"} for scheme in SCHEMES]
    # A fault says so by its status, which the browser tells as well.
    assert wrong == []
    await page.goto("/pause/x")
    found += [{**await measured(page, scheme), "name": f"broken {scheme}"} for scheme in SCHEMES]
    assert [message for message in wrong if "404" not in message] == []
    for one in found:
        assert one["worst"][0] >= 7, one
        assert one["smallest"] >= 14, one
        assert (one["overflow"], one["small"], one["resources"], one["unnamed"]) == (0, 0, 0, 0), one
        assert one["headings"] == 1, one
        assert one["title"].endswith("– Papers for you"), one
    assert (await subscribers.find(site.room.database, address("ada"))).state is Consent.UNSUBSCRIBED


async def test_the_policy_holds_in_a_browser(browser: Browser, site: Site) -> None:
    page, wrong = await opened(browser, site.port)
    await page.goto(await site.leaving())
    assert await page.evaluate("getComputedStyle(document.querySelector('button.chosen')).backgroundColor") == (
        "rgb(29, 79, 145)"
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
