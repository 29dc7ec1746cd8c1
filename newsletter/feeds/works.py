"""Which accounts are of one work: by arXiv id, by DOI, by title and authors; knows neither layouts nor the database.

To take two works for one hides one of them for ever, to take one for two shows it twice: where it is not sure, they are
two.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from newsletter.feeds import authors, identity, marks, titles
from newsletter.models import Paper

# Some hosts of preprints give each version a DOI of its own: 10.21203/rs.3.rs-12/v2, 10.20944/preprints12.v2.
_VERSION = re.compile(r"[./]v\d{1,2}$")


class Work(NamedTuple):
    """One work: the best that is known of it, and what any account of it bore.

    `titles` has normalised titles with how they were written, empty where that was not kept; `signs` are numbers of 64
    bits, of which accounts of one work have one in common if they have neither the id nor the title; `apart` are ids of
    papers on record that it is not, as an editor said.
    """

    paper: Paper
    titles: Mapping[str, str]
    signs: frozenset[int]
    apart: frozenset[int] = frozenset()


def work(paper: Paper) -> Work:
    """Return a work of which there is one account."""
    return Work(paper, {identity.title_key(paper.title): paper.title}, signs(paper))


def signs(paper: Paper) -> frozenset[int]:
    """Return the signs of an account: of its DOI, and of the title where it names people."""
    return _signs(paper.doi, paper.title, paper.authors[:5])


def one_work(one: Paper, other: Paper) -> bool:
    """Tell whether two accounts are of one work."""
    return _same(work(one), work(other))


def is_bare(paper: Paper) -> bool:
    """Tell whether nothing is known of a paper but what it is called and about, as saved pages tell of one."""
    return paper.arxiv_id is None and not paper.doi and not paper.url and not paper.authors


def distinct(papers: Iterable[Paper]) -> list[Paper]:
    """Return the different works in the order of their first account, each merged from all its accounts."""
    shelf = Shelf()
    for paper in papers:
        shelf.take(paper)
    return [one.paper for _, one in shelf]


class Shelf:
    """Works, each once, found by any account of them."""

    def __init__(self) -> None:
        self._works: dict[int, Work] = {}
        self._by_key: dict[str | int, dict[int, None]] = {}
        self._last = 0
        # What became one: numbers of the work that was kept and of the one that went into it, in order.
        self.ties: list[tuple[int, int]] = []

    def __iter__(self) -> Iterator[tuple[int, Work]]:
        """Go through the works with their numbers, in the order of their first accounts."""
        return iter(sorted(self._works.items()))

    def put(self, found: Work) -> int:
        """Put a work there and return its number; it is not compared with the others."""
        self._last += 1
        self._place(self._last, found)
        return self._last

    def knows(self, paper: Paper) -> bool:
        """Tell whether an account is of a work that is there."""
        return self._match(work(paper)) is not None

    def take(self, paper: Paper) -> int:
        """Put an account of a work there and return the number of the work."""
        account = work(paper)
        number = self._match(account)
        if number is None:
            return self.put(account)
        there = self._works[number]
        if not _adds(account, there):
            return number
        self._remove(number)
        self._place(number, _joined(there, account))
        return self.settle(number)

    def settle(self, number: int) -> int:
        """Make one what turned out to be one with a work that is there, and return its number from now on.

        One that went into another meanwhile stays there.
        """
        if number not in self._works:
            return number
        found = self._works[number]
        self._remove(number)
        while (match := self._match(found)) is not None:
            other = self._works[match]
            self._remove(match)
            kept, double = sorted(((number, found), (match, other)), key=_first)
            number, found = kept[0], _joined(kept[1], double[1])
            self.ties.append((kept[0], double[0]))
        self._place(number, found)
        return number

    def _match(self, account: Work) -> int | None:
        keys: dict[int, None] = {}
        for key in _keys(account):
            keys |= self._by_key.get(key, {})
        matches = [number for number in keys if _same(self._works[number], account)]
        return min(matches, key=lambda number: self._rank(number, account), default=None)

    def _rank(self, number: int, account: Work) -> tuple[bool, bool, int]:
        """Rank what an account may be of: the same id first, then the same title, then what is there for longest."""
        there = self._works[number]
        has_id = there.paper.arxiv_id is not None and there.paper.arxiv_id == account.paper.arxiv_id
        return not has_id, not (there.titles.keys() & account.titles.keys()), number

    def _place(self, number: int, found: Work) -> None:
        self._works[number] = found
        for key in _keys(found):
            self._by_key.setdefault(key, {})[number] = None

    def _remove(self, number: int) -> None:
        for key in _keys(self._works.pop(number)):
            del self._by_key[key][number]


def _keys(found: Work) -> Iterator[str | int]:
    if found.paper.arxiv_id is not None:
        yield f"arXiv:{found.paper.arxiv_id}"
    yield from found.titles
    yield from found.signs


def _first(one: tuple[int, Work]) -> tuple[bool, bool, int]:
    """Rank which of two works is kept: what is on record first, then what has an id, then what is there for longest."""
    number, found = one
    return found.paper.id is None, found.paper.arxiv_id is None, number


def _adds(account: Work, there: Work) -> bool:
    """Tell whether an account could make anything known of a work that is not known."""
    known = account.titles.keys() <= there.titles.keys() and account.signs <= there.signs
    return not known or identity.merge(there.paper, account.paper) != there.paper


def _joined(kept: Work, other: Work) -> Work:
    paper = identity.merge(kept.paper, other.paper)
    return Work(
        paper, {**other.titles, **kept.titles}, kept.signs | other.signs | signs(paper), kept.apart | other.apart
    )


def _same(one: Work, other: Work) -> bool:
    """Tell whether two works, each perhaps of one account only, are one."""
    first, second = one.paper, other.paper
    if first.id in other.apart or second.id in one.apart:
        return False
    if first.arxiv_id is not None and second.arxiv_id is not None:
        return first.arxiv_id == second.arxiv_id
    its, others = identity.doi(first.doi), identity.doi(second.doi)
    if (its and _sign(its) in other.signs) or (others and _sign(others) in one.signs):
        # A source that gives the DOI of the journal to each of its entries must not make them one.
        return titles.alike(first.title, second.title) or authors.same(first.authors, second.authors)
    if its and others and _tell_apart(its, others):
        return False
    if both := one.titles.keys() & other.titles.keys():
        return any(_same_title(key, one, other) for key in both)
    return not one.signs.isdisjoint(other.signs) and _near(one, other)


def _same_title(key: str, one: Work, other: Work) -> bool:
    first, second = one.paper, other.paper
    agreed = authors.agree(first.authors, second.authors)
    if agreed is False:
        return False
    written = one.titles[key], other.titles[key]
    if all(written) and not marks.same(*written):
        return False
    # Each editorial is another.
    if titles.generic(key) and len({first.url, second.url} - {None}) > 1:
        return False
    if agreed:
        return True
    # So is each of a column, whatever its name: where nobody is known, a title says nothing of two places.
    here = first.url is not None and first.url == second.url
    return here or not _has_place(first) or not _has_place(second) or _is_paper_told_of(key, first, second)


def _has_place(paper: Paper) -> bool:
    return bool(paper.arxiv_id or paper.doi or paper.url)


def _is_paper_told_of(key: str, one: Paper, other: Paper) -> bool:
    """Tell whether one is a paper of arXiv and its title long enough: no column is called like one."""
    return (one.arxiv_id or other.arxiv_id) is not None and len(key) >= titles.FEWEST_OF_CUT


def _near(one: Work, other: Work) -> bool:
    if not authors.same(one.paper.authors, other.paper.authors):
        return False
    found = False
    for title in filter(None, one.titles.values()):
        for another in filter(None, other.titles.values()):
            if titles.near(title, another):
                found = True
            elif not titles.starts(title).isdisjoint(titles.starts(another)):
                # The same beginning and another end: with a title between them both would be near-equal.
                return False
    return found


def _tell_apart(one: str, other: str) -> bool:
    """Tell whether two DOIs say that two works differ: who gives both to one work gives them for its versions."""
    bare, others = _VERSION.sub("", one), _VERSION.sub("", other)
    return bare != others and bare.partition("/")[0] == others.partition("/")[0]


@lru_cache(maxsize=16384)
def _signs(doi: str | None, title: str, names: tuple[str, ...]) -> frozenset[int]:
    found: list[int] = []
    if (bare := identity.doi(doi)) is not None:
        found.append(_sign(bare))
    if named := authors.persons(names):
        starts = titles.starts(title)
        found += (_sign(f"{family}\n{start}") for family in named[0].families for start in starts)
    return frozenset(found)


def _sign(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)
