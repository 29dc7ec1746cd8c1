"""By which keys a work is known, and what is best of two accounts of it; knows neither layouts nor the database."""

import hashlib
import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from newsletter.feeds import links, tex
from newsletter.feeds.entries import EARLIEST, MOST_KEYWORDS
from newsletter.feeds.tex_symbols import GREEK
from newsletter.models import Paper

# https://info.arxiv.org/help/arxiv_identifier.html: YYMM.NNNN since April 2007, YYMM.NNNNN since 2015, before that
# archive(.Subject)/YYMMNNN, in which the subject class is no part of the identity.
_ID = (
    r"(?P<id>\d{2}(?:0[1-9]|1[0-2])\.\d{4,5}(?!\d)|[a-z]{2,8}(?:-[a-z]{2,8})?(?:\.[a-z]{2})?/\d{7}(?!\d))"
    r"(?:v(?P<version>\d{1,3})(?!\d))?"
)
_WHOLE = re.compile(rf"{_ID}(?:\.pdf)?", re.IGNORECASE)
_NAMED = re.compile(rf"(?:\barxiv(?:\.org)?:|\b10\.48550/arxiv\.)\s?{_ID}", re.IGNORECASE)
_ADDRESS = re.compile(
    rf"(?:\barxiv\.org/(?:abs|pdf|html|format|e-print|src|ps)|\b(?:huggingface\.co|hf\.co)/papers|"
    rf"\balphaxiv\.org/(?:abs|overview|pdf))/{_ID}",
    re.IGNORECASE,
)

_DOI = re.compile(r"(?<![\w.])10\.\d{4,9}(?:\.\d+)*/[^\s\"<>?#]{1,200}")

# Sources write one letter as `π`, `$\pi$` or `pi`.
_NAMES = {ord(letter): name.lower() for name, letter in GREEK.items() if name.isascii()} | {ord("×"): "times"}
LONGEST_KEY = 300

_OF_NO_KEY = re.compile("[^0-9a-z]+")
_NOT_LATIN = re.compile("[\u0370-\u1dff\u2c00-\ua71f\uac00-\ufaff]")
_COMBINING = re.compile("[\u0300-\u036f]+")
_HUB_HOSTS = ("huggingface.co", "hf.co", "alphaxiv.org", "paperswithcode.com", "semanticscholar.org")


def arxiv_id(text: str) -> tuple[str, int | None] | None:
    """Return the arXiv id of a text without its version, and the version where there is one.

    The text is an id, or holds one in a form that says so: `arXiv:2101.00001v2`, `oai:arXiv.org:hep-th/9901001`, a DOI
    of arXiv, an address at arXiv or at a hub of papers.
    """
    text = text.strip()
    found = _WHOLE.fullmatch(text) if len(text) < 40 else None
    found = found or _NAMED.search(text) or _ADDRESS.search(text)
    if found is None:
        return None
    version = int(found["version"]) if found["version"] else None
    identifier = found["id"].lower()
    if "/" in identifier:
        archive, _, number = identifier.partition("/")
        identifier = f"{archive.partition('.')[0]}/{number}"
    return identifier, version or None


def doi(text: str | None) -> str | None:
    """Return a DOI as all its spellings are compared, or None; the one that arXiv gives to a paper is its arXiv id.

    DOIs are compared without case (DOI Handbook, section 2.4); addresses of their resolver hold one.
    """
    found = _DOI.search(text or "")
    if found is None:
        return None
    bare = unquote(found[0]).casefold().rstrip(".,;)")
    return None if bare.startswith("10.48550/arxiv.") else bare


def folded(text: str) -> str:
    r"""Return a text without case, accents and TeX: `T\"ulu`, `Tülu` and `tulu` are one, `$\pi$` and `pi` too."""
    text = tex.explicit(text)
    if text.isascii():
        return text.lower()
    # Folding a case can give a character that still decomposes, and the other way round.
    for _ in range(2):
        text = _COMBINING.sub("", unicodedata.normalize("NFKD", text)).casefold().translate(_NAMES)
    return unicodedata.normalize("NFKC", text)


@lru_cache(maxsize=32768)
def title_key(title: str) -> str:
    """Return what all spellings of a title have in common: letters and digits alone, without case, accents and TeX."""
    text = folded(title)
    key = _OF_NO_KEY.sub("", text) if text.isascii() else "".join(filter(str.isalnum, text))
    key = key or " ".join(title.split()).casefold()
    if len(key) <= LONGEST_KEY:
        return key
    # An index of PostgreSQL takes 2,704 bytes at most.
    return key[: LONGEST_KEY - 32] + hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def merge(old: Paper, new: Paper) -> Paper:
    """Return one paper with the best of two accounts of the same work.

    What the store gave (`id`, `first_seen_at`, `taken_at`) and what the editor set are the old one's; of the rest,
    nothing hangs on which of the two came first. The higher version tells title and abstract, else the longer abstract
    does. Counts are the highest that any source told, since older files are taken in after newer ones. The address is
    arXiv's page before the publisher's before a hub's.
    """
    both = (old, new)
    titled = max(both, key=_title_worth)
    described = max(both, key=lambda paper: _abstract_worth(paper, both))
    dates = [paper.published_on for paper in both if paper.published_on and paper.published_on >= EARLIEST]
    return Paper(
        id=old.id if old.id is not None else new.id,
        title=titled.title,
        abstract=described.abstract,
        arxiv_id=old.arxiv_id or new.arxiv_id,
        doi=min(filter(None, (doi(old.doi), doi(new.doi))), default=None),
        version=max((paper.version for paper in both if paper.version is not None), default=None),
        url=max((paper.url for paper in both), key=_address_worth),
        links=links.together(old.links, new.links),
        authors=max((paper.authors for paper in both), key=_names_worth),
        organization=_fuller(old.organization, new.organization),
        summary=_fuller(old.summary, new.summary),
        keywords=_all_words(old.keywords, new.keywords),
        # Of two names of sources the shorter, which is the plainer one most times: arXiv.
        source=min(filter(None, (old.source, new.source)), key=lambda name: (len(name), name), default=""),
        published_on=min(dates, default=None),
        votes=max(old.votes, new.votes),
        comments=max(old.comments, new.comments),
        stars=max(old.stars, new.stars),
        first_seen_at=old.first_seen_at or new.first_seen_at,
        taken_at=old.taken_at or new.taken_at,
        hidden=old.hidden,
        pinned=old.pinned,
        shared=old.shared,
    )


def _names_worth(names: tuple[str, ...]) -> tuple[int, bool, int, tuple[str, ...]]:
    # Names in Latin letters can be compared with those of most other sources.
    return len(names), not any(map(_NOT_LATIN.search, names)), sum(map(len, names)), names


def _fuller(one: str, other: str) -> str:
    return max(one, other, key=lambda text: (len(text), text))


def _all_words(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return one if one == other else tuple(sorted({*one, *other}))[:MOST_KEYWORDS]


def _title_worth(paper: Paper) -> tuple[int, bool, bool, int, str]:
    # What is told by a later version, or with an id, was written by the authors and not saved from a page.
    return (
        paper.version or 0,
        paper.arxiv_id is not None,
        "\\" not in paper.title,
        len(paper.title),
        paper.title,
    )


def _abstract_worth(paper: Paper, both: tuple[Paper, Paper]) -> tuple[bool, int, int, str]:
    # One that is much shorter than the other was cut somewhere.
    whole = len(paper.abstract) * 2 >= max(len(each.abstract) for each in both)
    return whole, paper.version or 0, len(paper.abstract), paper.abstract


def _address_worth(address: str | None) -> tuple[int, str]:
    if address is None:
        return 0, ""
    host = (urlsplit(address).hostname or "").removeprefix("www.")
    return (3 if host == "arxiv.org" else 1 if host in _HUB_HOSTS else 2), address
