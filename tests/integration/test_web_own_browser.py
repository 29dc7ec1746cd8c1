"""A real browser goes through readers' papers and data, and the archive: without JavaScript, and axe finds nothing."""

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from newsroom import DAY, TODAY, Newsroom, address, papers, titles
from playwright.async_api import Browser
from reading import SCHEMES, faults, measured, opened, press
from webroom import Site, open_site

from newsletter.pipeline import subscribers


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


async def addresses(site: Site) -> dict[str, str]:
    """Return where the pages are."""
    of_papers = f"/papers/{await site.door('settings')}"
    return {
        "papers": of_papers,
        "saved": f"{of_papers}?said=saved",
        "nothing": f"{of_papers}?q=zzz",
        "data": f"/data/{await site.door('own')}",
        "mail": (await site.saying("more")).removesuffix("more") + "saved",
        "archive": "/archive",
        "day": f"/archive/{TODAY}",
    }


async def test_a_reader_goes_through_all_of_it_without_javascript(browser: Browser, site: Site) -> None:
    page, wrong = await opened(browser, site.port, java_script_enabled=False, accept_downloads=True)
    here = await addresses(site)

    await page.goto(here["papers"])
    await page.get_by_label("Words in titles, authors and abstracts").fill("öberg")
    await press(page, "Show")
    assert await page.locator("article").count() == 1
    await press(page, "Save it")
    assert await page.get_by_role("status").inner_text() == "Noted: saved"
    await page.get_by_role("link", name="Show all papers").click()
    assert await page.locator("article").count() == 3
    await page.get_by_label("What you said of them").select_option("Save it")
    await press(page, "Show")
    assert await page.locator("article").count() == 1
    assert await page.get_by_role("button", name="Save it", exact=True).get_attribute("aria-pressed") == "true"
    await page.get_by_text("Mute an author").click()
    await press(page, "Mute Bo Berg")
    assert (await subscribers.find(site.room.database, address("ada"))).muted_authors == ("Bo Berg",)
    # What is taken back stays in sight.
    await press(page, "Save it")
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
    await press(page, "Erase my data")
    assert await page.inner_text("h1") == "Nothing was erased"
    await page.get_by_label("I am sure: erase all my data.").check()
    await press(page, "Erase my data")
    assert await page.inner_text("h1") == "You are erased"
    assert await site.room.rows("SELECT * FROM subscribers") == []
    # A page that answers 422 says so in the console as well.
    assert [one for one in wrong if "422" not in one] == []


async def test_axe_finds_nothing_and_pages_fit(browser: Browser, site: Site) -> None:
    shots = os.environ.get("NEWSLETTER_TEST_SHOTS")
    # axe is let in; without the policy a browser also asks for an icon, which there is not.
    page, _ = await opened(browser, site.port, bypass_csp=True)
    here = await addresses(site)
    await site.press(here["papers"], paper="1", act="more")
    found: dict[str, Any] = {}
    for name, path in here.items():
        for width in (320, 1000):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.goto(path)
            for details in await page.locator("details").all():
                await details.evaluate("element => { element.open = true }")
            for scheme in SCHEMES:
                if violations := await faults(page, scheme):
                    found[f"{name} {width} {scheme}"] = violations
                told = await measured(page, scheme)
                assert (told["overflow"], told["small"], told["low"]) == (0, 0, 0), (name, width)
                if shots:
                    await page.screenshot(path=f"{shots}/{name}-{scheme}-{width}.png", full_page=True)
    assert found == {}
