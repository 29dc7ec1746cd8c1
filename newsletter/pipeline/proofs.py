"""A message taken apart for people who look at it: its parts, its size, what is to be said of it, why each paper."""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import NamedTuple

from newsletter import resources
from newsletter.config import Settings
from newsletter.models import Delivery, Issue
from newsletter.pipeline.letter import SHOWN, LetterWriter, Written
from newsletter.pipeline.preview import Preview, reason
from newsletter.pipeline.templates import Checked, sentence
from newsletter.rendering import Rendered
from newsletter.rendering.asides import begins, heading
from newsletter.rendering.language import CATALOGUES, forget, resolve
from newsletter.rendering.screens import Scheme, in_frame, on_screen, text_in_frame, with_pictures

_END_OF_LINE = re.compile(rb"\r?\n")


class Row(NamedTuple):
    """A paper of the mail, and why it is there; `section` is the one that it stands in, where there are any."""

    position: int
    title: str
    url: str
    reason: str
    score: float | None
    section: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A mail to look at; sizes are in bytes, `encoded` as the HTML travels and `size` as it is read."""

    day: date
    subject: str
    preheader: str
    language: str
    direction: str
    headers: str
    html: str
    text: str
    encoded: int
    size: int
    whole: int
    shown: int
    content: bytes
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    delivery: Delivery | None
    pictures: dict[str, str]

    def screen(self, scheme: Scheme) -> str:
        """Return the HTML as a screen shows it."""
        return on_screen(self.html, scheme, self.pictures)

    def with_pictures(self) -> str:
        """Return the HTML as it is, but with the pictures of the message in it."""
        return with_pictures(self.html, self.pictures)


def proof(settings: Settings, shown: Preview, told: Sequence[str] = ()) -> Proof:
    """Return the proof of what a person would get, or got; `told` are warnings about the templates."""
    return _proof(settings, shown.issue, shown.written, told, shown.delivery, shown.obstacle)


async def sample(
    settings: Settings, issue: Issue, writer: LetterWriter, at: datetime, told: Sequence[str] = ()
) -> Proof:
    """Return the proof of a sample; the same issue, writer and moment give the same."""
    name = f"<sample.{issue.edition.date:%Y%m%d}.{issue.recipient.language.lower()}@preview.invalid>"
    written = await writer.write(issue, address=issue.recipient.email, message_id=name, date=at)
    return _proof(settings, issue, written, told)


def sources(settings: Settings) -> tuple[Path, ...]:
    """Return the files and folders that the look of a mail comes from: templates, words, logo."""
    own = (settings.rendering.templates, settings.brand.logo)
    return (resources.templates(), CATALOGUES, *(settings.path(path) for path in own if path is not None))


def read_words_anew() -> None:
    """Let the words of the mail be read again, since somebody changed them."""
    forget()


def checked(settings: Settings, found: Checked) -> tuple[str, ...]:
    """Return what a check of the templates found, a fault a line, with files as the settings name them."""
    return tuple(sentence(fault, settings.folder) for fault in found.faults)


def headings(issue: Issue) -> list[str]:
    """Return the heading under which each paper of an issue stands, in its reader's language; nothing where none is."""
    language = resolve(issue.recipient.language)
    found = [""] * len(issue.picks)
    for at, section in begins(issue):
        found[at:] = [heading(section, None, language).title] * (len(found) - at)
    return found


def _proof(
    settings: Settings,
    issue: Issue,
    written: Written,
    told: Sequence[str],
    delivery: Delivery | None = None,
    obstacle: str = "",
) -> Proof:
    rendered, language = written.rendered, issue.recipient.language
    encoded = sum(map(len, rendered.html_parts))
    html = rendered.html
    return Proof(
        day=issue.edition.date,
        subject=rendered.subject,
        preheader=rendered.preheader,
        language=rendered.language,
        direction=resolve(language).direction,
        headers=_END_OF_LINE.sub(b"\n", re.split(rb"\r?\n\r?\n", written.content, maxsplit=1)[0]).decode(
            errors="replace"
        ),
        html=html,
        text=rendered.text.replace("\r\n", "\n"),
        encoded=encoded,
        size=len(html.encode(errors="replace")),
        whole=len(written.content),
        shown=SHOWN,
        content=written.content,
        rows=tuple(
            Row(
                pick.position,
                pick.paper.title,
                pick.paper.url or "",
                reason(pick, language),
                pick.score,
                under,
            )
            for pick, under in zip(issue.picks, headings(issue), strict=True)
        ),
        warnings=(*_warnings(settings, encoded, obstacle), *told),
        delivery=delivery,
        pictures=pictures(written.content),
    )


def _warnings(settings: Settings, encoded: int, obstacle: str) -> Iterable[str]:
    if encoded > SHOWN:
        yield f"Gmail shows {SHOWN // 1024} KB of HTML and cuts the rest off."
    if obstacle:
        yield f"`newsletter send` would not mail it: {obstacle}"
    if not settings.newsletter.postal_address:
        yield "newsletter.postal_address is empty: the footer says nowhere who writes."
    if not settings.web.base_url:
        yield "web.base_url is empty: readers leave by mail, and no mail program shows a button for it at once."


def page(content: bytes, rendered: Rendered) -> str:
    """Return a message as a page within another page; where it is text alone, that text."""
    if rendered.html_parts:
        return in_frame(rendered.html, pictures(content))
    return text_in_frame(rendered.text, rendered.subject, resolve(rendered.language))


def pictures(content: bytes) -> dict[str, str]:
    """Return the pictures of a message as addresses that hold them, by Content-ID."""
    if b"\r\nContent-ID:" not in content:
        return {}
    message = message_from_bytes(content, policy=default)
    return {
        part["Content-ID"].strip("<> "): f"data:{part.get_content_type()};base64,"
        + b64encode(part.get_content()).decode()
        for part in message.walk()
        if part.get_content_maintype() == "image" and part["Content-ID"]
    }
