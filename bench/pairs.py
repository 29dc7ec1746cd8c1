"""Unlabelled pairs of pictures of our mail and of mails of public template sets, and how fresh eyes voted.

    npm install --prefix FOLDER --ignore-scripts foundation-emails@2.5.1 mailgen@2.0.36 mjml@5.4.1 juice@11 \\
        @react-email/components@1.0.12 react@19 react-dom@19 @maizzle/framework@5.5.0 handlebars@4 \\
        @fontsource/gelasio @fontsource/roboto @fontsource/inter
    (cd FOLDER && npm pack ghost@5.130.6 && tar xzf ghost-5.130.6.tgz)
    PYTHONPATH=. .venv/bin/python bench/pairs.py make --sets FOLDER --out PAIRS --key SOMEWHERE_ELSE/key.json
    PYTHONPATH=. .venv/bin/python bench/pairs.py count --key SOMEWHERE_ELSE/key.json VOTES...

Both mails of a pair have the same ten papers, texts, name and links; the same fonts stand in for those of desktops and
phones. Which side is ours is chance from a seed, and stands in the key alone; beside the key is each picture once,
under a plain name. A picture shows a whole mail, cut into columns that are read from left to right. Where a set says
nothing of the dark, the browser darkens its mail as mail programs do. Votes are text, a line a pair: `pair01 A because
...`; a file is a voter.

Making them needs Chromium, Node.js and Pillow.
"""

import argparse
import asyncio
import json
import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pair_papers import issue
from playwright.sync_api import Browser, sync_playwright

from newsletter.app import open_app
from newsletter.config import Settings
from newsletter.rendering.language import resolve
from newsletter.rendering.reasons import reason_sentence

if TYPE_CHECKING:
    from PIL import Image

DOMAIN = "papers.example.org"
NAME = "Papers for you"
POSTAL = "12 Long Street, 10115 Berlin"
OURS = "ours"

# The height of a column, by the width of the window in pixels.
COLUMNS = {375: 1500, 700: 1400}
BETWEEN = 16
GREY = (128, 128, 128)
# The colours of a picture, how many of them are taken as they come, and how far apart the others are.
COLOURS, GROUNDS, NEAR = 24, 10, 40
# Metric-compatible or the same: Gelasio is drawn to the widths of Georgia.
FONTS = {"Georgia": "gelasio", "Roboto": "roboto", "Inter": "inter"}
WEIGHTS = (300, 400, 500, 600, 700)

VOTE = re.compile(r"^\W*(?i:pair)\W?0*(\d+)\b\W*(?:(?i:side)\W+)?([AB])\b[\W_]*(.*)$")
INSTRUCTIONS = """Two mails, side by side
=======================

You are subscribed to a daily mail of research papers. Each pair (pair01, pair02, ...) is two pictures, A and B, of
such a mail. Both have the same papers and the same texts; they differ in how they look. A picture shows the whole
mail: where it is long, it is cut into columns, to be read from left to right, the first column being what you see
when you open it. Narrow columns are of a phone, wide ones of a desktop, dark ones of a device in its dark mode.

Look at A and at B of a pair, at their real size where you can, and then say: which of the two would you rather get
every morning, and why? One line for each pair, in this form, and nothing else in the file:

    pair01 A the reason in a few words

Choose A or B for every pair, also where it is close. Judge each pair by itself. There is no right answer.
"""


class View(NamedTuple):
    """How a mail is looked at: the width of the window in pixels, and `light` or `dark`."""

    width: int
    scheme: str


class Pair(NamedTuple):
    """A pair: its name, the set beside ours, the view, and the side that is ours, `A` or `B`."""

    name: str
    set: str
    version: str
    view: View
    ours: str


class Vote(NamedTuple):
    """What somebody said of a pair."""

    voter: str
    pair: str
    side: str
    why: str


def planned(sets: list[tuple[str, str]], seed: int) -> list[Pair]:
    """Return the pairs of sets, each a name and a version, in an order and with sides of chance.

    Each set is seen on a phone and on a desktop, once of them light and once dark. Its two pairs stand in different
    halves of the order, so that somebody who sees one half meets each set once. Ours is as often A as B.
    """
    chance = random.Random(seed)
    halves: tuple[list[Any], list[Any]] = ([], [])
    for number, each in enumerate(sets):
        schemes = ("light", "dark") if number % 2 else ("dark", "light")
        views = [View(375, schemes[0]), View(700, schemes[1])]
        chance.shuffle(views)
        for half, view in zip(halves, views, strict=True):
            half.append((each, view))
    order = [one for half in halves for one in chance.sample(half, len(half))]
    sides = ["AB"[number % 2] for number in range(len(order))]
    chance.shuffle(sides)
    return [
        Pair(f"pair{number:02}", *each, view, side)
        for number, ((each, view), side) in enumerate(zip(order, sides, strict=True), 1)
    ]


def read_votes(text: str, voter: str) -> list[Vote]:
    """Return the votes of a text; a later line on a pair stands in for an earlier one, other lines are passed over."""
    found = (VOTE.match(line.strip()) for line in text.splitlines())
    votes = {int(one[1]): Vote(voter, f"pair{int(one[1]):02}", one[2].upper(), one[3].strip()) for one in found if one}
    return list(votes.values())


def counted(pairs: Iterable[Pair], votes: Iterable[Vote]) -> dict[str, tuple[int, int]]:
    """Return how many votes were for ours, and how many there were: by set, width and scheme, side, and in all.

    Raises KeyError for a vote on a pair that is none.
    """
    known = {pair.name: pair for pair in pairs}
    found: dict[str, tuple[int, int]] = {}
    for vote in votes:
        pair = known[vote.pair]
        for group in (
            f"{pair.set} {pair.version}",
            f"{pair.view.width} px",
            pair.view.scheme,
            f"ours is {pair.ours}",
            f"voter {vote.voter}",
            "all",
        ):
            ours, all_votes = found.get(group, (0, 0))
            found[group] = (ours + (vote.side == pair.ours), all_votes + 1)
    return found


async def our_mail(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the HTML of our mail, and its content as the public sets are given it; works in an empty folder."""
    made = issue()
    settings = Settings.model_validate(
        {
            "newsletter": {"name": NAME, "from_address": f"papers@{DOMAIN}", "postal_address": POSTAL},
            "database": {"url": f"sqlite:///{folder / 'pairs.db'}"},
            "web": {"base_url": f"https://{DOMAIN}"},
        }
    )
    async with open_app(settings, checked=False) as app:
        written = await app.sample_writer().write(
            made, address=made.recipient.email, message_id=f"<pairs@{DOMAIN}>", date=datetime.now(UTC)
        )
        entry = app.renderer()._blocks.entry
    language = resolve("en")
    _ = language.gettext
    count = f"{len(made.picks)} papers for you"
    day = language.long_date(made.edition.date)
    site = f"https://{DOMAIN}/"
    papers = []
    for pick in made.picks:
        shown = entry(pick.paper, language)
        papers.append(
            {
                "number": pick.position,
                "title": shown.title,
                "url": shown.url,
                "authors": shown.authors,
                "organization": shown.organization,
                "reason": reason_sentence(pick.reason, "en"),
                "facts": " · ".join(shown.facts),
                "summary": shown.summary,
                "links": shown.links,
                "verdicts": [("+ " + _("More like this"), site), ("− " + _("Less like this"), site)],
            }
        )
    words = ("Change what you get", "Take a break", "Unsubscribe")
    why = _("You get this mail at %(email)s because you are subscribed to %(name)s.")
    return written.rendered.html, {
        "name": NAME,
        "url": site,
        "date": day,
        "count": count,
        "line": f"{day} · {count}",
        "accent": settings.brand.accent,
        "papers": papers,
        "footer": {
            "why": f"{why % {'email': made.recipient.email, 'name': NAME}} {_('Nothing in it tracks you.')}",
            "links": [(_(word), site) for word in words],
            "postal": POSTAL,
        },
    }


def peers(sets: Path, content: dict[str, Any]) -> list[dict[str, str]]:
    """Return the same content in the public sets: `set`, `version` and `html` of each."""
    done = subprocess.run(
        ["node", Path(__file__).with_name("pair_sets.mjs"), sets.resolve()],
        input=json.dumps(content),
        stdout=subprocess.PIPE,
        text=True,
        timeout=180,
        check=True,
    )
    return json.loads(done.stdout)


def dressed(html: str, sets: Path) -> str:
    """Return a mail with the fonts of FONTS in it, whoever names them."""
    faces = []
    for family, package in FONTS.items():
        for weight in WEIGHTS:
            for style in ("normal", "italic"):
                parts = [
                    sets.resolve() / f"node_modules/@fontsource/{package}/files/{package}-{part}-{weight}-{style}.woff2"
                    for part in ("latin", "latin-ext")
                ]
                ranges = ("U+0000-00FF,U+2000-206F,U+2190-2193,U+2212", "U+0100-02AF,U+1E00-1EFF")
                faces += [
                    f"@font-face{{font-family:'{family}';font-weight:{weight};font-style:{style};"
                    f"src:url('{part.as_uri()}');unicode-range:{span}}}"
                    for part, span in zip(parts, ranges, strict=True)
                    if part.exists()
                ]
    style = f"<style>{''.join(faces)}</style>"
    return html.replace("</head>", f"{style}</head>", 1)


def picture_of(name: str, view: View) -> str:
    """Return how the picture of a mail is called where nothing is hidden."""
    return f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}-{view.width}-{view.scheme}.png"


def take(page: Path, view: View, file: Path, browser: Browser) -> None:
    """Take the picture of a whole page, cut into columns."""
    seen = browser.new_page(viewport={"width": view.width, "height": 1000}, color_scheme=view.scheme)  # type: ignore[arg-type]
    # Nothing of another machine is asked for.
    seen.route("http*://**", lambda route: route.abort())
    seen.goto(page.as_uri(), wait_until="load")
    seen.evaluate("document.fonts.ready")
    whole = seen.screenshot(full_page=True)
    seen.close()
    sheet(whole, COLUMNS[view.width]).save(file, optimize=True)


def sheet(picture: bytes, tall: int) -> "Image.Image":
    """Return a tall picture cut into columns, in few colours."""
    from PIL import Image

    whole = Image.open(BytesIO(picture)).convert("RGB")
    count = -(-whole.height // tall)
    wide = whole.width + BETWEEN
    laid = Image.new("RGB", (count * wide - BETWEEN, tall), GREY)
    for number in range(count):
        part = whole.crop((0, number * tall, whole.width, min((number + 1) * tall, whole.height)))
        # The page goes on below its last line, in the colour of its edge.
        laid.paste(whole.getpixel((0, whole.height - 1)), (number * wide, 0, number * wide + whole.width, tall))
        laid.paste(part, (number * wide, 0))
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour in _colours(laid) for channel in colour])
    return laid.quantize(palette=palette, dither=Image.Dither.NONE)


def _colours(picture: "Image.Image") -> list[tuple[int, ...]]:
    """Return the most frequent colours: grounds as they are, then those that are not near another one.

    So no accent is mixed away by the many shades of letters.
    """
    chosen: list[tuple[int, ...]] = []
    for _, colour in sorted(picture.getcolors(1 << 24), reverse=True):
        near = 0 if len(chosen) < GROUNDS else NEAR
        if len(chosen) < COLOURS and all(_apart(colour, one) > near for one in chosen):
            chosen.append(colour)
    return chosen


def _apart(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum(abs(channel - its) for channel, its in zip(one, other, strict=True))


def make(sets: Path, out: Path, key: Path, seed: int) -> None:
    """Make the pictures, the instructions and the key."""
    if key.resolve().is_relative_to(out.resolve()):
        raise SystemExit("The key may not lie beside the pictures: voters would see it. Name another --key.")
    for program in ("chromium", "node"):
        if shutil.which(program) is None:
            raise SystemExit(f"There is no {program} here; install it (Debian: chromium, nodejs).")
    out.mkdir(parents=True, exist_ok=True)
    key.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        html, content = asyncio.run(our_mail(at))
        mails = {one["set"]: one for one in peers(sets, content)} | {OURS: {"set": OURS, "version": "", "html": html}}
        pages = {}
        for number, (name, one) in enumerate(mails.items()):
            pages[name] = at / f"{number}.html"
            pages[name].write_text(dressed(one["html"], sets))
        pairs = planned([(one["set"], one["version"]) for one in mails.values() if one["set"] != OURS], seed)
        with sync_playwright() as playwright:
            plain, darkening = (
                playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", *more])
                for more in ((), ("--enable-features=WebContentsForceDark",))
            )
            for name, view in {(name, pair.view) for pair in pairs for name in (OURS, pair.set)}:
                darken = view.scheme == "dark" and "prefers-color-scheme" not in mails[name]["html"]
                take(pages[name], view, key.parent / picture_of(name, view), darkening if darken else plain)
            plain.close()
            darkening.close()
    for left in out.glob("pair*.png"):
        left.unlink()
    for pair in pairs:
        for side in "AB":
            shown = key.parent / picture_of(OURS if side == pair.ours else pair.set, pair.view)
            shutil.copyfile(shown, out / f"{pair.name}-{side}.png")
    (out / "README.txt").write_text(INSTRUCTIONS)
    key.write_text(json.dumps({"seed": seed, "pairs": [pair._asdict() for pair in pairs]}, indent=1) + "\n")
    size = sum(file.stat().st_size for file in key.parent.glob("*.png"))
    print(f"{len(pairs)} pairs are in {out}; {key.parent} has the key, and each picture once: {size / 1024:.0f} KB")


def read_key(key: Path) -> list[Pair]:
    """Return the pairs of a key."""
    return [Pair(**one | {"view": View(*one["view"])}) for one in json.loads(key.read_text())["pairs"]]


def count(files: list[Path], key: Path) -> bool:
    """Print how often ours was preferred, and return whether it was in two of three."""
    votes = [vote for file in files for vote in read_votes(file.read_text(), file.stem)]
    if not votes:
        raise SystemExit("There is no vote in these files: a line is `pair01 A the reason`.")
    pairs = read_key(key)
    try:
        found = counted(pairs, votes)
    except KeyError as error:
        raise SystemExit(f"There is a vote on {error.args[0]}, and the key has no such pair.") from error
    print("| | ours preferred | of | share |\n|---|---|---|---|")
    for group in sorted(found, key=lambda name: (name == "all", name.startswith("voter"), name)):
        ours, of = found[group]
        print(f"| {group} | {ours} | {of} | {ours / of:.0%} |")
    missing = len(pairs) * len(files) - len(votes)
    if missing:
        print(f"{missing} of {len(pairs) * len(files)} votes are missing.")
    return 3 * found["all"][0] >= 2 * found["all"][1]


def main() -> None:
    """Make pairs, or count votes; the exit code of counting is 1 below two of three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    acts = parser.add_subparsers(dest="act", required=True)
    making = acts.add_parser("make", help="make the pictures and the key")
    making.add_argument("--sets", type=Path, required=True, help="the folder with node_modules")
    making.add_argument("--out", type=Path, required=True)
    making.add_argument("--seed", type=int, default=1)
    counting = acts.add_parser("count", help="count votes")
    counting.add_argument("votes", type=Path, nargs="+")
    for act in (making, counting):
        act.add_argument("--key", type=Path, required=True)
    given = parser.parse_args()
    if given.act == "make":
        make(given.sets, given.out, given.key, given.seed)
    elif not count(given.votes, given.key):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
