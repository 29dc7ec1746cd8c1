"""A real browser lays the mail out: on a phone and a desktop, light and dark, with papers of every kind."""

import html
import json
import re
import shutil
import struct
import subprocess
import zlib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from newsletter import config, resources
from newsletter.models import Edition, Issue, Link, Paper, Pick, Reason, Recipient
from newsletter.rendering import Links, Renderer

WIDTHS = (320, 375, 700, 1200)
NOON = datetime(2026, 7, 22, 12, tzinfo=UTC)

PAPERS = (
    Paper(
        title="A paper with everything",
        abstract="It has an abstract of a sentence. And another one.",
        arxiv_id="2607.00001",
        authors=("Ada Ångström", "Bo Berg", "Cy Cole", "Di Dahl", "Ed Eck"),
        organization="Institute of Noise",
        links=(Link(kind="code", url="https://code.example/x"), Link(kind="project", url="https://x.example/")),
        published_on=date(2026, 7, 20),
        votes=12345,
        stars=678,
        source="The hub",
    ),
    Paper(title="Only a title"),
    Paper(title="A title that goes on " + "and on " * 50, abstract="Unbroken" * 100, authors=("Name" * 30,)),
    Paper(title="למידה עמוקה עם LoRA", abstract="אנו מציגים שיטה חדשה."),
    Paper(
        title="大規模言語モデルの効率的な微調整",
        abstract="本論文では手法を提案する。" * 40,
        url="https://x.example/" + "p" * 300,
    ),
)

# Every width is a frame of its own; what is measured is printed into the page, which the browser then dumps.
MEASURE = """
addEventListener("load", () => {
  const results = [...document.querySelectorAll("iframe")].map(frame => {
    const mail = frame.contentDocument, view = frame.contentWindow;
    const texts = mail.createTreeWalker(mail.body, NodeFilter.SHOW_TEXT);
    let smallest = 99;
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      if (!/\\S/.test(texts.currentNode.data) || !element.getClientRects().length) continue;
      if (texts.currentNode.data !== "\\u00a0")
        smallest = Math.min(smallest, parseFloat(view.getComputedStyle(element).fontSize));
    }
    const links = [...mail.querySelectorAll("a")].map(link => link.getBoundingClientRect());
    const title = mail.querySelector("h2 a"), soft = mail.querySelector(".soft");
    return {
      width: frame.width, smallest,
      overflow: mail.documentElement.scrollWidth - mail.documentElement.clientWidth,
      links: links.length,
      small: links.filter(box => box.height < 24 || box.width < 24).length,
      requests: view.performance.getEntriesByType("resource").length,
      background: view.getComputedStyle(mail.body).backgroundColor,
      colours: [mail.querySelector("p[dir]"), title, soft, mail.querySelector(".why")]
        .map(element => view.getComputedStyle(element).color),
    };
  });
  document.body.textContent = JSON.stringify(results);
});
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("needs Chromium (Debian package chromium), which is not here")
    return found


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page that is the mail."""
    renderer = Renderer(
        config.Newsletter(postal_address="12 Long Street, Berlin"),
        config.Rendering(),
        templates=resources.templates(),
        search_url="https://search.example/?q={title}",
    )
    issue = Issue(
        id=1,
        edition=Edition(
            id=1,
            date=date(2026, 7, 22),
            cadence="daily",
            note="We have [a new home](https://home.example/).\n\n    " + "code " * 60,
            created_at=NOON,
        ),
        recipient=Recipient(1, "reader@example.org", "en"),
        picks=tuple(
            Pick(position=n, paper=paper, score=1, reason=Reason(kind="topic", subject="adapters", words=("w" * 80,)))
            for n, paper in enumerate(PAPERS, 1)
        ),
    )  # fmt: skip
    page = tmp_path_factory.mktemp("mail") / "mail.html"
    page.write_text(renderer.render(issue, Links(unsubscribe="https://news.example/u")).html, encoding="utf-8")
    return page


def browse(chromium: str, scheme: str, page: Path, *options: str) -> str:
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", f"--user-data-dir={page.parent / 'profile'}",
        f"--blink-settings=preferredColorScheme={'0' if scheme == 'dark' else '1'}", "--virtual-time-budget=5000",
        *options, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def first_pixel(picture: bytes) -> tuple[int, int, int]:
    """Return the colour of the upper left corner of a PNG, which no filter changes (PNG section 9)."""
    data, at = b"", 8
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        if picture[at + 4 : at + 8] == b"IDAT":
            data += picture[at + 8 : at + 8 + length]
        at += length + 12
    red, green, blue = zlib.decompress(data)[1:4]
    return red, green, blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_layout_holds(chromium, mail, scheme):
    source = html.escape(mail.read_text(encoding="utf-8"))
    frames = "".join(f'<iframe width="{width}" height="800" srcdoc="{source}"></iframe>' for width in WIDTHS)
    page = mail.with_name(f"{scheme}.html")
    page.write_text(f"<!doctype html><meta charset=utf-8><script>{MEASURE}</script>{frames}", encoding="utf-8")
    found = re.search(r"<body>(.*)</body>", browse(chromium, scheme, page, "--dump-dom"))
    assert found is not None
    results = json.loads(html.unescape(found[1]))
    assert [int(result["width"]) for result in results] == list(WIDTHS)
    for result in results:
        assert result["overflow"] <= 0
        assert result["smallest"] >= 14
        assert result["links"] > 10
        assert result["small"] == 0
        assert result["requests"] == 0
        assert (contrast(result["background"], "rgb(0, 0, 0)") < 2) == (scheme == "dark")
        assert all(contrast(colour, result["background"]) >= 7 for colour in result["colours"])


def test_the_pictures_are_light_and_dark(chromium, mail):
    corners = {}
    for scheme in ("light", "dark"):
        picture = mail.with_name(f"{scheme}.png")
        browse(chromium, scheme, mail, "--window-size=700,1200", f"--screenshot={picture}")
        corners[scheme] = first_pixel(picture.read_bytes())
    assert min(corners["light"]) > 240
    assert max(corners["dark"]) < 40
