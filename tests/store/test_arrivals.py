"""What feeds brought on their days, on record: counted, judged once, told once, pruned."""

from datetime import timedelta

from newsletter.store import arrivals, feeds
from newsletter.store.database import Database
from store.samples import MINUTE, NOW, TODAY

DAY = timedelta(days=1)


async def test_of_a_day_the_most_entries_count_and_new_papers_add_up(database: Database) -> None:
    async with database.begin() as connection:
        await feeds.add(connection, "hub", "https://example.org/feed", NOW)
        await arrivals.note(connection, 1, TODAY, entries=30, new=20, asked_at=NOW)
        await arrivals.note(connection, 1, TODAY, entries=25, new=5, asked_at=NOW + MINUTE)
        await arrivals.note(connection, 1, TODAY, entries=0, new=0, asked_at=NOW - MINUTE)
        assert await arrivals.unjudged(connection) == [arrivals.Arrived(1, TODAY, 30, 25, NOW + MINUTE)]


async def test_a_day_is_judged_once_and_as_it_stands(database: Database) -> None:
    async with database.begin() as connection:
        await feeds.add(connection, "hub", "https://example.org/feed", NOW)
        await arrivals.note(connection, 1, TODAY, entries=0, new=0, asked_at=NOW)
        [before] = await arrivals.unjudged(connection)
        await arrivals.note(connection, 1, TODAY, entries=3, new=3, asked_at=NOW)
        assert not await arrivals.judge(connection, before, "nothing", 30), "more came meanwhile"
        [one] = await arrivals.unjudged(connection)
        assert await arrivals.judge(connection, one, "few", 30)
        assert not await arrivals.judge(connection, one, "usual", 30)
        assert await arrivals.unjudged(connection) == []


async def test_what_stands_is_the_last_day_that_was_open_and_each_is_told_once(database: Database) -> None:
    async with database.begin() as connection:
        await feeds.add(connection, "hub", "https://example.org/feed", NOW)
        verdicts = ("nothing", "usual", "few", "closed", None)
        for ahead, verdict in enumerate(verdicts):
            await arrivals.note(connection, 1, TODAY + ahead * DAY, entries=0, new=0, asked_at=NOW)
            if verdict:
                one = arrivals.Arrived(1, TODAY + ahead * DAY, 0, 0, NOW)
                assert await arrivals.judge(connection, one, verdict, 30)
        [standing] = await arrivals.standing(connection, TODAY)
        assert (standing.day, standing.verdict, standing.usual) == (TODAY + 2 * DAY, "few", 30)
        assert await arrivals.standing(connection, TODAY + 3 * DAY) == []
        seen = await arrivals.of_days(connection, 1, [TODAY + ahead * DAY for ahead in range(5)])
        assert [one.verdict for one in seen] == [None, "few", "usual", "nothing"]
        assert [one.day for one in await arrivals.to_tell(connection, TODAY + DAY, NOW)] == [TODAY + 2 * DAY]
        told = await arrivals.to_tell(connection, TODAY, NOW)
        assert [one.day for one in told] == [TODAY]
        assert await arrivals.to_tell(connection, TODAY, NOW) == []
        await arrivals.not_told(connection, told)
        await arrivals.not_told(connection, [])
        assert [one.day for one in await arrivals.to_tell(connection, TODAY, NOW)] == [TODAY]


async def test_old_days_are_pruned_and_those_of_a_forgotten_feed_go_with_it(database: Database) -> None:
    async with database.begin() as connection:
        await feeds.add(connection, "hub", "https://example.org/feed", NOW)
        for ahead in range(3):
            await arrivals.note(connection, 1, TODAY + ahead * DAY, entries=1, new=1, asked_at=NOW)
        assert await arrivals.prune(connection, TODAY + DAY) == 1
        assert len(await arrivals.unjudged(connection)) == 2
        await feeds.remove(connection, "https://example.org/feed")
        assert await arrivals.unjudged(connection) == []
