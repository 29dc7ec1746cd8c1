"""A person's own searches: what may stand in a query of arXiv's, and where its answer is; asks nobody.

The grammar is that of the user's manual of arXiv's API (https://info.arxiv.org/help/api/user-manual.html, section 5.1).
"""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from newsletter.errors import UsageError

QUERY = "https://export.arxiv.org/api/query"
LONGEST = 300
# Each is a request of its own, three seconds apart from the next.
MOST = 10
PREFIXES = ("ti", "au", "abs", "co", "jr", "cat", "rn", "id", "all", "submittedDate", "lastUpdatedDate")

_BETWEEN = frozenset({"AND", "OR", "ANDNOT"})
_TOKEN = re.compile(
    r"\s*(?:(?P<prefix>[A-Za-z_]+):|(?P<between>AND|OR|ANDNOT)(?![^\s()])|(?P<mark>[()])|(?P<word>"
    r'"[^"]*"|\[[^\[\]]*\]|[^\s()"\[\]]+))'
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_EXAMPLE = "One looks like `cat:cs.CL AND abs:retrieval`; plain words are looked for everywhere."


def checked(text: str) -> str:
    """Return a search as a query of arXiv's: plain words are such that all must be there.

    Raises UsageError, in one sentence, for what arXiv would refuse or take for something else.
    """
    query = " ".join(text.split())
    if not query:
        raise _bad("The search is empty.")
    if _UNPRINTABLE.search(query):
        raise _bad("The search has a character that cannot be printed.")
    if ";" in query:
        raise _bad(f"The search {_short(query)} has a semicolon, which stands between searches in a list.")
    if "://" in query:
        raise _bad(f"{_short(query)} is an address and no search.")
    if _is_plain(query):
        query = " AND ".join(f"all:{word}" for word in query.split())
    if len(query) > LONGEST:
        raise _bad(f"The search {_short(query)} is longer than {LONGEST} characters.")
    _Reading(query).all_of_it()
    return query


def address(query: str) -> str:
    """Return where the answer to a query is."""
    # arXiv's queries have colons and brackets, which may stand in a query as they are (RFC 3986 section 3.4).
    return f"{QUERY}?{urlencode({'search_query': query}, safe=':/()')}"


def query_at(location: str) -> str:
    """Return the query of an address, empty if it has none."""
    return dict(parse_qsl(urlsplit(location).query)).get("search_query", "")


def _is_plain(query: str) -> bool:
    return not re.search(r'[:()"\[\]]', query) and not _BETWEEN.intersection(query.split())


class _Reading:
    """A query as it is read, from left to right."""

    def __init__(self, query: str) -> None:
        self._query = query
        if query.count('"') % 2:
            raise _bad(f"The search {_short(query)} has a quotation mark that is never closed.")
        self._at = 0
        self._next()

    def all_of_it(self) -> None:
        """Raise UsageError where it is no query."""
        self._joined()
        if self._kind:
            what = "a bracket that was never opened" if self._text == ")" else f"{self._text!r} where AND, OR or ANDNOT"
            raise self._bad(f"{what} should stand" if self._text != ")" else what)

    def _joined(self) -> None:
        self._one()
        while self._kind == "between":
            self._next()
            self._one()

    def _one(self) -> None:
        if self._kind == "between":
            raise self._bad(f"{self._text} with nothing before it")
        prefix = ""
        if self._kind == "prefix":
            prefix = self._text
            if prefix not in PREFIXES:
                raise self._bad(f"{prefix}:, and arXiv knows only {', '.join(f'{one}:' for one in PREFIXES)}")
            self._next()
        if self._text == "(" and self._kind == "mark":
            self._next()
            self._joined()
            if self._text != ")" or self._kind != "mark":
                raise self._bad("a bracket that is never closed")
            self._next()
        elif self._kind == "word":
            if not re.search(r"\w", self._text):
                raise self._bad(f"{self._text}, which is no word")
            self._next()
        else:
            after = f"{prefix}: with nothing after it" if prefix else "a place where a word should stand"
            raise self._bad(after)

    def _next(self) -> None:
        found = _TOKEN.match(self._query, self._at)
        if found is None and self._query[self._at :].strip():
            raise self._bad("a bracket that has no other")
        self._kind = "" if found is None else str(found.lastgroup)
        self._text = "" if found is None else found[self._kind]
        self._at = len(self._query) if found is None else found.end()

    def _bad(self, what: str) -> UsageError:
        return _bad(f"The search {_short(self._query)} has {what}.")


def _short(query: str) -> str:
    return repr(query if len(query) <= 60 else f"{query[:59]}…")


def _bad(sentence: str) -> UsageError:
    return UsageError(sentence, next_step=_EXAMPLE)
