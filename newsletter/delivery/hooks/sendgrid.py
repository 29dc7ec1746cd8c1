"""The signed event webhook of SendGrid: a list of events, of which those count that tell of mail that failed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from newsletter.delivery.bounces import kind
from newsletter.delivery.hooks import event as read
from newsletter.delivery.hooks import proofs
from newsletter.delivery.hooks.event import Event, Kind, RefusedError

SOURCE = "sendgrid"
STAMP = "x-twilio-email-event-webhook-timestamp"
SIGNATURE = "x-twilio-email-event-webhook-signature"
# What is not taken is sent again for 24 hours.
OLDEST = timedelta(hours=25)
AHEAD = timedelta(minutes=5)

# What its own classification says is about the sender: with these words before the server's, policy sees it too.
_ABOUT_US = {
    "reputation": "Refused for reputation",
    "content": "Refused for its content",
    "frequency or volume too high": "Refused by a rate limit",
}
# Why mail was dropped before it left: what SendGrid has on its own lists.
_DROPPED: dict[str, Kind] = {
    "bounced address": "hard",
    "invalid": "hard",
    "spam reporting address": "complaint",
    "unsubscribed address": "unsubscribe",
}
_SAID: dict[str, Kind] = {
    "spamreport": "complaint",
    "unsubscribe": "unsubscribe",
    "group_unsubscribe": "unsubscribe",
}


def check(headers: proofs.Headers, body: bytes, keys: Sequence[EllipticCurvePublicKey], now: datetime) -> None:
    """Pass a request that is signed under one of the keys, and not too old; raises RefusedError."""
    stamp = headers.get(STAMP, "")
    proofs.stamped(stamp, now, past=OLDEST, ahead=AHEAD)
    proofs.curve_signed(keys, headers.get(SIGNATURE, ""), stamp.encode() + body)


def events(body: bytes) -> list[Event]:
    """Return what a body reports, which may be nothing; raises RefusedError where it is no list of events."""
    value = read.decoded(body)
    if not isinstance(value, list):
        raise RefusedError("This is no list of events.")
    if len(value) > read.MOST:
        raise RefusedError(f"There are more than {read.MOST:,} events.", 413)
    return [found for one in read.rows(value) if (found := _event(one)) is not None]


def _event(value: dict[str, Any]) -> Event | None:
    name, recipient = read.words(value, "sg_event_id"), read.address(value, "email")
    said = read.words(value, "reason") or read.words(value, "response")
    held = _held(value, said)
    if held is None or not name or not recipient:
        return None
    status, reason = "", said
    if read.words(value, "event") == "bounce":
        status = kind.status(read.words(value, "status"), said)
        if about_us := _ABOUT_US.get(_class(value)):
            status, reason = read.about_us(about_us, status, said)
    message_id = read.message_id(value, "smtp-id")
    return Event(
        SOURCE,
        name,
        held,
        recipient,
        at=read.moment(value, "timestamp"),
        status=status,
        reason=reason,
        # One that SendGrid made itself says nothing: the mail had none, or lost it.
        message_id="" if "ismtpd" in message_id else message_id,
        # Their name for a mail is what stands in the answer to DATA, then what grows on it inside.
        relay_id=read.relay_id(read.words(value, "sg_message_id").partition(".")[0]),
    )


def _held(value: dict[str, Any], said: str) -> Kind | None:
    event = read.words(value, "event")
    if event == "dropped":
        return _DROPPED.get(said.lower())
    if event != "bounce":
        return _SAID.get(event)
    classified, status = _class(value), kind.status(read.words(value, "status"), said)
    if classified in _ABOUT_US or read.words(value, "type") == "blocked":
        return "soft"
    dead = classified == "invalid address" and not status.startswith(("4.", "5.7."))
    return "hard" if dead else kind.judge(status, said)


def _class(value: dict[str, Any]) -> str:
    return read.words(value, "bounce_classification").lower()
