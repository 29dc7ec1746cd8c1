"""The lines that journals put before and behind the abstract in their feeds: who wrote it, and where it appeared."""

import re

from newsletter.feeds.text import clean, from_html

_PARAGRAPH = re.compile(r"\s*<p\b[^<>]{0,200}>(?P<text>.{0,20000}?)</p>\s*", re.IGNORECASE | re.DOTALL)
_OF_THE_JOURNAL = re.compile(
    r"(?:Author(?:\(s\)|s)?:|Publication date:|Source:|(?:[^.;]{1,150}, )?(?:Published|Available) online:?\s)",
    re.IGNORECASE,
)
_BY = re.compile(r"by\s+(?=\S)", re.IGNORECASE)
# `[Phys. Rev. A 1, 012345] Published Thu Nov 19, 2026`
_BEHIND = re.compile(r"(?:<br\s*/?>|\s)*\[[^\[\]<>]{5,120}\]\s+Published\s+[\w, ]{8,40}\s*$")
_MOST = 5
_TAIL = 400


def without(markup: str, authors: tuple[str, ...]) -> str:
    """Return the abstract of an entry without the paragraphs that only say whose it is and where it stands.

    `authors` are the names that the entry gives elsewhere: `by Ada Øst, Bo Li` goes only where it names the first.
    """
    for _ in range(_MOST):
        found = _PARAGRAPH.match(markup)
        if found is None or not _is_masthead(clean(from_html(found["text"])), authors):
            break
        markup = markup[found.end() :]
    return markup[:-_TAIL] + _BEHIND.sub("", markup[-_TAIL:])


def _is_masthead(text: str, authors: tuple[str, ...]) -> bool:
    if _OF_THE_JOURNAL.match(text):
        return True
    by = _BY.match(text)
    return bool(by and authors and text[by.end() :].startswith(authors[0]))
