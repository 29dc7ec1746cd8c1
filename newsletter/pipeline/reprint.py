"""A message that went out, once more: put together from what was kept of it, and held against what is known of it."""

import json
import sys
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from newsletter.config import Newsletter, Settings
from newsletter.delivery.dkim import body_hash
from newsletter.delivery.quoted import Quoted, decode, encode
from newsletter.feeds.tex import to_unicode
from newsletter.models import Delivery, DeliveryState, Issue
from newsletter.pipeline.keeping import FOLD, FOLDED, HASHED, SEAL, SETTINGS, program, proof
from newsletter.pipeline.letter import LetterWriter, Written
from newsletter.rendering import Links, Logo, Rendered, kept
from newsletter.rendering.fit import SHOWN
from newsletter.rendering.kept import Kept
from newsletter.rendering.reprint import Reprint
from newsletter.rendering.screens import with_pictures
from newsletter.store import presses
from newsletter.tokens import Signer

# What waits is made when it is sent; the last time that it was is no longer what its person is to get.
WAITING = (DeliveryState.QUEUED, DeliveryState.DEFERRED)
# Of the times that somebody had their links made new, so many are looked at.
LINKS_TRIED = 5

CHANGED = (
    "The program that makes mail has changed since it was sent: this is close to what went out, but not the same bytes."
)
LOST = "What this mail was made of is not whole: it is shown as it would be made now."
NEVER = "What this mail was made of was not kept: it is shown as it would be made now."
LIKELY = (
    "The program that makes mail has changed since, and this mail was not signed: what could be compared of it, its "
    "header, its length and a sample of its body, is as it went out."
)


class Sent(NamedTuple):
    """The message of a delivery as it went out; `doubt` says what speaks against it, or is empty."""

    written: Written
    doubt: str = ""


class Page(NamedTuple):
    """A mail as a page; `html` is empty where it was text alone, `date` is the Date that it had."""

    date: datetime
    language: str
    html: str
    text: str


class _Own(NamedTuple):
    """What of a message is its own; `signatures` are form, seconds behind the Date, part of the body's hash, b=."""

    language: str
    date: datetime
    proof: str
    signatures: tuple[tuple[str, int, str, str], ...]
    parts: Mapping[str, str]
    address: str


def as_sent(found: presses.Kept, issue: Issue, delivery: Delivery, writer: LetterWriter) -> Sent | None:
    """Return the message of a delivery as it went out last; None where what was kept of it does not suffice.

    `writer` lends its key for links, and the settings that no mail shows.
    """
    try:
        own = _read(found.made_of)
        parts = _Parts(found, own)
        address = own.address or delivery.address
        unsigned, rendered = _under_keys_of_then(parts, own, writer, issue, address, delivery.message_id)
        head, agrees = _signatures(parts, own, unsigned)
    except (LookupError, ValueError, TypeError, zlib.error):
        return None
    written = Written(head + unsigned, rendered)
    if proof(unsigned) != own.proof or not agrees:
        return Sent(written, CHANGED)
    return Sent(written, LIKELY if not own.signatures and found.program != program() else "")


def as_page(found: presses.Kept, issue: Issue, settings: Settings, links: Links) -> Page | None:
    """Return the mail of an issue to look at, as it went out last; None where what was kept of it does not suffice.

    It has these `links` in place of those that it had, its pictures within, and whole what had no room in the mail.
    """
    try:
        own = _read(found.made_of)
        parts = _Parts(found, own)
        renderer, _ = _then(parts, settings, limit=sys.maxsize)
        reader = issue.recipient._replace(language=own.language)
        rendered = renderer.render(issue._replace(recipient=reader), links)
    except (LookupError, ValueError, TypeError, zlib.error):
        return None
    # What is an article among the mail of a program is all that a page has (WAI-ARIA 1.2, section 5.3.4).
    html = rendered.html.replace('role="article"', 'role="main"', 1) if rendered.html_parts else ""
    if (logo := renderer.logo) is not None:
        html = with_pictures(html, {logo.cid: f"data:image/{logo.kind};base64,{b64encode(logo.content).decode()}"})
    return Page(own.date, rendered.language, html, rendered.text)


class _Parts(Mapping[str, Kept]):
    """The parts of a message by name, each read when it is asked for: a set has those of many other mails too."""

    def __init__(self, found: presses.Kept, own: _Own) -> None:
        self._written = {**found.parts, **{key: content.encode() for key, content in own.parts.items()}}
        self._read: dict[str, Kept] = {}

    def __getitem__(self, key: str) -> Kept:
        if key not in self._read:
            self._read[key] = kept.read(self._written[key], Quoted)
        return self._read[key]

    def __contains__(self, key: object) -> bool:
        return key in self._written

    def __iter__(self) -> Iterator[str]:
        return iter(self._written)

    def __len__(self) -> int:
        return len(self._written)


def _under_keys_of_then(
    parts: Mapping[str, Kept], own: _Own, writer: LetterWriter, issue: Issue, address: str, message_id: str
) -> tuple[bytes, Rendered]:
    """Return the message whose links are those of then, if one is: secrets and numbers of links change."""
    found: list[tuple[bytes, Rendered]] = []
    now = issue.recipient.links
    for signer in (writer.signer, *writer.signer.older):
        press = _writer(parts, writer, signer)
        for links in range(now, max(-1, now - LINKS_TRIED), -1):
            reader = issue.recipient._replace(email=address, language=own.language, links=links)
            made = press.unsigned(
                issue._replace(recipient=reader), address=address, message_id=message_id, date=own.date
            )
            if proof(made[0]) == own.proof:
                return made
            found.append(made)
    return found[0]


def _read(made_of: str) -> _Own:
    """Return what `Keeper` noted; raises ValueError for anything else."""
    words, *addresses = made_of.split("\n")
    language, moment, size, checksum, signed, *parts = words.split(" ")
    signatures = [one.split(",") for one in signed.split(";")] if signed != "-" else []
    return _Own(
        language,
        datetime.fromtimestamp(int(moment), UTC),
        f"{size} {checksum}",
        tuple((form, int(behind), hashed, value) for form, behind, hashed, value in signatures),
        json.loads(zlib.decompress(b64decode(parts[0]))) if parts else {},
        addresses[0] if addresses else "",
    )


def _writer(parts: Mapping[str, Kept], writer: LetterWriter, signer: Signer) -> LetterWriter:
    """Return what makes messages of these parts, under the settings of then."""
    renderer, settings = _then(parts, writer.settings)
    return LetterWriter(settings, renderer, signer)


def _then(parts: Mapping[str, Kept], now: Settings, *, limit: int = SHOWN) -> tuple[Reprint, Settings]:
    """Return what renders these parts, and the settings of then."""
    words = parts[SETTINGS].words
    settings = _settings(words, now)
    logo = None
    if "logo" in words:
        logo = Logo(b64decode(words["logo"]), words["logo_kind"], int(words["logo_width"]))  # type: ignore[arg-type]
    renderer = Reprint(
        parts,
        settings.newsletter,
        html=words["look"] != "plain",
        logo=logo,
        tidy=to_unicode,
        encode=encode,
        decode=decode,
        limit=limit,
    )
    return renderer, settings


def _settings(words: Mapping[str, str], now: Settings) -> Settings:
    # A setting that is no longer there says nothing to mail either.
    then = {name: value for name, value in json.loads(words["newsletter"]).items() if name in Newsletter.model_fields}
    return now.model_copy(
        update={
            "newsletter": Newsletter.model_validate(then),
            "web": now.web.model_copy(update={"base_url": words["base_url"]}),
            "notices": now.notices.model_copy(update={"from_address": words["notices_address"] or None}),
        }
    )


def _signatures(parts: Mapping[str, Kept], own: _Own, unsigned: bytes) -> tuple[bytes, bool]:
    """Return the fields that stood in front of a message, and whether its body is the one that they were made for."""
    # RFC 5322 section 2.1: an empty line ends the header.
    whole = b64encode(body_hash(unsigned, unsigned.index(b"\r\n\r\n") + 4))
    fields, agrees = [], True
    for form, behind, hashed, value in own.signatures:
        filled = {
            "t": str(int(own.date.timestamp()) + behind).encode(),
            "bh": whole,
            "b": value.encode().replace(FOLDED, FOLD),
        }
        fields += parts[SEAL + form].pieces[0].filled(filled)
        agrees = agrees and whole[:HASHED].decode() == hashed
    return b"".join(fields), agrees
