"""A real browser lays the mail out: on a phone and a desktop, light and dark, with papers of every kind."""

import html
import json
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel import Locale

from newsletter import config, resources
from newsletter.models import Edition, Issue, Link, Paper, Pick, Reason, Recipient
from newsletter.pipeline import samples
from newsletter.rendering import Brand, Links, Renderer, brand_of
from newsletter.rendering.language import Language, resolve

DOCS = Path(__file__).resolve().parents[2] / "docs"
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
    Paper(
        title=("Four hundred characters of a title 🚀 👩🏽‍🔬 " * 10)[:400],
        abstract="🧪 An abstract.",
        arxiv_id="2607.00006",
        authors=tuple(f"Author {number}" for number in range(3000)),
    ),
)

# Look, language, and what is the operator's own.
KINDS = {
    "comfortable": ("comfortable", "en", {}),
    "compact": ("compact", "en", {"accent": "#ffd400"}),
    "right to left": ("comfortable", "ar", {"accent": "#000"}),
    "logo": ("compact", "en", {"logo": Path("logo.png"), "logo_width": 552}),
}

# Every width is a frame of its own; what is measured is printed into the page, which the browser then dumps.
MEASURE = """
addEventListener("load", () => {
  const results = [...document.querySelectorAll("iframe")].map(frame => {
    const mail = frame.contentDocument, view = frame.contentWindow;
    const texts = mail.createTreeWalker(mail.body, NodeFilter.SHOW_TEXT);
    let smallest = 99;
    const colours = new Set();
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      if (!/\\S/.test(texts.currentNode.data) || !element.getClientRects().length) continue;
      if (texts.currentNode.data !== "\\u00a0")
        smallest = Math.min(smallest, parseFloat(view.getComputedStyle(element).fontSize));
      colours.add(view.getComputedStyle(element).color);
    }
    const links = [...mail.querySelectorAll("a")].map(link => link.getBoundingClientRect());
    return {
      width: frame.width, smallest,
      overflow: mail.documentElement.scrollWidth - mail.documentElement.clientWidth,
      links: links.length,
      small: links.filter(box => box.height < 24 || box.width < 24).length,
      requests: view.performance.getEntriesByType("resource").length,
      background: view.getComputedStyle(mail.body).backgroundColor,
      direction: view.getComputedStyle(mail.querySelector("h2")).direction,
      colours: [...colours],
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


@pytest.fixture(scope="module", params=KINDS)
def mail(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A page that is the mail."""
    look, language, brand = KINDS[request.param]
    folder = tmp_path_factory.mktemp("mail")
    (folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.MonkeyPatch.context() as patch:
        if language == "ar":
            arabic = Language(Locale.parse("ar"), resolve("en").translations)
            patch.setattr("newsletter.rendering.renderer.resolve", lambda code: arabic)
        page = folder / "mail.html"
        page.write_text(html_of(look, brand_of(config.Brand(**brand), folder)), encoding="utf-8")
        yield page


def html_of(look: str, brand: Brand) -> str:
    renderer = Renderer(
        config.Newsletter(postal_address="12 Long Street, Berlin"),
        config.Rendering(look=look),
        templates=resources.templates(),
        search_url="https://search.example/?q={title}",
        brand=brand,
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
    links = Links(
        unsubscribe="https://news.example/u",
        settings="https://news.example/s",
        pause="https://news.example/p",
        web="https://news.example/w",
    )
    return renderer.render(issue, links).html


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
        assert len(result["colours"]) >= 3
        assert all(contrast(colour, result["background"]) >= 7 for colour in result["colours"])


def test_names_stand_from_right_to_left_in_a_mail_that_does(chromium, tmp_path, monkeypatch):
    arabic = Language(Locale.parse("ar"), resolve("en").translations)
    monkeypatch.setattr("newsletter.rendering.renderer.resolve", lambda code: arabic)
    source = html.escape(html_of("comfortable", brand_of(config.Brand())))
    script = """
    addEventListener("load", () => {
      const mail = document.querySelector("iframe").contentDocument;
      const line = mail.querySelector("h2 + p"), address = [...mail.querySelectorAll("p")].at(-1);
      const left = words => {
        const texts = mail.createTreeWalker(mail.body, NodeFilter.SHOW_TEXT), range = mail.createRange();
        let at = -1;
        while (at < 0 && texts.nextNode())
          if (line.contains(texts.currentNode) || address.contains(texts.currentNode))
            at = texts.currentNode.data.indexOf(words);
        range.setStart(texts.currentNode, at);
        range.setEnd(texts.currentNode, at + words.length);
        return range.getBoundingClientRect().left;
      };
      document.body.textContent = JSON.stringify(
        ["Ada Ångström", "Bo Berg", "Cy Cole", "Institute of Noise", "12", "Long", "Berlin"].map(left));
    });
    """
    page = tmp_path / "page.html"
    frame = f'<iframe width="1200" height="800" srcdoc="{source}"></iframe>'
    page.write_text(f"<!doctype html><meta charset=utf-8><script>{script}</script>{frame}", encoding="utf-8")
    found = re.search(r"<body>(.*)</body>", browse(chromium, "light", page, "--dump-dom"))
    assert found is not None
    ada, bo, cy, institute, number, street, town = json.loads(found[1])
    assert ada > bo > cy > institute
    assert number < street < town, "an address is read from left to right"


def test_the_pictures_are_light_and_dark(chromium, mail):
    corners = {}
    for scheme in ("light", "dark"):
        picture = mail.with_name(f"{scheme}.png")
        browse(chromium, scheme, mail, "--window-size=700,1200", f"--screenshot={picture}")
        corners[scheme] = first_pixel(picture.read_bytes())
    assert min(corners["light"]) > 240
    assert max(corners["dark"]) < 40


def test_the_pictures_of_the_documentation_are_made_by_a_command(chromium, tmp_path):
    command = [sys.executable, str(DOCS / "pictures.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, timeout=300)
    kept = {file.name: file for file in (DOCS / "pictures").glob("*.png")}
    assert sorted(kept) == sorted(file.name for file in tmp_path.glob("*.png"))
    # Two looks of an issue and each other kind of the gallery, at two widths, light and dark.
    names = {"comfortable", "compact", *samples.kinds()} - {"issue"}
    views = [(width, scheme) for width in (375, 700) for scheme in ("light", "dark")]
    assert kept.keys() == {f"{name}-{width}-{scheme}.png" for name in names for width, scheme in views}
    shown = (DOCS / "mail.md").read_text(encoding="utf-8")
    assert [name for name in kept if f"(pictures/{name})" not in shown] == []
    for name, file in kept.items():
        assert file.stat().st_size < 150_000
        # IHDR of both: the same width and height (PNG section 11.2.2).
        assert file.read_bytes()[:24] == (tmp_path / name).read_bytes()[:24]
