"""Addresses in fields and in running text, as far as a report may write them; checks no rule of a valid one."""

import re
from collections.abc import Iterable

# Any address as people and programs write it, quoted local parts and UTF-8 (RFC 6531) among them.
ADDRESS = re.compile(
    r"(\"[^\"\s@]{1,64}\"|[^\s<>()\[\]{},;:\"'@|=`*“”«»「」、。]{1}[^\s<>()\[\]{},;:\"@|`“”«»「」、。]{0,127})"
    r"@([A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?){0,9})"
    r"(?![A-Za-z0-9_@])"
)
# Who speaks in a report, and is never the address that it is about.
ROLE = re.compile(
    r"(mailer[-_.]?daemon|postmaster|postoffice|mail\.?delivery(\.|_)?(sub)?system|abuse|support|helpdesk|help|"
    r"complaints?|(mail)?admin|hostmaster|no-?reply|double-bounce)$",
    re.IGNORECASE,
)
# In running text a domain ends where another script begins; in a field of the type utf-8 it may be in its own letters.
_INTERNATIONAL = re.compile(r"([^\s<>@;]{1,128})@((?:[\w-]{1,63}\.){1,9}[\w-]{1,63})")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


def clean(local: str, domain: str) -> str:
    """Return an address with its domain in lower case."""
    return f"{local.rstrip('.')}@{domain.lower()}"


def find(text: str) -> list[str]:
    """Return the addresses in a text in their order, each once."""
    return list(dict.fromkeys(clean(match[1], match[2]) for match in ADDRESS.finditer(text)))


def of_field(value: str) -> str:
    """Return the address of a field such as `rfc822; ada@example.org` (RFC 3464 section 2.1.2), or nothing."""
    kind, semicolon, rest = value[:1_000].partition(";")
    rest = rest if semicolon else kind
    # RFC 6533 section 3.
    if kind.strip().lower() == "utf-8" and (international := _INTERNATIONAL.search(rest)):
        return clean(international[1], international[2])
    found = find(rest) or find(value[:1_000])
    if not found and "+40" in rest:
        # RFC 3461 section 4: xtext writes @ as +40; some MTAs leave it so.
        found = find(_XTEXT.sub(lambda match: chr(int(match[1], 16)), rest))
    return found[0] if found else ""


def same(address: str, others: Iterable[str]) -> bool:
    """Tell whether an address is among others, whatever its case."""
    return address.casefold() in {other.casefold() for other in others}
