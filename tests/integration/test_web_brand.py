"""The pages have the look of the mail: the operator's colour, readable in light and dark, and their logo."""

import base64
import hashlib
import io
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from newsroom import Newsroom
from PIL import Image
from playwright.async_api import Browser
from reading import SCHEMES, faults, measured, opened
from webroom import Site, filled, open_site

from newsletter import passwords
from newsletter.errors import RenderingError

# Light, dark, and the two that are hardest to read.
ACCENTS = ("#e8a13c", "#aa0000", "#ffff00", "#000000")


def picture(kind: str) -> bytes:
    """Return a picture, larger than it is shown."""
    made = io.BytesIO()
    Image.new("RGB", (240, 80), "#204090").save(made, kind)
    return made.getvalue()


def dress(room: Newsroom, kind: str = "png", **brand: object) -> bytes:
    """Give the newsletter a logo."""
    content = picture(kind)
    (room.app.settings.folder / f"logo.{kind}").write_bytes(content)
    room.set("brand", logo=Path(f"logo.{kind}"), **brand)
    return content


@pytest.fixture
async def room(small_room: Newsroom) -> Newsroom:
    """A newsletter with a mail for Ada and one to Bob, and with a page for its operator."""
    small_room.set("operator", password_hash=passwords.kept("correct horse battery"))
    small_room.set("archive", public=True)
    return await filled(small_room)


async def visits(site: Site) -> dict[str, str]:
    """Return where pages of all sorts are."""
    return {
        "subscribe": "/letters/subscribe",
        "settings": await site.changing(),
        "papers": f"/letters/papers/{await site.door('settings')}",
        "saying": await site.saying("more"),
        "leave": await site.leaving(),
        "archive": "/letters/archive",
        "fault": "/letters/pause/x",
        "operator": "/letters/operator",
    }


async def test_the_colour_of_the_mail_is_that_of_the_pages(room: Newsroom) -> None:
    for accent, brand in (("#1d4f91", {}), ("#aa0000", {"accent": "#aa0000"})):
        room.set("brand", **brand)
        async with open_site(room) as site:
            for path in (await visits(site)).values():
                page = await site.get(path)
                (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
                assert f"--link: {accent};" in style
                digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
                assert f"style-src 'sha256-{digest}';" in page.headers["content-security-policy"]


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif"])
async def test_a_logo_stands_for_the_name_and_comes_from_here(room: Newsroom, kind: str) -> None:
    content = dress(room, kind, logo_width=120)
    async with open_site(room) as site:
        for path in (await visits(site)).values():
            page = await site.get(path)
            (found,) = re.findall(r"<img [^>]+>", page.text)
            source = re.search(r'src="(/letters/logo/\w+\.\w+)" width="120" alt="Papers for you"', found)
            assert source is not None, found
            assert page.headers["content-security-policy"].count("img-src 'self'") == 1
            assert 'class="mark"' not in page.text
        for path in (source[1], source[1].removeprefix("/letters")):
            answer = await site.get(path)
            assert answer.content == content
            assert answer.headers["content-type"] == f"image/{kind}"
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert (await site.client.head(path)).status_code == 200
        assert (await site.get(f"/letters/logo/other.{kind}")).status_code == 404


async def test_without_a_logo_no_picture_is_allowed(room: Newsroom) -> None:
    async with open_site(room) as site:
        page = await site.get("/letters/subscribe")
        assert "img-src" not in page.headers["content-security-policy"]
        assert "<img" not in page.text
        assert '<p class="name">Papers for you</p>' in page.text
        assert (await site.get("/letters/logo/0.png")).status_code == 404


async def test_a_logo_that_cannot_be_used_is_told_at_the_start(room: Newsroom) -> None:
    room.set("brand", logo=Path("nowhere.png"))
    with pytest.raises(RenderingError, match="cannot be read") as told:
        async with open_site(room):
            pass
    assert "brand.logo" in told.value.next_step


@pytest.fixture(params=ACCENTS)
async def site(request: pytest.FixtureRequest, room: Newsroom) -> AsyncIterator[Site]:
    """The pages in a colour, with a logo that is wider than a phone."""
    dress(room, accent=request.param, logo_width=552)
    async with open_site(room) as opened:
        yield opened


async def test_any_colour_can_be_read_and_the_logo_is_seen(browser: Browser, site: Site) -> None:
    shots, accent = os.environ.get("NEWSLETTER_TEST_SHOTS"), site.room.app.settings.brand.accent
    judged, _ = await opened(browser, site.port, bypass_csp=True)
    page, wrong = await opened(browser, site.port)
    found: dict[str, Any] = {}
    for name, path in (await visits(site)).items():
        await judged.goto(path)
        await page.goto(path)
        for details in await page.locator("details").all():
            await details.evaluate("element => { element.open = true }")
        assert await page.evaluate("document.querySelector('.logo').naturalWidth") == 240
        for scheme in SCHEMES:
            if violations := await faults(judged, scheme):
                found[f"{name} {scheme}"] = violations
            for width in (320, 1000):
                await page.set_viewport_size({"width": width, "height": 900})
                told = await measured(page, scheme)
                assert told["worst"][0] >= 7, (name, scheme, told["worst"])
                assert told["overflow"] == 0, (name, scheme, width)
                if shots:
                    await page.screenshot(path=f"{shots}/{name}{accent[1:]}-{scheme}-{width}.png", full_page=True)
    assert found == {}
    # A fault says so by its status, which the browser tells as well.
    assert [one for one in wrong if "404" not in one] == []


async def test_a_page_in_a_frame_that_is_apart_shows_the_logo(browser: Browser, small_room: Newsroom) -> None:
    dress(small_room)
    # There are no papers, so the frame for an example has a page that says so.
    async with open_site(small_room) as site:
        page, wrong = await opened(browser, site.port)
        await page.goto("/letters/subscribe")
        await page.get_by_role("button", name="Show an example").click()
        logo = page.frame_locator("iframe").locator(".logo")
        assert await logo.evaluate("one => one.naturalWidth") == 240
        assert wrong == []
