"""Writes what comes back to a return path, as mail servers and people's programs write it; sends nothing."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import NamedTuple

HOST = "catcher.example"


class Taken(NamedTuple):
    """A message that was taken, with its envelope."""

    sender: str
    recipient: str
    content: bytes


def bounce(taken: Taken, status: str, words: str, now: datetime) -> bytes:
    """Return a report that a message could not be delivered after all (RFC 3464)."""
    code = 550 if status.startswith("5") else 450
    fields = (
        f"Reporting-MTA: dns; {HOST}\r\nArrival-Date: {format_datetime(now)}\r\n\r\n"
        f"Final-Recipient: {_typed(taken.recipient)}\r\nAction: failed\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {code} {status} {words}\r\n"
    )
    text = f"Your message could not be delivered.\r\n\r\n<{taken.recipient}>: {code} {status} {words}\r\n"
    head = taken.content.partition(b"\r\n\r\n")[0] + b"\r\n"
    parts = (
        ("text/plain; charset=utf-8", text.encode()),
        ("message/delivery-status", fields.encode()),
        ("text/rfc822-headers", _with_return_path(taken, head)),
    )
    return _report(taken.sender, f"Mail Delivery System <MAILER-DAEMON@{HOST}>", "delivery-status", parts, now)


def complaint(taken: Taken, now: datetime) -> bytes:
    """Return a report that a reader called a message unwanted (RFC 5965), as it comes to the sender's abuse address."""
    fields = (
        f"Feedback-Type: abuse\r\nUser-Agent: {HOST}/1\r\nVersion: 1\r\n"
        f"Original-Mail-From: <{taken.sender}>\r\nOriginal-Rcpt-To: <{taken.recipient}>\r\n"
        f"Arrival-Date: {format_datetime(now)}\r\n"
    )
    parts = (
        ("text/plain; charset=utf-8", b"This is a report about a mail that a reader called unwanted.\r\n"),
        ("message/feedback-report", fields.encode()),
        ("message/rfc822", _with_return_path(taken, taken.content)),
    )
    to = f"abuse@{taken.sender.rpartition('@')[2]}"
    return _report(to, f"Feedback <feedback@{HOST}>", "feedback-report", parts, now)


def away(taken: Taken, now: datetime) -> bytes:
    """Return what a machine answers for someone who is away (RFC 3834)."""
    head = _head(taken.sender, taken.recipient, "Away until Monday", now)
    body = b"Auto-Submitted: auto-replied\r\nContent-Type: text/plain\r\n\r\nI am away until Monday.\r\n"
    return head + body


def _report(to: str, sender: str, kind: str, parts: Sequence[tuple[str, bytes]], now: datetime) -> bytes:
    boundary = secrets.token_hex(16)
    subject = "Undelivered mail returned to sender" if kind == "delivery-status" else "A reader's complaint"
    written = [
        _head(to, sender, subject, now),
        b"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
        f'Content-Type: multipart/report; report-type={kind};\r\n boundary="{boundary}"\r\n\r\n'.encode(),
    ]
    for form, content in parts:
        written.append(f"--{boundary}\r\nContent-Type: {form}\r\n".encode())
        if not content.isascii():
            written.append(b"Content-Transfer-Encoding: 8bit\r\n")
        written.append(b"\r\n" + content + b"\r\n")
    written.append(f"--{boundary}--\r\n".encode())
    return b"".join(written)


def _head(to: str, sender: str, subject: str, now: datetime) -> bytes:
    # RFC 3464 section 2: the return path of a report is empty, so that none is ever answered by another.
    return (
        f"Return-Path: <>\r\nDelivered-To: {to}\r\nDate: {format_datetime(now)}\r\nFrom: {sender}\r\nTo: {to}\r\n"
        f"Subject: {subject}\r\nMessage-ID: <{secrets.token_hex(12)}@{HOST}>\r\n"
    ).encode()


def _typed(recipient: str) -> str:
    # RFC 6533 section 3: an international address has a type of its own.
    return f"{'rfc822' if recipient.isascii() else 'utf-8'}; {recipient}"


def _with_return_path(taken: Taken, content: bytes) -> bytes:
    # RFC 5321 section 4.4: whoever delivers notes the return path in the message.
    return f"Return-Path: <{taken.sender}>\r\n".encode() + content
