"""Complaints of readers: the feedback reports of RFC 5965, and the older forms that providers still send."""

import re

from newsletter.delivery.bounces import address
from newsletter.delivery.bounces.bounce import Bounce, in_one_line
from newsletter.delivery.bounces.mime import Mail, split, words

_FEEDBACK = "message/feedback-report"
# RFC 5965 section 3.2: who got the mail, nearest to the truth first.
_WHO = ("original-rcpt-to", "removal-recipient", "x-original-rcpt-to")
_OLD_FORM = re.compile(
    r"this is an? (e-?mail )?abuse report|complaint about (a )?message|abuse complaint|spam report from", re.IGNORECASE
)
_SENDER = re.compile(r"staff@hotmail|complaints?@|feedback|fbl|abuse|scomp@", re.IGNORECASE)
_FIELD_LINE = re.compile(r"^[ \t]{0,8}feedback-type[ \t]*:[ \t]*([\w-]{1,40})", re.IGNORECASE | re.MULTILINE)
_MOST = 100


def complaints(mail: Mail) -> list[Bounce]:
    """Return a complaint per address that a mail names, one without an address where it names none, or nothing."""
    machine = [part.text for part in mail.parts if part.type == _FEEDBACK]
    if not machine:
        lines = [
            p.text[:20_000] for p in mail.parts[:4] if p.type == "text/plain" and _FIELD_LINE.search(p.text[:20_000])
        ]
        in_old_form = _SENDER.search(mail.first("from")) and any(
            _OLD_FORM.search(text) for text in (words(mail.first("subject")), *(p.text[:2_000] for p in mail.parts[:2]))
        )
        if not lines and not in_old_form:
            return []
        machine = lines
    text = "\n\n".join(machine)[:200_000]
    found = _FIELD_LINE.search(text)
    kind = found[1].lower() if found else "abuse"
    said = mail.parts[0].text if mail.parts else ""
    reason = in_one_line(f"{kind}: {said}")
    named = _named(text) or _of_original(mail)
    return [Bounce(one, "complaint", reason=reason, feedback=kind) for one in named[:_MOST] or [""]]


def _named(text: str) -> list[str]:
    values: list[str] = []
    for line in text.splitlines():
        name, _, value = line.strip().partition(":")
        if name.lower() in _WHO:
            values.append(address.of_field(value))
    return list(dict.fromkeys(filter(None, values)))


def _of_original(mail: Mail) -> list[str]:
    originals = [part for part in mail.parts if part.type in ("message/rfc822", "text/rfc822-headers")]
    for part in originals:
        fields, _ = split(part.text[:50_000].lstrip().encode("utf-8", "replace"))
        for name in ("x-hmxmroriginalrecipient", "delivered-to", "x-original-to", "envelope-to", "to"):
            if found := address.find(" ".join(fields.get(name, ()))[:2_000]):
                return found[:1]
    return address.find(mail.first("x-hmxmroriginalrecipient")[:500])[:1]
