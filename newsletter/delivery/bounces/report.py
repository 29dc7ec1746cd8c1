"""The machine-readable groups of a delivery status notification (RFC 3464), wherever in a mail they stand."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from newsletter.delivery.bounces import address
from newsletter.delivery.bounces.mime import Mail

_MOST_GROUPS = 100
_MOST_TEXT = 200_000
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:(.*)")
_RECIPIENT = ("final-recipient", "original-recipient", "x-actual-recipient")
# RFC 3464 section 2.1; without MIME fields of their own, such lines are still a report.
_INLINE = re.compile(r"^[ \t]{0,8}(final|original)-recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_DELIVERY_STATUS = ("message/delivery-status", "message/global-delivery-status", "message/xdelivery-status")

Group = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recipient:
    """What a report says of one recipient: the fields of RFC 3464 section 2.3, the action in lower case."""

    address: str
    original: str
    action: str
    status: str
    diagnostic: str


def recipients(mail: Mail) -> list[Recipient]:
    """Return what a mail says of each recipient in the form of RFC 3464, or nothing where it has no such part."""
    proper = [part.text for part in mail.parts if part.type in _DELIVERY_STATUS]
    inline = [part.text for part in mail.parts if part.type == "text/plain" and _INLINE.search(part.text[:_MOST_TEXT])]
    return list(_read(proper)) or list(_read(inline[:1]))


def disposed(mail: Mail) -> bool:
    """Tell whether a mail is a read receipt (RFC 8098), which says nothing of delivery."""
    return any(part.type.endswith("disposition-notification") for part in mail.parts)


def _read(texts: Iterable[str]) -> Iterator[Recipient]:
    for text in texts:
        for group in _joined(groups(text[:_MOST_TEXT])):
            # RFC 8098 section 3.2.6: a read receipt that lost its type.
            if not any(name in group for name in _RECIPIENT) or "disposition" in group:
                continue
            named = [address.of_field(group.get(name, "")) for name in _RECIPIENT]
            kind, semicolon, words = group.get("diagnostic-code", "").partition(";")
            yield Recipient(
                address=next(filter(None, named), ""),
                original=named[1],
                action=group.get("action", "").strip().lower().partition(" ")[0],
                status=group.get("status", ""),
                diagnostic=(words if semicolon and " " not in kind.strip() else kind + semicolon + words).strip(),
            )


def groups(text: str) -> list[Group]:
    """Return the groups of fields of a text, apart by empty lines; names in lower case, values unfolded."""
    found: list[dict[str, str]] = [{}]
    name = ""
    for line in text.splitlines():
        field = _FIELD.match(line.lstrip()) if not line[:1].isspace() or not name else None
        if not line.strip():
            name = ""
            if found[-1]:
                found.append({})
        elif field:
            name = field[1].lower()
            if name in found[-1] and name == "final-recipient":
                found.append({})
            found[-1].setdefault(name, field[2].strip())
        elif name and line[:1].isspace() and len(found[-1][name]) < 4_000:
            found[-1][name] += " " + line.strip()
        if len(found) > _MOST_GROUPS:
            break
    return [group for group in found if group]


def _joined(parts: list[Group]) -> list[Group]:
    # Some write empty lines inside a group: fields about a recipient belong to the last one that lacks an action.
    joined: list[dict[str, str]] = []
    for part in parts:
        last = joined[-1] if joined else {}
        lacking = any(name in last for name in _RECIPIENT) and "action" not in last
        if lacking and not any(name in part for name in _RECIPIENT) and ("action" in part or "status" in part):
            last.update(part)
        else:
            joined.append(dict(part))
    return list(joined)
