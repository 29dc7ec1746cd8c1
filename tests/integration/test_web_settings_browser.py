"""A real browser goes through the pages of the settings: without a script, with it, and as outside judges see them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from newsroom import Newsroom, address, papers
from playwright.async_api import Browser, Page
from reading import SCHEMES, WIDTHS, faults, heading, measured, opened, press
from webroom import Site, open_site

from newsletter.pipeline import subscribers


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter with a mail for Ada, who has said something of it."""
    long = "why-it-does-not-break-anywhere" * 6
    await small_room.take_in(*papers(1, title=f"On {long}", authors=("Ada Ångström",)), *papers(2))
    await small_room.subscribe("ada", "glass harps:0.5", f"{long[:90]}", "reasoning:-1")
    await small_room.compose()
    async with open_site(small_room) as site:
        await site.press(await site.saying("more", 1), act="more")
        yield site


async def slide(page: Page, name: str, to: str) -> None:
    """Move a slider as a hand does."""
    await page.evaluate(
        "([name, to]) => { const one = document.getElementById(name); one.value = to;"
        " one.dispatchEvent(new Event('input', { bubbles: true })) }",
        [name, to],
    )


async def test_a_reader_changes_all_of_it_without_javascript(browser: Browser, site: Site) -> None:
    await site.room.take_in(*papers(5, title="Violin making for everyone"))
    page, wrong = await opened(browser, site.port, java_script_enabled=False)
    await page.goto(await site.changing())
    assert await heading(page) == "What you get"
    # By the keyboard, a slider moves by its step.
    await page.get_by_role("slider").first.focus()
    await page.keyboard.press("ArrowRight")
    await page.get_by_label("Add topics in your own words").fill("violin making")
    await page.get_by_text("Add topics of the catalogue").click()
    await page.get_by_role("checkbox", name="large language models", exact=True).check()
    assert await press(page, "Show my next mail with it", "#topics") == "What you get"
    assert "Nothing is saved so far" in await page.inner_text("main")
    assert await page.locator("#next li").count() >= 1
    await press(page, "Save", "#topics")
    assert "now with" in await page.inner_text(".notice")
    found = await subscribers.find(site.room.database, address("ada"))
    assert {topic.name: topic.weight for topic in found.topics}["glass harps"] == 0.6
    assert {"violin making", "language-models"} <= {topic.name for topic in found.topics}
    await page.get_by_label("Words that you do not want").fill("survey\nreview")
    await press(page, "Save", "form[aria-labelledby=head-names]")
    await page.get_by_label("How often").select_option("weekly:fri")
    await press(page, "Save", "form[aria-labelledby=head-when]")
    assert "Every week, on Friday (it was Every day)" in await page.inner_text(".notice")
    await page.get_by_label("Papers in a mail, at most").fill("none")
    await press(page, "Save", "form[aria-labelledby=head-amount]")
    assert "A number from 1 to 100" in await page.inner_text("#summary")
    await page.locator("#summary a").click()
    assert "#papers" in page.url
    await press(page, "Take it back")
    await press(page, "Make all my links new")
    found = await subscribers.find(site.room.database, address("ada"))
    assert (found.cadence, found.muted_words, found.links) == ("weekly:fri", ("survey", "review"), 1)
    assert await site.room.rows("SELECT * FROM feedback") == []
    assert [line for line in wrong if "422" not in line] == []


async def test_the_next_mail_moves_with_a_slider(browser: Browser, site: Site) -> None:
    await site.room.take_in(*papers(5, title="Glass harps for everyone"))
    page, wrong = await opened(browser, site.port)
    before = await site.everything()
    await page.goto(await site.changing())
    assert await page.locator("#next li").count() == 0
    await slide(page, "weight-1", "1")
    await page.get_by_text("Glass harps for everyone").wait_for()
    assert await page.locator("#weight-1 + output").inner_text() == "1"
    assert await heading(page) == "What you get"
    assert await site.everything() == before
    assert wrong == []


async def test_the_whole_mail_stands_in_a_frame_and_moves_too(browser: Browser, site: Site) -> None:
    await site.room.take_in(*papers(5, title="Glass harps for everyone"), *papers(6, title="A reasoning engine"))
    page, wrong = await opened(browser, site.port)
    before, length = await site.everything(), 2
    await page.goto(await site.changing())
    length = await page.evaluate("history.length")
    assert await page.locator("iframe").count() == 0
    await page.get_by_role("button", name="Show my next mail", exact=True).click()
    mail = page.frame_locator("iframe[name=mail]")
    await mail.get_by_role("link", name="Glass harps for everyone").first.wait_for()
    await slide(page, "weight-1", "-1")
    await slide(page, "weight-3", "1")
    await mail.get_by_role("link", name="A reasoning engine").first.wait_for()
    assert await mail.get_by_text("Glass harps for everyone").count() == 0
    # Whatever stands in the frame, nothing there runs or leads away, and the way back is as it was.
    assert await page.evaluate("history.length") == length
    assert await page.locator("iframe").get_attribute("sandbox") == ""
    assert await site.everything() == before
    assert wrong == []


async def test_without_a_script_the_whole_mail_opens_in_a_page_of_its_own(browser: Browser, site: Site) -> None:
    await site.room.take_in(*papers(5, title="Violin making for everyone"))
    page, wrong = await opened(browser, site.port, java_script_enabled=False)
    await page.goto(await site.changing())
    await page.get_by_label("Add topics in your own words").fill("violin making")
    await press(page, "Show my next mail with it", "#topics")
    async with page.expect_popup() as opening:
        await page.get_by_role("button", name="Show my next mail", exact=True).click()
    mail = await opening.value
    await mail.get_by_role("link", name="Violin making for everyone").first.wait_for()
    assert wrong == []


async def views(page: Page, site: Site) -> AsyncIterator[str]:
    """Show each page in each of its states in turn, and say which."""
    settings, own = await site.changing(), await site.changing(own=True)
    for name, path in {
        "settings": settings,
        "own": own,
        "address": own.replace("/settings/", "/address/"),
        "lost": "/lost",
    }.items():
        await page.goto(path)
        yield name
    await page.goto(settings)
    await page.fill("#papers", "none")
    await press(page, page_words["save"], "form[aria-labelledby=head-amount]")
    yield "wrong"
    await page.goto(settings)
    await press(page, page_words["next"], "#topics")
    yield "next"
    await page.fill("#muted_words", "survey")
    await press(page, page_words["save"], "form[aria-labelledby=head-names]")
    yield "saved"
    await page.goto("/settings/x")
    yield "broken"


page_words = {"save": "Save", "next": "Show my next mail with it"}


async def test_pages_fit_can_be_read_and_have_no_fault_for_axe(browser: Browser, site: Site) -> None:
    page, _ = await opened(browser, site.port, bypass_csp=True)
    found: dict[str, Any] = {}
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        async for name in views(page, site):
            for scheme in SCHEMES:
                told = await measured(page, scheme)
                wrong = [] if width == 320 else await faults(page, scheme)
                found[f"{name} {width} {scheme}"] = (
                    wrong, told["overflow"], told["small"], told["worst"][0] >= 7, told["smallest"] >= 14
                )  # fmt: skip
    assert {name: one for name, one in found.items() if one != ([], 0, 0, True, True)} == {}
