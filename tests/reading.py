"""How readers see a page: the system's Chromium, what is measured in it, and what axe says; knows no page."""

import contextlib
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import judging
import pytest
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
WIDTHS = (320, 375, 1000)
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

# The rendered colours of all text, and what lies behind it, as WCAG 2.2 counts their contrast (1.4.3); what is too
# small for a finger.
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
  const boxes = kinds => [...document.querySelectorAll(kinds)].map(one => one.getBoundingClientRect());
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
    small: boxes("button, textarea").filter(box => box.height && (box.height < 44 || box.width < 44)).length,
    low: boxes("input:not([type=hidden]):not([type=checkbox]), select, summary")
      .filter(box => box.height && box.height < 44).length,
    resources: performance.getEntriesByType("resource").length,
    title: document.title, headings: document.querySelectorAll("h1").length,
    unnamed: [...document.querySelectorAll("textarea")].filter(one => !one.labels.length).length,
  };
}"""

# The levels A and AA of WCAG 2.2, and what is merely good practice.
LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
HIGHEST = (*LEVELS, "wcag2aaa")
# All else that axe looks at is the same in any colours.
OF_COLOURS = ("color-contrast", "color-contrast-enhanced", "link-in-text-block")

# Only what is wrong is described: to describe whatever is right takes most of its time.
_AXE = """async runOnly => {
  const found = await axe.run(document, {resultTypes: ['violations'], runOnly});
  return found.violations.map(each => [each.id, each.nodes.map(node => node.html).slice(0, 3)]);
}"""


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Give the system's Chromium; skips the test where there is none."""
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium (Debian package chromium), which is not here")
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield found
        await found.close()


async def opened(browser: Browser, port: int, **options: Any) -> tuple[Page, list[str]]:
    """Return a page of a context of its own, and the list of what it complains of and asks of others than that port."""
    here = f"http://127.0.0.1:{port}"
    context = await browser.new_context(base_url=here, **options)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(f"{here}/") else wrong.append(request.url))
    return page, wrong


async def heading(page: Page) -> str:
    """Return what the page is called."""
    return (await page.text_content("h1") or "").strip()


async def press(page: Page, words: str, within: str = "body") -> str:
    """Press a button, and return what the page is called that follows."""
    async with page.expect_navigation():
        await page.locator(within).get_by_role("button", name=words, exact=True).click()
    return await heading(page)


async def faults(page: Page, scheme: Scheme, levels: tuple[str, ...] = HIGHEST) -> list[Any]:
    """Return what axe finds in a page as it stands, in those colours.

    In the dark it looks at what has to do with colours, and in the light at everything, so that a page is to be looked
    at in both. The page's context has to be one that `bypass_csp`.
    """
    await page.emulate_media(color_scheme=scheme)
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_axe())
    rules = {"type": "rule", "values": OF_COLOURS} if scheme == "dark" else {"type": "tag", "values": levels}
    found: list[Any] = await page.evaluate(_AXE, rules)
    return found


async def measured(page: Page, scheme: Scheme) -> dict[str, Any]:
    """Return what is measured of a page in those colours."""
    await page.emulate_media(color_scheme=scheme)
    found: dict[str, Any] = await page.evaluate(MEASURE)
    return found


@cache
def _axe() -> str:
    return (judging.folder() / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
