"""Notifications of Amazon SES in JSON, as its queues forward them by mail; fetches nothing."""

import json
from collections.abc import Iterator
from typing import Any

from newsletter.delivery.bounces import kind
from newsletter.delivery.bounces.address import find
from newsletter.delivery.bounces.bounce import Bounce, in_one_line
from newsletter.delivery.bounces.mime import Mail

_LARGEST = 256 * 1024
_DEEPEST = 3
_MOST = 100


def notified(mail: Mail) -> list[Bounce]:
    """Return what a notification in JSON says of each address, or nothing where a mail holds none."""
    for part in mail.parts[:4]:
        text = part.text.strip()
        if text.startswith("{") and len(text) <= _LARGEST and "ecipients" in text:
            return list(told(_object(text)))[:_MOST]
    return []


def _object(text: str) -> dict[str, Any]:
    # A footer may follow the object.
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def told(notice: dict[str, Any], depth: int = _DEEPEST) -> Iterator[Bounce]:
    """Give what a notification says of each address; one may stand in another as its text."""
    message = notice.get("Message")
    if isinstance(message, str) and depth:
        yield from told(_object(message), depth - 1)
        return
    bounce, complaint = notice.get("bounce"), notice.get("complaint")
    if isinstance(bounce, dict):
        for entry in _entries(bounce.get("bouncedRecipients")):
            said = str(entry.get("diagnosticCode") or "")
            words = said or f"{bounce.get('bounceType', '')} {bounce.get('bounceSubType', '')}".strip()
            code = kind.status(str(entry.get("status") or ""), said)
            verdict = kind.judge(code, said)
            for one in find(str(entry.get("emailAddress") or "")[:500])[:1]:
                yield Bounce(one, verdict, code, in_one_line(words))
    elif isinstance(complaint, dict):
        feedback = str(complaint.get("complaintFeedbackType") or "abuse")[:40].lower()
        for entry in _entries(complaint.get("complainedRecipients")):
            for one in find(str(entry.get("emailAddress") or "")[:500])[:1]:
                yield Bounce(one, "complaint", reason=in_one_line(feedback), feedback=feedback)


def _entries(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
