"""On what terms servers are asked, and which are left alone, on record for whatever asks them."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

from newsletter.clock import Clock
from newsletter.config import Feeds as FeedSettings
from newsletter.feeds.fetching import Answer, Fetcher, Known, Manners, Terms
from newsletter.feeds.sources import Request
from newsletter.models import Feed
from newsletter.store import responses, servers
from newsletter.store.database import Database


class OnRecord:
    """What a `Fetcher` keeps of servers; with `anew` those that did not answer are tried all the same."""

    def __init__(self, database: Database, *, anew: bool = False) -> None:
        self._database = database
        self._anew = anew

    async def known(self, name: str) -> Known | None:
        """Return what is known of a server."""
        async with self._database.connect() as connection:
            found = await servers.by_name(connection, name)
        if found is None:
            return None
        return Known(found.not_before) if self._anew else Known(*found)

    async def wants_silence(self, name: str, until: datetime) -> None:
        """Keep until when a server wants to be left alone."""
        async with self._database.begin() as connection:
            await servers.wants_silence(connection, name, until)

    async def did_not_answer(self, name: str, silences: int, until: datetime) -> None:
        """Keep how often in a row a server has not answered, and until when it is left alone for it."""
        async with self._database.begin() as connection:
            await servers.did_not_answer(connection, name, silences, until)

    async def answered(self, name: str) -> None:
        """Keep that a server answers again."""
        async with self._database.begin() as connection:
            await servers.answered(connection, name)


def terms(settings: FeedSettings) -> Terms:
    """Return the terms of the settings."""
    return Terms(
        timeout=settings.timeout,
        silence=min(settings.silence, settings.timeout),
        largest=settings.largest,
        at_once=settings.per_host,
        gap=settings.gap,
        contact=settings.contact,
        allow_hosts=frozenset(host.lower().strip("[]") for host in settings.allow_hosts),
        proxy=settings.proxy,
    )


def manners(settings: FeedSettings, clock: Clock) -> Manners:
    """Return manners for looks of one process that overlap."""
    return Manners(clock, at_once=settings.per_host, gap=settings.gap)


@contextlib.asynccontextmanager
async def asking(
    given: Fetcher | None, settings: FeedSettings, clock: Clock, memory: OnRecord, manners: Manners | None
) -> AsyncIterator[Fetcher]:
    """Open what looks at feeds, unless it is given."""
    if given is not None:
        yield given
        return
    async with Fetcher(terms(settings), clock, manners=manners, memory=memory, spares_silent=True) as own:
        yield own


async def answer_to(database: Database, fetcher: Fetcher, feed: Feed, request: Request) -> Answer:
    """Return what a server answers; of what has not changed the body is the one on record.

    The validators of a feed are those of its one address, which says nothing new if it has not changed. Of several
    addresses, such as the hub's days, each has its own, and is gone on from as if it had come anew.
    """
    if request.conditional:
        return await fetcher.ask(request.url, etag=feed.etag, last_modified=feed.last_modified)
    async with database.connect() as connection:
        last = await responses.latest(connection, feed.id, request.url)
    if last is None:
        return await fetcher.ask(request.url)
    answer = await fetcher.ask(request.url, etag=last.etag, last_modified=last.last_modified)
    if answer.status != 304:
        return answer
    async with database.connect() as connection:
        kept = await responses.load(connection, last.id)
    known = {"etag": last.etag, "last-modified": last.last_modified}
    return answer if kept is None else replace(answer, status=200, headers=known | {**answer.headers}, data=kept.data)
