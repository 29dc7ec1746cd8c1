"""Notifications and events of Amazon SES, as SNS brings them: bounces and complaints are read; checks no signature.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html, event-publishing-retrieving-sns-contents.html.
"""

from typing import Any

from newsletter.delivery.bounces import ses
from newsletter.delivery.hooks import event as read
from newsletter.delivery.hooks.event import Event, Kind, RefusedError

SOURCE = "ses"

# SES itself has the address on a list of those that bounced.
_LISTED = frozenset({"Suppressed", "OnAccountSuppressionList", "NoEmail"})


def events(message: bytes) -> list[Event]:
    """Return what a message reports, which may be nothing; raises RefusedError where it is no object of JSON."""
    notice = read.decoded(message)
    if not isinstance(notice, dict):
        raise RefusedError("This is no notification of SES.")
    mail = read.table(notice, "mail")
    name = next((one for one in ("bounce", "complaint") if read.table(notice, one)), "")
    told = read.table(notice, name)
    found = []
    for bounce in ses.told({name: told}) if name else ():
        if not bounce.counts:
            continue
        found.append(
            Event(
                SOURCE,
                f"{read.words(told, 'feedbackId') or read.words(mail, 'messageId')} {bounce.address}",
                _kind(bounce.kind, told),
                bounce.address,
                at=read.moment(told, "timestamp"),
                status=bounce.status,
                reason=bounce.reason,
                message_id=_message_id(mail),
                return_path=read.address(mail, "source"),
                relay_id=read.relay_id(read.words(mail, "messageId")),
            )
        )
    return found


def _kind(judged: Kind, told: dict[str, Any]) -> Kind:
    """Return what the words of the report say, unless SES knows better how lasting it is."""
    if judged == "complaint":
        return judged
    if told.get("bounceType") != "Permanent":
        return "soft"
    return "hard" if told.get("bounceSubType") in _LISTED else judged


def _message_id(mail: dict[str, Any]) -> str:
    """Return the Message-ID that the mail was handed over with: SES sends it on with one of its own."""
    for header in read.rows(mail.get("headers")):
        if read.words(header, "name").lower() == "message-id":
            return read.message_id(header, "value")
    return read.message_id(read.table(mail, "commonHeaders"), "messageId")
