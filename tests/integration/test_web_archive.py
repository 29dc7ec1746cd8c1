"""The public archive: shut by default, and open it tells what was popular on days that are over, and of nobody."""

import json
from collections.abc import AsyncIterator

import feedparser
import jsonschema
import pytest
from json_feed import SCHEMA
from newsroom import DAY, NOW, TODAY, Newsroom, papers, titles
from webroom import Site, open_site

from newsletter.models import Paper
from newsletter.pipeline.archive import PAGE
from newsletter.web.copies import FRESH, MOST, Copies

HIDDEN, ALONE, UNVOTED, DOUBLE = papers(10, 11, 12, 13)


@pytest.fixture
async def site(room: Newsroom) -> AsyncIterator[Site]:
    """The open archive of a newsletter with a day that is over, and another that is not."""
    await fill(room)
    room.set("archive", public=True, papers=3)
    async with open_site(room) as opened:
        yield opened


async def fill(room: Newsroom) -> None:
    """Let Ada have a mail on two days; of the first, some papers are not for everybody."""
    await room.subscribe("ada", "lantern")
    await room.take_in(*papers(1, 2, 3, 4), HIDDEN, ALONE, UNVOTED.model_copy(update={"votes": 0}), DOUBLE)
    await room.send()
    for column, title in (("hidden = true", HIDDEN.title), ("shared = false", ALONE.title)):
        await room.say(f"UPDATE papers SET {column}, votes = 999 WHERE title = :title", title=title)  # noqa: S608
    await room.say(
        "UPDATE papers SET votes = 999, merged_into = (SELECT min(id) FROM papers) WHERE title = :title",
        title=DOUBLE.title,
    )
    room.clock.moment += DAY
    await room.take_in(*papers(5))
    await room.send()


def shown(text: str) -> list[str]:
    """Return the titles on a page, in order."""
    return [part.rpartition(">")[2] for part in text.split("</a></h2>")[:-1]]


async def test_it_is_shut_unless_the_operator_opens_it(small_room: Newsroom) -> None:
    await fill(small_room)
    async with open_site(small_room) as site:
        for path in ("/archive", f"/archive/{TODAY}", "/archive/feed.atom", "/archive/feed.json"):
            answer = await site.get(path)
            assert answer.status_code == 404
            assert "There is no such page" in answer.text
        assert "archive" not in (await site.get("/robots.txt")).text


async def test_a_day_that_is_over_shows_what_had_most_votes(site: Site) -> None:
    page = await site.get("/archive")
    assert page.status_code == 200
    assert "Monday, March 2, 2026" in page.text
    assert "Tuesday, March 3, 2026" not in page.text
    assert f'href="/letters/archive/{TODAY}"' in page.text
    page = await site.get(f"/archive/{TODAY}")
    assert "<h1>Monday, March 2, 2026</h1>" in page.text
    assert shown(page.text) == list(titles(1, 2, 3))
    assert "noindex" not in page.text + repr(page.headers)
    assert page.headers["Cache-Control"] == "public, max-age=300"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for day in (TODAY + DAY, TODAY - DAY, "20260302", "2026-W10-1", "9999-12-31", "x"):
        assert (await site.get(f"/archive/{day}")).status_code == 404
    german = await site.get(f"/archive/{TODAY}", headers={"Accept-Language": "de"})
    assert "<h1>Montag, 2. März 2026</h1>" in german.text
    assert (await site.client.post("/archive")).status_code == 405
    assert (await site.get("/robots.txt")).text == "User-agent: *\nDisallow: /\nAllow: /letters/archive\n"


async def test_it_shows_nothing_of_anybody(site: Site) -> None:
    """What somebody said, or was sent, changes no byte of it."""
    pages = ["/archive", f"/archive/{TODAY}", "/archive/feed.atom", "/archive/feed.json"]
    before = [(await site.get(page)).content for page in pages]
    for text in before:
        for secret in (b"ada", b"lantern", b"Matches", HIDDEN.title.encode(), ALONE.title.encode()):
            assert secret not in text
    await site.room.say(
        "INSERT INTO feedback (subscriber_id, paper_id, verdict, at) SELECT s.id, p.id, 'more', s.created_at "
        "FROM subscribers s, papers p WHERE p.title = :title",
        title=titles(4)[0],
    )
    await site.room.say("DELETE FROM picks")
    site.room.clock.moment += FRESH
    assert [(await site.get(page)).content for page in pages] == before


async def test_the_feed_is_valid_and_need_not_be_sent_twice(site: Site) -> None:
    answer = await site.get("/archive/feed.atom")
    parsed = feedparser.parse(answer.content)
    assert not parsed.bozo
    assert parsed.version == "atom10"
    assert [entry.title for entry in parsed.entries] == ["Monday, March 2, 2026"]
    assert parsed.entries[0].link == f"https://papers.example.org/letters/archive/{TODAY}"
    assert [link.rel for link in parsed.feed.links] == ["alternate", "self"]
    assert all(title in parsed.entries[0].content[0].value for title in titles(1, 2, 3))
    document = json.loads((await site.get("/archive/feed.json")).content)
    jsonschema.validate(document, SCHEMA)
    assert document["feed_url"] == "https://papers.example.org/letters/archive/feed.json"
    again = await site.get("/archive/feed.atom", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await site.get("/archive/feed.rss")).status_code == 404


async def test_without_an_edition_it_says_so(small_room: Newsroom) -> None:
    small_room.set("archive", public=True)
    async with open_site(small_room) as site:
        assert "There is no edition so far." in (await site.get("/archive")).text
        parsed = feedparser.parse((await site.get("/archive/feed.atom")).content)
        assert (parsed.bozo, parsed.entries) == (False, [])
        jsonschema.validate(json.loads((await site.get("/archive/feed.json")).content), SCHEMA)


async def test_many_days_come_in_parts(small_room: Newsroom) -> None:
    small_room.set("archive", public=True)
    for day in range(PAGE + 5):
        await small_room.say(
            "INSERT INTO editions (date, cadence, note, created_at, kind) VALUES (:day, 'daily', '', :at, 'issue')",
            day=str(TODAY - day * DAY),
            at="2026-01-01 00:00:00",
        )
    small_room.clock.moment = NOW + DAY
    async with open_site(small_room) as site:
        first = await site.get("/archive")
        assert first.text.count("<li>") == PAGE
        older = first.text.split('">Older editions')[0].rpartition('href="')[2].removeprefix("/letters")
        second = await site.get(older)
        assert second.text.count("<li>") == 5
        assert "Older editions" not in second.text


async def test_equal_votes_are_told_apart_by_the_paper_itself(site: Site) -> None:
    same = [Paper(title=f"Same {letter}", votes=7, arxiv_id=f"2605.0000{ord(letter) - 96}") for letter in "bca"]
    site.room.clock.moment += DAY
    await site.room.take_in(*same)
    await site.room.send()
    day = site.room.clock.moment.date()
    site.room.clock.moment += DAY
    assert shown((await site.get(f"/archive/{day}")).text) == ["Same a", "Same b", "Same c"]


async def test_what_changes_is_shown_a_minute_later(site: Site) -> None:
    pages = [f"/archive/{TODAY}", "/archive/feed.atom"]
    before = [(await site.get(page)).text for page in pages]
    await site.room.say("UPDATE papers SET hidden = true WHERE title = :title", title=titles(1)[0])
    assert [(await site.get(page)).text for page in pages] == before
    site.room.clock.moment += FRESH
    for page in pages:
        assert titles(1)[0] not in (await site.get(page)).text
        assert titles(2)[0] in (await site.get(page)).text


async def test_copies_are_few_and_none_is_of_a_fault(room: Newsroom) -> None:
    copies: Copies[int] = Copies(room.clock)
    made = []

    async def make() -> int:
        made.append(len(made))
        if len(made) == 1:
            raise LookupError
        return len(made)

    with pytest.raises(LookupError):
        await copies.get("x", make)
    assert [await copies.get("x", make), await copies.get("x", make)] == [2, 2]
    # A clock that was wrong, and is put right.
    room.clock.moment -= DAY
    assert await copies.get("x", make) == 3
    for number in range(MOST):
        await copies.get(number, make)
    assert await copies.get("x", make) == MOST + 4
