"""One entry of any layout to a paper, within limits; knows no layout.

The limits lie beyond what any real paper has: what is over them is damage or malice.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from newsletter.feeds.tex import accents
from newsletter.feeds.text import Report, clean, clip
from newsletter.models import Paper

LONGEST_TITLE = 1_000
LONGEST_ABSTRACT = 20_000
LONGEST_NAME = 200
# No title or abstract that is damaged is so long.
LONGEST_FIELD = 200_000
LONGEST_ENTRY = 1_000_000
LONGEST_SUMMARY = 2_000
MOST_AUTHORS = 1_000
MOST_KEYWORDS = 100
MOST_ENTRIES = 20_000
HIGHEST_COUNT = 1_000_000_000

# arXiv's first paper is of 1991, journals are older.
EARLIEST = date(1900, 1, 1)


def paper(where: str, report: Report, *, title: str, abstract: str, **fields: Any) -> Paper | None:
    """Return the paper of an entry, or None where it has no usable title; what was cut or left out is reported.

    `fields` are those of `Paper`, within their limits; texts are cleaned here.
    """
    if len(title) > LONGEST_FIELD or len(abstract) > LONGEST_FIELD:
        longest = max(len(title), len(abstract))
        report.add(where, f"The entry has a text of {longest:,} characters, which no paper has; it was left out.")
        return None
    title, abstract = clean(title), clean(abstract)
    if not any(character.isalnum() for character in title):
        report.add(where, "The entry has no title, so it was left out.")
        return None
    if len(title) > LONGEST_TITLE:
        report.add(where, f"The title has {len(title):,} characters; it was cut at {LONGEST_TITLE:,}.")
    if len(abstract) > LONGEST_ABSTRACT:
        report.add(where, f"The abstract has {len(abstract):,} characters; it was cut at {LONGEST_ABSTRACT:,}.")
    return Paper(title=clip(title, LONGEST_TITLE), abstract=clip(abstract, LONGEST_ABSTRACT), **fields)


def names(where: str, report: Report, found: Iterable[str], most: int, what: str) -> tuple[str, ...]:
    """Return names (authors, keywords) cleaned, each once and in order; what is beyond `most` is reported.

    Accents in TeX are letters.
    """
    kept = dict.fromkeys(clip(name, LONGEST_NAME) for name in map(clean, map(accents, found)) if name)
    if len(kept) > most:
        report.add(where, f"The entry has {len(kept):,} {what}; the first {most:,} were kept.")
    return tuple(kept)[:most]


def sane(day: date | None, today: date) -> date | None:
    """Return a day of publication, or None where it lies in the future or before there were such papers."""
    # Servers ahead of our time zone are a day ahead.
    return day if day is not None and day >= EARLIEST and (day - today).days <= 1 else None
