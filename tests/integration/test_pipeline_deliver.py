"""What becomes of mail: every issue reaches its person once, whatever the server and the people do meanwhile."""

import asyncio
import email
import email.policy
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from newsroom import DAY, NOW, TODAY, Newsroom, address, beside, ended, open_newsroom, papers, titles, until
from servers import Cut, Late, Received, Server
from sqlalchemy import text

from newsletter.errors import DeliveryError, StoreError
from newsletter.models import DeliveryState, Outcome
from newsletter.pipeline import deliver, leases, record, refresh, subscribers
from newsletter.pipeline.groups import Groups
from newsletter.store import deliveries, outcomes, suppressions
from newsletter.store.database import Database


async def composed(room: Newsroom, *names: str, count: int = 3) -> None:
    """Put an issue of so many papers on record for each of these people."""
    room.set("ranking", papers=count)
    await room.take_in(*papers(*range(12)))
    for name in names:
        await room.subscribe(name)
    await room.compose()


def only(name: str, answer: Any) -> Callable[[str], Any]:
    return lambda about: answer if about == address(name) else None


def read(message: Received | bytes) -> EmailMessage:
    content = message if isinstance(message, bytes) else message.content
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


async def test_everyone_gets_their_issue_once(room: Newsroom) -> None:
    await composed(room, "ada", "bob", "cyd")
    async with Server() as server:
        room.relay(server)
        report = await room.deliver()
        assert report[:4] == ({"sent": 3}, 0, None, None)
        assert (await room.deliver()).states == {}
        assert await room.compose() == (0, (), ())
    assert sorted(server.recipients) == [address("ada"), address("bob"), address("cyd")]
    for message in server.messages:
        found = (await room.record(message.recipient)).delivery
        assert read(message)["Message-ID"] == found.message_id
        assert message.sender == "papers@newsletter.example"
        assert (found.state, found.attempts, found.code, found.text) == (DeliveryState.SENT, 1, 250, "Kept")
        for title in (await room.record(message.recipient)).titles:
            assert title in message.content.decode()


async def test_without_a_server_the_catcher_takes_it_and_says_so(small_room: Newsroom, tmp_path: Path) -> None:
    await composed(small_room, "ada", "bob")
    assert (await small_room.deliver()).states == {"caught": 2}
    assert await small_room.states() == {"ada": "caught", "bob": "caught"}
    kept = sorted((tmp_path / "outbox").glob("*.eml"))
    assert sorted(str(read(file.read_bytes())["To"]) for file in kept) == [address("ada"), address("bob")]


async def test_what_was_caught_is_sent_once_after_a_host_is_set(room: Newsroom) -> None:
    await composed(room, "ada", "bob")
    await room.deliver()
    before = {one.delivery.address: (one.delivery.message_id, one.titles) for one in await room.records()}
    async with Server() as server:
        room.relay(server)
        assert (await room.deliver()).states == {}
        report = await record.retry(room.database, room.clock, state=DeliveryState.CAUGHT)
        assert report == (2, (), ())
        assert (await room.deliver()).states == {"sent": 2}
        assert await record.retry(room.database, room.clock, state=DeliveryState.CAUGHT) == (0, (), ())
        assert (await room.deliver()).states == {}
    assert {one.recipient: read(one)["Message-ID"] for one in server.messages} == {
        whose: message_id for whose, (message_id, _) in before.items()
    }
    assert {one.delivery.address: (one.delivery.message_id, one.titles) for one in await room.records()} == before


async def test_what_is_deferred_is_tried_again_at_its_time_with_growing_pauses(small_room: Newsroom) -> None:
    small_room.set("delivery", first_pause=100, longest_pause=1000, give_up_after=30 * 86400)
    await composed(small_room, "ada", "bob")
    pauses = []
    async with Server(rules={"RCPT": only("ada", "450 4.2.1 Come back later")}) as server:
        small_room.relay(server)
        assert (await small_room.deliver()).states == {"sent": 1, "deferred": 1}
        for tries in range(1, 7):
            found = (await small_room.record("ada")).delivery
            assert (found.state, found.attempts, found.code) == (DeliveryState.DEFERRED, tries, 450)
            assert (found.enhanced, found.text) == ("4.2.1", "Come back later")
            pauses.append((found.due_at - small_room.clock.now()).total_seconds())
            small_room.clock.moment = found.due_at - timedelta(seconds=1)
            report = await small_room.deliver()
            assert report.states == {}
            assert report.next_due == found.due_at
            small_room.clock.step(seconds=1)
            await small_room.deliver()
        server.rules.clear()
        small_room.clock.step(seconds=2000)
        assert (await small_room.deliver()).states == {"sent": 1}
    assert sorted(server.recipients) == [address("ada"), address("bob")]
    assert pauses[:4] == sorted(pauses[:4])
    # At the longest, chance takes off what it adds before.
    for pause, least in zip(pauses, (100, 200, 400, 800, 800, 800), strict=True):
        assert least <= pause <= min(least * 1.25, 1000)
    shown = await record.show_delivery(small_room.database, found.id)
    assert [(one.number, one.result, one.code) for one in shown.attempts] == [
        (number, "deferred", 450) for number in range(1, 8)
    ]


async def test_what_is_refused_for_good_fails_and_frees_its_papers(room: Newsroom) -> None:
    await composed(room, "ada", "bob", "cyd")
    async with Server(rules={"RCPT": only("bob", "552 5.2.2 Mailbox full")}) as server:
        room.relay(server)
        report = await room.deliver()
        assert report.states == {"sent": 2, "failed": 1}
        assert report.fault is None
        found = (await room.record("bob")).delivery
        assert (found.state, found.code, found.enhanced, found.text) == (
            DeliveryState.FAILED,
            552,
            "5.2.2",
            "Mailbox full",
        )
        room.clock.step(days=1)
        assert (await room.deliver()).states == {}
        server.rules.clear()
        await room.send()
    assert await room.got("bob") == [titles(0, 1, 2), titles(0, 1, 2)]
    assert await room.got("ada") == [titles(0, 1, 2), titles(3, 4, 5)]
    assert server.recipients.count(address("bob")) == 1


async def test_an_address_that_is_refused_as_dead_is_suppressed_with_its_failure(room: Newsroom) -> None:
    await composed(room, "ada", "bob")
    async with Server(rules={"RCPT": only("bob", "550 5.1.1 <bob@example.org>: no such user")}) as server:
        room.relay(server)
        assert (await room.deliver()).states == {"sent": 1, "failed": 1}
        async with room.database.connect() as connection:
            barred = await suppressions.among(connection, [address("ada"), address("bob")])
        # The list has no words of the server, for they may hold the address.
        assert barred == {address("bob"): "refused for good (5.1.1)"}
        server.rules.clear()
        room.clock.step(days=1)
        await room.send()
    assert await room.got("bob") == [titles(0, 1, 2)]
    assert await room.got("ada") == [titles(0, 1, 2), titles(3, 4, 5)]


async def test_a_temporary_failure_without_an_end_is_given_up_and_frees_its_papers(small_room: Newsroom) -> None:
    small_room.set("delivery", give_up_after=3600, first_pause=600)
    await composed(small_room, "ada")
    async with Server(rules={"RCPT": "450 4.2.1 Come back later"}) as server:
        small_room.relay(server)
        await small_room.deliver()
        small_room.clock.step(minutes=59)
        assert (await small_room.deliver()).states == {"deferred": 1}
        small_room.clock.step(minutes=60)
        assert (await small_room.deliver()).states == {"failed": 1}
        found = (await small_room.record("ada")).delivery
        assert found.text == "Given up after 3 tries: Come back later"
        server.rules.clear()
        small_room.clock.step(days=1)
        await small_room.send()
    assert await small_room.got("ada") == [titles(0, 1, 2), titles(0, 1, 2)]
    assert len(server.messages) == 1


@pytest.mark.parametrize(
    ("step", "answer", "state"),
    [
        ("RCPT", "550 5.1.1 No such user", "failed"),
        ("RCPT", "451 4.3.0 Later", "deferred"),
        ("DATA", "451 4.3.0 Later", "deferred"),
        ("end", "552 5.2.2 Mailbox full", "failed"),
        ("end", "451 4.3.0 Later", "deferred"),
        ("end", Cut(), "unknown"),
    ],
)
async def test_one_address_never_stops_the_run(small_room: Newsroom, step: Any, answer: Any, state: str) -> None:
    names = [f"reader{number}" for number in range(6)]
    await composed(small_room, *names)
    async with Server(rules={step: only("reader2", answer)}) as server:
        small_room.relay(server)
        report = await small_room.deliver()
    assert report.states == {"sent": 5, state: 1}
    assert report.fault is None
    assert await small_room.states() == {name: "sent" if name != "reader2" else state for name in names}
    assert set(server.recipients) >= {address(name) for name in names if name != "reader2"}


async def test_a_body_that_is_cut_before_its_end_is_not_unknown(small_room: Newsroom) -> None:
    await composed(small_room, "ada", "bob")
    async with Server(rules={"body": only("ada", Cut())}) as server:
        small_room.relay(server)
        await small_room.deliver()
        assert (await small_room.states())["ada"] in ("queued", "deferred")
        server.rules.clear()
        small_room.clock.step(days=1)
        assert (await small_room.deliver()).states == {"sent": 1}
    assert sorted(set(server.recipients)) == [address("ada"), address("bob")]


async def test_a_dead_server_stops_the_run_with_a_word_and_the_next_run_goes_on(small_room: Newsroom) -> None:
    await composed(small_room, "ada", "bob", "cyd")
    async with Server() as server:
        small_room.relay(server)
    report = await small_room.deliver()
    assert isinstance(report.fault, DeliveryError)
    assert str(server.port) in str(report.fault)
    assert report.states == {}
    assert report.next_due == NOW
    found = [one.delivery for one in await small_room.records()]
    assert [(one.state, one.attempts) for one in found] == [(DeliveryState.QUEUED, 0)] * 3
    assert await small_room.rows("SELECT 1 FROM deliveries WHERE lease_owner IS NOT NULL") == []
    async with Server() as server:
        small_room.relay(server)
        assert (await small_room.deliver()).states == {"sent": 3}
    assert len(server.messages) == 3


async def test_a_server_that_dies_in_the_middle_loses_nothing(small_room: Newsroom) -> None:
    names = [f"reader{number}" for number in range(8)]
    await composed(small_room, *names)
    async with Server() as server:
        small_room.relay(server, connections=1)

        def dying(_: str) -> Any:
            return Cut() if len(server.messages) >= 4 else None

        server.rules.update({"MAIL": dying, "connect": dying})
        report = await small_room.deliver()
        assert report.fault is not None
        assert report.states == {"sent": 4}
        server.rules.clear()
        assert (await small_room.deliver()).states == {"sent": 4}
    assert sorted(server.recipients) == sorted(map(address, names))


async def test_what_people_decide_between_choosing_and_sending_counts(room: Newsroom) -> None:
    await composed(room, "ada", "bob", "cyd", "dan", "eve")
    await subscribers.remove(room.database, room.clock, address("ada"), source="test")
    await subscribers.pause(room.database, address("bob"), None)
    async with room.database.begin() as connection:
        await suppressions.add(connection, address("cyd"), "hard bounce", NOW)
    await subscribers.erase(room.database, room.clock, address("dan"))
    async with Server() as server:
        room.relay(server)
        assert (await room.deliver()).states == {"suppressed": 3, "sent": 1}
    assert server.recipients == [address("eve")]
    words = {one.delivery.address: one.delivery.text for one in await room.records()}
    assert words == {
        address("ada"): "They are unsubscribed.",
        address("bob"): "They have paused.",
        address("cyd"): "The address is suppressed: hard bounce.",
        address("eve"): "Kept",
    }
    assert {one.delivery.attempts for one in await room.records() if one.delivery.state == "suppressed"} == {0}
    # Their papers are free again.
    await subscribers.resume(room.database, address("bob"))
    room.clock.step(days=1)
    await room.compose()
    assert (await room.got("bob"))[1] == titles(0, 1, 2)


async def test_who_is_erased_after_the_claim_costs_the_others_nothing(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await composed(room, "ada", "bob", "cyd")
    claim = Groups._claim

    async def then_erase(groups: Groups) -> Any:
        found = await claim(groups)
        if len(found) == 3:
            await subscribers.erase(room.database, room.clock, address("bob"))
        return found

    monkeypatch.setattr(Groups, "_claim", then_erase)
    async with Server() as server:
        room.relay(server)
        report = await room.deliver()
    assert report.states == {"sent": 2}
    assert sorted(server.recipients) == [address("ada"), address("cyd")]


async def test_who_is_erased_while_their_mail_is_under_way_costs_the_others_nothing(room: Newsroom) -> None:
    await composed(room, "ada", "bob", "cyd")
    async with Server(rules={"end": only("bob", Late(0.2, "451 4.3.0 Later"))}) as server:
        room.relay(server, connections=3)
        async with beside(room.deliver()) as run:
            await until(lambda: address("bob") in server.recipients)
            await subscribers.erase(room.database, room.clock, address("bob"))
            report = await ended(run)
    assert report.fault is None
    assert await room.states() == {"ada": "sent", "cyd": "sent"}
    assert await room.rows("SELECT 1 FROM attempts") == []


async def test_only_one_person_is_mailed_where_one_is_named(room: Newsroom) -> None:
    await composed(room, "ada", "bob")
    person = await subscribers.find(room.database, address("bob"))
    async with Server() as server:
        room.relay(server)
        sending = await room.sending()
        async with room.courier() as courier:
            await sending.run(courier, only=person.id)
        assert server.recipients == [address("bob")]
        assert (await room.deliver()).states == {"sent": 1}


async def test_a_small_batch_goes_through_them_all(small_room: Newsroom) -> None:
    small_room.set("delivery", batch=2)
    await composed(small_room, *(f"reader{number}" for number in range(7)))
    done: list[int] = []
    async with Server() as server:
        small_room.relay(server)
        sending = await small_room.sending()
        async with small_room.courier() as courier:
            report = await sending.run(courier, progress=done.append)
    assert report.states == {"sent": 7}
    assert done == list(range(1, 8))
    assert len(set(server.recipients)) == 7


async def test_two_runs_at_once_send_everything_once(room: Newsroom, database_url: str, tmp_path: Path) -> None:
    names = [f"reader{number}" for number in range(30)]
    await composed(room, *names)
    async with Server() as server, open_newsroom(database_url, tmp_path) as other:
        for each in (room, other):
            each.set("delivery", batch=4)
            each.relay(server)
        reports = await asyncio.gather(room.deliver(), other.deliver())
    assert sum(report.states.get("sent", 0) for report in reports) == 30
    assert sorted(server.recipients) == sorted(map(address, names))


# Nothing foreign in a header


async def test_control_characters_never_reach_a_header(room: Newsroom, tmp_path: Path) -> None:
    feed = tmp_path / "feed.json"
    evil = "One\\r\\nBcc: evil@example.net\\u0000\\n\\nTwo \\u2028 X-Evil: 1 \\ud800"
    feed.write_text(
        f'[{{"title": "{evil}", "paper": {{"id": "2603.00042", "title": "{evil}", "summary": "{evil}",'
        f' "authors": [{{"name": "{evil}"}}]}}}}]'
    )
    await refresh.ingest(room.database, room.clock, room.app.settings.feeds, [feed])
    await room.take_in(*papers(1, title="A\r\nBcc: evil@example.net\r\n\r\nbody\x0b", arxiv_id=None))
    person = await room.subscribe("ada", "evil", "one\x0btwo")
    await subscribers.edit(
        room.database,
        address("ada"),
        lambda one: one.model_copy(update={"muted_words": ("x\r\ny",)}),
    )
    async with Server() as server:
        room.relay(server)
        composed_, delivered = await room.send()
    assert composed_.composed == 1
    assert delivered.states == {"sent": 1}
    (message,) = server.messages
    head, _, _ = message.content.partition(b"\r\n\r\n")
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    assert sorted(names) == sorted(
        [
            b"to",
            b"subject",
            b"date",
            b"message-id",
            b"list-unsubscribe",
            b"feedback-id",
            b"from",
            b"list-id",
            b"mime-version",
            b"content-language",
            b"content-type",
        ]
    )
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", message.content)
    assert b"\n" not in message.content.replace(b"\r\n", b"")
    assert b"\r" not in message.content.replace(b"\r\n", b"")
    assert read(message)["Bcc"] is None
    assert read(message)["X-Evil"] is None
    assert person.topics[1].name == "one two"


async def test_the_language_of_the_header_is_that_of_the_words(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(0))
    await small_room.subscribe("ada", language="tlh")
    async with Server() as server:
        small_room.relay(server)
        await small_room.send()
    assert read(server.messages[0])["Content-Language"] == "en"


# A preview shows what is sent


def told_apart(content: bytes) -> bytes:
    """Return a message without what is different each time: Date, Message-ID and the boundary made of it, tokens."""
    boundary = re.search(rb'boundary="([^"]+)"', content)
    assert boundary is not None
    content = content.replace(boundary[1], b"BOUNDARY")
    content, dates = re.subn(rb"(?m)^Date: .*\r\n", b"", content)
    content, ids = re.subn(rb"(?m)^Message-ID:(\r\n)? .*\r\n", b"", content)
    assert (dates, ids) == (1, 1)
    # Of the issue, which a preview has none of, and of a paper in it.
    own = rb"(?<=(?:more|less)%20)[0-9a-f]+-[0-9a-f]{16}-([1-9]\d*)-[0-9a-f]{8}"
    return re.sub(own, rb"TOKEN-\1-MARK", content.replace(b"=\r\n", b""))


async def test_the_preview_is_what_is_sent_later(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(*range(12)))
    await small_room.subscribe("ada", "violin", "glacier:0.5", "engine:-1")
    small_room.set("ranking", papers=4)
    await record.set_note(small_room.database, small_room.clock, "Hello **you**.", TODAY, ["daily"])
    before = await small_room.preview("ada")
    assert before.delivery is None
    assert await small_room.records() == []
    assert await small_room.rows("SELECT 1 FROM issues") == []
    async with Server() as server:
        small_room.relay(server)
        small_room.clock.step(minutes=7)
        await small_room.send()
        after = await small_room.preview("ada")
    sent = server.messages[0].content
    assert told_apart(before.written.content) == told_apart(sent)
    assert b"Hello" in sent
    assert before.written.content != sent
    # What is on record is shown as it was sent, to the byte.
    assert after.delivery is not None
    assert after.written.content == sent
    assert after.delivery.state == DeliveryState.SENT


async def test_the_preview_of_another_day_is_that_days(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(*range(12)))
    await small_room.subscribe("ada")
    small_room.set("ranking", papers=2)
    await small_room.compose()
    tomorrow = await small_room.preview("ada", TODAY + DAY)
    assert tuple(pick.paper.title for pick in tomorrow.issue.picks) == titles(2, 3)
    assert tomorrow.delivery is None


# Trying again


async def test_a_retry_composes_nothing_anew(small_room: Newsroom) -> None:
    await composed(small_room, "ada")
    async with Server(rules={"end": Cut()}) as server:
        small_room.relay(server)
        assert (await small_room.deliver()).states == {"unknown": 1}
        first = server.messages.pop()
        await small_room.take_in(*papers(20, votes=100_000), *papers(21, votes=100_000))
        await subscribers.edit(
            small_room.database,
            address("ada"),
            lambda one: one.model_copy(update={"topics": (), "muted_words": ("violin",)}),
        )
        server.rules.clear()
        small_room.clock.step(hours=5)
        assert (await small_room.deliver()).states == {}
        assert await record.retry(small_room.database, small_room.clock, state=DeliveryState.UNKNOWN) == (1, (), ())
        assert (await small_room.deliver()).states == {"sent": 1}
    (second,) = server.messages
    date = re.compile(rb"(?m)^Date: .*\r\n")
    assert date.sub(b"", first.content) == date.sub(b"", second.content)
    assert first.content != second.content
    found = await small_room.record("ada")
    assert found.delivery.attempts == 2
    assert found.titles == titles(0, 1, 2)


async def test_a_deferred_issue_is_sent_as_it_was_composed(small_room: Newsroom) -> None:
    await composed(small_room, "ada")
    async with Server(rules={"RCPT": "450 4.2.1 Later"}) as server:
        small_room.relay(server)
        await small_room.deliver()
        message_id = (await small_room.record("ada")).delivery.message_id
        await small_room.take_in(*papers(20, votes=100_000))
        server.rules.clear()
        small_room.clock.step(hours=1)
        await small_room.deliver()
    assert read(server.messages[0])["Message-ID"] == message_id
    assert await small_room.got("ada") == [titles(0, 1, 2)]


async def test_mail_goes_to_the_address_that_was_mended(room: Newsroom) -> None:
    await composed(room, "ada", "bob")
    async with Server(rules={"RCPT": "550 5.1.1 No such user"}) as server:
        room.relay(server)
        assert (await room.deliver()).states == {"failed": 2}
        server.rules.clear()
        await subscribers.edit(
            room.database, address("ada"), lambda person: person.model_copy(update={"email": address("ada.l")})
        )
        assert (await record.retry(room.database, room.clock, state=DeliveryState.FAILED)).queued == 2
        # Mail that waits already follows its reader too.
        await subscribers.edit(
            room.database, address("bob"), lambda person: person.model_copy(update={"email": address("bob.b")})
        )
        assert (await room.deliver()).states == {"sent": 2}
    assert sorted(server.recipients) == [address("ada.l"), address("bob.b")]
    assert {one.delivery.address for one in await room.records()} == {address("ada.l"), address("bob.b")}


async def test_what_a_run_gave_up_while_it_was_listed_is_not_put_back_without_its_papers(
    small_room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await composed(small_room, "ada")
    small_room.set("delivery", give_up_after=3600, first_pause=600)
    async with Server(rules={"RCPT": "450 4.2.1 Come back later"}) as server:
        small_room.relay(server)
        assert (await small_room.deliver()).states == {"deferred": 1}
        small_room.clock.step(hours=2)
        listed = record.list_deliveries

        async def slowly(*words: Any, **named: Any) -> AsyncIterator[Any]:
            async for one in listed(*words, **named):
                yield one
            assert (await small_room.deliver()).states == {"failed": 1}

        monkeypatch.setattr(record, "list_deliveries", slowly)
        report = await record.retry(small_room.database, small_room.clock, state=DeliveryState.DEFERRED)
        monkeypatch.undo()
        assert report.queued == 0
        server.rules.clear()
        small_room.clock.step(days=1)
        await small_room.send()
    assert server.recipients == [address("ada")]


async def test_what_was_overtaken_is_not_put_back(room: Newsroom) -> None:
    await composed(room, "ada", "bob")
    async with Server(rules={"RCPT": "552 5.2.2 Mailbox full"}) as server:
        room.relay(server)
        assert (await room.deliver()).states == {"failed": 2}
        server.rules.clear()
        # The papers of the first day go to one of the two on the second.
        room.clock.step(days=1)
        await room.compose(only=address("ada"))
        report = await record.retry(room.database, room.clock, state=DeliveryState.FAILED)
        assert report == (1, (address("ada"),), ())
        assert (await room.deliver()).states == {"sent": 2}
        assert await room.got("ada") == [titles(0, 1, 2), titles(0, 1, 2)]
        await room.send()
    assert sorted(server.recipients) == [address("ada"), address("bob"), address("bob")]
    assert await room.got("bob") == [titles(0, 1, 2), titles(3, 4, 5)]


async def test_what_reached_someone_is_never_put_back(small_room: Newsroom) -> None:
    await composed(small_room, "ada")
    async with Server() as server:
        small_room.relay(server)
        await small_room.deliver()
        with pytest.raises(Exception, match="not sent again"):
            await record.retry(small_room.database, small_room.clock, state=DeliveryState.SENT)
        assert await record.retry(small_room.database, small_room.clock) == (0, (), ())
        number = (await small_room.record("ada")).delivery.id
        assert await record.retry(small_room.database, small_room.clock, ids=[number]) == (0, (), ())
        assert (await small_room.deliver()).states == {}


async def test_what_may_have_arrived_is_held(small_room: Newsroom) -> None:
    await composed(small_room, "ada")
    async with Server(rules={"end": Cut()}) as server:
        small_room.relay(server)
        await small_room.deliver()
        for _ in range(3):
            small_room.clock.step(days=2)
            assert (await small_room.deliver()).states == {}
        # Its papers count as received.
        await small_room.compose()
    assert await small_room.got("ada") == [titles(0, 1, 2), titles(3, 4, 5)]
    assert len(server.messages) == 1


async def test_what_may_have_arrived_is_resent_with_its_message_id_where_that_is_wished(small_room: Newsroom) -> None:
    small_room.set("delivery", on_unknown="resend")
    await composed(small_room, "ada")
    async with Server(rules={"end": Cut()}) as server:
        small_room.relay(server)
        assert (await small_room.deliver()).states == {"deferred": 1}
        server.rules.clear()
        assert (await small_room.deliver()).states == {}
        small_room.clock.step(hours=1)
        assert (await small_room.deliver()).states == {"sent": 1}
    first, second = server.messages
    assert read(first)["Message-ID"] == read(second)["Message-ID"]


# Processes that die

DYING = """
import asyncio, sys
sys.path[:0] = [{tests!r}]
from pathlib import Path
from newsroom import open_newsroom
from servers import Server

async def main():
    async with open_newsroom({url!r}, Path({folder!r})) as room:
        room.set("smtp", host="127.0.0.1", port={port}, security="plain", connections=2)
        print("begun", flush=True)
        await room.deliver()

asyncio.run(main())
"""


async def killed(url: str, folder: Path, server: Server, moment: asyncio.Event) -> None:
    """Start a process that sends, and kill it when the moment has come."""
    script = DYING.format(tests=str(Path(__file__).parents[1]), url=url, folder=str(folder), port=server.port)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    waiting = asyncio.create_task(moment.wait())
    gone = asyncio.create_task(process.wait())
    await asyncio.wait([waiting, gone], return_when=asyncio.FIRST_COMPLETED, timeout=60)
    assert moment.is_set(), (await process.stderr.read()).decode() if process.stderr else ""
    process.kill()
    assert await gone == -signal.SIGKILL


@pytest.mark.parametrize("policy", ["hold", "resend"])
async def test_the_work_of_a_killed_process_is_taken_over_at_once(
    room: Newsroom, database_url: str, tmp_path: Path, policy: str
) -> None:
    names = [f"reader{number}" for number in range(10)]
    await composed(room, *names)
    moment = asyncio.Event()

    def hang(_: str) -> Any:
        if len(server.messages) < 4:
            return None
        moment.set()
        return Late(30)

    async with Server(rules={"end": hang}) as server:
        await killed(database_url, tmp_path, server, moment)
        server.rules.clear()
        room.set("delivery", on_unknown=policy)
        room.relay(server)
        before = await room.rows("SELECT state, lease_owner FROM deliveries WHERE lease_owner IS NOT NULL")
        # The clock has not moved: it is not the end of their lease that tells.
        async with room.database.connect() as connection:
            assert leases.dead(await deliveries.owners(connection))
        assert await deliver.anything_due(room.database, room.clock.now())
        report = await room.deliver()
    under_way = sum(row.state == "sending" for row in before)
    assert 1 <= under_way <= 2
    assert len(before) > under_way
    counts = {name: server.recipients.count(address(name)) for name in names}
    if policy == "hold":
        assert report.unknown_before == under_way
        states = list((await room.states()).values())
        assert states.count("unknown") == under_way
        assert states.count("sent") == 10 - under_way
        # What is unknown may not have arrived.
        assert all(number <= 1 for number in counts.values())
        assert all(counts[name] == 1 for name, state in (await room.states()).items() if state == "sent")
    else:
        assert report.unknown_before == 0
        assert set((await room.states()).values()) == {"sent"}
        assert all(1 <= number <= 2 for number in counts.values())
        assert sum(number == 2 for number in counts.values()) <= under_way
        ids = {(one.recipient, read(one)["Message-ID"]) for one in server.messages}
        assert len(ids) == 10


async def test_the_leases_of_a_process_that_lives_are_respected(room: Newsroom) -> None:
    await composed(room, "ada", "bob")
    owner = leases.owner()
    async with room.database.begin() as connection:
        taken = await deliveries.claim(
            connection, owner=owner, limit=1, now=room.clock.now(), until=room.clock.now() + timedelta(minutes=1)
        )
    async with Server() as server:
        room.relay(server)
        assert (await room.deliver()).states == {"sent": 1}
        assert taken[0].address not in server.recipients
        room.clock.step(seconds=61)
        assert (await room.deliver()).states == {"sent": 1}


async def test_a_name_from_elsewhere_counts_until_its_lease_ends(room: Newsroom) -> None:
    await composed(room, "ada", "bob")
    async with room.database.begin() as connection:
        taken = await deliveries.claim(
            connection, owner="far/away/pid/1/abc", limit=2, now=NOW, until=NOW + timedelta(minutes=1)
        )
        await outcomes.note(connection, "far/away/pid/1/abc", (), [taken[0].id], NOW)
    async with Server() as server:
        room.relay(server)
        report = await room.deliver()
        assert (report.states, report.unknown_before) == ({}, 0)
        room.clock.step(seconds=61)
        report = await room.deliver()
        assert (report.states, report.unknown_before) == ({"sent": 1}, 1)


async def test_what_was_left_on_its_way_elsewhere_is_noticed_though_nothing_is_due(small_room: Newsroom) -> None:
    room = small_room
    await composed(room, "ada")
    async with room.database.begin() as connection:
        (taken,) = await deliveries.claim(
            connection, owner="far/away/pid/1/abc", limit=1, now=NOW, until=NOW + timedelta(minutes=1)
        )
        await outcomes.note(connection, "far/away/pid/1/abc", (), [taken.id], NOW)
    room.clock.step(seconds=61)
    assert await deliver.anything_due(room.database, room.clock.now())
    assert (await room.deliver()).unknown_before == 1
    assert not await deliver.anything_due(room.database, room.clock.now())


async def test_leases_are_kept_while_a_message_takes_longer_than_they_last(small_room: Newsroom) -> None:
    small_room.set("delivery", lease=1.0)
    await composed(small_room, "ada", "bob")
    async with Server(rules={"end": Late(1.4, "250 2.0.0 Kept")}) as server:
        small_room.relay(server, connections=1)
        async with beside(small_room.deliver()) as run:
            await until(lambda: server.commands)
            for _ in range(5):
                await asyncio.sleep(0.25)
                small_room.clock.step(seconds=0.25)
            # Another process looks: nothing of it is free.
            async with small_room.database.begin() as connection:
                assert await deliveries.take_back(connection, now=small_room.clock.now()) == 0
            assert (await ended(run)).states == {"sent": 2}


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
async def test_a_run_that_hung_past_its_lease_has_no_message_under_way_twice(
    small_room: Newsroom, at_once: bool
) -> None:
    names = ("ada", "bob", "cyd", "dan")
    small_room.set("delivery", batch=len(names))
    await composed(small_room, *names)
    begun: list[int] = []

    class Sleepy:
        """A courier that sleeps at its first message, until another process has freed what the run holds."""

        async def run(self, messages: AsyncIterator[Any], ledger: Any) -> None:
            held = []
            async for message in messages:
                if not held:
                    small_room.clock.step(seconds=61)
                    async with small_room.database.begin() as connection:
                        await deliveries.take_back(connection, now=small_room.clock.now())
                    await subscribers.pause(small_room.database, address("dan"), None)
                held.append(message.delivery_id)
                if not at_once and await ledger.sending(message.delivery_id):
                    begun.append(message.delivery_id)
            if at_once:
                ours = await asyncio.gather(*(ledger.sending(number) for number in held))
                begun.extend(number for number, leaves in zip(held, ours, strict=True) if leaves)
            for number in begun:
                ledger.outcome(Outcome(delivery_id=number, result="sent", code=250))

    await small_room.deliver(Sleepy())
    assert len(begun) == len(set(begun))
    sent = [one.delivery.id for one in await small_room.records() if one.delivery.state is DeliveryState.SENT]
    assert sent == sorted(begun)


# What is durable when


async def test_a_sending_is_on_disk_before_the_dot_and_by_a_commit_that_syncs(
    room: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await composed(room, "ada", "bob", "cyd")
    other = Database.at(database_url)
    seen: list[str] = []
    syncs: set[str] = set()

    def at_the_dot(recipient: str) -> None:
        with other.open_direct(writes=False) as connection:
            found = connection.execute(text("SELECT state FROM deliveries WHERE address = :to"), {"to": recipient})
            seen.append(str(found.scalar_one()))

    note = outcomes.note

    async def asked(connection: Any, *given: Any) -> Any:
        question = "PRAGMA synchronous" if room.database.on_sqlite else "SHOW synchronous_commit"
        syncs.add(str((await connection.execute(text(question))).scalar_one()))
        return await note(connection, *given)

    monkeypatch.setattr(outcomes, "note", asked)
    async with Server(rules={"end": at_the_dot}) as server:
        room.relay(server, connections=3)
        assert (await room.deliver()).states == {"sent": 3}
    await other.close()
    assert seen == ["sending"] * 3
    # 2 is FULL: https://sqlite.org/pragma.html#pragma_synchronous
    assert syncs == {"2" if room.database.on_sqlite else "on"}


async def test_a_run_keeps_nothing_of_what_it_has_sent(small_room: Newsroom) -> None:
    small_room.set("delivery", batch=3)
    await composed(small_room, *(f"reader{number}" for number in range(9)))
    async with Server(rules={"RCPT": only("reader4", "451 4.2.1 Later")}) as server:
        small_room.relay(server)
        sending = await small_room.sending()
        async with small_room.courier() as courier:
            assert (await sending.run(courier)).states == {"sent": 8, "deferred": 1}
    assert sending._under_way == {}


# When the database fails


async def test_a_database_that_fails_ends_the_run_with_an_error_and_nothing_hangs(room: Newsroom) -> None:
    await composed(room, *(f"reader{number}" for number in range(6)))
    await subscribers.remove(room.database, room.clock, address("reader5"), source="test")
    room.set("delivery", batch=2)

    broken = asyncio.Event()
    async with Server(rules={"RCPT": lambda _: None if broken.is_set() else Late(0.3)}) as server:
        room.relay(server)
        async with beside(room.deliver()) as run:
            await until(lambda: any(command.startswith("RCPT") for command in server.commands))
            await room.say("ALTER TABLE deliveries RENAME TO gone")
            broken.set()
            with pytest.raises(StoreError):
                await ended(run)
    assert server.messages == []
    await room.say("ALTER TABLE gone RENAME TO deliveries")
    room.clock.step(seconds=61)
    async with Server() as server:
        room.relay(server)
        assert (await room.deliver()).states["sent"] == 5
    assert len(server.messages) == 5
    # Who left may have been passed over before the fault.
    assert Counter(one.delivery.state for one in await room.records()) == {"sent": 5, "suppressed": 1}


async def test_giving_back_to_a_ledger_that_failed_does_not_hang(small_room: Newsroom) -> None:
    await composed(small_room, "ada", "bob")

    class Stubborn:
        """A courier that goes on telling the ledger when that has failed already."""

        async def run(self, messages: AsyncIterator[Any], ledger: Any) -> None:
            """Fail with one message, and give back the other."""
            one, two = await anext(messages), await anext(messages)
            await small_room.say("ALTER TABLE deliveries RENAME TO gone")
            try:
                await ledger.sending(one.delivery_id)
            finally:
                ledger.release(two.delivery_id)

    async with beside(small_room.deliver(Stubborn())) as run:
        with pytest.raises(StoreError):
            await ended(run)


async def test_a_run_that_is_cancelled_finishes_what_is_under_way(small_room: Newsroom) -> None:
    await composed(small_room, *(f"reader{number}" for number in range(6)))
    async with Server(rules={"end": Late(0.2, "250 2.0.0 Kept")}) as server:
        small_room.relay(server)
        async with beside(small_room.deliver()) as run:
            await until(lambda: server.messages)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await ended(run)
        reached = len(server.messages)
        assert 1 <= reached <= 2
        states = list((await small_room.states()).values())
        assert states.count("sent") == reached
        assert states.count("queued") == 6 - reached
        assert await small_room.rows("SELECT 1 FROM deliveries WHERE lease_owner IS NOT NULL") == []
        server.rules.clear()
        assert (await small_room.deliver()).states == {"sent": 6 - reached}
    assert len(set(server.recipients)) == len(server.recipients) == 6
