"""What messages are made of, noted while they are made: the record keeps it with the first word of their sending.

Readers share nearly all of a message. These parts are kept once for all, and of a message which set they are of, and
what is its own: language, Date, a proof of its bytes, its signature. `reprint` puts it together again.
"""

import json
import secrets
import zlib
from base64 import b64encode
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import newsletter
from newsletter.models import Issue, Recipient
from newsletter.pipeline.letter import LetterWriter
from newsletter.rendering import Rendered, kept
from newsletter.rendering.kept import Part
from newsletter.rendering.slots import Pieces
from newsletter.store.presses import Begun, New, Own, digest

# All of a message up to here goes into its proof, so its header does, and of what follows every so many'th octet, which
# sees what moves by one: to take in all of it would be an eighth of what a message costs. A prime, since most lines are
# of one length. Where a message is signed, the hash of its whole body is known as well.
HEAD = 1024
STRIDE = 251

# Of the body's hash in a signature: 48 bits.
HASHED = 8
# Where a signature was folded.
FOLD, FOLDED = b"\r\n ", b"|"

# A set that has more parts is closed, so that no run keeps more in memory, however long it is.
MOST = 4096

# 6 takes twice as long for a fiftieth less.
LEVEL = 3

SETTINGS, SEAL = "settings", "seal "
_FIELD = b"DKIM-Signature:"
_MADE_BY = ("rendering", "delivery", "pipeline/letter.py", "pipeline/reader_links.py", "tokens.py")


@dataclass(frozen=True, eq=False)
class Fixed:
    """A part that stands in no body: words, or a field with places."""

    key: str
    words: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[Pieces, ...] = ()


class News(NamedTuple):
    """What is to be put on record before messages that are made of it."""

    begun: Sequence[Begun]
    new: Sequence[New]


@dataclass
class _Press:
    """One set: what it has by key, and the very parts, by which it is seen at a glance that it has them."""

    id: int
    digests: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    at_hand: set[Part] = field(default_factory=set)
    forms: dict[bytes, str] = field(default_factory=dict)

    def have(self, part: Part, key: str, found: bytes) -> None:
        """Take a part in, in place of one of that key that has the same content."""
        self.at_hand.discard(self.parts.get(key, part))
        self.at_hand.add(part)
        self.parts[key], self.digests[key] = part, found


class Keeper:
    """Makes messages as `writer` does, and notes what they are made of until the record has it."""

    def __init__(self, writer: LetterWriter) -> None:
        self._writer = writer
        # A part of one name is another one in each look.
        self._presses: dict[str, _Press] = {}
        self._begun: list[Begun] = []
        self._new: list[New] = []
        self._made: dict[int, Own] = {}

    def content(
        self, delivery_id: int, issue: Issue, *, address: str, message_id: str, date: datetime
    ) -> bytes | Awaitable[bytes]:
        """Return the message of a delivery, now or when awaited."""
        unsigned, rendered = self._writer.unsigned(issue, address=address, message_id=message_id, date=date)
        press = self._presses.get(self._writer.look(issue.recipient))
        if press is None or not press.at_hand.issuperset(rendered.shared):
            press = self._take(issue.recipient, rendered.shared, date)
        moment = int(date.timestamp())
        words = f"{rendered.language} {moment} {proof(unsigned)} "
        own = f" {_own(rendered)}" if rendered.own else ""
        sealed = self._writer.sealed(unsigned)
        if not isinstance(sealed, bytes):
            return self._once_sealed(delivery_id, sealed, len(unsigned), press, words, moment, own)
        if len(sealed) == len(unsigned):
            self._made[delivery_id] = press.id, f"{words}-{own}"
        else:
            self._note(delivery_id, sealed[: -len(unsigned)], press, words, moment, own)
        return sealed

    def made(self, ids: Iterable[int]) -> Mapping[int, Own]:
        """Return of what these messages were made, and keep it no longer."""
        return {number: self._made.pop(number) for number in ids if number in self._made}

    def forget(self, delivery_id: int) -> None:
        """Let go of what is known of a message that will not be sent."""
        self._made.pop(delivery_id, None)

    def news(self) -> News | None:
        """Return what came since it was asked last, if anything did."""
        if not self._new and not self._begun:
            return None
        found = News(self._begun, self._new)
        self._begun, self._new = [], []
        return found

    async def _once_sealed(
        self, delivery_id: int, sealing: Awaitable[bytes], size: int, press: _Press, words: str, moment: int, own: str
    ) -> bytes:
        sealed = await sealing
        self._note(delivery_id, sealed[:-size], press, words, moment, own)
        return sealed

    def _note(self, delivery_id: int, fields: bytes, press: _Press, words: str, moment: int, own: str) -> None:
        signed = []
        for one in fields.split(_FIELD)[1:]:
            form, told = apart(one, moment)
            name = press.forms.get(form)
            if name is None:
                name = press.forms[form] = str(len(press.forms))
                self._put(press, seal(name, form))
            signed.append(f"{name},{told}")
        self._made[delivery_id] = press.id, f"{words}{';'.join(signed)}{own}"

    def _take(self, reader: Recipient, parts: Sequence[Part], now: datetime) -> _Press:
        """Return a set that has these parts: the one at hand with what it lacks, or a new one."""
        press = self._presses.get(self._writer.look(reader))
        if press is None or len(press.digests) > MOST:
            press = self._begin(reader, now)
        for part in parts:
            if part in press.at_hand:
                continue
            key = part.key
            before = press.digests.get(key)
            if before is None:
                self._put(press, part)
                continue
            found = digest(kept.written(part))
            if found == before:
                press.have(part, key, found)
            else:
                # A paper changed since, or a note: of what was made before, it stays as it was.
                press = self._begin(reader, now, press, but=key)
                self._put(press, part)
        return press

    def _begin(self, reader: Recipient, now: datetime, before: _Press | None = None, but: str = "") -> _Press:
        """Begin a set, with all that another has `but` one part and signatures, whose numbers are each set's own."""
        press = self._presses[self._writer.look(reader)] = _Press(secrets.randbits(52))
        self._begun.append(Begun(press.id, now, program()))
        if before is None:
            self._put(press, settings_part(self._writer, reader))
            return press
        for key, found in before.digests.items():
            if key != but and not key.startswith(SEAL):
                self._new.append(New(press.id, key, found, None))
                press.have(before.parts[key], key, found)
        return press

    def _put(self, press: _Press, part: Part) -> None:
        content = kept.written(part)
        found = digest(content)
        self._new.append(New(press.id, part.key, found, zlib.compress(content, LEVEL)))
        press.have(part, part.key, found)


def proof(content: bytes) -> str:
    """Return by what it is seen that a message was put together as it was: its length, and a checksum."""
    return f"{len(content)} {zlib.crc32(content[HEAD::STRIDE], zlib.crc32(content[:HEAD]))}"


def apart(signature: bytes, moment: int) -> tuple[bytes, str]:
    """Return what signatures of one kind share, with gaps, and what is the own of one, behind the name of the field.

    `moment` is that of the Date. Its own are the seconds from then on (t=), the beginning of its bh=, and its b=.
    """
    before, _, rest = signature.partition(b" t=")
    at, _, rest = rest.partition(b";")
    between, _, rest = rest.partition(b"bh=")
    body, _, rest = rest.partition(b";")
    lead, _, own = rest.partition(b"b=")
    form = b"\x00".join((before, between, lead))
    return form, f"{int(at) - moment},{body[:HASHED].decode()},{own.strip().replace(FOLD, FOLDED).decode()}"


def seal(name: str, form: bytes) -> Fixed:
    """Return the part that has what signatures of one kind share."""
    before, between, lead = form.split(b"\x00")
    # RFC 6376 section 3.5.
    parts = (_FIELD + before + b" t=", b";" + between + b"bh=", b";" + lead + b"b=", b"\r\n")
    return Fixed(SEAL + name, pieces=(Pieces(parts, ("t", "bh", "b")),))


def settings_part(writer: LetterWriter, reader: Recipient) -> Fixed:
    """Return the part that has what mails in the look of a reader take from the settings beside their templates."""
    settings, logo = writer.settings, writer.dress(reader).renderer.logo
    words = {
        "newsletter": settings.newsletter.model_dump_json(),
        "base_url": settings.web.base_url,
        "notices_address": settings.notices.from_address or "",
        "look": writer.look(reader),
    }
    if logo is not None:
        words |= {"logo": b64encode(logo.content).decode(), "logo_kind": logo.kind, "logo_width": str(logo.width)}
    return Fixed(SETTINGS, words)


@lru_cache(maxsize=1)
def program() -> str:
    """Return a digest of the code and the words that make mail: where it is the same, so is what is made."""
    made = blake2b(digest_size=16)
    root = Path(newsletter.__file__).parent
    for name in _MADE_BY:
        found = [root / name] if name.endswith(".py") else sorted((root / name).rglob("*.p[oy]"))
        for file in found:
            made.update(file.read_bytes())
    return made.hexdigest()


def _own(rendered: Rendered) -> str:
    """Return the parts that are one reader's alone, as text without blanks."""
    parts = {part.key: kept.written(part).decode() for part in rendered.own}
    return b64encode(zlib.compress(json.dumps(parts, ensure_ascii=False).encode(), 9)).decode()
