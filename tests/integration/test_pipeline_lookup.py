"""A paper is found by words of its title, however its accents and formulae were written."""

import pytest
from newsroom import Newsroom, papers

from newsletter.pipeline import record
from newsletter.pipeline.lookup import paper_meant

TITLES = (
    r"T\"ulu 3: Pushing Frontiers in Open Post-Training",
    "Universal Hölder Bounds",
    r"PanGu-$\pi$ and Its Nonlinearity",
    "A GD^2PO for Agents",
    "ε-Greedy Search in O(n log n)",
)


async def found(room: Newsroom, words: str) -> list[str]:
    return [paper.title for paper in await record.search_papers(room.database, words, limit=10)]


@pytest.mark.parametrize(
    ("words", "title"),
    [
        *((words, 0) for words in ("Tülu", r"T\"ulu", "tulu 3", r"T{\"u}lu pushing", "TÜLU")),
        *((words, 1) for words in ("Hölder", "holder", r"H\"older bounds")),
        *((words, 2) for words in ("PanGu-π", "pangu-pi", r"PanGu-$\pi$")),
        *((words, 3) for words in ("GD^2PO", "GD²PO", "gd2po", "GD^{2}PO")),
        *((words, 4) for words in ("ε-greedy", "epsilon-greedy", r"$\epsilon$-greedy")),
    ],
)
async def test_both_spellings_find_it(room: Newsroom, words: str, title: int) -> None:
    await room.take_in(*papers(*range(len(TITLES))), source="other")
    await room.take_in(
        *(paper.model_copy(update={"title": TITLES[at]}) for at, paper in enumerate(papers(*range(10, 15))))
    )
    assert await found(room, words) == [TITLES[title]]
    assert (await paper_meant(room.database, words)).title == TITLES[title]


async def test_words_have_ends(room: Newsroom) -> None:
    await room.take_in(papers(1)[0].model_copy(update={"title": "Searching for agents"}))
    assert await found(room, "rag") == []
    assert await found(room, "agents SEARCHING") == ["Searching for agents"]
    assert await found(room, "") == ["Searching for agents"]
