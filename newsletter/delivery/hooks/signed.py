"""Reports in this program's own form, for relays that it does not know: docs/webhooks.md gives it to people."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from newsletter.delivery.bounces.kind import STATUS
from newsletter.delivery.hooks import event as read
from newsletter.delivery.hooks import proofs
from newsletter.delivery.hooks.event import Event, Kind, RefusedError

SOURCE = "signed"
STAMP = "newsletter-timestamp"
SIGNATURE = "newsletter-signature"
# Whoever catches a request cannot send it again later.
WINDOW = timedelta(minutes=5)

_KINDS = {"hard", "soft", "complaint", "unsubscribe"}


def check(headers: proofs.Headers, body: bytes, secrets: Sequence[bytes], now: datetime) -> None:
    """Pass a request that is signed with one of the secrets, and new; raises RefusedError."""
    stamp = headers.get(STAMP, "")
    proofs.stamped(stamp, now, past=WINDOW, ahead=WINDOW)
    proofs.keyed(secrets, stamp, headers.get(SIGNATURE, ""), body)


def events(body: bytes) -> list[Event]:
    """Return what a body reports; raises RefusedError where it is none of the form."""
    value = read.decoded(body)
    return list(_events(value if isinstance(value, list) else [value]))


def _events(values: list[Any]) -> Iterator[Event]:
    if len(values) > read.MOST:
        raise RefusedError(f"There are more than {read.MOST:,} events.", 413)
    for number, value in enumerate(values, 1):
        kind, name = read.words(value, "event"), read.words(value, "id")
        if kind not in _KINDS or not name:
            raise RefusedError(f"Event {number} needs an id, and as event one of {', '.join(sorted(_KINDS))}.")
        one = Event(
            source=SOURCE,
            id=name,
            kind=cast("Kind", kind),
            recipient=read.address(value, "recipient"),
            at=read.moment(value, "at"),
            status=read.words(value, "status") if STATUS.fullmatch(read.words(value, "status")) else "",
            reason=read.words(value, "reason"),
            message_id=read.message_id(value, "message_id"),
            return_path=read.address(value, "return_path"),
            relay_id=read.relay_id(read.words(value, "relay_id")),
        )
        if not (one.recipient or one.return_path):
            raise RefusedError(f"Event {number} needs a recipient or a return_path.")
        yield one
