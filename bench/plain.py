"""The peer: the same mail by a plain loop, as people write it with the usual libraries.

    python bench/plain.py --port P [--host H] [--subscribers N] [--connections N]

Per reader: Jinja fills an MJML template (that of this newsletter, with a loop over the papers), mjml-python makes HTML
of it, Jinja makes the text, EmailMessage the message, and aiosmtplib's `send_message` sends it over one of a few
connections that stay open.  Nothing is kept of what was sent, which spares it the work of recording.  Papers, readers
and their choices are those of bench/send.py; templates are parsed, and papers cut to their excerpts, once.

The last line has `elapsed=` and `cpu=` in seconds and `peak=` in MB of resident memory, from the first mail to the
last.
"""

import argparse
import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import aiosmtplib
import jinja2
from made_up import NOTE, Reader, papers, readers
from markdown import markdown
from markupsafe import Markup
from mjml import mjml2html
from prepare import DOMAIN, PAPERS
from send import ABSTRACT
from sender import cpu_seconds, forget_peak, peak_megabytes

from newsletter.app import run
from newsletter.config import Brand
from newsletter.feeds.tex import to_unicode
from newsletter.rendering import brand_of
from newsletter.rendering.fit import FULL
from newsletter.rendering.hosts import Hosts
from newsletter.rendering.language import resolve
from newsletter.rendering.look import LOOKS
from newsletter.rendering.paper import Entry, entry
from newsletter.rendering.prose import cut, wrap
from newsletter.rendering.reasons import reason_sentence

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
PART = re.compile(r"<mj-raw><!-- (\w+) --></mj-raw>(.*?)<mj-raw><!-- /\1 --></mj-raw>", re.DOTALL)
INCLUDE = re.compile(r'<mj-include path="\./([^"]+)" />')
LOOP = "{% for position, paper, reason, more, less, save in picks %}"
ENGLISH = resolve("en")


class Shown(NamedTuple):
    """A paper of an issue."""

    position: int
    paper: Entry
    reason: str
    more: str
    less: str
    save: str


class Templates:
    """The templates, parsed once."""

    def __init__(self) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=jinja2.select_autoescape((), ("txt.j2",), default_for_string=True, default=True),
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.install_null_translations(newstyle=True)
        self._environment.filters["wrap"] = wrap
        self._environment.globals.update(look=LOOKS["comfortable"], brand=brand_of(Brand()))
        begin, end = f"<mj-raw>{LOOP}</mj-raw>", "<mj-raw>{% endfor %}</mj-raw>"
        mjml = PART.sub(
            lambda found: begin + found[2] + end if found[1] == "paper" else "", self._source("issue.mjml.j2")
        )
        # Jinja before MJML, so its words need no shelter from it.
        self.mjml = self._environment.from_string(re.sub(r"<mj-raw>({%[^%]*%})</mj-raw>", r"\1", mjml))
        self.text = self._environment.get_template("text/issue.txt.j2")
        self.paper_text = self._environment.get_template("text/paper.txt.j2")

    def _source(self, name: str) -> str:
        source = (TEMPLATES / "email" / name).read_text()
        return INCLUDE.sub(lambda found: self._source(found[1]), source)


class Mailer:
    """Makes a mail per reader."""

    def __init__(self) -> None:
        self._templates = Templates()
        self._known = papers(PAPERS)
        self._entry = cache(self._shown)
        self._note = Markup(markdown(NOTE))  # noqa: S704 - our own words
        self._date = ENGLISH.long_date(datetime.now(UTC).date())

    def readers(self, count: int) -> Iterator[Reader]:
        """Yield the readers."""
        return readers(count, self._known)

    def message(self, reader: Reader) -> EmailMessage:
        """Return the mail of a reader."""
        token = blake2b(reader.email.encode(), key=b"a secret of this bench", digest_size=30).hexdigest()
        unsubscribe = f"https://{DOMAIN}/unsubscribe/{token}"
        marks = [f"{place}-{token[at : at + 8]}" for place, at in enumerate(range(0, 60, 4), start=1)]
        picks = [
            Shown(
                position,
                self._entry(choice.paper),
                reason_sentence(choice.reason, "en"),
                f"https://{DOMAIN}/f/{token}/{marks[position - 1]}/more",
                f"https://{DOMAIN}/f/{token}/{marks[position - 1]}/less",
                f"https://{DOMAIN}/f/{token}/{marks[position - 1]}/saved",
            )
            for position, choice in enumerate(reader.choices, start=1)
        ]
        titles = [pick.paper.title for pick in picks]
        subject = cut(titles[0], 60)
        values: dict[str, Any] = {
            "language": ENGLISH,
            "name": "Papers for you",
            "postal_address": "1 Example Street, 10000 Example",
            "contact": f"papers@{DOMAIN}",
            "contact_link": f"mailto:papers@{DOMAIN}",
            "date": self._date,
            "count": len(picks),
            "subject": subject,
            "preheader": cut(" · ".join(titles[1:]), 140),
            "email": reader.email,
            "unsubscribe": unsubscribe,
            "settings": "",
            "pause": f"https://{DOMAIN}/pause/{token}",
            "web": f"https://{DOMAIN}/mail/{token}",
            "form": FULL,
        }
        html = mjml2html(self._templates.mjml.render(values, picks=picks, note=self._note), fonts={})
        texts = [self._templates.paper_text.render(values, **pick._asdict()) for pick in picks]
        message = EmailMessage()
        message["From"] = f"Papers for you <papers@{DOMAIN}>"
        message["To"] = reader.email
        message["Subject"] = subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=DOMAIN)
        message["List-ID"] = f"Papers for you <papers.{DOMAIN}>"
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(self._templates.text.render(values, papers="".join(texts), note=NOTE))
        message.add_alternative(html, subtype="html")
        return message

    def _shown(self, place: int) -> Entry:
        return entry(
            self._known[place],
            ENGLISH,
            search_url="https://example.org/?q={title}",
            characters=ABSTRACT,
            tidy=to_unicode,
            hosts=Hosts(),
        )


async def send(options: argparse.Namespace) -> tuple[int, float, float]:
    """Send everybody's mail and return how many were taken, the seconds, and the CPU seconds."""
    mailer = Mailer()
    waiting = mailer.readers(options.subscribers)
    forget_peak()
    cpu, began = cpu_seconds(), time.perf_counter()

    async def work() -> int:
        taken = 0
        async with aiosmtplib.SMTP(hostname=options.host, port=options.port, start_tls=False) as client:
            for reader in waiting:
                refused, _ = await client.send_message(mailer.message(reader))
                taken += not refused
        return taken

    taken = sum(await asyncio.gather(*(work() for _ in range(options.connections))))
    return taken, time.perf_counter() - began, cpu_seconds() - cpu


def read_options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--connections", type=int, default=10)
    return parser.parse_args(words)


def main() -> None:
    """Send and print."""
    options = read_options()
    taken, elapsed, cpu = run(send(options))
    if taken != options.subscribers:
        raise SystemExit(f"The server took {taken} of {options.subscribers} messages.")
    print(
        f"{taken} messages by a plain loop, {taken / elapsed:.0f}/s: "
        f"elapsed={elapsed:.3f} cpu={cpu:.3f} peak={peak_megabytes():.1f}"
    )


if __name__ == "__main__":
    main()
