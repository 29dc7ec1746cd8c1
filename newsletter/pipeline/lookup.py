"""Find the paper that somebody means: by its number, arXiv id, DOI, address, or words of its title."""

import re

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import NotFoundError, UsageError
from newsletter.feeds import identity
from newsletter.models import Paper
from newsletter.store import papers
from newsletter.store.database import Database

MOST_NAMED = 8
LONGEST_TITLE = 70

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
    if not found:
        raise NotFoundError(
            f"No paper on record is, or has in its title, {_cut(text)}.",
            next_step="`newsletter papers list WORDS` finds papers by words of their titles.",
        )
    if len(found) > 1:
        named = "; ".join(f"{paper.id} “{_cut(paper.title)}”" for paper in found[:MOST_NAMED])
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
        return await papers.named(connection, doi[0])
    if "://" in text:
        return await papers.named(connection, text)
    same = [known.paper for known in await papers.find(connection, [], [identity.title_key(text)] if text else [])]
    return same or (await with_words(connection, text, limit=MOST_NAMED + 1) if text else [])


async def with_words(connection: AsyncConnection, words: str, *, limit: int) -> list[Paper]:
    """Return the newest papers whose title has all the words, however accents and TeX are spelled on either side."""
    if not words.strip():
        return await papers.search(connection, limit=limit)
    wanted = {word: _folded(word) for word in words.split()}
    keys = {word: "".join(filter(str.isalnum, spelled)) for word, spelled in wanted.items()}

    def fits(title: str) -> bool:
        written, spelled = title.lower(), _folded(title)
        return all(word.lower() in written or (other and other in spelled) for word, other in wanted.items())

    return await papers.search(connection, words, keys=keys, fits=fits, limit=limit)


def _folded(text: str) -> str:
    # The key of a title has the longer name of a letter with two (`ε`), in which the shorter is.
    return identity.folded(text).replace("varepsilon", "epsilon").replace("varphi", "phi")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1].rstrip()}…"
