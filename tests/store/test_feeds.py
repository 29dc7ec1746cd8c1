"""Feeds on record: whose turn it is, how looks went, and what was answered."""

from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.models import Feed, Habits
from newsletter.store import feeds, responses
from newsletter.store.database import Database
from store.samples import MINUTE, NOW, TODAY

HOUR = timedelta(hours=1)
LEASE = NOW + 10 * MINUTE


async def put(connection: AsyncConnection, *locations: str) -> list[Feed]:
    for location in locations:
        assert await feeds.add(connection, "web", location, NOW)
    return await feeds.all_of_them(connection)


async def well(connection: AsyncConnection, feed: Feed, **values: Any) -> Feed:
    known = {"title": "", "etag": "", "last_modified": "", "habits": Habits(), "next_poll_at": NOW + HOUR, **values}
    await feeds.went_well(connection, feed.id, NOW, **known)
    return await again(connection, feed)


async def wrong(connection: AsyncConnection, feed: Feed, at: Any = NOW, **values: Any) -> Feed:
    known = {"next_poll_at": NOW + HOUR, **values}
    await feeds.went_wrong(connection, feed.id, at, "It is broken.", **known)
    return await again(connection, feed)


async def again(connection: AsyncConnection, feed: Feed) -> Feed:
    (found,) = [one for one in await feeds.all_of_them(connection) if one.id == feed.id]
    return found


async def test_feeds_are_kept_once_and_remember_their_last_look(database: Database) -> None:
    async with database.begin() as connection:
        assert await feeds.add(connection, "web", "https://example.org/feed", NOW)
        assert not await feeds.add(connection, "web", "https://example.org/feed", NOW)
        assert await feeds.add(connection, "file", "/pages", NOW)
        first, second = await feeds.all_of_them(connection)
        assert (first.location, first.last_success_at, first.last_fault) == ("https://example.org/feed", None, "")
        assert (first.next_poll_at, first.habits) == (None, Habits())
        await feeds.went_wrong(connection, first.id, NOW, "x" * 5000, next_poll_at=NOW + HOUR)
        broken = await again(connection, first)
        assert (broken.last_fault, broken.last_fault_at) == ("x" * 1000, NOW)
        habits = Habits(ttl=HOUR, skip_days=frozenset({5, 6}), skip_hours=frozenset({0}))
        mended = await well(
            connection, first, title="A feed", etag='"1"', last_modified="today", habits=habits, moved_to="https://b"
        )
        assert (mended.title, mended.etag, mended.last_modified) == ("A feed", '"1"', "today")
        assert (mended.last_success_at, mended.last_fault, mended.last_fault_at) == (NOW, "", None)
        assert (mended.next_poll_at, mended.habits, mended.moved_to) == (NOW + HOUR, habits, "https://b")
        assert await feeds.remove(connection, "/pages")
        assert not await feeds.remove(connection, "/pages")
        await feeds.add(connection, "file", "/others", NOW)
        assert (await feeds.all_of_them(connection))[1].id != second.id, "a late answer is for no other feed"


async def test_a_fault_has_one_beginning_until_it_ends(database: Database) -> None:
    async with database.begin() as connection:
        (feed,) = await put(connection, "https://a")
        await well(connection, feed, moved_to="https://b")
        await wrong(connection, feed)
        later = await wrong(connection, feed, NOW + HOUR)
        assert (later.faulty_since, later.last_fault_at, later.moved_to) == (NOW, NOW + HOUR, "")
        mended = await well(connection, feed)
        assert (mended.faulty_since, mended.last_fault_at) == (None, None)
        assert (await wrong(connection, feed, NOW + HOUR)).faulty_since == NOW + HOUR


async def test_a_feed_is_claimed_when_it_is_due_and_by_one_alone(database: Database) -> None:
    async with database.begin() as connection:
        one, two, three, four = await put(connection, "https://a", "https://b", "https://c", "https://d")
        await well(connection, two, next_poll_at=NOW)
        await well(connection, three, next_poll_at=NOW + MINUTE)
        await wrong(connection, four, gone=True, next_poll_at=NOW)
        assert [feed.id for feed in await feeds.claim(connection, NOW, LEASE)] == [one.id, two.id]
        assert await feeds.claim(connection, NOW, LEASE) == []
        assert [feed.id for feed in await feeds.claim(connection, LEASE, LEASE + HOUR)] == [one.id, two.id, three.id]


async def test_whoever_asks_for_all_gets_those_that_want_no_silence(database: Database) -> None:
    async with database.begin() as connection:
        one, two, three = await put(connection, "https://a", "https://b", "https://c")
        await well(connection, one)
        await wrong(connection, two, gone=True)
        await wrong(connection, three, not_before=NOW + MINUTE)
        claimed = await feeds.claim(connection, NOW, LEASE, all_of_them=True)
        assert [feed.id for feed in claimed] == [one.id, two.id]
        await feeds.put_off(connection, one.id, NOW + HOUR)
        later = await feeds.claim(connection, NOW + MINUTE, LEASE, all_of_them=True)
        assert [feed.id for feed in later] == [two.id, three.id]


async def test_what_was_claimed_and_not_asked_is_as_it_was(database: Database) -> None:
    async with database.begin() as connection:
        one, two = await put(connection, "https://a", "https://b")
        claimed = await feeds.claim(connection, NOW, LEASE)
        done = await well(connection, two)
        await feeds.give_back(connection, claimed, LEASE)
        assert (await again(connection, one)).next_poll_at is None
        assert await again(connection, two) == done


async def test_a_fault_that_lasts_is_told_once(database: Database) -> None:
    async with database.begin() as connection:
        lasting, fresh, gone, fine = await put(connection, "https://a", "https://b", "https://c", "https://d")
        await wrong(connection, lasting, NOW - HOUR)
        await wrong(connection, fresh)
        await wrong(connection, gone, gone=True)
        await well(connection, fine)
        told = await feeds.lasting(connection, NOW - HOUR, NOW)
        assert [feed.id for feed in told] == [lasting.id, gone.id]
        assert await feeds.lasting(connection, NOW - HOUR, NOW) == []
        await wrong(connection, lasting)
        assert await feeds.lasting(connection, NOW - HOUR, NOW) == []
        assert [feed.id for feed in await feeds.lasting(connection, NOW, NOW)] == [fresh.id]
        await well(connection, lasting)
        await wrong(connection, lasting)
        assert [feed.id for feed in await feeds.lasting(connection, NOW, NOW)] == [lasting.id]


async def test_what_has_not_changed_is_kept_once(database: Database) -> None:
    first, second = responses.packed(b"one" * 1000), responses.packed(b"two")
    async with database.begin() as connection:
        feed, other = await put(connection, "https://a", "https://b")
        assert await responses.keep(connection, feed.id, "https://a", first, size=3000, now=NOW, day=TODAY)
        assert await responses.keep(connection, feed.id, "https://a", second, size=3, now=NOW + MINUTE)
        assert not await responses.keep(connection, feed.id, "https://a", first, size=3000, now=NOW + HOUR)
        assert await responses.keep(connection, other.id, "https://a", first, size=3000, now=NOW + HOUR)
        ids = await responses.since(connection, feed_id=feed.id)
        found = [await responses.load(connection, number) for number in ids]
        assert [(one.data, one.at, one.seen_at, one.day) for one in found if one] == [
            (b"two", NOW + MINUTE, NOW + MINUTE, None),
            (b"one" * 1000, NOW, NOW + HOUR, TODAY),
        ]
        assert len(first[1]) < 100
        assert await responses.since(connection, NOW + HOUR, feed_id=feed.id) == [ids[1]]
        assert len(await responses.since(connection)) == 3
        kept = await responses.kept(connection, feed_id=feed.id)
        assert kept == [(ids[1], feed.id, "https://a", NOW), (ids[0], feed.id, "https://a", NOW + MINUTE)]
        assert len(await responses.kept(connection)) == 3


async def test_what_is_old_is_pruned_and_what_is_of_a_forgotten_feed_goes_with_it(database: Database) -> None:
    async with database.begin() as connection:
        feed, other = await put(connection, "https://a", "https://b")
        for number, one in enumerate((feed, feed, other)):
            body = responses.packed(b"%d" % number)
            await responses.keep(connection, one.id, "https://a", body, size=1, now=NOW + number * MINUTE)
        assert await responses.prune(connection, NOW + MINUTE) == 1
        left = await responses.since(connection)
        assert len(left) == 2
        await feeds.remove(connection, "https://a")
        assert len(await responses.since(connection)) == 1
        assert await responses.load(connection, left[0]) is None
