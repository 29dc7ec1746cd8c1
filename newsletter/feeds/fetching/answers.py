"""What a server answered, and what its headers say about asking again; does no I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from newsletter.errors import FeedError

# Nobody is obeyed who asks for silence beyond it: it would be a way to be rid of a reader by one wrong answer.
LONGEST_WAIT = timedelta(days=7)
# A server that has enough of us and does not say for how long is left alone for this time.
UNNAMED_WAIT = timedelta(minutes=1)
_SECONDS = re.compile(r"[0-9]{1,18}")
_DIRECTIVE = re.compile(r'\s*([A-Za-z0-9_-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^,;\s]*))?\s*')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


class PausedError(FeedError):
    """The host asked for silence, so it was not asked; `until` is when it may be."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class UnansweredError(FeedError):
    """The server could not be reached, or was silent for too long."""


class SilentError(FeedError):
    """The server did not answer a moment ago, so it was not asked; `until` is when it is tried again."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered to one question, after redirects.

    `url` is the address that gave it, `headers` have names in lower case, `data` is unpacked; it is there for 200, and
    for 400 as far as it is short. `moved_to` is `url` where all redirects were permanent, else empty. `wait_until` is
    until when the server wants to be left alone.
    """

    url: str
    status: int
    reason: str
    headers: Mapping[str, str]
    data: bytes = b""
    moved_to: str = ""
    wait_until: datetime | None = None

    @property
    def words(self) -> str:
        """The status as people read it."""
        return f"{self.status} {self.reason}".strip()


def shown(location: str) -> str:
    """Return an address without what may be secret in it: user, password, query."""
    try:
        parts = urlsplit(location)
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        return "an address that cannot be read"


def server_of(location: str) -> str:
    """Return how the server of an address is called: its host, with the port where that is not the usual one."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return host if port in (None, 80 if parts.scheme == "http" else 443) else f"{host}:{port}"


def wait_until(status: int, headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return until when a server wants to be left alone, at most LONGEST_WAIT from now, or None.

    Retry-After (RFC 9110 section 10.2.3) counts for 429 and 503; the RateLimit fields
    (draft-ietf-httpapi-ratelimit-headers, the older forms of several fields too) where nothing remains.
    """
    waits = [_nothing_remains(headers)]
    if status in (429, 503):
        # A date is one of the server's own clock, which may differ from ours.
        waits.append(_retry_after(headers.get("retry-after", ""), moment(headers.get("date", "")) or now))
    if status == 429:
        waits.append(None if any(wait and wait > timedelta(0) for wait in waits) else UNNAMED_WAIT)
    longest = max((wait for wait in waits if wait is not None), default=timedelta(0))
    return now + min(longest, LONGEST_WAIT) if longest > timedelta(0) else None


def fresh_for(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long an answer stays fresh by max-age, else by Expires (RFC 9111 section 4.2.1), or None."""
    directives = _directives(headers.get("cache-control", ""), ",")
    if "no-store" in directives or "no-cache" in directives:
        return None
    age = _span(headers.get("age", "0").strip()) or timedelta(0)
    if (lifetime := _span(directives.get("max-age", ""))) is not None:
        return max(timedelta(0), lifetime - age)
    expires = moment(headers.get("expires", ""))
    if expires is None:
        return None
    # By the server's own clock, which may differ from ours.
    return max(timedelta(0), expires - (moment(headers.get("date", "")) or now))


def moment(text: str) -> datetime | None:
    """Return a date of HTTP (RFC 9110 section 5.6.7) in UTC, or None where it is none."""
    try:
        found = parsedate_to_datetime(text.strip()[:100])
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _retry_after(text: str, now: datetime) -> timedelta | None:
    if (seconds := _span(text.strip())) is not None:
        return seconds
    until = moment(text)
    return None if until is None else until - now


def _nothing_remains(headers: Mapping[str, str]) -> timedelta | None:
    """Return after how long there is quota again, where there is none now."""
    waits = []
    # Until its version 06 the draft had a field for each; in version 07 `limit=9, remaining=0, reset=5` stand in one.
    if headers.get("ratelimit-remaining", "").strip() == "0":
        waits.append(_span(headers.get("ratelimit-reset", "").split(";")[0].strip()))
    fields = headers.get("ratelimit", "")
    together = _directives(fields, ",")
    if together.get("remaining") == "0":
        waits.append(_span(together.get("reset", "")))
    # Since version 08: `"policy";r=0;t=5`, several policies with commas between.
    for policy in _STRING.sub("policy", fields).split(","):
        parameters = _directives(policy, ";")
        if parameters.get("r") == "0":
            waits.append(_span(parameters.get("t", "")))
    return max((wait for wait in waits if wait is not None), default=None)


def _directives(text: str, separator: str) -> dict[str, str]:
    """Return what a list of `name=value` says; the first of one name counts."""
    found: dict[str, str] = {}
    for part in text[:2000].split(separator):
        if match := _DIRECTIVE.fullmatch(part):
            found.setdefault(match[1].lower(), (match[2] or "").strip('"'))
    return found


def _span(text: str) -> timedelta | None:
    return timedelta(seconds=min(int(text), 10**9)) if _SECONDS.fullmatch(text) else None
