"""Programs that open every link of a real mail, again and again, change nothing: the record is the same to the byte."""

import asyncio
import html
import re
from email import message_from_bytes
from email.policy import default
from typing import Any

from newsroom import Newsroom, address, papers
from servers import Server
from sqlalchemy import inspect, text
from webroom import BASE, Site, open_site

from newsletter.models import Consent
from newsletter.pipeline import subscribers

TIMES = 100
AT_ONCE = 10
LINK = re.compile(r"https?://[^\s\"'<>]+")


async def dumped(room: Newsroom) -> dict[str, list[str]]:
    """Return all that is in all tables of the database."""
    async with room.database.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        tables = {}
        for name in names:
            rows = await connection.execute(text(f'SELECT * FROM "{name}"'))  # noqa: S608 - names of tables
            tables[name] = sorted(repr(tuple(row)) for row in rows)
        return tables


def links(content: bytes) -> list[str]:
    """Return every link of a mail to the pages: those of its head, of its text and of its HTML."""
    message = message_from_bytes(content, policy=default)
    found = LINK.findall(" ".join(str(value) for value in message.values()))
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            found += LINK.findall(part.get_content())
        elif part.get_content_type() == "text/html":
            found += [html.unescape(link) for link in re.findall(r'\shref="([^"]+)"', part.get_content())]
    return [link for link in dict.fromkeys(found) if link.startswith(f"{BASE}/")]


async def scanned(site: Site, found: list[str]) -> set[tuple[str, int]]:
    """Open every link a hundred times by GET and by HEAD, ten at once, and return the statuses of each method."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def open_one(method: str, link: str) -> tuple[str, int]:
        async with turns:
            answer = await site.client.request(method, site.here(link))
        return method, answer.status_code

    asked = [open_one(method, link) for link in found for method in ("GET", "HEAD") for _ in range(TIMES)]
    return set(await asyncio.gather(*asked))


async def test_whoever_opens_every_link_of_a_mail_a_hundred_times_changes_nothing(room: Newsroom) -> None:
    await room.take_in(*papers(1, 2))
    async with open_site(room) as site, Server() as relay:
        room.relay(relay)
        await room.subscribe("ada")
        await room.send()
        (message,) = [one.content for one in relay.messages if one.recipient == address("ada")]
        found = links(message)
        # Four for their reader, one to the mail itself, and three for each paper.
        assert len(found) >= 10
        for kind in ("unsubscribe", "pause", "settings", "mail", "f"):
            assert any(link.startswith(f"{BASE}/{kind}/") for link in found), kind
        before = await dumped(room)
        assert await scanned(site, found) == {("GET", 200), ("HEAD", 200)}
        assert await dumped(room) == before
        # The dump would show it if something had acted: a button does.
        await site.press(site.here(next(link for link in found if "/unsubscribe/" in link)), act="leave")
        after: dict[str, Any] = await dumped(room)
        assert {name for name in before if after[name] != before[name]} >= {"subscribers", "subscriptions"}
        assert (await subscribers.find(room.database, address("ada"))).state is Consent.UNSUBSCRIBED
        # And now that they have left, looking changes nothing either.
        assert await scanned(site, found[:2]) == {("GET", 200), ("HEAD", 200)}
        assert await dumped(room) == after
