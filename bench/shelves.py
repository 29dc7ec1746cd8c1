"""Give readers who are on record the mails of many days before, and add some who only leave; in bulk."""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from made_up import Reader, papers
from prepare import DOMAIN, PAPERS, add_people, bulk, settle
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter import config
from newsletter.clock import SystemClock
from newsletter.models import FOREVER, DeliveryState
from newsletter.store import editions, tables
from newsletter.store import papers as paper_rows
from newsletter.store.database import Database

# Papers that come on a day, and how many of them each reader gets.
A_DAY = 20
ISSUE = 10


async def fill(folder: Path, *, subscribers: int, readers: int, days: int, leavers: int) -> None:
    """Let the first `readers` have had a mail on each of so many days, and add `leavers` who have paused."""
    settings = config.load(folder / "config.toml", {})
    database = Database.at(settings.database.url, folder=folder)
    now = SystemClock().now()
    async with database.begin() as connection:
        numbers = range(subscribers + 1, subscribers + leavers + 1)
        await add_people(connection, [Reader(one, f"reader{one}@example.org", (), ()) for one in numbers], now)
        left = tables.subscribers.c.id > subscribers
        await connection.execute(update(tables.subscribers).where(left).values(paused_until=FOREVER))
    known = papers(PAPERS + A_DAY * days, now=now)[PAPERS:]
    chance = Random(3)
    for before in range(days, 0, -1):
        at = now - timedelta(days=before)
        of_day = [one.model_copy(update={"first_seen_at": at}) for one in known[A_DAY * (before - 1) : A_DAY * before]]
        async with database.begin() as connection:
            found = await paper_rows.add(connection, [paper_rows.Known(one, one.title.lower()) for one in of_day], at)
            edition = await editions.ensure(connection, at.date(), "daily", at)
            first = subscribers + readers * (before - 1)
            await _mails(connection, {first + one: one for one in range(1, readers + 1)}, found, edition.id, at, chance)
    await settle(database)
    await database.close()


async def _mails(
    connection: AsyncConnection, people: dict[int, int], found: list[int], edition: int, at: datetime, chance: Random
) -> None:
    """Put a mail of a day on record for each of `people`, which has their numbers by that of the issue."""
    chosen = {issue: chance.sample(found, min(ISSUE, len(found))) for issue in people}
    await bulk(
        connection,
        tables.issues,
        (
            {"id": issue, "subscriber_id": person, "edition_id": edition, "empty": False, "composed_at": at}
            for issue, person in people.items()
        ),
    )
    await bulk(connection, tables.picks, _picks(chosen))
    await bulk(
        connection,
        tables.received,
        (
            {"subscriber_id": people[issue], "paper_id": paper, "issue_id": issue}
            for issue, some in chosen.items()
            for paper in some
        ),
    )
    delivery = {"state": str(DeliveryState.SENT), "attempts": 1, "queued_at": at, "due_at": at, "at": at}
    await bulk(
        connection,
        tables.deliveries,
        (
            {
                "id": issue,
                "issue_id": issue,
                "subscriber_id": person,
                "address": f"reader{person}@example.org",
                "message_id": f"<{secrets.token_urlsafe(18)}@{DOMAIN}>",
                "enhanced": "",
                "text": "",
                **delivery,
            }
            for issue, person in people.items()
        ),
    )


def _picks(chosen: dict[int, list[int]]) -> Iterator[dict[str, Any]]:
    reason = {"kind": "topic", "subject": "retrieval", "words": ["retrieval", "memory"]}
    for issue, some in chosen.items():
        for position, paper in enumerate(some, start=1):
            yield {"issue_id": issue, "position": position, "paper_id": paper, "score": 0.5, "reason": reason}
