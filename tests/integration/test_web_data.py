"""All that is on record about a reader: handed to them alone, whole, and erased at once."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from newsroom import DAY, NOW, Newsroom, address, papers, titles
from sqlalchemy import Column, Table
from webroom import Site, open_site

from newsletter.models import Topic
from newsletter.pipeline import subscribers
from newsletter.pipeline.doors import OWN_HOURS
from newsletter.pipeline.own_data import OwnData
from newsletter.store import own, tables

# What binds rows together, and what is no word about the person: the bytes of an answer of arXiv, a lease, the set of
# parts that mails of a run have in common, how a source of their own is asked.
LEFT_OUT = {
    "feeds": {"kind", "habits", "etag", "last_modified", "moved_to", "next_poll_at", "not_before", "faulty_since",
              "told_at", "gone_at"},
    "responses": {"body", "digest", "etag", "last_modified"},
    "deliveries": {"lease_owner", "leased_until", "press_id"},
    "bounces": {"report"},
}  # fmt: skip


@pytest.fixture
async def site(room: Newsroom) -> AsyncIterator[Site]:
    """The pages of a newsletter of which Ada and Bob had a mail, on both engines."""
    async with open_site(await read(room)) as opened:
        yield opened


@pytest.fixture
async def small_site(small_room: Newsroom) -> AsyncIterator[Site]:
    """The same on SQLite alone."""
    async with open_site(await read(small_room)) as opened:
        yield opened


async def read(room: Newsroom) -> Newsroom:
    """Let Ada, who has wishes, and Bob have a mail."""
    await room.take_in(*papers(1, 2, 3))
    wishes: dict[str, Any] = {
        "muted_words": ("slow",), "authors": ("Märta Öberg",), "searches": ("cat:cs.CL",), "minutes": 30,
    }  # fmt: skip
    await room.subscribe("ada", "glacier:0.5", **wishes)
    await room.subscribe("bob")
    await room.send()
    return room


async def path(site: Site, name: str = "ada", purpose: str = "own") -> str:
    """Return the path of someone's data."""
    return f"/data/{await site.door(purpose, name)}"


async def test_the_export_has_all_that_is_known(site: Site) -> None:
    number = await site.number("ada")
    await site.press(await site.saying("more", 1), act="more")
    await site.room.say(
        "UPDATE issues SET beside = :text WHERE subscriber_id = :number", text='{"a": 1}', number=number
    )
    before = await site.everything()
    answer = await site.get(f"{await path(site)}/data.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    found = json.loads(answer.content)
    assert found["version"] == 1
    assert found["made_at"] == NOW.isoformat()
    assert found["suppressed"] is None
    person = found["person"]
    assert (person["email"], person["cadence"], person["minutes"], person["state"]) == (
        "ada@example.org", "daily", 30, "confirmed",
    )  # fmt: skip
    assert {(wish["kind"], wish["name"], wish["weight"]) for wish in found["wishes"]} == {
        ("topic", "glacier", 0.5), ("muted_word", "slow", 1.0), ("author", "Märta Öberg", 1.0),
    }  # fmt: skip
    assert [one["how"] for one in found["consents"]] == ["by the operator"]
    assert "cat:cs.CL" in found["searches"][0]["location"]
    assert [pick["title"] for pick in found["picks"]] == list((await site.room.record("ada")).titles)
    assert {one["title"] for one in found["received"]} == {one["title"] for one in found["picks"]} != set()
    assert found["issues"][0]["beside"] == {"a": 1}
    assert [(one["state"], one["address"]) for one in found["deliveries"]] == [("caught", "ada@example.org")]
    assert [(one["verdict"], one["title"]) for one in found["feedback"]] == [("more", found["picks"][0]["title"])]
    assert "bob" not in answer.text
    assert await site.everything() == before


def test_the_export_leaves_out_no_table_and_no_column_of_a_person() -> None:
    statements = own.everything_of(1)
    told: dict[str, set[str]] = {}
    for statement in statements.values():
        for column in statement.selected_columns:
            (base,) = column.base_columns
            assert isinstance(base, Column)
            told.setdefault(base.table.name, set()).add(base.name)
    for table in about_people():
        bound = {column.name for column in table.columns if column.foreign_keys or column.name == "id"}
        missing = {column.name for column in table.columns} - told.get(table.name, set()) - bound
        assert missing - LEFT_OUT.get(table.name, set()) == set(), table.name


def about_people() -> list[Table]:
    """Return the tables whose rows go with a person."""
    found = {"subscribers"}
    while True:
        more = {
            table.name
            for table in tables.metadata.tables.values()
            if any(key.column.table.name in found and key.ondelete == "CASCADE" for key in table.foreign_keys)
        }
        if more <= found:
            return [tables.metadata.tables[name] for name in sorted(found)]
        found |= more


def test_the_documentation_names_every_part_and_every_field() -> None:
    text = (Path(__file__).parents[2] / "docs" / "my-data.md").read_text("utf-8")
    for name, statement in own.everything_of(1).items():
        assert f"| `{name}` |" in text
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        for column in statement.selected_columns:
            assert f"`{column.key}`" in row, (name, column.key)


async def test_erasing_takes_a_tick_and_leaves_nothing_but_a_hash(site: Site) -> None:
    here = await path(site)
    page = await site.get(here)
    assert "<h1>My data</h1>" in page.text
    assert "a•••@example.org" in page.text
    page = await site.press(here, act="erase")
    assert page.status_code == 422
    assert "<h1>Nothing was erased</h1>" in page.text
    assert (await site.press(here, act="nonsense", sure="yes")).status_code == 400
    assert (await site.get(here)).status_code == 200
    page = await site.press(here, act="erase", sure="yes")
    assert page.status_code == 200
    assert "<h1>You are erased</h1>" in page.text
    assert "a hash of your address" in page.text
    for table in about_people():
        for row in await site.room.rows(f"SELECT * FROM {table.name}"):  # noqa: S608
            assert "ada" not in repr(row), table.name
    assert await site.room.rows("SELECT reason FROM suppressions") == [("erased at their wish",)]
    # Whoever loads the page again, or has another of their links, learns that nobody is there.
    assert (await site.press(here, act="erase", sure="yes")).status_code == 410
    assert (await site.get(f"{here}/data.json")).status_code == 410
    site.room.clock.moment += DAY
    await site.room.take_in(*papers(4))
    await site.room.send()
    assert {one.delivery.address for one in await site.room.records()} == {"bob@example.org"}
    assert (await site.room.records("bob"))[-1].titles == titles(4)


async def test_erasing_twice_at_once_erases_once(site: Site) -> None:
    here = await path(site)
    answers = await asyncio.gather(*(site.press(here, act="erase", sure="yes") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 410, 410, 410, 410]
    assert len(await site.room.rows("SELECT * FROM suppressions")) == 1


async def test_what_is_cut_off_erases_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(BaseException):
        """What a kill is to a transaction: it never ends."""

    async def killed(*_: object) -> None:
        raise KilledError

    before = await site.everything()
    data = OwnData(site.room.database, site.room.clock, await site.room.app.doors())
    token = (await path(site)).rpartition("/")[2]
    monkeypatch.setattr("newsletter.pipeline.subscribers.suppressions.add", killed)
    with pytest.raises(KilledError):
        await data.erase(token)
    assert await site.everything() == before


async def test_no_other_link_opens_it(small_site: Site) -> None:
    theirs = await path(small_site)
    for wrong in (
        await path(small_site, purpose="settings"),
        theirs[:-1],
        theirs.replace("/data/1-", "/data/2-"),
        f"/data/{small_site.signer.tag('unsubscribe', 1)}",
    ):
        for answer in (
            await small_site.get(wrong),
            await small_site.get(f"{wrong}/data.json"),
            await small_site.press(wrong, act="erase", sure="yes"),
        ):
            assert answer.status_code == 404
    small_site.room.clock.step(hours=OWN_HOURS, seconds=1)
    for answer in (await small_site.get(theirs), await small_site.press(theirs, act="erase", sure="yes")):
        assert answer.status_code == 410
    fresh = await path(small_site)
    await small_site.room.say("UPDATE subscribers SET links = links + 1")
    assert (await small_site.press(fresh, act="erase", sure="yes")).status_code == 410
    assert len(await small_site.room.rows("SELECT * FROM subscribers")) == 2


async def test_looking_changes_nothing(site: Site) -> None:
    before, here = await site.everything(), await path(site)
    for end in ("", "?act=erase&sure=yes", "/data.json"):
        for ask in (site.client.get, site.client.head):
            assert (await ask(here + end)).status_code == 200
    assert await site.everything() == before


async def test_a_break_for_ever_and_topics_stand_in_the_export(small_site: Site) -> None:
    await subscribers.edit(
        small_site.room.database, address("bob"), lambda bob: bob.model_copy(update={"topics": (Topic(name="agents"),)})
    )
    await subscribers.pause(small_site.room.database, address("bob"), None)
    found = json.loads((await small_site.get(f"{await path(small_site, 'bob')}/data.json")).content)
    assert found["person"]["paused_until"] == str(date.max)
    assert [wish["name"] for wish in found["wishes"]] == ["agents"]
