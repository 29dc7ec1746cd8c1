"""Find the paper that somebody means: by its number, arXiv id, DOI, address, or words of its title."""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import NotFoundError, UsageError
from newsletter.feeds import identity, marks
from newsletter.models import Paper
from newsletter.store import finding, papers
from newsletter.store.database import Database

MOST_NAMED = 8
LONGEST_TITLE = 70

# Titles that are looked through for one that was misspelled, the newest, and how many of them are named.
MOST_TITLES = 50_000
MOST_NEAR = 3
# How alike two words have to be to be one misspelled (0 to 1, as difflib has it), and how many of the words that are
# given, each counted by that, have to stand in a title.
ALIKE = 0.75
ENOUGH = 0.6
# More words, or longer ones, than people write cost time and find nothing.
MOST_WORDS = 12
LONGEST_WORD = 40

# Handles of the DOI system begin so; what may follow is anything but a space (ISO 26324).
_DOI = re.compile(r"\b10\.\d{4,9}/\S+")


async def paper_meant(database: Database, text: str) -> Paper:
    """Return the paper that is meant, the one that counts where two turned out to be one.

    Raises NotFoundError where there is none, and UsageError with the candidates where there are several.
    """
    text = " ".join(text.split())
    if not text:
        raise UsageError("No paper is named.", next_step="Name it by its number, its arXiv id or words of its title.")
    async with database.connect() as connection:
        found = await _found(connection, text)
        near = [] if found or _is_address(text) else nearest(text, await finding.titles(connection, MOST_TITLES))
    if not found:
        raise NotFoundError(
            f"No paper on record is, or has in its title, {_cut(text)}.",
            next_step=f"Near to it: {_listed(near)}. Name one of them by its number."
            if near
            else "`newsletter papers list WORDS` finds papers by words of their titles.",
        )
    if len(found) > 1:
        named = _listed((paper.id or 0, paper.title) for paper in found[:MOST_NAMED])
        more = " and more" if len(found) > MOST_NAMED else ""
        raise UsageError(
            f"More than one paper may be meant: {named}{more}.", next_step="Name one of them by its number."
        )
    return found[0]


async def _found(connection: AsyncConnection, text: str) -> list[Paper]:
    if text.isascii() and text.isdigit() and len(text) < 10:
        ids = await papers.one_work(connection, int(text))
        if ids:
            return list((await papers.by_ids(connection, ids[:1])).values())
    if arxiv := identity.arxiv_id(text):
        return [known.paper for known in await papers.find(connection, [arxiv[0]], [])]
    if doi := _DOI.search(text):
        return await finding.named(connection, doi[0])
    if "://" in text:
        return await finding.named(connection, text)
    key = identity.title_key(text)
    same = [known.paper for known in await papers.find(connection, [], {key, marks.told_apart(key, text)})]
    return same or await with_words(connection, text, limit=MOST_NAMED + 1)


async def with_words(connection: AsyncConnection, words: str, *, limit: int) -> list[Paper]:
    """Return the newest papers whose title has all the words, however accents and TeX are spelled on either side."""
    if not words.strip():
        return await finding.search(connection, limit=limit)
    wanted = {word: _folded(word) for word in words.split()}
    keys = {word: "".join(filter(str.isalnum, spelled)) for word, spelled in wanted.items()}

    def fits(title: str) -> bool:
        written, spelled = title.lower(), _folded(title)
        return all(word.lower() in written or (other and other in spelled) for word, other in wanted.items())

    return await finding.search(connection, words, keys=keys, fits=fits, limit=limit)


def nearest(text: str, titles: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the numbers and titles that hold most of the words of a text, however these are spelled, nearest first.

    Words are compared by the ratio of Ratcliff and Obershelp (difflib); of titles as near as each other the earlier in
    `titles` comes first, and none is returned that holds too little.
    """
    given = [word[:LONGEST_WORD] for word in dict.fromkeys(_words(text))][:MOST_WORDS]
    holding: dict[str, set[int]] = defaultdict(set)
    listed = list(titles)
    for at, (_, title) in enumerate(listed):
        for word in _words(title):
            holding[word].add(at)
    scores: dict[int, float] = defaultdict(float)
    for word in given:
        alike = [word] if word in holding else difflib.get_close_matches(word, holding, n=MOST_NAMED, cutoff=ALIKE)
        ratios: dict[int, float] = {}
        # The nearest come first.
        for other in reversed(alike):
            ratios |= dict.fromkeys(holding[other], difflib.SequenceMatcher(None, other, word).ratio())
        for at, ratio in ratios.items():
            scores[at] += ratio
    best = sorted((-score, at) for at, score in scores.items() if score >= ENOUGH * len(given))
    return [listed[at] for _, at in best[:MOST_NEAR]]


def _words(text: str) -> list[str]:
    """Return the words of a text without case, accents and TeX."""
    return re.findall(r"[^\W_]+", _folded(text))


def _folded(text: str) -> str:
    # The key of a title has the longer name of a letter with two (`ε`), in which the shorter is.
    return identity.folded(text).replace("varepsilon", "epsilon").replace("varphi", "phi")


def _is_address(text: str) -> bool:
    """Tell whether a text names a paper by what nobody can know from its title."""
    return bool(identity.arxiv_id(text) or _DOI.search(text) or "://" in text)


def _listed(named: Iterable[tuple[int, str]]) -> str:
    return "; ".join(f"{number} “{_cut(title)}”" for number, title in named)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1].rstrip()}…"
