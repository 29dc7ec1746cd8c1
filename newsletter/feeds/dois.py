"""The DOI of a work, out of what feeds write in its place: an identifier, an address, a sentence; asks nobody."""

import re
from urllib.parse import unquote, urlsplit

# https://www.doi.org/doi-handbook/: a prefix `10.` with a registrant, a slash, and any printable signs.
_DOI = r"10\.\d{4,9}(?:\.\d{1,9})*/[^\s\"<>\\^`{|}]{1,200}"
_WHOLE = re.compile(
    rf"\s*(?:info:doi/|urn:doi:|doi:?\s*|https?://(?:dx\.|www\.)?doi\.org/)?({_DOI})\s*$", re.IGNORECASE
)
_NAMED = re.compile(rf"(?:\bdoi:\s?|\bdoi\.org/)({_DOI})", re.IGNORECASE)
_IN_ADDRESS = re.compile(rf"(?:^|[/=:])({_DOI})", re.IGNORECASE)
# What publishers put behind a DOI in the address of a page of it.
_VIEW = re.compile(
    r"(?:v\d{1,2})?(?:\.(?:full|abstract|short|article-info|supplementary-material|pdf|full-text)){0,2}(?:\.pdf)?"
    r"(?:/(?:abstract|full|fulltext|pdf|meta|html|summary|epdf|full/html))?/?$",
    re.IGNORECASE,
)
# bioRxiv and medRxiv put the version behind it; elsewhere `v1` may be part of the DOI.
_RXIV = re.compile(r"10\.(?:1101|64898)/", re.IGNORECASE)
_LONGEST = 2_000


def in_identifier(text: str) -> str | None:
    """Return the DOI that a field is, such as `doi:10.1101/2026.11.20.123456`, or None where it is something else."""
    found = _WHOLE.match(text[:_LONGEST])
    return _tidy(found[1]) if found else None


def in_address(address: str) -> str | None:
    """Return the DOI that stands in the address of a publisher's page, or None."""
    if "10." not in address or len(address) > _LONGEST:
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    for place in (unquote(parts.path), *(unquote(each) for each in parts.query.split("&"))):
        if found := _IN_ADDRESS.search(place):
            # DOIs of the nineties go on with `<1::AID-...>`: better none than a part of one.
            is_whole = place[found.end() : found.end() + 1] not in ("<", ">")
            return _tidy(_without_view(found[1])) if is_whole else None
    return None


def in_text(text: str) -> str | None:
    """Return the DOI that a sentence names as one (`doi:10...`, `https://doi.org/10...`), or None."""
    found = _NAMED.search(text[:_LONGEST])
    return _tidy(found[1]) if found else None


def _without_view(doi: str) -> str:
    end = _VIEW.search(doi)
    if end is None or (end.group().lower().startswith("v") and not _RXIV.match(doi)):
        return doi
    return doi[: end.start()]


def _tidy(doi: str) -> str | None:
    doi = doi.rstrip(".,;:'*")
    while doi.endswith((")", "]")) and doi.count(doi[-1]) > doi.count("(" if doi[-1] == ")" else "["):
        doi = doi[:-1].rstrip(".,;:'*")
    return doi if doi.partition("/")[2] else None
