"""Take apart what was taken for one paper and is two; it knows no sources."""

from newsletter.clock import Clock
from newsletter.errors import NotFoundError, UsageError
from newsletter.feeds import identity, marks, works
from newsletter.models import Paper
from newsletter.store import merging, papers
from newsletter.store.database import Database, exclusively


async def titles(database: Database, number: int) -> list[str]:
    """Return the other titles that a paper bore; raises NotFoundError if there is no such paper."""
    async with database.connect() as connection:
        found = await papers.known(connection, number)
    if found is None:
        raise _nothing(number)
    return sorted({text or marks.of_letters(key) for key, text in found.former.items()})


async def split(database: Database, clock: Clock, number: int, title: str) -> Paper:
    """Make a paper of its own of a title that paper `number` bore by mistake; no source makes the two one again.

    Raises NotFoundError if there is no such paper, and UsageError if it did not bear that title besides its own.
    """
    key = identity.title_key(title)
    async with database.begin() as connection:
        await exclusively(connection, "papers")
        found = await papers.known(connection, number)
        if found is None:
            raise _nothing(number)
        keys = [one for one in found.former if marks.of_letters(one) == key]
        if not keys:
            raise UsageError(
                f"Paper {number} did not bear that title besides its own.",
                next_step=f"`newsletter papers split {number}` lists those that it bore.",
            )
        stay = [found.paper, *(_titled(found.paper, text) for other, text in found.former.items() if other not in keys)]
        own = frozenset[int]().union(*map(works.signs, stay))
        alone = await merging.split(connection, found, keys, own, clock.now())
        return (await papers.by_ids(connection, [alone]))[alone]


def _titled(paper: Paper, title: str) -> Paper:
    return paper.model_copy(update={"title": title})


def _nothing(number: int) -> NotFoundError:
    return NotFoundError(f"There is no paper {number}.", next_step="`newsletter papers list` shows their numbers.")
