"""Mail that waits while two of its papers, or one of it and one that went out, turn out to be one work."""

import email
import email.policy
import re
from datetime import date

from newsroom import DAY, TODAY, Newsroom, papers, titles
from servers import Server

from newsletter.models import Paper

PAGE = Paper(title="Whispered speech with quantised adapters", abstract="We adapt.", votes=50)
OTHER = Paper(
    title="Adapters that hear a whisper",
    arxiv_id="2602.00077",
    abstract="We adapt models.",
    authors=("Ada Lovelace",),
    votes=60,
)
# What tells that the two are one.
BOTH = Paper(title=PAGE.title, arxiv_id="2602.00077", authors=("Ada Lovelace",), abstract="We adapt.")


def shown(content: bytes) -> list[tuple[int, str]]:
    """Return position and title of each paper of a mail, as its text has them."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    return [(int(number), title.strip()) for number, title in re.findall(r"^(\d+)\. (.+)$", text, re.MULTILINE)]


async def become_one(room: Newsroom) -> None:
    assert (await room.take_in(BOTH)).merged == 1


async def compose(room: Newsroom, *found: Paper, day: date = TODAY) -> None:
    """Let an issue of these papers wait for ada."""
    await room.take_in(*found)
    await room.compose(day)


async def test_two_papers_of_one_mail_that_become_one_are_shown_once(room: Newsroom) -> None:
    room.set("ranking", papers=5)
    await room.subscribe("ada")
    await compose(room, PAGE, OTHER, *papers(1, 2))
    places = await room.rows("SELECT position, title FROM picks JOIN papers ON papers.id = paper_id ORDER BY position")
    await become_one(room)
    async with Server() as server:
        room.relay(server)
        assert (await room.deliver()).states == {"sent": 1}
    found = shown(server.messages[0].content)
    assert len(found) == 3
    assert [title for _, title in found].count(PAGE.title) == 1
    # Feedback names places: the others keep theirs.
    mine = {title: position for position, title in places}
    assert [mine[title] for title in titles(1, 2)] == [position for position, title in found if title != PAGE.title]
    # What is on record is what went out, and is shown as it did.
    assert len((await room.record("ada")).titles) == 3
    looked = await room.preview("ada")
    assert (looked.as_sent, looked.written.content) == (True, server.messages[0].content)


async def test_what_they_got_is_left_out_of_what_waits(room: Newsroom) -> None:
    room.set("ranking", papers=3)
    await room.subscribe("ada")
    async with Server() as server:
        room.relay(server)
        await compose(room, PAGE, *papers(1))
        await room.deliver()
        room.clock.step(days=1)
        await compose(room, OTHER, *papers(2), day=TODAY + DAY)
        await become_one(room)
        waiting = await room.preview("ada", TODAY + DAY)
        assert len(shown(waiting.written.content)) == 1
        assert (await room.deliver()).states == {"sent": 1}
        first, second = (shown(message.content) for message in server.messages)
        assert PAGE.title in dict(map(reversed, first))  # type: ignore[arg-type]
        assert [title for _, title in second] == [papers(2)[0].title]
        monday = await room.preview("ada", TODAY)
        assert (monday.as_sent, monday.written.content) == (True, server.messages[0].content)
        # And for good: neither of the two comes again.
        room.clock.step(days=1)
        await compose(room, *papers(3), day=TODAY + 2 * DAY)
        await room.deliver()
    assert [title for _, title in shown(server.messages[2].content)] == [papers(3)[0].title]


async def test_a_mail_with_nothing_else_in_it_does_not_go_and_cannot_be_sent_again(room: Newsroom) -> None:
    room.set("ranking", papers=2)
    await room.subscribe("ada")
    async with Server() as server:
        room.relay(server)
        await compose(room, PAGE)
        await room.deliver()
        room.clock.step(days=1)
        await compose(room, OTHER, day=TODAY + DAY)
        await become_one(room)
        assert (await room.deliver()).states == {"suppressed": 1}
        assert (await room.record("ada")).delivery.text == "All its papers reached them in other mail."
        assert await room.rows("SELECT count(*) FROM issues WHERE empty") == [(1,)]
        await room.say("UPDATE deliveries SET state = 'queued' WHERE state = 'suppressed'")
        assert (await room.deliver()).states == {"suppressed": 1}
        # What they got they have got, by the mail that brought it.
        assert await room.rows("SELECT DISTINCT issue_id FROM received") == [(1,)]
    assert len(server.messages) == 1


async def test_of_two_mails_that_wait_the_older_one_has_it(room: Newsroom) -> None:
    room.set("ranking", papers=2)
    await room.subscribe("ada")
    await compose(room, PAGE, *papers(1))
    room.clock.step(days=1)
    await compose(room, OTHER, *papers(2), day=TODAY + DAY)
    await become_one(room)
    async with Server() as server:
        room.relay(server)
        assert (await room.deliver()).states == {"sent": 2}
    found = sorted([title for _, title in shown(message.content)] for message in server.messages)
    assert sum(PAGE.title in titles or OTHER.title in titles for titles in found) == 1
    assert [len(titles) for titles in await room.got("ada")] == [2, 1]


async def test_a_mail_that_ended_undelivered_gives_it_back(room: Newsroom) -> None:
    """Who has a paper only by a mail that failed gets it by the one that waits."""
    room.set("ranking", papers=2)
    await room.subscribe("ada")
    await compose(room, PAGE)
    async with Server(rules={"RCPT": lambda _: "550 5.2.1 no"}) as server:
        room.relay(server)
        assert (await room.deliver()).states == {"failed": 1}
    await room.say("DELETE FROM suppressions")
    room.clock.step(days=1)
    await compose(room, OTHER, day=TODAY + DAY)
    await become_one(room)
    async with Server() as server:
        room.relay(server)
        assert (await room.deliver()).states == {"sent": 1}
    assert len(shown(server.messages[0].content)) == 1


async def test_what_may_have_arrived_goes_again_as_it_was(room: Newsroom) -> None:
    room.set("ranking", papers=2)
    await room.subscribe("ada")
    await compose(room, PAGE, OTHER)
    before = await room.got("ada")
    await room.say(
        "INSERT INTO attempts (delivery_id, at, result, enhanced, text) "
        "SELECT id, at, 'unknown', '', '' FROM deliveries"
    )
    await become_one(room)
    async with Server() as server:
        room.relay(server)
        await room.deliver()
    assert [len(titles) for titles in await room.got("ada")] == [len(titles) for titles in before] == [2]
    assert len(shown(server.messages[0].content)) == 2
