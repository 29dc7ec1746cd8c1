"""Webhooks of Postmark (postmarkapp.com/developer/webhooks): bounces, spam complaints, changes of subscription."""

from collections.abc import Sequence
from typing import Any

from newsletter.delivery.bounces import kind
from newsletter.delivery.hooks import event as read
from newsletter.delivery.hooks import proofs
from newsletter.delivery.hooks.event import Event, Kind, RefusedError

SOURCE = "postmark"
PASSWORD = "x-newsletter-password"  # noqa: S105 - the name of a header

# What a type of bounce says. All that stand in neither table are no failure of a mail: Transient (a warning that it
# takes long), AutoResponder, Subscribe, Unconfirmed, ManuallyDeactivated and so on.
_TYPES: dict[str, Kind] = {
    "HardBounce": "hard",
    "BadEmailAddress": "hard",
    "AddressChange": "soft",
    "SoftBounce": "soft",
    "DnsError": "soft",
    "Unknown": "soft",
    "SpamComplaint": "complaint",
    "Unsubscribe": "unsubscribe",
}
_ABOUT_US = {
    "SpamNotification": "Refused as spam",
    "VirusNotification": "Refused as a virus",
    "Blocked": "Blocked",
    "DMARCPolicy": "Refused by the policy of DMARC",
}
_REASONS: dict[str, Kind] = {"HardBounce": "hard", "SpamComplaint": "complaint", "ManualSuppression": "unsubscribe"}


def check(headers: proofs.Headers, secrets: Sequence[bytes]) -> None:
    """Pass a request with the password; raises RefusedError."""
    proofs.password(headers, secrets, header=PASSWORD)


def events(body: bytes) -> list[Event]:
    """Return what a body reports, which may be nothing; raises RefusedError where it is none of Postmark's."""
    value = read.decoded(body)
    record = read.words(value, "RecordType")
    if not record:
        raise RefusedError("This has no RecordType.")
    if record in ("Bounce", "SpamComplaint"):
        return _bounce(value, "SpamComplaint" if record == "SpamComplaint" else read.words(value, "Type"))
    if record == "SubscriptionChange":
        return _change(value)
    # Delivery, Open, Click, SMTPApiError.
    return []


def _bounce(value: Any, type_: str) -> list[Event]:
    held, name, recipient = _TYPES.get(type_), read.words(value, "ID"), read.address(value, "Email")
    if (held is None and type_ not in _ABOUT_US) or not recipient:
        return []
    if not name:
        raise RefusedError("This has no ID.")
    said = read.words(value, "Details")
    status, reason = kind.status("", said), said or read.words(value, "Description")
    if held is None:
        held = "soft"
        status, reason = read.about_us(_ABOUT_US[type_], status, said)
    elif held == "hard" and status and kind.judge(status, said) == "soft":
        # A code that speaks of another subject than the address weighs more than the type.
        held = "soft"
    return [
        Event(
            SOURCE,
            f"{type_} {name}",
            held,
            recipient,
            at=read.moment(value, "BouncedAt"),
            status=status,
            reason=reason,
            relay_id=read.relay_id(read.words(value, "MessageID")),
        )
    ]


def _change(value: Any) -> list[Event]:
    held, recipient = _REASONS.get(read.words(value, "SuppressionReason")), read.address(value, "Recipient")
    # Who was taken back at the relay did not ask this newsletter for anything, and whom its operator or its staff took
    # out by hand did not ask to leave.
    by_hand = held == "unsubscribe" and read.words(value, "Origin") != "Recipient"
    if value.get("SuppressSending") is not True or held is None or by_hand or not recipient:
        return []
    relay, changed = read.words(value, "MessageID"), read.words(value, "ChangedAt")
    return [
        Event(
            SOURCE,
            f"SubscriptionChange {relay} {changed} {recipient}",
            held,
            recipient,
            at=read.moment(value, "ChangedAt"),
            reason="Suppressed by Postmark" if held == "hard" else "",
            relay_id=read.relay_id(relay),
        )
    ]
