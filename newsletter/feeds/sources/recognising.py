"""Which kind of source an address is, what the right address of it is, and what a body holds; asks nobody."""

import re
from datetime import date
from typing import Literal, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from newsletter.errors import UsageError
from newsletter.feeds.parsing import parse
from newsletter.feeds.sources import arxiv, hub, search
from newsletter.feeds.sources.alternates import Alternate, alternates
from newsletter.feeds.sources.asking import query_of, with_query
from newsletter.feeds.text import Report, decode
from newsletter.models import ParsedFeed

Kind = Literal["web", "hub", "arxiv", "search"]

_HUB_HOSTS = ("huggingface.co", "hf.co")
# A slash, or one of these hosts: what else could be the name of a file.
_KNOWN = re.compile(r"(?:www\.|export\.|rss\.)?(?:huggingface\.co|hf\.co|arxiv\.org)(?:/|$)", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}$")
_WEEK = re.compile(r"\d{4}-W\d{2}$")
_MONTH = re.compile(r"\d{4}-\d{2}$")
_AUTHOR = re.compile(r"/a/([a-z0-9_-]{1,80}?)(?:\.atom2?|\.html?)?/?$", re.IGNORECASE)
# What the titles of announcements end with, wherever they are mirrored.
_ANNOUNCED = "updates on arXiv.org"
# The form of arXiv's own search page, by the prefix of the query API.
_SEARCHED = {"all": "all", "title": "ti", "author": "au", "abstract": "abs", "comments": "co", "journal_ref": "jr"}


class Recognised(NamedTuple):
    """What an address is.

    `location` is the right address of the source. `parsed` is what the body holds, if one was given, and `offers` the
    feeds that it names where it is a page.
    """

    kind: Kind
    location: str
    parsed: ParsedFeed | None = None
    offers: tuple[Alternate, ...] = ()


def recognise(location: str, data: bytes | None = None, *, today: date = date.max) -> Recognised:
    """Return what an address is, and what is in its body if that is given.

    An address may be that of a page for people (`huggingface.co/papers`, `arxiv.org/list/cs.CL/recent`), and a
    category of arXiv is one too (`cs.CL`, `cs.CL+stat.ML`). A mirror of arXiv's announcements is known by its body.
    `today` bounds the days in the body. Raises
    UsageError where it is no address of the web, or that of a single paper.
    """
    kind, right = _of_address(location.strip())
    if data is None:
        return Recognised(kind, right)
    parsed = parse(data, today=today, address=right)
    if parsed.layout == "unknown":
        return Recognised(kind, right, parsed, alternates(decode(data, Report()), right))
    announced = kind == "web" and parsed.title.endswith(_ANNOUNCED)
    return Recognised("arxiv" if announced else kind, right, parsed)


def is_address(location: str) -> bool:
    """Tell whether a location is an address or a category, and cannot be the path of a file."""
    return "://" in location or bool(_KNOWN.match(location) or arxiv.categories(location))


def _of_address(location: str) -> tuple[Kind, str]:
    if names := arxiv.categories(location):
        return "arxiv", arxiv.address(names)
    if "://" not in location and _KNOWN.match(location):
        location = f"https://{location}"
    try:
        parts = urlsplit(location)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        host = ""
    if not host or parts.scheme.lower() not in ("http", "https"):
        raise UsageError(f"{location} is no address of the web.", next_step="Give one with https://, or a path.")
    path = parts.path.rstrip("/")
    if host in _HUB_HOSTS:
        return _at_hub(location, path)
    if host == "arxiv.org" or host.endswith(".arxiv.org"):
        return _at_arxiv(location, path)
    if path.endswith("/api/daily_papers"):
        return "hub", location
    if path.endswith("/api/query") and {"search_query", "id_list"} & query_of(location).keys():
        return "search", location
    return "web", location


def _at_hub(location: str, path: str) -> tuple[Kind, str]:
    if path == "/api/daily_papers":
        return "hub", _with_https(location)
    _, _, rest = path.partition("/papers")
    names = rest.strip("/").split("/")
    if path.startswith("/papers"):
        match names:
            case [""]:
                return "hub", hub.PAPERS
            case ["trending"]:
                return "hub", with_query(hub.PAPERS, {"sort": "trending"})
            case ["date"] | ["date", _]:
                fixed = _DAY.match(names[-1])
                return "hub", with_query(hub.PAPERS, {"date": names[-1]}) if fixed else hub.PAPERS
            case ["week"] | ["week", _]:
                return "hub", with_query(hub.PAPERS, {"week": names[-1] if _WEEK.match(names[-1]) else hub.CURRENT})
            case ["month"] | ["month", _]:
                return "hub", with_query(hub.PAPERS, {"month": names[-1] if _MONTH.match(names[-1]) else hub.CURRENT})
            case [_]:
                raise _single(location, "https://huggingface.co/papers")
    return "web", _with_https(location)


def _at_arxiv(location: str, path: str) -> tuple[Kind, str]:
    parts = path.strip("/").split("/")
    match parts:
        case [("abs" | "pdf" | "html"), *_]:
            raise _single(location, "cs.CL")
        case [("list" | "archive"), names, *_] if found := arxiv.categories(names):
            return "arxiv", arxiv.address(found)
        case [("rss" | "atom") as form, names] if found := arxiv.categories(names):
            return "arxiv", arxiv.address(found).replace("/atom/", f"/{form}/")
        case ["api", "query"]:
            return "search", with_query(search.QUERY, query_of(location))
        case ["search", *_] if words := query_of(location).get("query"):
            prefix = _SEARCHED.get(query_of(location).get("searchtype", "all"), "all")
            return "search", search.address(" AND ".join(f"{prefix}:{word}" for word in words.split()[:20]))
    if found_author := _AUTHOR.match(path):
        return "web", f"https://arxiv.org/a/{found_author[1]}.atom2"
    return "web", _with_https(location)


def _with_https(location: str) -> str:
    return urlunsplit(urlsplit(location)._replace(scheme="https"))


def _single(location: str, instead: str) -> UsageError:
    return UsageError(
        f"{location} is one paper and no source of papers.", next_step=f"`newsletter feeds add {instead}` adds one."
    )
