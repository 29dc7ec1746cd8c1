"""A real browser at the operator's page: the way in and out, plots that are drawn, and axe finds nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import judging
import pytest
from newsroom import Newsroom, papers
from playwright.async_api import Browser, Page, async_playwright
from webroom import Site, open_site

from newsletter import passwords

CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "correct horse battery"
AXE = """async () => {
  const found = await axe.run(document, {
    resultTypes: ['violations'],
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  })
  return found.violations.map(each => [each.id, each.nodes.map(node => node.html).slice(0, 3)])
}"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
async def site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter that has sent a mail, at an address without TLS: there the browser keeps its cookie."""
    await small_room.take_in(*papers(1, 2, 3))
    await small_room.subscribe("ada")
    await small_room.send()
    small_room.set("operator", password_hash=passwords.kept(PASSWORD))
    async with open_site(small_room, base_url="http://papers.example.org/letters") as opened:
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


async def door(browser: Browser, site: Site, **options: Any) -> tuple[Page, list[str]]:
    """Return the page before it is opened, and the list of what it complains of."""
    context = await browser.new_context(base_url=f"http://127.0.0.1:{site.port}", **options)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
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
    await page.wait_for_load_state("networkidle")
    widths = await page.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert widths
    assert all(widths)
    await page.get_by_role("button", name="Log out").click()
    assert "Mail by edition" not in await page.inner_text("main")
    # A page that answers 403 says so in the console as well.
    assert [one for one in wrong if "403" not in one and "404" not in one] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_pages_fit(browser: Browser, site: Site, scheme: Any) -> None:
    axe = (judging.folder() / "node_modules/axe-core/axe.min.js").read_text("utf-8")
    page, _ = await door(browser, site, color_scheme=scheme, bypass_csp=True)
    found: dict[str, Any] = {}
    for stage in ("door", "figures"):
        for width in (320, 1000):
            await page.set_viewport_size({"width": width, "height": 900})
            for details in await page.locator("details").all():
                await details.evaluate("element => { element.open = true }")
            await page.evaluate(axe)
            if violations := await page.evaluate(AXE):
                found[f"{stage} {width}"] = violations
            assert await page.evaluate(OVERFLOW) == 0, (stage, width)
        if stage == "door":
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Log in").click()
    assert found == {}
