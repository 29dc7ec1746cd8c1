"""What a relay reports of one mail, and how its fields are read; does no I/O."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from newsletter.delivery import policy
from newsletter.delivery.bounces.address import of_field
from newsletter.delivery.bounces.bounce import in_one_line
from newsletter.errors import NewsletterError

Kind = Literal["hard", "soft", "complaint", "unsubscribe"]

# SendGrid sends batches of up to 768 kB; nobody else comes near it.
LARGEST = 1_000_000
MOST = 5_000

_MESSAGE_ID = re.compile(r"<?([!-;=?A-~]{1,250}@[!-;=?A-~]{1,250})>?")
_RELAY_ID = re.compile(r"[A-Za-z0-9_+=-][A-Za-z0-9_.+=-]{9,199}")


class RefusedError(NewsletterError):
    """A request that is not from whom it says, or that cannot be read; `status` is that of the answer (RFC 9110)."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Event:
    """What a relay says happened to one mail.

    `id` is the relay's name for the event, and equal each time that it is told. `at` is when it happened, if that was
    told. `status` is a code of RFC 3463 or empty. `message_id` is the Message-ID that the mail was handed over with, in
    angle brackets, `return_path` its envelope's sender, and `relay_id` the relay's own name for the mail; each is empty
    where it is not told.
    """

    source: str
    id: str
    kind: Kind
    recipient: str
    at: datetime | None = None
    status: str = ""
    reason: str = ""
    message_id: str = ""
    return_path: str = ""
    relay_id: str = ""


def decoded(body: bytes) -> Any:
    """Return the JSON of a body; raises RefusedError."""
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RefusedError("The body is not JSON.") from error


def table(value: Any, name: str = "") -> dict[str, Any]:
    """Return an object of JSON, or the one that stands in it under a name; empty where there is none."""
    found = value.get(name) if name and isinstance(value, dict) else value
    return found if isinstance(found, dict) else {}


def rows(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list of JSON."""
    return [one for one in value[:MOST] if isinstance(one, dict)] if isinstance(value, list) else []


def words(value: Any, name: str) -> str:
    """Return a text, or a number as text, that stands in an object under a name, in one printable line."""
    found = value.get(name) if isinstance(value, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    # A number of thousands of digits is none that anyone writes, and Python refuses to spell it.
    return in_one_line(found if isinstance(found, str) else str(found) if abs(found) < 10**30 else "")


def address(value: Any, name: str) -> str:
    """Return the address that stands in an object under a name, or an empty text."""
    # RFC 6533 section 3: of any alphabet.
    return of_field(f"utf-8; {words(value, name)}")


def message_id(value: Any, name: str) -> str:
    """Return the Message-ID that stands in an object under a name, in angle brackets, or an empty text."""
    found = _MESSAGE_ID.fullmatch(words(value, name))
    return f"<{found[1]}>" if found else ""


def relay_id(text: str) -> str:
    """Return a relay's own name for a mail where it is long enough that it stands by chance nowhere else."""
    return text if _RELAY_ID.fullmatch(text) else ""


def moment(value: Any, name: str) -> datetime | None:
    """Return the time that stands in an object under a name, by RFC 3339 or in seconds since 1970; None for none."""
    text = words(value, name)
    try:
        if re.fullmatch(r"[0-9]{1,10}", text):
            found = datetime.fromtimestamp(int(text), UTC)
        else:
            found = datetime.fromisoformat(text)
            found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # Nearer to the ends of the calendar there is no day before and none after.
    return found if 1990 <= found.year < 2200 else None


def about_us(held: str, status: str, said: str) -> tuple[str, str]:
    """Return a code and words of what the relay itself says is about the sender, so that it is held against no reader.

    `held` are words of ours that policy knows; the server's stand behind them, unless they speak of the reader.
    """
    reason = f"{held}: {said}" if said else held
    return (status, reason) if policy.weigh("soft", status, reason) == "nothing" else ("", held)
