"""What the services that know papers by title are asked, and which of their finds is the paper; does no I/O itself.

An answer is asked for by an `Ask` that is handed in, which is polite, and raises.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple, Protocol, get_args
from urllib.parse import urlencode

from newsletter.errors import FeedError
from newsletter.feeds import resolving_answers, resolving_titles
from newsletter.feeds.parsing import parse
from newsletter.feeds.resolving_titles import Match
from newsletter.models import Paper, ParsedFeed

Name = Literal["arxiv", "hub", "crossref"]
NAMES: tuple[Name, ...] = get_args(Name)

BASES: Mapping[str, str] = {
    "arxiv": "https://export.arxiv.org/api/query",
    "hub": "https://huggingface.co/api/papers/search",
    "crossref": "https://api.crossref.org/works",
}
SHOWN: Mapping[str, str] = {"arxiv": "arXiv", "hub": "the hub", "crossref": "Crossref"}

# So much of a title is asked for; the hub refuses more than 250 characters.
MOST_WORDS = 24
LONGEST_QUERY = 240
MOST_FOUND = 10


class BusyError(FeedError):
    """A server asks to be left alone for a while (429, 503); `seconds` is for how long, where it said so."""

    def __init__(self, message: str, *, seconds: float | None = None, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.seconds = seconds


class Ask(Protocol):
    """What gets the body behind an address, as slowly as its server wants it."""

    async def __call__(self, url: str) -> bytes:
        """Return the body; raises BusyError where the server asks for a pause, and FeedError where there is none."""
        ...


class Question(NamedTuple):
    """What one service is asked about one paper: the words, and the address with them."""

    service: str
    words: str
    url: str


class Find(NamedTuple):
    """The account that a service gave of the paper that was looked for, and how sure it is."""

    paper: Paper
    match: Match


def question(service: str, title: str, *, contact: str = "", bases: Mapping[str, str] = BASES) -> Question:
    """Return the question for the paper of a title; `contact` goes to Crossref, if it is an address of mail."""
    words = ""
    for word in resolving_titles.words(title)[:MOST_WORDS]:
        if len(words) + len(word) >= LONGEST_QUERY:
            break
        words = f"{words} {word}".strip()
    asked = {
        "arxiv": {"search_query": f'ti:"{words}"', "start": "0", "max_results": str(MOST_FOUND)},
        "hub": {"q": words},
        "crossref": {
            "query.bibliographic": words,
            "rows": str(MOST_FOUND),
            "select": "DOI,type,title,subtitle,author,abstract,issued,published,posted",
        },
    }[service]
    # https://www.crossref.org/documentation/retrieve-metadata/rest-api/: who names an address gets the better servers.
    if service == "crossref" and "@" in contact and "://" not in contact:
        asked["mailto"] = contact
    return Question(service, words, f"{bases[service]}?{urlencode(asked)}")


def answer(service: str, data: bytes, *, today: date) -> ParsedFeed:
    """Return what a service answered.

    Raises FeedError where that is no answer to a search: what is said in its place means nothing about the paper.
    """
    if service == "arxiv" and (said := resolving_answers.refusal(data)):
        raise FeedError(f"arXiv refuses the search: {said.rstrip('.')}.")
    if service == "crossref":
        parsed = resolving_answers.crossref(data, today=today)
        understood = bool(parsed.title)
    else:
        parsed = parse(data, name=SHOWN[service], today=today)
        understood = parsed.layout == ("atom" if service == "arxiv" else "hub-json")
        # Nothing at all was found, or nothing could be read.
        understood = understood and not (parsed.problems and not parsed.papers)
    if not understood:
        raise FeedError(f"What {SHOWN[service]} answered is no answer to a search.")
    return parsed


def chosen(wanted: Paper, found: Sequence[Paper]) -> Find | None:
    """Return the find that is the wanted paper, or None where none is, or where it is not sure which."""
    # By id alone: works of one title are what is to be told apart here.
    different = {paper.arxiv_id or paper.doi or paper.url: paper for paper in reversed(found)}
    fitting = [
        Find(paper, match)
        for key, paper in different.items()
        if key is not None and (match := resolving_titles.match(wanted, paper))
    ]
    if not fitting:
        return None
    best = max(fitting, key=_worth)
    # Two works of one title, and nothing that tells which of them it is.
    return best if best.match.told or len(fitting) == 1 else None


def _worth(find: Find) -> tuple[tuple[float, bool, float], bool]:
    return find.match.worth, find.paper.arxiv_id is not None
