"""A newcomer, in a real browser: from the page to subscribe over the mail that arrives to the first issue."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from newsroom import Newsroom, address, papers, until
from playwright.async_api import Browser, Page
from reading import SCHEMES, WIDTHS, heading, measured, opened, press
from servers import Server
from webroom import Site, open_site

from newsletter.models import Consent
from newsletter.pipeline import subscribers
from newsletter.schedule import local


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter with papers and nobody, whose forms may be as fast as browsers of tests are."""
    await small_room.take_in(*papers(*range(10)))
    small_room.set("signup", least_seconds=0)
    async with open_site(small_room) as opened:
        yield opened


@contextlib.asynccontextmanager
async def running(site: Site) -> AsyncIterator[Server]:
    """Do what `newsletter run` does meanwhile, and give the mail server that it sends to."""
    async with Server() as server:
        site.room.relay(server)
        stop = asyncio.Event()

        async def work() -> None:
            while not stop.is_set():
                await local.newcomers(site.room.app)
                await asyncio.sleep(0.05)

        task = asyncio.create_task(work())
        try:
            yield server
        finally:
            stop.set()
            await task


def path_in(server: Server, pattern: str) -> str:
    """Return the path of a link in the latest mail of a server."""
    message = message_from_bytes(server.messages[-1].content, policy=default)
    part = message.get_body(("plain",))
    assert part is not None
    found = re.search(rf"https://papers\.example\.org(/letters/{pattern}\S+)", part.get_content())
    assert found is not None
    return found[1]


@pytest.mark.parametrize("script", [False, True])
@pytest.mark.parametrize("width", [375, 1000])
async def test_a_newcomer_comes_in(browser: Browser, site: Site, script: bool, width: int) -> None:
    page, wrong = await opened(
        browser,
        site.port,
        java_script_enabled=script,
        timezone_id="Asia/Tokyo",
        viewport={"width": width, "height": 800},
    )
    async with running(site) as server:
        await page.goto("/letters/subscribe")
        assert await heading(page) == "Subscribe"
        # The browser's time zone is chosen where a script may run, and can be chosen where it may not.
        assert await page.input_value("#timezone") == ("Asia/Tokyo" if script else "UTC")
        await page.get_by_label("Your mail address").fill(address("ada"))
        await page.get_by_label(re.compile("Search in")).fill("reason")
        assert await press(page, "Search") == "Subscribe"
        await page.get_by_label("reasoning", exact=True).check()
        await page.get_by_label("Your own topics, one a line").fill("violin")
        assert await press(page, "Show an example") == "Subscribe"
        frame = page.frame_locator("iframe")
        assert "The violin" in await frame.locator("body").inner_text()
        # Nothing that was entered was lost.
        assert await page.get_by_label("Your mail address").input_value() == address("ada")
        assert await page.get_by_label("reasoning", exact=True).is_checked()
        await page.get_by_label("Time zone").select_option("Europe/Berlin")
        await page.get_by_label("At what time").select_option(label="6:00\u202fPM")
        await page.get_by_label("How often").select_option(label="from Monday to Friday")
        assert await press(page, "Subscribe") == "Look into your mailbox"
        await until(lambda: len(server.messages) == 1)
        await page.goto(path_in(server, "confirm/"))
        assert await heading(page) == "Do you want this newsletter?"
        assert await press(page, "Yes, send it to me") == "You are subscribed"
        await until(lambda: len(server.messages) == 3)
    subjects = [str(message_from_bytes(one.content, policy=default)["Subject"]) for one in server.messages]
    assert subjects == ["Please confirm: Papers for you", "Welcome to Papers for you", "The violin"]
    person = await subscribers.find(site.room.database, address("ada"))
    assert (person.state, person.cadence, person.hour, person.timezone) == (
        Consent.CONFIRMED, "weekdays", 18, "Europe/Berlin",
    )  # fmt: skip
    assert [topic.name for topic in person.topics] == ["reasoning", "violin"]
    assert wrong == []


async def test_nothing_but_two_ticks_lies_between_subscribe_and_the_first_issue(browser: Browser, site: Site) -> None:
    page, wrong = await opened(browser, site.port)
    async with Server() as server:
        site.room.relay(server)
        await page.goto("/letters/subscribe")
        await page.get_by_label("Your mail address").fill(address("ada"))
        await page.get_by_label("Your own topics, one a line").fill("violin")
        assert await press(page, "Subscribe") == "Look into your mailbox"
        await local.newcomers(site.room.app)
        await page.goto(path_in(server, "confirm/"))
        assert await press(page, "Yes, send it to me") == "You are subscribed"
        assert len(server.messages) == 1
        await local.newcomers(site.room.app)
        subjects = [str(message_from_bytes(one.content, policy=default)["Subject"]) for one in server.messages]
    assert subjects == ["Please confirm: Papers for you", "Welcome to Papers for you", "The violin"]
    # However fast the machine is, waiting for the ticks of `newsletter run` takes a small part of a minute.
    assert 2 * local.NEWCOMERS_SECONDS <= 10
    assert wrong == []


async def test_a_fault_is_reached_from_the_summary_by_the_keyboard(browser: Browser, site: Site) -> None:
    page, _ = await opened(browser, site.port, java_script_enabled=False)
    await page.goto("/letters/subscribe")
    await page.get_by_label("Your mail address").fill("nobody")
    await press(page, "Subscribe")
    assert await page.get_by_role("alert").count() == 1
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    focused = page.locator(":focus")
    # A link to a field moves on from there.
    assert await focused.get_attribute("name") in ("email", "act")
    field = page.get_by_label("Your mail address")
    assert await field.get_attribute("aria-invalid") == "true"
    described = await field.get_attribute("aria-describedby")
    assert described is not None
    assert "not a mail address" in await page.inner_text(f"#{described}")


@pytest.mark.parametrize("language", ["en", "de"])
async def test_its_pages_fit_and_can_be_read(browser: Browser, site: Site, language: str) -> None:
    page, _ = await opened(browser, site.port, locale=language)
    async with running(site) as server:
        found: list[dict[str, Any]] = []
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            await page.goto("/letters/subscribe?search=learn&topic=reasoning")
            found += await seen(page, f"ask {width}")
            await page.fill("#words", "x" * 300)
            await submit(page, "subscribe")
            found += await seen(page, f"faulty {width}")
        await page.fill("#words", "violin")
        await page.fill("#email", address("ada"))
        await submit(page, "subscribe")
        found += await seen(page, "sent")
        await until(lambda: len(server.messages) == 1)
        await page.goto(path_in(server, "confirm/"))
        found += await seen(page, "confirm")
        await submit(page, "confirm")
        found += await seen(page, "confirmed")
    for one in found:
        assert one["worst"][0] >= 7, one
        assert one["smallest"] >= 14, one
        assert (one["overflow"], one["small"], one["unnamed"]) == (0, 0, 0), one
        assert one["headings"] == 1, one


async def submit(page: Page, value: str) -> None:
    """Press the button of a value."""
    async with page.expect_navigation():
        await page.click(f"button[value={value}]")


async def seen(page: Page, name: str) -> list[dict[str, Any]]:
    """Return what is measured of a page, light and dark."""
    assert await page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')].every(one => one.labels.length)"
    )
    return [{**await measured(page, scheme), "name": f"{name} {scheme}"} for scheme in SCHEMES]
