"""What the first look at a next mail needs is made when the pages begin; nothing fails where it cannot be made."""

import asyncio
import threading
from pathlib import Path

import pytest
from newsroom import Newsroom, papers, until
from structlog.testing import capture_logs
from test_web_apart import Run

from newsletter.pipeline.learning import Learner
from newsletter.web import site as pages
from newsletter.web.ahead import ahead


async def test_the_first_look_finds_all_that_it_needs(small_room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    room = small_room
    await room.take_in(*papers(1, 2, 3))
    ada = await room.subscribe("ada", "glacier")
    _, desk = await pages.furnished(room.app)
    before = await room.rows("SELECT * FROM papers"), await room.rows("SELECT * FROM subscribers")
    await desk.prepare()
    assert (await room.rows("SELECT * FROM papers"), await room.rows("SELECT * FROM subscribers")) == before

    def again() -> None:
        raise AssertionError("it is made anew")

    monkeypatch.setattr(Learner, "_learned", again)
    monkeypatch.setattr(type(room.app), "sample_writer", again)
    monkeypatch.setattr(desk.foresight, "_make", again)
    assert "The glacier" in (await desk.foresight.mail(ada) or "")


async def test_templates_are_compiled_beside_those_who_ask(small_room: Newsroom) -> None:
    _, desk = await pages.furnished(small_room.app)
    make, threads = desk.foresight._make_writer, []

    def noted():  # type: ignore[no-untyped-def]
        threads.append(threading.current_thread())
        return make()

    desk.foresight._make_writer = noted
    await desk.prepare()
    assert threads
    assert threading.main_thread() not in threads


async def test_an_empty_newsletter_is_prepared_too_and_papers_that_come_are_seen(small_room: Newsroom) -> None:
    room = small_room
    _, desk = await pages.furnished(room.app)
    await desk.prepare()
    ada = await room.subscribe("ada")
    assert await desk.foresight.mail(ada) == ""
    await room.take_in(*papers(1))
    room.clock.step(minutes=6)
    assert "The glacier" in (await desk.foresight.mail(ada) or "")


async def test_a_database_that_is_being_changed_is_no_end_of_the_pages(small_room: Newsroom) -> None:
    room = small_room
    await room.take_in(*papers(1))
    ada = await room.subscribe("ada")
    _, desk = await pages.furnished(room.app)
    await room.say("ALTER TABLE papers RENAME TO moved")
    with capture_logs() as told:
        async with ahead(desk.prepare):
            await until(lambda: any("not made ahead" in one["event"] for one in told))
    await room.say("ALTER TABLE moved RENAME TO papers")
    assert "The glacier" in (await desk.foresight.mail(ada) or "")


async def test_work_that_goes_on_ends_with_the_pages() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with ahead(work):
        await begun.wait()
    assert ended.is_set()


async def test_the_process_of_the_pages_prepares_by_itself(small_room: Newsroom, tmp_path: Path) -> None:
    # Nobody is there, so that the program has nothing to choose and learns nothing.
    run = Run(tmp_path, str(small_room.app.settings.database.url))
    try:
        assert (await run.get("/robots.txt")).status_code == 200
        await run.told("learned")
    finally:
        run.process.kill()
        run.process.wait()
