"""Signs whole messages with DKIM (RFC 6376, 8463), on as many cores as there are; knows nothing of servers.

The body is canonicalised as `simple`: it has no blanks at the ends of lines, so that relays find nothing to change that
`relaxed` would forgive, and looking for such costs more than the signature (docs/decisions/0008-dkim.md).
"""

import asyncio
import base64
import os
import re
from collections.abc import Awaitable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from hashlib import sha256
from types import TracebackType
from typing import Self

import structlog

from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.delivery import dkim_keys
from newsletter.delivery.dkim_keys import Key
from newsletter.delivery.wire import Ready

log = structlog.get_logger()

# RFC 6376 section 5.4: what a reader or a mail program goes by. These are named once more than they occur, so that none
# can be added later (section 8.15).
OVERSIGNED = (
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Id",
    # RFC 8058 section 4 wants both covered.
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
)
# Some relays add a Sender or languages of their own, and none of these can mislead anyone.
SIGNED = (
    "Sender",
    "In-Reply-To",
    "References",
    "Content-Language",
    "List-Help",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
    "Auto-Submitted",
    "Precedence",
    # RFC 9477 section 3.1.4 wants both covered.
    "CFBL-Address",
    "CFBL-Feedback-ID",
)

# RFC 5322 section 2.1.1.
_WIDTH = 78
_BLANKS = re.compile(rb"[ \t]+")
_COVERED = tuple((name, name.lower().encode(), name in OVERSIGNED) for name in (*OVERSIGNED, *SIGNED))


class Seal:
    """Signs messages with one or two keys of a domain.

    A signature of RSA is half a millisecond in which Python can do other things, so it is made by one of `threads`
    threads, by default one a core; one of Ed25519 is made at once. Use it as a context manager, or close it.
    """

    def __init__(self, domain: str, keys: Sequence[Key], clock: Clock, *, threads: int | None = None) -> None:
        if not keys:
            raise ValueError("a seal needs a key")
        self._domain = domain
        self._keys = tuple(keys)
        self._clock = clock
        self._threads: ThreadPoolExecutor | None = None
        if any(key.kind == "rsa" for key in keys):
            self._threads = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="dkim")

    def seal(self, content: bytes) -> bytes | Awaitable[bytes]:
        """Return the whole message with its signatures in front, or what gives it when awaited.

        `content` has CRLF at the ends of all its lines. Raises ValueError if it has no From.
        """
        end = _end_of_head(content)
        names, head = covered(content[:end])
        filled = {b"t": int(self._clock.now().timestamp()), b"bh": base64.b64encode(body_hash(content, end + 2))}
        fields, signed = [], []
        for key in self._keys:
            field, canonical = _template(key.algorithm, self._domain, key.selector, names)
            fields.append(field % filled)
            # RFC 6376 section 3.7: the field itself comes last, with an empty b= and without its line end.
            signed.append(head + canonical % filled)
        if self._threads is None:
            return _sealed(content, fields, self._signatures(signed))
        return self._sealed_elsewhere(content, fields, signed, self._threads)

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> "Seal | None":
        """Return what signs as the settings want it, None where they want no signature.

        Raises SettingsError for a key that cannot be used. What could be better is logged as a warning.
        """
        held = dkim_keys.held(settings)
        if settings.dkim.domain is None or not held:
            return None
        for sentence in dkim_keys.doubts(settings, held):
            log.warning(sentence)
        return cls(settings.dkim.domain, [one.key for one in held], clock)

    def close(self) -> None:
        """End the threads; what is under way is finished."""
        if self._threads is not None:
            self._threads.shutdown(wait=True)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    async def _sealed_elsewhere(
        self, content: bytes, fields: Sequence[bytes], signed: Sequence[bytes], threads: ThreadPoolExecutor
    ) -> bytes:
        made = await asyncio.get_running_loop().run_in_executor(threads, self._signatures, signed)
        return _sealed(content, fields, made)

    def _signatures(self, signed: Sequence[bytes]) -> list[bytes]:
        return [key.sign(data) for key, data in zip(self._keys, signed, strict=True)]


def covered(head: bytes) -> tuple[tuple[str, ...], bytes]:
    """Return the names for h=, and the fields that they select, in relaxed form (RFC 6376 section 3.4.2).

    `head` has the header fields with the CRLF of the last. Raises ValueError if there is no From.
    """
    fields = _relaxed(head)
    names: list[str] = []
    chosen: list[bytes] = []
    for name, key, oversigned in _COVERED:
        found = fields.get(key, ())
        # Section 5.4.2: the last one first.
        for value in reversed(found):
            names.append(name)
            chosen += (key, b":", value, b"\r\n")
        if oversigned:
            names.append(name)
    if b"from" not in fields:
        raise ValueError("a message without From cannot be signed")
    return tuple(names), b"".join(chosen)


def body_hash(content: bytes, start: int) -> bytes:
    """Return the SHA-256 of the body that starts there, in simple form (RFC 6376 section 3.4.3)."""
    end = len(content)
    while end - start >= 4 and content.endswith(b"\r\n\r\n", start, end):
        end -= 2
    if end - start == 2 and content.endswith(b"\r\n", start, end):
        end = start
    # A view, since the body need not be copied for that.
    digest = sha256(memoryview(content)[start:end])
    if not content.endswith(b"\r\n", start, end):
        digest.update(b"\r\n")
    return digest.digest()


def _sealed(content: bytes, fields: Sequence[bytes], signatures: Sequence[bytes]) -> bytes:
    parts: list[bytes] = []
    for field, signature in zip(fields, signatures, strict=True):
        parts += (field, *_folded(base64.b64encode(signature)), b"\r\n")
    whole = b"".join((*parts, content))
    return Ready(whole) if isinstance(content, Ready) else whole


def _end_of_head(content: bytes) -> int:
    """Return where the header ends, after the CRLF of its last field."""
    if content.startswith(b"\r\n"):
        return 0
    found = content.find(b"\r\n\r\n")
    return len(content) if found < 0 else found + 2


def _relaxed(head: bytes) -> dict[bytes, list[bytes]]:
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    if b"  " in unfolded or b"\t" in unfolded:
        unfolded = _BLANKS.sub(b" ", unfolded)
    fields: dict[bytes, list[bytes]] = {}
    for line in unfolded.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            fields.setdefault(name.rstrip(b" ").lower(), []).append(value.strip(b" "))
    return fields


@lru_cache(maxsize=64)
def _template(algorithm: str, domain: str, selector: str, names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Return the field up to its signature, folded, and the same in relaxed form, with places for t and bh."""
    # No x=: a signature is proof of where mail came from, and mailboxes check it again after years. No l=: what is
    # appended must not pass (RFC 6376 section 8.2).
    tags = [f"a={algorithm};", "c=relaxed/simple;", f"d={domain};", f"s={selector};", f"t={'0' * 10};"]
    covered_names = [f"{name}:" for name in names[:-1]] + [f"{names[-1]};"]
    lines = [*_lines("DKIM-Signature: v=1;", tags, " "), *_lines("h=", covered_names, "")]
    text = "\r\n ".join([*lines, "bh=%(bh)s;", "b="]).replace(f"t={'0' * 10};", "t=%(t)d;").encode()
    value = text.partition(b":")[2].replace(b"\r\n ", b" ").strip(b" ")
    return text, b"dkim-signature:" + value


def _lines(line: str, words: Sequence[str], glue: str) -> Iterator[str]:
    """Add words to a line, and begin another where it is full."""
    for word in words:
        longer = f"{line}{glue}{word}"
        if len(longer) >= _WIDTH:
            yield line
            line = word
        else:
            line = longer
    yield line


def _folded(value: bytes) -> Iterator[bytes]:
    """Fold what follows `b=`; blanks within it count for nothing (RFC 6376 section 3.2)."""
    room = _WIDTH - len(" b=")
    yield value[:room]
    for start in range(room, len(value), _WIDTH - 1):
        yield b"\r\n "
        yield value[start : start + _WIDTH - 1]
