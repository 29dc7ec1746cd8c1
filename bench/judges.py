"""What outside judges say of every look and kind of mail, and of public sets of templates under the same envelope.

    JUDGES=../shared/judges; $JUDGES/install.sh; $JUDGES/start.sh
    PYTHONPATH=bench:. .venv/bin/python bench/judges.py --judges $JUDGES --sets FOLDER
    $JUDGES/stop.sh

Each mail is signed with the judges' key and scored by their `score_email.sh`, which asks programs that nobody here
wrote; with `--sets`, a folder with node_modules, the sets of `bench/public_sets.mjs` follow. Prints the table of
docs/mail.md.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from gallery import DOMAIN, LOOKS, mails
from mjml import mjml2html

from newsletter.clock import SystemClock
from newsletter.config import Settings
from newsletter.delivery.dkim import Seal
from newsletter.delivery.message import Letter, build
from newsletter.delivery.quoted import encode

ISSUES = ("ten", "one", "note", "odd", "sections", "many")
NOTICES = ("welcome", "confirmation", "goodbye", "link", "answer", "known", "nothing")
# Who gets these is on no list, so that they have none of its header fields.
OF_NO_LIST = ("confirmation", "goodbye", "link", "answer")
NOTHING_TO_SAY = "–"
EMPTY = (
    "<mjml><mj-head><mj-title>x</mj-title><mj-preview>x</mj-preview></mj-head><mj-body><mj-section><mj-column>"
    "<mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>"
)
# Every mail has these.
OF_EVERY_MAIL = ("region", "landmark-one-main")
READERS_OF_HTML = ("html2text", "lynx", "w3m", "mailparser (npm)")
READERS = (*READERS_OF_HTML, "notmuch", "mu", "mhonarc", "dovecot imap")
COLUMNS = (
    "mail", "KB of HTML", "SpamAssassin", "with DKIM and SPF", "rspamd", "positive symbols", "DKIM", "headers", "Nu",
    "html-validate", "beyond empty MJML", "axe", "AAA contrast", "overflow px", "smallest px", "links < 24 px",
    "requests", "readers",
)  # fmt: skip
OF_HTML = COLUMNS.index("readers") - COLUMNS.index("Nu")

HOME = Path(os.environ.get("JUDGES_HOME", Path.home() / ".cache" / "newsletter-judges"))


class Judge(NamedTuple):
    """One line of score_email.sh."""

    score: str
    detail: str


class Candidate(NamedTuple):
    """A mail to be judged; `kind` is nothing for one that is not ours."""

    name: str
    html: str
    content: bytes
    kind: str = ""


def score(one: Candidate, judges: Path) -> dict[str, Judge]:
    """Return what each judge says of a message."""
    with tempfile.TemporaryDirectory() as folder:
        file, page = Path(folder) / "mail.eml", Path(folder) / "page.html"
        file.write_bytes(one.content)
        page.write_text(one.html, "utf-8")
        said = _lines(judges / "score_email.sh", file, *([] if one.html else ["--no-browser"]))
        # score_email.sh cuts long lists off, and features are to be counted whole.
        return said | (_lines("node", judges / "scripts" / "judge.mjs", page, file) if one.html else {})


def _lines(*command: str | Path) -> dict[str, Judge]:
    home = os.environ | {"JUDGES_HOME": str(HOME)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=home)
    rows = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    return {row[0]: Judge(row[1].strip(), "\t".join(row[2:]).strip()) for row in rows}


def row(one: Candidate, said: dict[str, Judge], known: set[str]) -> list[str]:
    """Return a row of the table; `known` are the features that an empty mail uses."""
    positive = [
        symbol
        for symbol, weight in re.findall(r"([A-Z][A-Z0-9_]+) \((-?[\d.]+)\)", said["rspamd"].detail)
        if float(weight) > 0 and symbol != "FORGED_SENDER"
    ]
    return [
        one.name,
        f"{len(one.html.encode()) / 1024:.1f}" if one.html else NOTHING_TO_SAY,
        said["spamassassin -L"].score.removesuffix(" points"),
        said["spamassassin +dkim/spf (local DNS)"].score.removesuffix(" points"),
        said["rspamd"].score.partition(" ")[0],
        ", ".join(positive) or "none",
        f"{said['Mail::DKIM (perl)'].score}, {'pass' if said['dkimpy'].score == 'True' else 'fail'}",
        # That judge asks for both parts, and for the fields of a list.
        NOTHING_TO_SAY if not one.html or one.kind in OF_NO_LIST else said["headers (RFC 2369/2919/8058)"].score,
        *(of_html(said, known) if one.html else [NOTHING_TO_SAY] * OF_HTML),
        # They look for the title of the first paper.
        NOTHING_TO_SAY if one.kind in NOTICES else readers(said, html=bool(one.html)),
    ]


def of_html(said: dict[str, Judge], known: set[str]) -> list[str]:
    """Return the cells of a row that are about HTML."""
    views = [said[view] for view in said if view.startswith("axe ")]
    layouts = [f"{said[view].score}; {said[view].detail}" for view in said if view.startswith("layout ")]
    wrong = {
        rule
        for view in views
        for rule, count in re.findall(r"([a-z0-9-]+):[a-z]+:(\d+)", view.detail.split("|")[0])
        if rule not in OF_EVERY_MAIL
    }
    beyond = features(said) - known
    nu = re.search(r"\((\d+) beside", said["vnu (Nu HTML checker)"].score)
    return [
        nu[1] if nu else "?",
        said["html-validate mail"].score.partition(" ")[0],
        str(len(beyond)),
        str(len(wrong)) + (f" ({', '.join(sorted(wrong))})" if wrong else ""),
        str(max(int(number) for view in views for number in re.findall(r"AAA contrast fails (\d+)", view.detail))),
        worst(layouts, r"overflow (-?\d+)px", max),
        worst(layouts, r"min font ([\d.]+)px", min),
        worst(layouts, r"<24px (\d+)", max),
        worst(layouts, r"external requests (\d+)", max),
    ]


def readers(said: dict[str, Judge], *, html: bool) -> str:
    """Return how many programs show the first title, of those that can show such a mail."""
    able = [name for name in READERS if html or name not in READERS_OF_HTML]
    read = [name for name in able if re.search(r"^ok|^[1-9]\d*hit", said.get(name, Judge("", "")).score)]
    return f"{len(read)} of {len(able)}"


def worst(layouts: list[str], pattern: str, which: "type[max]") -> str:
    """Return the worst figure of all views."""
    return f"{which(float(found) for layout in layouts for found in re.findall(pattern, layout)):g}"


def features(said: dict[str, Judge]) -> set[str]:
    """Return the features that some client does not know, as far as the judges print them."""
    found: set[str] = set()
    for name, judge in said.items():
        if name.startswith("doiuse-email") and (errors := re.search(r"E: (.*?)(?:  W:|$)", judge.detail)):
            found |= {feature.strip() for feature in errors[1].split("|") if feature.strip()}
    return found


class _Words(HTMLParser):
    """The words of a page, a line a block."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = [""]
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "title", "script")
        if tag in ("p", "td", "div", "h1", "h2", "h3", "br", "li", "th"):
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title", "script")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.lines[-1] += " ".join(data.split()) + " "


def enveloped(name: str, html: str, key: Path) -> bytes:
    """Return a page as a signed mail of the same envelope; its text part has the words of the page, numbered from 1."""
    reader = _Words()
    reader.feed(html)
    lines = [line.strip() for line in reader.lines if re.search(r"\w", line)]
    first = next((at for at, line in enumerate(lines) if len(line.split()) > 4), 0)
    lines[first] = f"1. {lines[first]}"
    settings = Settings.model_validate(
        {
            "newsletter": {"from_address": f"papers@{DOMAIN}"},
            "dkim": {"domain": DOMAIN, "selector": "s1", "key_file": key},
        }
    )
    letter = Letter(
        from_name="Papers for you",
        from_address=f"papers@{DOMAIN}",
        to_address="reader@example.net",
        subject="Sparse attention for latent graphs: how it scales",
        message_id=f"<{re.sub(r'[^a-z0-9]+', '-', name.lower())}@{DOMAIN}>",
        date=datetime.now(UTC),
        list_id=f"papers.{DOMAIN}",
        html_parts=[encode(html)],
        text_parts=[encode("\n".join(lines[first:] + lines[:first]) + "\n")],
        list_unsubscribe=(f"https://{DOMAIN}/unsubscribe/1-1", f"mailto:papers@{DOMAIN}?subject=unsubscribe%201-1"),
        one_click=True,
        language="en",
    )
    with Seal.of(settings, SystemClock()) as seal:  # type: ignore[union-attr]
        sealed = seal.seal(build(letter))
        return sealed if isinstance(sealed, bytes) else asyncio.run(_later(sealed))


async def _later(sealed: "Awaitable[bytes]") -> bytes:
    return await sealed


def public_sets(sets: Path) -> list[tuple[str, str]]:
    """Return the mails of public sets, each with its name and version."""
    script = Path(__file__).with_name("public_sets.mjs")
    done = subprocess.run(
        ["node", script, sets], capture_output=True, text=True, timeout=120, check=True, env=os.environ
    )
    return [(one["name"], one["html"]) for one in json.loads(done.stdout)]


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judges", type=Path, required=True, help="the folder with score_email.sh")
    parser.add_argument("--sets", type=Path, help="a folder with node_modules of public sets")
    parser.add_argument("--kinds", default=",".join((*ISSUES, *NOTICES)))
    parser.add_argument("--looks", default=",".join(LOOKS))
    parser.add_argument("--language", default="en")
    given = parser.parse_args()
    key = HOME / "dkim.key"
    empty = mjml2html(EMPTY, fonts={})
    known = features(score(Candidate("empty", empty, enveloped("empty", empty, key)), given.judges))
    print("|", " | ".join(COLUMNS), "|")
    print("|" + "---|" * len(COLUMNS), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        looks = tuple(filter(None, given.looks.split(",")))
        made = mails(Path(folder), key=key, languages=(given.language,), looks=looks)
    candidates = [
        Candidate(f"{mail.look}, {mail.kind}", mail.rendered.html, mail.content, mail.kind)
        for mail in made
        if mail.kind in given.kinds.split(",")
    ]
    candidates += [
        Candidate(name, html, enveloped(name, html, key))
        for name, html in (public_sets(given.sets) if given.sets else ())
    ]
    for one in candidates:
        try:
            print("|", " | ".join(row(one, score(one, given.judges), known)), "|", flush=True)
        except (KeyError, ValueError) as error:
            print(f"{one.name}: a judge said nothing ({error}); are they started?", file=sys.stderr)


if __name__ == "__main__":
    main()
