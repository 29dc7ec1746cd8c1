"""What people decide while their mail is at hand counts until its body ends: nothing goes twice, nothing is lost."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import warm
from newsroom import NOW, Newsroom, address, open_newsroom, papers, titles
from reports import complaint, dsn, original
from servers import Server

from newsletter.delivery.incoming import Arrival
from newsletter.models import Consent, Outcome
from newsletter.pipeline import subscribers
from newsletter.pipeline.intake import Followed
from newsletter.pipeline.ledger import Ledger
from newsletter.store import deliveries, pace, suppressions

Change = Callable[[Newsroom], Awaitable[Any]]
BOX = "bounces@newsletter.example"
NEW = "robert@elsewhere.example"


async def composed(room: Newsroom, *names: str) -> None:
    """Put an issue on record for each of these people."""
    room.set("ranking", papers=3)
    room.set("bounces", address=BOX)
    await room.take_in(*papers(*range(12)))
    for name in names:
        await room.subscribe(name)
    await room.compose()


async def moves(room: Newsroom, to: str = NEW, name: str = "bob") -> None:
    await subscribers.edit(room.database, address(name), lambda person: person.model_copy(update={"email": to}))


async def pauses(room: Newsroom) -> None:
    await subscribers.pause(room.database, address("bob"), None)


async def leaves(room: Newsroom) -> None:
    await subscribers.remove(room.database, room.clock, address("bob"), source="test")


async def is_erased(room: Newsroom) -> None:
    await subscribers.erase(room.database, room.clock, address("bob"))


async def is_suppressed(room: Newsroom) -> None:
    async with room.database.begin() as connection:
        await suppressions.add(connection, address("bob"), "a hard bounce 5.1.1", NOW)


async def take(room: Newsroom, report: bytes) -> Followed:
    """Take in a report that came back."""
    return await (await room.app.intake()).take(Arrival("a report", report, ""))


async def return_path(room: Newsroom, name: str) -> str:
    """Return the return path of someone's latest delivery."""
    return (await room.app.return_path())((await room.record(name)).delivery.id)


async def suppressed(room: Newsroom, *names: str) -> dict[str, str]:
    """Return who of these is suppressed, and why."""
    async with room.database.connect() as connection:
        return await suppressions.among(connection, map(address, names))


@asynccontextmanager
async def just_before(name: str, change: Change, room: Newsroom, patch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """Let something happen when someone's body has left and its end has not; tell what was then said of each."""
    ((number,),) = await room.rows(
        "SELECT id FROM deliveries WHERE address = :to ORDER BY id DESC LIMIT 1", to=address(name)
    )
    sending = Ledger.sending
    said: list[str] = []

    def first(ledger: Ledger, delivery_id: int) -> Any:
        async def then() -> bool:
            if delivery_id == number and not said:
                said.append("changed")
                await change(room)
            ours = await sending(ledger, delivery_id)
            if delivery_id == number:
                said.append("begun" if ours else "refused")
            return ours

        return asyncio.ensure_future(then())

    patch.setattr(Ledger, "sending", first)
    yield said
    patch.setattr(Ledger, "sending", sending)


@pytest.mark.parametrize("change", [pauses, leaves, is_suppressed])
async def test_who_is_not_to_be_mailed_any_more_is_not(
    room: Newsroom, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    await composed(room, "ada", "bob", "cyd")
    async with Server() as server, just_before("bob", change, room, monkeypatch) as said:
        room.relay(server)
        first = await room.deliver()
        assert (first.fault, said) == (None, ["changed", "refused"])
        second = await room.deliver()
    assert sorted(server.recipients) == [address("ada"), address("cyd")]
    assert first.states.get("sent", 0) + second.states.get("sent", 0) == 2
    assert await room.states() == {"ada": "sent", "bob": "suppressed", "cyd": "sent"}
    # Its papers are free again, and it did not count as an attempt.
    assert (await room.record("bob")).delivery.attempts == 0
    assert (
        await room.rows("SELECT 1 FROM received r JOIN issues i ON i.id = r.issue_id WHERE r.subscriber_id = 2") == []
    )


async def test_who_is_erased_gets_nothing_more(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    await composed(room, "ada", "bob", "cyd")
    async with Server() as server, just_before("bob", is_erased, room, monkeypatch) as said:
        room.relay(server)
        assert (await room.deliver()).fault is None
        await room.deliver()
    assert said == ["changed", "refused"]
    assert sorted(server.recipients) == [address("ada"), address("cyd")]
    assert await room.states() == {"ada": "sent", "cyd": "sent"}


async def test_mail_follows_who_moves_to_the_last_moment(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    await composed(room, "ada", "bob", "cyd")
    async with Server() as server, just_before("bob", moves, room, monkeypatch) as said:
        room.relay(server)
        await room.deliver()
        await room.deliver()
        assert (await room.deliver()).states == {}
    assert said == ["changed", "refused", "begun"]
    assert sorted(server.recipients) == [address("ada"), address("cyd"), NEW]
    (found,) = [one.delivery for one in await room.records() if one.delivery.subscriber_id == 2]
    assert (found.address, found.state, found.attempts) == (NEW, "sent", 1)
    (message,) = [one for one in server.messages if one.recipient == NEW]
    assert f"To: {NEW}".encode() in message.content
    assert address("bob").encode() not in message.content


async def test_a_run_that_goes_on_sends_it_to_the_new_address_itself(
    small_room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = small_room
    room.set("delivery", batch=2)
    names = ["bob", *(f"reader{number}" for number in range(20))]
    await composed(room, *names)
    async with Server() as server, just_before("bob", moves, room, monkeypatch) as said:
        room.relay(server, connections=1)
        assert (await room.deliver()).states == {"sent": 21}
    assert said == ["changed", "refused", "begun"]
    assert sorted(server.recipients) == sorted([NEW, *map(address, names[1:])])


async def test_one_who_moves_again_and_again_gets_it_once(
    small_room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time the body has left for the address before."""
    room = small_room
    await composed(room, "bob")
    sending = Ledger.sending
    told: list[bool] = []

    def first(ledger: Ledger, delivery_id: int) -> Any:
        async def then() -> bool:
            if len(told) < 3:
                now = "bob" if not told else f"bob{len(told)}@example.org"
                await moves(room, f"bob{len(told) + 1}@example.org", now)
            told.append(await sending(ledger, delivery_id))
            return told[-1]

        return asyncio.ensure_future(then())

    monkeypatch.setattr(Ledger, "sending", first)
    async with Server() as server:
        room.relay(server)
        for _ in range(6):
            await room.deliver()
    assert told == [False, False, False, True]
    assert server.recipients == ["bob3@example.org"]


async def test_a_pause_that_ended_meanwhile_costs_nothing(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looked while it lasted, so the issue still comes, and once."""

    async def pauses_and_resumes(room: Newsroom) -> None:
        await pauses(room)
        await subscribers.resume(room.database, address("bob"))

    await composed(room, "ada", "bob", "cyd")
    async with Server() as server, just_before("bob", pauses_and_resumes, room, monkeypatch) as said:
        room.relay(server)
        await room.deliver()
        await room.deliver()
    assert said == ["changed", "refused", "begun"]
    assert sorted(server.recipients) == sorted(map(address, ("ada", "bob", "cyd")))
    assert await room.got("bob") == [titles(0, 1, 2)]


async def test_the_papers_of_one_who_pauses_come_after_the_pause(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await composed(room, "bob")
    async with Server() as server, just_before("bob", pauses, room, monkeypatch):
        room.relay(server)
        await room.deliver()
        assert (await room.deliver()).states == {"suppressed": 1}
        await subscribers.resume(room.database, address("bob"))
        room.clock.step(days=1)
        await room.send()
    assert server.recipients == [address("bob")]
    assert (await room.got("bob"))[-1] == titles(0, 1, 2)


# Two of one delivery


async def test_a_run_never_has_the_same_delivery_at_hand_twice(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease of what lies in its queue is ended, and it claims on: it passes over what it still holds."""
    room.set("delivery", batch=4)
    await composed(room, *(f"reader{number}" for number in range(12)))

    class Hoarder:
        """A courier that takes everything first, and lets all of them move once it has some."""

        async def run(self, messages: AsyncIterator[Any], ledger: Any, pacer: object = None) -> None:
            """Send what is at hand, in the order in which it came."""
            taken = []
            async for message in messages:
                taken.append(message)
                if len(taken) == 3:
                    for number in range(12):
                        await moves(room, f"moved{number}@example.org", f"reader{number}")
            self.taken = [message.delivery_id for message in taken]
            self.begun = [(one.delivery_id, one.recipient) for one in taken if await ledger.sending(one.delivery_id)]

    first = Hoarder()
    await room.deliver(first)
    assert len(set(first.taken)) == len(first.taken)
    rows = await room.rows("SELECT id, address FROM deliveries WHERE state IN ('sending', 'unknown')")
    assert sorted(first.begun) == sorted(map(tuple, rows)), "what is on record is what it was sent to"
    assert all(recipient.startswith("moved") for _, recipient in first.begun)
    async with Server() as server:
        room.relay(server)
        await room.deliver()
    assert sorted([*server.recipients, *(recipient for _, recipient in first.begun)]) == sorted(
        f"moved{number}@example.org" for number in range(12)
    )


async def test_what_was_said_and_is_not_on_disk_is_said_of_the_first_copy_alone(room: Newsroom) -> None:
    """They move, and the run claims on between the word about the old address and the commit that would carry it."""
    room.set("delivery", batch=2)
    await composed(room, "bob", "ada", "cyd")
    sent: list[str] = []

    class Refusing:
        """A courier whose server calls the first address dead."""

        async def run(self, messages: AsyncIterator[Any], ledger: Any, pacer: object = None) -> None:
            """Tell of the first, and send the rest."""
            first = await anext(messages)
            await moves(room)
            # The next claim is on its way with this one, and comes before what is said now.
            rest = [await anext(messages)]
            ledger.outcome(
                Outcome(delivery_id=first.delivery_id, result="rejected", code=550, text="Nobody", suppress=True)
            )
            rest += [message async for message in messages]
            for message in rest:
                if await ledger.sending(message.delivery_id):
                    sent.append(message.recipient)
                    ledger.outcome(Outcome(delivery_id=message.delivery_id, result="sent", code=250))

    await room.deliver(Refusing())
    assert (await room.record(NEW)).delivery.state in ("queued", "sent")
    async with Server() as server:
        room.relay(server)
        await room.deliver()
    assert sorted([*sent, *server.recipients]) == [address("ada"), address("cyd"), NEW]


async def test_what_is_refused_of_the_address_before_says_nothing_of_the_mail(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They moved while the server was asked about the old address, which it calls dead."""
    await composed(room, "bob")
    outcome = Ledger.outcome
    changed: list[asyncio.Task[None]] = []

    async with Server(rules={"RCPT": lambda to: "550 5.1.1 No such user" if to == address("bob") else None}) as server:

        def later(ledger: Ledger, told: Any) -> None:
            if changed:
                outcome(ledger, told)
                return

            async def then() -> None:
                await moves(room)
                outcome(ledger, told)

            changed.append(asyncio.ensure_future(then()))

        monkeypatch.setattr(Ledger, "outcome", later)
        flush = Ledger.flush

        async def all_said(ledger: Ledger) -> None:
            await asyncio.gather(*changed)
            await flush(ledger)

        monkeypatch.setattr(Ledger, "flush", all_said)
        room.relay(server)
        await room.deliver()
        await room.deliver()
    assert server.recipients == [NEW]
    assert (await room.record(NEW)).delivery.state == "sent"
    assert await suppressed(room, "bob", NEW) == {}


async def test_of_two_runs_at_once_neither_sends_what_was_taken_back_from_the_other(
    room: Newsroom, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run has the body on its way when they move; the other claims it, and sends it to the new address."""
    await composed(room, "ada", "bob", "cyd")
    async with Server() as server, open_newsroom(database_url, tmp_path) as other:
        other.relay(server)

        async def moves_and_another_run_takes_it(room: Newsroom) -> None:
            await moves(room)
            monkeypatch.setattr(Ledger, "sending", sending)
            assert (await other.deliver()).states == {"sent": 1}

        sending = Ledger.sending
        async with just_before("bob", moves_and_another_run_takes_it, room, monkeypatch) as said:
            room.relay(server)
            await room.deliver()
            await room.deliver()
    assert said == ["changed", "refused"]
    assert sorted(server.recipients) == [address("ada"), address("cyd"), NEW]


async def test_a_run_whose_leases_ran_out_sends_nothing_of_what_changed(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept for long; meanwhile another started, took its leases back, and died; and somebody moved."""

    async def moves_after_the_lease(room: Newsroom) -> None:
        room.clock.step(seconds=61)
        async with room.database.begin() as connection:
            await deliveries.take_back(connection, now=room.clock.now())
        await moves(room)

    room.set("delivery", lease=60)
    await composed(room, "ada", "bob", "cyd")
    async with Server() as server, just_before("bob", moves_after_the_lease, room, monkeypatch) as said:
        room.relay(server, connections=1)
        await room.deliver()
        await room.deliver()
    assert said[:2] == ["changed", "refused"]
    assert sorted(server.recipients) == [address("ada"), address("cyd"), NEW]
    assert await room.rows("SELECT 1 FROM deliveries WHERE lease_owner IS NOT NULL") == []


# Reports about the address before


async def test_a_report_about_mail_that_was_sent_before_the_move_is_about_the_old_address(room: Newsroom) -> None:
    await composed(room, "ada", "bob")
    async with Server() as server:
        room.relay(server)
        await room.deliver()
    to = await return_path(room, "bob")
    await moves(room)
    await take(room, dsn(to, address("bob")))
    assert await suppressed(room, "bob", NEW) == {address("bob"): "a hard bounce 5.1.1"}
    assert (await subscribers.find(room.database, NEW)).state is Consent.CONFIRMED
    found = (await room.record(NEW)).delivery
    assert (found.address, found.state) == (address("bob"), "bounced")
    # The next issue reaches them.
    room.clock.step(days=1)
    async with Server() as server:
        room.relay(server)
        await room.send()
        assert NEW in server.recipients


async def test_a_complaint_from_the_address_before_ends_that_address_and_not_who_moved_away(room: Newsroom) -> None:
    await composed(room, "bob")
    async with Server() as server:
        room.relay(server)
        await room.deliver()
    to = await return_path(room, "bob")
    message_id = (await room.record("bob")).delivery.message_id
    await moves(room)
    followed = await take(room, complaint(address("bob"), original(address("bob"), message_id, to)))
    assert followed.what == "suppressed; they have another address by now, and stay"
    assert await suppressed(room, "bob", NEW) == {address("bob"): "a complaint"}
    person = await subscribers.find(room.database, NEW)
    assert person.state is Consent.CONFIRMED


async def test_a_report_takes_back_what_waits_for_its_address(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    await composed(room, "ada", "bob")
    async with Server() as server:
        room.relay(server)
        await room.deliver()
        to = await return_path(room, "bob")
        room.clock.step(days=1)
        await room.compose()

        async def comes_back(room: Newsroom) -> None:
            await take(room, dsn(to, address("bob")))

        async with just_before("bob", comes_back, room, monkeypatch) as said:
            await room.deliver()
            await room.deliver()
    assert said == ["changed", "refused"]
    assert server.recipients.count(address("bob")) == 1
    assert server.recipients.count(address("ada")) == 2


# What is left of who is erased


async def test_a_domain_that_one_person_had_alone_is_erased_with_them(room: Newsroom) -> None:
    for email in ("bob@bob-miller.example", "ada@shared.example", "eve@shared.example", "jo@straße.example"):
        await room.subscribe(email)
    names = ("", "bob-miller.example", "shared.example", "xn--strae-oqa.example")
    async with room.database.begin() as connection:
        await pace.lock(connection, names, NOW)
    for email in ("bob@bob-miller.example", "ada@shared.example", "jo@straße.example"):
        await subscribers.erase(room.database, room.clock, email)
    assert [row.name for row in await room.rows("SELECT name FROM pace ORDER BY name")] == ["", "shared.example"]


# By the command line


ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-m", "newsletter")
SETTINGS = """
[smtp]
host = "127.0.0.1"
port = {port}
security = "plain"
connections = 1
[bounces]
address = "{box}"
"""


def environment() -> dict[str, str]:
    """Return the environment of a user who has set nothing of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(
    ("words", "became", "reached"),
    [
        (("edit", "bob@example.org", "--email", NEW), "sent", NEW),
        (("pause", "bob@example.org"), "suppressed", None),
        (("remove", "bob@example.org"), "suppressed", None),
        (("erase", "bob@example.org", "--yes"), None, None),
    ],
)
async def test_what_an_operator_says_while_a_send_runs(
    small_room: Newsroom, tmp_path: Path, words: tuple[str, ...], became: str | None, reached: str | None
) -> None:
    room = small_room
    await composed(room, "ada", "bob", "cyd")
    said: list[str] = []

    def run(*more: str) -> None:
        done = warm.call(more, cwd=tmp_path, env=environment())
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)

    def operator(to: str) -> None:
        # The server says nothing until the other command has come to its end.
        if to == address("bob") and not said:
            run("subscribers", *words)

    async with Server(rules={"DATA": operator}) as server:
        url = room.app.settings.database.url
        (tmp_path / "config.toml").write_text(
            f'[database]\nurl = "{url}"\n' + SETTINGS.format(port=server.port, box=BOX)
        )
        for _ in range(2):
            process = await asyncio.create_subprocess_exec(*PROGRAM, "send", cwd=tmp_path, env=environment())
            assert await process.wait() == 0
    assert said
    assert sorted(server.recipients) == sorted(filter(None, [address("ada"), address("cyd"), reached]))
    states = {one.delivery.subscriber_id: str(one.delivery.state) for one in await room.records()}
    assert states == {1: "sent", 3: "sent"} | ({2: became} if became else {})
