"""Backups: one moment of the database, taken back whole by either engine or not at all."""

import gzip
import io
import json
import os
import random
import tarfile
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import column, inspect, select, table, text, update

from newsletter.errors import SchemaError, StoreError
from newsletter.models import Beside, Consent, DeliveryState, Feedback, Link, Paper, Revision, Subscription, Told, Topic
from newsletter.store import (
    arrivals,
    backup,
    bounces,
    deliveries,
    editions,
    feeds,
    imports,
    merging,
    outcomes,
    papers,
    presses,
    resolutions,
    responses,
    schema,
    searches,
    servers,
    sessions,
    signups,
    subscribers,
    summaries,
    suppressions,
    tables,
    updates,
    vectors,
)
from newsletter.store.database import Database
from newsletter.store.outcomes import Settled
from store.samples import (
    CONFIRMED,
    LONG_AGO,
    MINUTE,
    NOW,
    TODAY,
    TOMORROW,
    add_papers,
    add_people,
    compose,
    draft,
    known,
    person,
    rows,
)

Tables = dict[str, list[tuple[Any, ...]]]


async def fill(database: Database) -> None:
    """Put something of every kind on record."""
    async with database.begin() as connection:
        await feeds.add(connection, "web", "https://example.org/feed", NOW)
        await feeds.went_wrong(connection, 1, NOW + MINUTE, "It is broken.", next_poll_at=NOW + MINUTE)
        body = responses.packed(b"\0 what it said")
        await responses.keep(connection, 1, "https://example.org/feed", body, size=14, now=NOW, day=TODAY)
        kept, double, third, bare = await add_papers(
            connection,
            known(1, links=(Link(kind="code", url="https://example.org/ä"),), authors=("Ada", "Émilie"), doi="10.1/x"),
            known(2, abstract='"quoted",\n\tand 日本語 🙂 \\ \x7f', published_on=date(1999, 12, 31), votes=2**31 - 1),
            known(3),
            known(4, arxiv_id=None),
        )
        # The one that counts was taken in later than its double.
        await merging.merge(connection, third.id, kept.id)
        await searches.note(connection, [1], [third.id], NOW)
        # It has its double's id from then on.
        better = third.model_copy(update={"arxiv_id": kept.arxiv_id})
        await papers.change(
            connection, [papers.Known(better, "paper3", {"other": "Other"}, frozenset((2**63 - 1, -7)))]
        )
        await connection.execute(tables.apart.insert().values(paper_id=third.id, other_id=bare.id))
        await papers.mark(connection, bare.id, pinned=True)
        one, key = person(1, topics=(Topic(name="lora", weight=-1 / 3), Topic(name="b")), muted_words=("x",))
        await subscribers.add(connection, [(one, key)], CONFIRMED)
        people = [1, *await add_people(connection, len(DeliveryState) + 1, start=2)]
        gone = Subscription(state=Consent.UNSUBSCRIBED, how="one click", source="mail", at=NOW + MINUTE)
        await subscribers.consent(connection, people[1], gone)
        await subscribers.say(connection, Feedback(subscriber_id=1, paper_id=double.id, verdict="saved", at=NOW))
        await suppressions.add(connection, "eve@example.org", "a complaint", NOW)
        told = Beside(told=(Told("more", "Ä", 0, 1),), revised=(Revision(bare, 2),))
        drafts = [draft(number, double, bare)._replace(beside=told) for number in people[:-1]]
        edition = await compose(connection, *drafts, draft(people[-1]))
        await editions.note(connection, edition, "A *note*.")
        claimed = await deliveries.claim(connection, owner="one", limit=99, now=NOW, until=NOW + MINUTE)
        await outcomes.note(
            connection,
            "one",
            [Settled(one.id, state, NOW, "x") for one, state in zip(claimed, DeliveryState, strict=False)],
            (),
            NOW + timedelta(microseconds=123456),
        )
        sent = await bounces.lock(connection, delivery_id=claimed[0].id)
        assert sent is not None
        await bounces.note(connection, sent, bounces.Report("0" * 64, "hard", "5.1.1", "Nobody: ä"), NOW)
        await connection.execute(tables.pace.insert().values(name="", state={"sent": [1, 2]}, at=NOW))
        await summaries.keep(connection, summaries.Kept(kept.id, "small", "0" * 32, "A summary: ä", "", 9, NOW))
        asked = resolutions.Asked(bare.id or 0, "hub", 1, NOW, None, "words", "A title: ä", "2603.00009")
        await resolutions.keep(connection, asked)
        await imports.keep(connection, "hub", TODAY, NOW, entries=3, new=2)
        await servers.wants_silence(connection, "papers.example.org", NOW)
        await arrivals.note(connection, 1, TODAY, entries=3, new=2, asked_at=NOW)
        await vectors.keep(connection, [vectors.Kept(kept.id, "model-1", "0" * 32, 2, b"\x00\x3c\x00\x00")])
        await presses.keep(
            connection,
            [presses.Begun(2**52 - 1, NOW, "f" * 32)],
            [presses.New(2**52 - 1, "paper 1 en full", bytes(range(16)), b"\x00\xff")],
        )
        await updates.keep(connection, [("2604.00001", Paper(title="Ä", arxiv_id="2604.00001", version=2))], NOW)
        await signups.put(connection, signups.Signup("fay@example.org", "Fay@example.org", {"hour": 7}, "ä", NOW))
        await signups.keep_wording(connection, "1", "What they saw: ä", NOW)
        await connection.execute(tables.tries.insert().values(name="0" * 64, number=1, since=NOW))
        await sessions.begin(connection, "0" * 64, NOW + MINUTE, NOW)
        await subscribers.erase(connection, people[-2])


async def fill_older(old: Database, newer: Database) -> None:
    """Put on record what the newer database holds, as far as the older one has places for it."""
    async with newer.connect() as source, old.begin() as target:
        there = {
            name: {column["name"] for column in columns}
            for (_, name), columns in (await target.run_sync(lambda sync: inspect(sync).get_multi_columns())).items()
        }
        known = [one for one in tables.metadata.sorted_tables if one.name in there]
        for one in reversed(known):
            await target.execute(one.delete())
        for one in known:
            kept = [here for here in one.c if here.name in there[one.name]]
            found = (await source.execute(select(*kept))).mappings().all()
            older = table(one.name, *(column(here.name, here.type) for here in kept))
            # A paper may be merged into one that came later.
            for row in sorted(found, key=lambda row: row.get("merged_into") is not None):
                # What is now called `web` was all that is no file.
                url = {"kind": "url"} if one.name == "feeds" and "next_poll_at" not in there["feeds"] else {}
                await target.execute(older.insert(), {**row, **url})


async def content(database: Database) -> Tables:
    return {table.name: [tuple(row) for row in await rows(database, table)] for table in tables.metadata.sorted_tables}


@pytest.fixture
async def filled(database: Database) -> Database:
    """A database with something of every kind."""
    await fill(database)
    return database


@pytest.fixture
async def opened(new_database: Callable[..., str]) -> AsyncIterator[Callable[..., Database]]:
    """A function that opens a new database of an engine."""
    made: list[Database] = []

    def open_new(engine: str, *, migrated: bool = False) -> Database:
        made.append(Database.at(new_database(engine, migrated=migrated)))
        return made[-1]

    yield open_new
    for database in made:
        await database.close()


@pytest.mark.parametrize("migrated", [False, True], ids=["nothing there", "set up and empty"])
@pytest.mark.parametrize("other", ["sqlite", "postgresql"])
async def test_either_engine_takes_back_what_the_other_gave(
    filled: Database, opened: Callable[..., Database], tmp_path: Path, other: str, migrated: bool
) -> None:
    counts = await backup.write(filled, tmp_path / "b.tar.gz")
    target = opened(other, migrated=migrated)
    assert await backup.restore(target, tmp_path / "b.tar.gz", NOW) == counts
    before, after = await content(filled), await content(target)
    assert after == before
    assert {name: len(rows) for name, rows in before.items()} == counts
    assert all(counts.values()), "there was something of every kind"
    await schema.check(target)


async def test_what_was_restored_goes_on_where_it_was(
    filled: Database, engine: str, opened: Callable[..., Database], tmp_path: Path
) -> None:
    await backup.write(filled, tmp_path / "b.tar.gz")
    target = opened(engine)
    await backup.restore(target, tmp_path / "b.tar.gz", NOW)
    before = await content(target)
    async with target.begin() as connection:
        assert await suppressions.among(connection, ["eve@example.org"]) == {"eve@example.org": "a complaint"}
        (paper,) = await add_papers(connection, known(100))
        (number,) = await add_people(connection, 1, start=100)
        await compose(connection, draft(number, paper), day=TOMORROW)
        await feeds.add(connection, "file", "/new", NOW)
        assert await deliveries.claim(connection, owner="two", limit=99, now=NOW, until=NOW + MINUTE)
    after = await content(target)
    for name in ("papers", "subscribers", "issues", "deliveries", "editions", "feeds", "subscriptions"):
        assert len(after[name]) == len(before[name]) + 1


async def test_a_backup_is_one_moment_while_others_go_on_writing(
    database: Database,
    engine: str,
    opened: Callable[..., Database],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with database.begin() as connection:
        shelf = await add_papers(connection, *(known(number) for number in range(3)))
    written = 0
    dump = backup._dump

    async def write_more() -> None:
        nonlocal written
        written += 1
        async with database.begin() as connection:
            (number,) = await add_people(connection, 1, start=written)
            await compose(connection, draft(number, *shelf), day=TODAY + timedelta(days=written))
            (one,) = await deliveries.claim(connection, owner="one", limit=1, now=NOW, until=NOW + MINUTE)
            await outcomes.note(
                connection, "one", [Settled(one.id, DeliveryState.FAILED, NOW, "rejected", 550)], (), NOW
            )

    async def dump_while_others_write(connection: Any, columns: Any, file: Path) -> int:
        number = await dump(connection, columns, file)
        await write_more()
        return number

    await write_more()
    monkeypatch.setattr(backup, "_dump", dump_while_others_write)
    counts = await backup.write(database, tmp_path / "b.tar.gz")
    assert written == 1 + len(counts)
    once = ("subscribers", "editions", "issues", "deliveries", "attempts")
    assert {name: counts[name] for name in once} == dict.fromkeys(once, 1)
    assert (counts["picks"], counts["received"]) == (3, 0)
    target = opened(engine)
    assert await backup.restore(target, tmp_path / "b.tar.gz", NOW) == counts


async def test_only_their_owner_can_read_a_backup_and_nothing_else_is_left(filled: Database, tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "b.tar.gz"
    await backup.write(filled, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


async def test_a_backup_that_fails_leaves_the_one_before(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "out" / "b.tar.gz"
    await backup.write(filled, file)
    before = file.read_bytes()

    async def broken(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_dump", broken)
    with pytest.raises(StoreError, match=r"cannot be written to .*b\.tar\.gz: No space left on device\. Name a file"):
        await backup.write(filled, file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("place", ["a file/b.tar.gz", "."])
async def test_a_place_where_no_file_can_be_is_told_in_a_sentence(filled: Database, tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(StoreError, match="The backup cannot be written to"):
        await backup.write(filled, tmp_path / place)


async def test_an_empty_database_is_backed_up_and_restored(
    database: Database, opened: Callable[..., Database], engine: str, tmp_path: Path
) -> None:
    await backup.write(database, tmp_path / "b.tar.gz")
    target = opened(engine)
    await backup.restore(target, tmp_path / "b.tar.gz", NOW)
    assert await content(target) == await content(database)


@pytest.mark.parametrize("what", ["a feed", "a suppression", "everything"])
async def test_nothing_is_restored_over_what_is_there(
    filled: Database, opened: Callable[..., Database], engine: str, tmp_path: Path, what: str
) -> None:
    await backup.write(filled, tmp_path / "b.tar.gz")
    target = opened(engine, migrated=True)
    if what == "everything":
        target = filled
    async with target.begin() as connection:
        if what == "a feed":
            await feeds.add(connection, "file", "/pages", NOW)
        if what == "a suppression":
            await suppressions.add(connection, "ada@example.org", "it bounced", NOW)
    before = await content(target)
    with pytest.raises(StoreError, match=r"is not empty, and restoring would write over it\. Name a new database"):
        await backup.restore(target, tmp_path / "b.tar.gz", NOW)
    assert await content(target) == before


@pytest.mark.parametrize("revision", schema.REVISIONS)
async def test_a_database_of_an_older_version_is_backed_up_and_restored_as_a_new_one(
    opened: Callable[..., Database], engine: str, tmp_path: Path, revision: str
) -> None:
    old, new = opened(engine), opened(engine)
    await schema.migrate(old, NOW, to=revision)
    newest = opened("sqlite", migrated=True)
    await fill(newest)
    await fill_older(old, newest)
    counts = await backup.write(old, tmp_path / "b.tar.gz")
    assert await backup.restore(new, tmp_path / "b.tar.gz", NOW) == counts
    await schema.check(new)
    after = await content(new)
    assert {name: len(after[name]) for name in counts} == counts
    assert not any(after[name] for name in after.keys() - counts.keys())
    await schema.migrate(old, NOW)
    assert await content(old) == after


async def test_what_is_no_database_of_ours_is_not_backed_up(opened: Callable[..., Database], tmp_path: Path) -> None:
    missing = opened("sqlite")
    with pytest.raises(SchemaError, match="There is no database at"):
        await backup.write(missing, tmp_path / "b.tar.gz")
    newer = opened("sqlite", migrated=True)
    async with newer.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="newer program"):
        await backup.write(newer, tmp_path / "b.tar.gz")
    assert list(tmp_path.glob("*.gz")) == []


# Files that are no whole backup. SQLite alone: what is read is the same for both.


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Tables]:
    """A whole backup, and what is in it."""
    folder = tmp_path_factory.mktemp("good")
    database = Database.at(f"sqlite:///{folder}/newsletter.db")
    await schema.migrate(database, NOW)
    await fill(database)
    await backup.write(database, folder / "b.tar.gz")
    kept = await content(database)
    await database.close()
    return (folder / "b.tar.gz").read_bytes(), kept


def rewritten(data: bytes, **changes: Callable[[bytes], bytes | None]) -> bytes:
    """Return a backup with some of its files changed, or left out."""
    written = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as before, tarfile.open(fileobj=written, mode="w:gz") as after:
        for member in before.getmembers():
            stream = before.extractfile(member)
            assert stream is not None
            held: bytes | None = stream.read()
            name = member.name.partition(".")[0]
            if name in changes:
                held = changes[name](held or b"")
            if held is not None:
                member.size = len(held)
                after.addfile(member, io.BytesIO(held))
    return written.getvalue()


def manifest(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda held: json.dumps({**json.loads(held), **changes}).encode()


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    def replace(held: bytes) -> bytes:
        assert old.encode() in held
        return held.replace(old.encode(), new.encode())

    return replace


BROKEN: dict[str, tuple[Callable[[bytes], bytes | None], str]] = {
    "empty": (lambda _: b"", "cannot be read as a backup"),
    "a text": (lambda _: b"Dear diary,\n" * 100, "cannot be read as a backup"),
    "another archive": (lambda _: gzip.compress(b"Dear diary,\n" * 100), "cannot be read as a backup"),
    "missing": (lambda _: None, "cannot be read as a backup: No such file"),
    "cut at its head": (lambda data: data[:5], "cannot be read as a backup"),
    "cut in the middle": (lambda data: data[: len(data) // 2], "cannot be read as a backup"),
    "cut by a byte": (lambda data: data[:-1], "cannot be read as a backup"),
    "without a list": (lambda data: rewritten(data, manifest=lambda _: None), "no whole backup"),
    "with a broken list": (lambda data: rewritten(data, manifest=lambda held: held[:9]), "no whole backup"),
    "with a foreign list": (lambda data: rewritten(data, manifest=lambda _: b"[]"), "backup of another format"),
    "of another format": (lambda data: rewritten(data, manifest=manifest(format=2)), "backup of another format"),
    "of a newer program": (lambda data: rewritten(data, manifest=manifest(revision="9999")), "by a newer program"),
    "without a table": (lambda data: rewritten(data, picks=lambda _: None), "damaged.*picks"),
    "with a lost row": (
        lambda data: rewritten(data, attempts=lambda held: held[: held.rstrip().rindex(b"\n") + 1]),
        "damaged: attempts has .* rows where",
    ),
    "with a cut row": (lambda data: rewritten(data, picks=lambda held: held[:-9]), "damaged"),
    "with a short row": (lambda data: rewritten(data, keys=lambda held: held + b"[1]\n"), "damaged"),
    "with an unknown column": (lambda data: rewritten(data, issues=replaced('"empty"', '"full"')), "damaged.*full"),
    "with no moment": (lambda data: rewritten(data, editions=replaced("T07:00", "T77:00")), "damaged"),
    "with a number for a moment": (
        lambda data: rewritten(data, editions=replaced('"2026-03-02"', "20260302")),
        "damaged",
    ),
    "with rows that contradict each other": (
        lambda data: rewritten(data, picks=lambda held: held.replace(b"\n[", b"\n[99")),
        "damaged",
    ),
    "with a value that breaks a rule": (
        lambda data: rewritten(data, feeds=replaced('"web"', '"fax"')),
        "breaks a rule",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_file_that_is_no_whole_backup_is_told_of_and_leaves_nothing(
    good: tuple[bytes, Tables], tmp_path: Path, broken: str
) -> None:
    change, words = BROKEN[broken]
    file = tmp_path / "b.tar.gz"
    changed = change(good[0])
    if changed is not None:
        file.write_bytes(changed)
    target = Database.at("sqlite:///new.db", folder=tmp_path)
    with pytest.raises(StoreError, match=words) as caught:
        await backup.restore(target, file, NOW)
    assert not isinstance(caught.value, SchemaError)
    if target.file is not None and target.file.exists():
        left = await content(target)
        assert {name for name, rows in left.items() if rows} <= {"keys"}
    # And so it can be filled from a good one.
    file.write_bytes(good[0])
    await backup.restore(target, file, NOW)
    assert await content(target) == good[1]
    await target.close()


async def test_a_byte_that_changed_is_noticed_wherever_it_is(good: tuple[bytes, Tables], tmp_path: Path) -> None:
    data, kept = good
    chance = random.Random(20260302)
    file = tmp_path / "b.tar.gz"
    refused = 0
    for number in range(25):
        place = chance.randrange(len(data))
        file.write_bytes(data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :])
        target = Database.at(f"sqlite:///{number}.db", folder=tmp_path)
        try:
            await backup.restore(target, file, NOW)
        except StoreError:
            refused += 1
        else:
            assert await content(target) == kept, place
        await target.close()
    assert refused >= 20


async def test_a_backup_of_before_a_column_was_added_is_filled_up(
    good: tuple[bytes, Tables], engine: str, opened: Callable[..., Database], tmp_path: Path
) -> None:
    def without_marks(held: bytes) -> bytes:
        lines = [json.loads(line) for line in held.splitlines()]
        dropped = {lines[0].index("hidden"), lines[0].index("pinned")}
        kept = [[value for place, value in enumerate(line) if place not in dropped] for line in lines]
        return "".join(json.dumps(line) + "\n" for line in kept).encode()

    file = tmp_path / "b.tar.gz"
    file.write_bytes(rewritten(good[0], papers=without_marks))
    target = opened(engine)
    await backup.restore(target, file, NOW)
    assert {(row.hidden, row.pinned) for row in await rows(target, tables.papers)} == {(False, False)}


async def test_a_backup_is_not_put_into_a_database_that_is_newer(
    good: tuple[bytes, Tables], database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "b.tar.gz"
    file.write_bytes(good[0])
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "9999"))
    async with database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"is of a newer version than the backup\. Name a database"):
        await backup.restore(database, file, NOW)


async def test_what_was_put_in_meanwhile_is_not_written_over(
    good: tuple[bytes, Tables], database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "b.tar.gz"
    file.write_bytes(good[0])
    migrate = schema.migrate

    async def migrate_while_another_writes(*given: Any, **named: Any) -> Any:
        done = await migrate(*given, **named)
        async with database.begin() as connection:
            await papers.add(connection, [known(77)], LONG_AGO)
        return done

    monkeypatch.setattr(schema, "migrate", migrate_while_another_writes)
    with pytest.raises(StoreError, match="is not empty"):
        await backup.restore(database, file, NOW)
    async with database.begin() as connection:
        assert await papers.count(connection) == 1
        assert (await connection.execute(update(tables.papers).values(votes=1))).rowcount == 1


async def test_a_device_is_not_replaced_by_a_backup(database: Database, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(StoreError, match="no plain file"):
        await backup.write(database, pipe)
    assert pipe.is_fifo()
