"""How a source's past is asked for day by day: the hub by its days, arXiv by the day of submission; does no I/O."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from newsletter.errors import FeedError, UsageError
from newsletter.feeds import resolving_answers
from newsletter.feeds.parsing import parse
from newsletter.models import ParsedFeed

BASES: Mapping[str, str] = {
    "hub": "https://huggingface.co/api/daily_papers",
    "arxiv": "https://export.arxiv.org/api/query",
}
# The hub gives 100 papers in an answer at most, arXiv 2,000; answers of a few hundred come in time.
SIZES: Mapping[str, int] = {"hub": 100, "arxiv": 200}
# More entries than any day of any source has; a server that never ends is stopped there.
MOST_ENTRIES = 20_000

# https://huggingface.co/papers has days since then, arXiv papers.
BEGAN: Mapping[str, date] = {"hub": date(2023, 5, 4), "arxiv": date(1991, 8, 14)}

_HUB = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?:api/daily_)?papers\b.*|hub", re.IGNORECASE)
# https://arxiv.org/category_taxonomy: some archives have no classes.
_WHOLE = "gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math-ph|nucl-ex|nucl-th|quant-ph"
_CATEGORY = rf"(?:{_WHOLE}|[a-z]{{2,8}}(?:-[a-z]{{2,8}})?\.(?:[A-Za-z]{{2}}|[a-z]{{2,5}}(?:-[a-z]{{2,4}})?))"
_CATEGORIES = re.compile(rf"{_CATEGORY}(?:\+{_CATEGORY})*")
_LOWER = ("cond-mat", "physics", "nlin")
_ENTRY = re.compile(rb"<entry[\s>]")
# https://info.arxiv.org/help/api/user-manual.html#query_details: a field, a colon, what is in it.
_FIELD = re.compile(r"\b(?:ti|au|abs|co|jr|cat|rn|all):\S")


class Past(NamedTuple):
    """A source whose past can be asked for.

    `kind` is `hub` or `arxiv`, `query` what is searched at arXiv; `name` is the same for the same source, however it
    was written.
    """

    kind: str
    query: str = ""

    @property
    def name(self) -> str:
        """How the source is called on record and for people."""
        return f"{self.kind} {self.query}".strip()


class Page(NamedTuple):
    """One part of what a source has of a day: where it is asked for, and how many entries came before it."""

    url: str
    number: int
    start: int


def named(source: str) -> Past:
    """Return the source that somebody means.

    That is `hub`, categories of arXiv (`cs.CL`, `cs.CL+cs.AI`), a search there (`cat:cs.CL AND ti:quantization`), or
    the address of one of these. Raises UsageError for anything else.
    """
    source = " ".join(source.split())
    if _HUB.fullmatch(source):
        return Past("hub")
    if "://" in source:
        parts = urlsplit(source)
        if (parts.hostname or "") in ("rss.arxiv.org", "arxiv.org", "export.arxiv.org"):
            source = next((part for part in parts.path.split("/")[2:] if _CATEGORIES.fullmatch(part)), source)
    if _CATEGORIES.fullmatch(source):
        return Past("arxiv", " OR ".join(f"cat:{_class(each)}" for each in sorted(set(source.split("+")))))
    if _FIELD.search(source) and "://" not in source:
        return Past("arxiv", source)
    raise UsageError(
        f"{source} is no source whose past can be asked for.",
        next_step="Name hub, a category of arXiv such as cs.CL, or a search such as 'cat:cs.CL AND ti:quantization'; "
        "files are taken in by `newsletter feeds ingest`.",
    )


def days(past: Past, since: date, until: date) -> list[date]:
    """Return the days from `until` back to `since` on which the source had papers at all, the latest first."""
    first = max(since, BEGAN[past.kind])
    return [until - timedelta(days=back) for back in range((until - first).days + 1)]


def first_page(past: Past, day: date, *, bases: Mapping[str, str] = BASES) -> Page:
    """Return what is asked first for a day."""
    return _page(past, day, 0, 0, bases)


def next_page(
    past: Past, day: date, page: Page, data: bytes, parsed: ParsedFeed, *, bases: Mapping[str, str] = BASES
) -> Page | None:
    """Return what is asked after an answer, or None where the day is complete.

    Raises FeedError where arXiv gave an empty page in the midst of its results, which it does now and then.
    """
    came = len(_ENTRY.findall(data)) if past.kind == "arxiv" else len(parsed.papers)
    start = page.start + came
    if past.kind == "arxiv":
        total = resolving_answers.total(data)
        if total is not None and start < min(total, MOST_ENTRIES):
            if came == 0:
                raise FeedError(f"arXiv gave {start:,} of {total:,} papers of {day}, and then none.")
            return _page(past, day, page.number + 1, start, bases)
        return None
    # Whether a server took the size as it was asked for is not known: it is asked until nothing comes.
    return _page(past, day, page.number + 1, start, bases) if came and start < MOST_ENTRIES else None


def read(past: Past, data: bytes, *, today: date) -> ParsedFeed:
    """Return the papers of an answer; raises FeedError where that is none."""
    if past.kind == "arxiv" and (said := resolving_answers.refusal(data)):
        raise FeedError(f"arXiv refuses the search: {said.rstrip('.')}.", next_step="Look at what is searched for.")
    parsed = parse(data, name=past.name, today=today)
    if parsed.layout != ("atom" if past.kind == "arxiv" else "hub-json") or (parsed.problems and not parsed.papers):
        raise FeedError(f"What came from {past.name} is not what it gives for a day.")
    return parsed


def _class(category: str) -> str:
    """Return a category as arXiv spells it."""
    archive, dot, name = category.partition(".")
    return f"{archive}{dot}{name.lower() if archive in _LOWER and len(name) != 2 else name.upper()}" if dot else archive


def _page(past: Past, day: date, number: int, start: int, bases: Mapping[str, str]) -> Page:
    size = SIZES[past.kind]
    if past.kind == "hub":
        asked = {"date": day.isoformat(), "limit": str(size), "p": str(number)}
    else:
        span = f"submittedDate:[{day:%Y%m%d}0000 TO {day:%Y%m%d}2359]"
        asked = {
            "search_query": f"({past.query}) AND {span}",
            "start": str(start),
            "max_results": str(size),
            "sortBy": "submittedDate",
            "sortOrder": "ascending",
        }
    return Page(f"{bases[past.kind]}?{urlencode(asked)}", number, start)
