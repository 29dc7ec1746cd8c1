"""A real browser at the operator's page: the way in and out, plots that are drawn, and axe finds nothing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from newsroom import Newsroom, papers
from playwright.async_api import Browser, Page
from reading import LEVELS, SCHEMES, faults, measured, opened
from webroom import Site, open_site

from newsletter import passwords

PASSWORD = "correct horse battery"


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter that has sent a mail, at an address without TLS: there the browser keeps its cookie."""
    await small_room.take_in(*papers(1, 2, 3))
    await small_room.subscribe("ada")
    await small_room.send()
    small_room.set("operator", password_hash=passwords.kept(PASSWORD))
    async with open_site(small_room, base_url="http://papers.example.org/letters") as opened:
        yield opened


async def door(browser: Browser, site: Site, **options: Any) -> tuple[Page, list[str]]:
    """Return the page on which one logs in, and the list of what it complains of."""
    page, wrong = await opened(browser, site.port, **options)
    await page.goto("/letters/operator")
    return page, wrong


async def test_one_logs_in_looks_and_logs_out_without_a_script(browser: Browser, site: Site) -> None:
    page, wrong = await door(browser, site, java_script_enabled=False)
    await page.get_by_label("Password").fill("wrong horse battery")
    await page.get_by_role("button", name="Log in").click()
    assert "This is not the password." in await page.inner_text("main")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    assert "Mail by edition" in await page.inner_text("main")
    await page.get_by_role("link", name="90 days").click()
    assert page.url.endswith("/letters/operator?days=90")
    # One plot is drawn at a time, beside whatever else this machine does.
    await page.wait_for_load_state("networkidle", timeout=240_000)
    widths = await page.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert widths
    assert all(widths)
    await page.get_by_role("button", name="Log out").click()
    assert "Mail by edition" not in await page.inner_text("main")
    # A page that answers 403 says so in the console as well.
    assert [one for one in wrong if "403" not in one and "404" not in one] == []


async def test_one_looks_at_mail_without_a_script_and_nothing_in_it_leads_away(browser: Browser, site: Site) -> None:
    await site.room.subscribe("bob")
    page, wrong = await door(browser, site, java_script_enabled=False, viewport={"width": 1280, "height": 900})
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_role("link", name="See the next mail of a reader").click()
    # What stands there first is a sample.
    wide = page.frame_locator("iframe.desktop")
    assert await wide.locator("h2").count() > 0
    await page.get_by_label("Mail", exact=True).select_option(label="The next one of a reader")
    await page.get_by_label("Reader’s address").fill("bob@example.org")
    await page.get_by_label("Language").select_option("de")
    await page.get_by_role("button", name="Show").click()
    for frame in ("iframe.desktop", "iframe.phone"):
        mail = page.frame_locator(frame)
        await mail.get_by_text(papers(1)[0].title).first.wait_for()
        assert await mail.locator("html").get_attribute("lang") == "de"
    assert "bob@example.org" not in await page.content()
    assert page.url.endswith("/letters/operator/mail")
    await wide.get_by_role("link", name=papers(1)[0].title).click()
    assert len(page.context.pages) == 1
    assert page.url.endswith("/letters/operator/mail")
    # The sandbox tells the console that it opened nothing.
    assert [one for one in wrong if "sandbox" not in one] == []


async def test_axe_finds_nothing_and_pages_fit(browser: Browser, site: Site) -> None:
    page, _ = await door(browser, site, bypass_csp=True)
    found: dict[str, Any] = {}
    for stage in ("door", "figures", "mail"):
        for width in (320, 1000):
            await page.set_viewport_size({"width": width, "height": 900})
            for details in await page.locator("details").all():
                await details.evaluate("element => { element.open = true }")
            for scheme in SCHEMES:
                if violations := await faults(page, scheme, LEVELS):
                    found[f"{stage} {width} {scheme}"] = violations
                assert (await measured(page, scheme))["overflow"] == 0, (stage, width)
        if stage == "door":
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Log in").click()
        if stage == "figures":
            await page.get_by_role("link", name="See the next mail of a reader").click()
            await page.wait_for_load_state("networkidle")
    assert found == {}
