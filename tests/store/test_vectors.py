"""Vectors are kept by paper, model and text; another model's are not read, and gone papers take theirs along."""

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from newsletter.store import tables, vectors
from newsletter.store.database import Database
from newsletter.store.vectors import Kept
from store.samples import add_papers, known, rows


def kept(paper_id: int, model: str = "mini 1", numbers: bytes = b"\x00\x3c\x00\x00") -> Kept:
    return Kept(paper_id, model, "d" * 32, len(numbers) // 2, numbers)


async def test_what_was_kept_is_read(database: Database) -> None:
    async with database.begin() as connection:
        one, two, three = [paper.id or 0 for paper in await add_papers(connection, known(1), known(2), known(3))]
        await vectors.keep(connection, [kept(one), kept(two, "other 2"), kept(three, numbers=b"\x00" * 6)])
    async with database.connect() as connection:
        assert await vectors.read(connection, [one, two, three, 999], "mini 1", 2) == [kept(one)]


async def test_a_new_vector_takes_the_place_of_the_old(database: Database) -> None:
    async with database.begin() as connection:
        (paper,) = await add_papers(connection, known(1))
        await vectors.keep(connection, [kept(paper.id or 0)])
        await vectors.keep(connection, [kept(paper.id or 0, "other 2")])
    assert [row.model for row in await rows(database, tables.vectors)] == ["other 2"]


async def test_a_paper_that_is_gone_is_passed_over_and_takes_its_vector_along(database: Database) -> None:
    async with database.begin() as connection:
        one, two = [paper.id or 0 for paper in await add_papers(connection, known(1), known(2))]
        await vectors.keep(connection, [kept(one), kept(two), kept(999)])
        await connection.execute(delete(tables.papers).where(tables.papers.c.id == one))
    assert [row.paper_id for row in await rows(database, tables.vectors)] == [two]


async def test_numbers_of_another_length_are_refused(database: Database) -> None:
    async with database.begin() as connection:
        (paper,) = await add_papers(connection, known(1))
        with pytest.raises(IntegrityError, match="numbers"):
            await vectors.keep(connection, [kept(paper.id or 0)._replace(dimensions=3)])
