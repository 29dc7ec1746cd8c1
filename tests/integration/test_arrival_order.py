"""What readers get does not hang on the order in which their papers came in, nor on the numbers that these have."""

import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from newsroom import TODAY, Newsroom, open_newsroom

from newsletter.models import Link, Paper
from newsletter.pipeline import learning, record

THINGS = ("agents", "retrieval", "speech", "vision", "robots", "proteins", "markets", "glaciers")
WAYS = ("planning", "sampling", "distillation", "pruning", "alignment", "evaluation", "memory")
LAB = ("Ada Quist", "Bo Lindqvist", "Cy Tanaka")


def works(count: int, chance: random.Random) -> list[list[Paper]]:
    """Works with few words and many ties, each by one account or two, of which neither has all that is known."""
    found = []
    for number in range(count):
        thing, way = THINGS[number % len(THINGS)], WAYS[number % len(WAYS)]
        title = f"{way} for {thing} {chance.choice(WAYS)} w{number}"
        text = " ".join(chance.choices((*THINGS, *WAYS), k=12))
        announced = Paper(
            title=title,
            abstract=text,
            arxiv_id=f"2603.{number:05}",
            authors=LAB,
            keywords=("cs.CL",),
            links=(Link(kind="pdf", url=f"https://arxiv.org/pdf/2603.{number:05}"),),
            source="arXiv",
        )
        told = {"votes": number % 3, "keywords": (way, thing), "source": "The Hub", "organization": "A Lab"}
        code = Link(kind="code", url=f"https://github.com/a/w{number}")
        found.append([announced, announced.model_copy(update={**told, "links": (code,)})][: 1 + number % 2])
    return found


async def filled(room: Newsroom, accounts: Sequence[Paper], size: int) -> None:
    for start in range(0, len(accounts), size):
        await room.take_in(*accounts[start : start + size])
        room.clock.step(minutes=1)


def bare(paper: Paper) -> Paper:
    return paper.model_copy(update={"id": None, "first_seen_at": None, "taken_at": None})


# With 240, the archive is large enough that subjects are learned of it.
@pytest.mark.parametrize(("count", "seed"), [(40, 1), (40, 2), (240, 3)])
async def test_whatever_the_order_in_which_papers_came_everybody_gets_the_same_in_the_same_order(
    new_database: Callable[..., str], tmp_path: Path, count: int, seed: int
) -> None:
    chance = random.Random(seed)
    told = [account for accounts in works(count, chance) for account in accounts]
    async with AsyncExitStack() as stack:
        seen = []
        for turn in range(2):
            room = await stack.enter_async_context(open_newsroom(new_database("sqlite"), tmp_path / str(turn)))
            order = chance.sample(told, len(told)) if turn else told
            await filled(room, order, chance.randrange(3, 40))
            people = [
                await room.subscribe("ada", "language agents", "speech:0.5"),
                await room.subscribe("bob"),
                await room.subscribe("cyd", "robots", "agents:-1"),
            ]
            contents = await (await room.app.composer()).pick(people, TODAY)
            lesson = await learning.lesson_of(room.database)
            known = await record.search_papers(room.database, "", limit=10_000)
            got = [[(one.paper.title, one.score, one.reason) for one in content.picks] for content in contents]
            seen.append((got, list(map(bare, lesson.archive)), {one.arxiv_id: bare(one) for one in known}))
    first, second = seen
    assert first[2] == second[2]
    assert first[1] == second[1]
    assert first[0] == second[0]
    assert all(first[0])
