"""What follows from mail that came back: whom it is about, what it says, and nothing twice."""

import asyncio
import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from newsroom import NOW, Newsroom, address, papers
from reports import complaint, dsn, mail, original
from servers import Server
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.delivery import incoming
from newsletter.delivery.incoming import LARGEST, Arrival
from newsletter.errors import NotFoundError, UnkeepableError, UsageError
from newsletter.models import Consent, Delivery, DeliveryState
from newsletter.pipeline import record, roster, subscribers
from newsletter.pipeline.intake import Followed
from newsletter.store import bounces, schema, suppressions
from newsletter.tokens import Signer

BOX = "bounces@newsletter.example"


@pytest.fixture
async def desk(room: Newsroom) -> Newsroom:
    """A newsletter whose relay took a mail to Ada and one to Bob, on both engines."""
    room.set("bounces", address=BOX)
    await room.take_in(*papers(1, 2, 3))
    for name in ("ada", "bob"):
        await room.subscribe(name)
    await send(room)
    return room


async def send(desk: Newsroom) -> None:
    """Choose, and put on record that the relay took it all."""
    await desk.compose()
    await desk.say(
        "UPDATE deliveries SET state = 'sent', attempts = 1, code = 250, enhanced = '2.0.0', text = 'Kept as 4F' "
        "WHERE state = 'queued' AND NOT EXISTS (SELECT 1 FROM suppressions)"
    )


async def take(desk: Newsroom, content: bytes | None, recipient: str = "") -> Followed:
    """Take in one mail."""
    return await (await desk.app.intake()).take(Arrival("a mail", content, recipient))


async def delivery(desk: Newsroom, name: str = "ada") -> Delivery:
    """Return someone's latest delivery."""
    return (await desk.record(name)).delivery


async def path(desk: Newsroom, name: str = "ada") -> str:
    """Return the return path of someone's latest delivery."""
    return (await desk.app.return_path())((await delivery(desk, name)).id)


async def suppressed(desk: Newsroom, *names: str) -> dict[str, str]:
    """Return who of these is suppressed, and why."""
    async with desk.database.connect() as connection:
        found = await suppressions.among(connection, [address(name) for name in names or ("ada", "bob")])
    return {email.partition("@")[0]: why for email, why in found.items()}


async def consent(desk: Newsroom, name: str = "ada") -> Consent:
    """Return the state of someone's consent."""
    return (await subscribers.find(desk.database, address(name))).state


async def received(desk: Newsroom, name: str = "ada") -> int:
    """Return how many papers are spent on someone."""
    ((number,),) = await desk.rows(
        "SELECT count(*) FROM received JOIN subscribers s ON s.id = subscriber_id WHERE s.email = :email",
        email=address(name),
    )
    return int(number)


# A hard bounce


@pytest.mark.parametrize("where", ["envelope", "Delivered-To", "To"])
async def test_a_hard_bounce_ends_the_address_and_keeps_the_papers_spent(desk: Newsroom, where: str) -> None:
    to = await path(desk)
    report = dsn(to if where == "To" else BOX, address("ada"))
    if where == "Delivered-To":
        report = f"Delivered-To: {to}\n".encode() + report
    spent = await received(desk)
    followed = await take(desk, report, to if where == "envelope" else "")
    assert (followed.kind, followed.email, followed.by, followed.taken) == ("hard", address("ada"), "return path", True)
    assert followed.what == "suppressed: a hard bounce 5.1.1"
    found = await delivery(desk)
    assert (found.state, found.code, found.enhanced) == (DeliveryState.BOUNCED, None, "5.1.1")
    assert "User unknown" in found.text
    assert await suppressed(desk) == {"ada": "a hard bounce 5.1.1"}
    assert await received(desk) == spent > 0
    assert await consent(desk) is Consent.CONFIRMED
    assert (await delivery(desk, "bob")).state == "sent"


async def test_mail_that_waits_for_a_dead_address_is_suppressed_and_gives_its_papers_back(desk: Newsroom) -> None:
    to = await path(desk)
    await desk.take_in(*papers(4))
    desk.clock.step(days=1)
    await desk.compose()
    await take(desk, dsn(to, address("ada")))
    async with Server() as relay:
        desk.relay(relay)
        report = await desk.deliver()
    assert report.states == {"suppressed": 1, "sent": 1}
    assert relay.recipients == [address("bob")]
    assert await desk.got("ada") == [("The glacier", "The harbour", "The pepper"), ("The falcon",)]
    assert await received(desk) == 3
    # And for tomorrow nothing is chosen.
    await desk.take_in(*papers(5))
    desk.clock.step(days=1)
    assert (await desk.compose()).composed == 1
    assert (await delivery(desk, "bob")).state == "queued"


async def test_the_answer_of_the_relay_stays_on_record(desk: Newsroom) -> None:
    before = await delivery(desk)
    await take(desk, dsn(await path(desk), address("ada")))
    ((result, code, text),) = await desk.rows("SELECT result, code, text FROM attempts")
    assert (result, code, text) == ("sent", before.code, before.text)
    assert code == 250


# Soft bounces


async def test_soft_bounces_count_until_the_limit(desk: Newsroom) -> None:
    desk.set("bounces", soft_limit=3, soft_days=10)
    said = []
    for day in range(3):
        to = await path(desk)
        busy = dsn(to, address("ada"), status="4.2.2", words="452 4.2.2 Mailbox full", message_id=f"<{day}@mx.example>")
        said.append((await take(desk, busy)).what)
        assert (await delivery(desk)).state == "bounced"
        await desk.take_in(*papers(10 + day))
        desk.clock.step(days=1)
        await send(desk)
    assert said == [
        "counted: 1 of 3 within 10 days",
        "counted: 2 of 3 within 10 days",
        "suppressed: 3 bounces within 10 days",
    ]
    assert await suppressed(desk) == {"ada": "3 bounces within 10 days"}


async def test_what_is_about_one_message_counts_once_and_what_is_old_no_more(desk: Newsroom) -> None:
    desk.set("bounces", soft_limit=2, soft_days=10)

    async def bounce(number: int) -> str:
        full = dsn(await path(desk), address("ada"), status="4.2.2", words="Full", message_id=f"<{number}@mx.example>")
        return (await take(desk, full)).what

    assert await bounce(1) == "counted: 1 of 2 within 10 days"
    assert await bounce(2) == "counted: 1 of 2 within 10 days; the delivery stays bounced"
    desk.clock.step(days=11)
    await desk.take_in(*papers(10))
    await send(desk)
    assert await bounce(3) == "counted: 1 of 2 within 10 days"
    assert await suppressed(desk) == {}


@pytest.mark.parametrize(
    ("status", "words"),
    [("5.7.1", "550 5.7.1 Blocked, see our list"), ("4.7.0", "421 4.7.0 Slow down"), ("5.0.0", "554 Spam, go away")],
)
async def test_what_is_about_us_harms_no_reader_however_often_it_comes(desk: Newsroom, status: str, words: str) -> None:
    desk.set("bounces", soft_limit=1)
    followed = await take(desk, dsn(await path(desk), address("ada"), status=status, words=words))
    assert followed.what == "noted; it is about this newsletter, not about the address"
    assert (await delivery(desk)).state == "bounced"
    assert await suppressed(desk) == {}


async def test_a_warning_that_it_takes_long_is_no_bounce(desk: Newsroom) -> None:
    warning = dsn(await path(desk), address("ada"), status="4.4.1", words="421 no answer", action="delayed")
    assert await take(desk, warning) == Followed("a mail", "other")
    assert (await delivery(desk)).state == "sent"


# Complaints


async def test_who_complains_is_unsubscribed_and_never_mailed_again(desk: Newsroom) -> None:
    found = await delivery(desk)
    about = original(address("ada"), found.message_id, await path(desk))
    followed = await take(desk, complaint(address("ada"), about))
    assert (followed.kind, followed.by, followed.what) == (
        "complaint",
        "quoted return path",
        "unsubscribed, and suppressed for ever",
    )
    assert (await delivery(desk)).state == "complained"
    assert await consent(desk) is Consent.UNSUBSCRIBED
    assert await suppressed(desk) == {"ada": "a complaint"}
    new = subscribers.new(desk.app.settings.newsletter, desk.clock, "ADA@EXAMPLE.ORG")
    with pytest.raises(UsageError, match="must not be mailed: a complaint"):
        await subscribers.add(desk.database, desk.clock, new, source="test", again=True)


@pytest.mark.parametrize("named", [None, "redacted@example.org"])
async def test_a_complaint_that_hides_the_address_counts_by_our_message_id(desk: Newsroom, named: str | None) -> None:
    desk.set("bounces", address=None)
    about = original(named or "undisclosed", (await delivery(desk)).message_id)
    followed = await take(desk, complaint(named, about))
    assert (followed.kind, followed.email, followed.by) == ("complaint", address("ada"), "message id")
    assert await suppressed(desk) == {"ada": "a complaint"}


# Whom


async def test_without_a_valid_tag_our_message_id_and_its_very_reader_are_needed(desk: Newsroom) -> None:
    found = await delivery(desk)
    tag = (await path(desk)).partition("+")[2].partition("@")[0]
    forged = f"bounces+{tag[:-1]}{'a' if tag[-1] != 'a' else 'b'}@newsletter.example"
    attempts = (
        dsn(BOX, address("ada")),
        dsn(forged, address("ada")),
        dsn(f"bounces+{found.id}@newsletter.example", address("ada")),
        dsn(forged, address("ada"), about=original(address("ada"), found.message_id.replace("<", "<x"))),
        # Bob's mail did not go to Ada.
        dsn(BOX, address("ada"), about=original(address("ada"), (await delivery(desk, "bob")).message_id)),
        complaint("ada@elsewhere.example", original("ada@elsewhere.example", found.message_id)),
    )
    for report in attempts:
        followed = await take(desk, report)
        assert (followed.what, followed.taken) == ("it names no mail of ours, so nothing followed", False)
        assert followed.kind in ("hard", "complaint")
    assert await desk.states() == {"ada": "sent", "bob": "sent"}
    assert await suppressed(desk) == {}
    ours = dsn(BOX, "ADA@example.org", about=original(address("ada"), found.message_id))
    followed = await take(desk, ours)
    assert (followed.by, followed.what) == ("message id", "suppressed: a hard bounce 5.1.1")


async def test_the_return_path_decides_whom_whatever_the_report_names(desk: Newsroom) -> None:
    # Ada forwards her mail; the mailbox that it went to in the end is not the one on record.
    followed = await take(desk, dsn(await path(desk), "ada.new@elsewhere.example"))
    assert (followed.email, followed.kind) == (address("ada"), "hard")
    assert await suppressed(desk) == {"ada": "a hard bounce 5.1.1"}


@pytest.mark.parametrize("spell", [str.upper, str.title, lambda to: to.replace("+", "-"), lambda to: f"prvs=1={to}"])
async def test_a_return_path_is_read_as_servers_spell_it(desk: Newsroom, spell: Any) -> None:
    followed = await take(desk, dsn(spell(await path(desk)), address("ada")))
    assert followed.by == "return path"


async def test_each_message_has_a_return_path_of_its_own_on_the_wire(small_room: Newsroom) -> None:
    small_room.set("bounces", address=BOX)
    await small_room.take_in(*papers(1))
    for name in ("ada", "bob"):
        await small_room.subscribe(name)
    await small_room.compose()
    async with Server() as relay:
        small_room.relay(relay)
        async with small_room.courier() as courier:
            await (await small_room.app.sending()).run(courier)
    paths = {one.recipient: one.sender for one in relay.messages}
    assert len(set(paths.values())) == 2
    followed = await take(small_room, dsn(BOX, "someone@elsewhere.example"), paths[address("bob")])
    assert (followed.email, followed.by) == (address("bob"), "return path")
    # Without an address for reports, they come back to the sender.
    small_room.set("bounces", address=None)
    assert (await small_room.app.return_path())(1) == "papers@newsletter.example"


async def test_a_report_about_an_address_that_was_mended_leaves_the_new_one_alone(desk: Newsroom) -> None:
    to = await path(desk)
    await subscribers.edit(
        desk.database, address("ada"), lambda person: person.model_copy(update={"email": "new@example.org"})
    )
    await take(desk, dsn(to, address("ada")))
    assert await suppressed(desk, "ada", "new") == {"ada": "a hard bounce 5.1.1"}


async def test_a_report_about_someone_who_was_erased_changes_nothing(desk: Newsroom) -> None:
    to = await path(desk)
    await subscribers.erase(desk.database, desk.clock, address("ada"))
    followed = await take(desk, dsn(to, address("ada")))
    assert (followed.what, followed.taken) == ("it names no mail of ours, so nothing followed", False)
    assert await suppressed(desk) == {"ada": "erased at their wish"}


# Once


async def test_a_report_that_is_read_twice_counts_once(desk: Newsroom) -> None:
    desk.set("bounces", soft_limit=2)
    to = await path(desk)
    full = dsn(to, address("ada"), status="4.2.2", words="Mailbox full")
    copies = [full, full.replace(b"\n", b"\r\n"), b"Received: from mx.example\nDelivered-To: x@y.example\n" + full]
    said = [(await take(desk, copy)).what for copy in copies]
    assert said == ["counted: 1 of 2 within 30 days", "read before", "read before"]
    assert len(await desk.rows("SELECT * FROM bounces")) == 1


async def test_copies_that_are_read_at_once_count_once(desk: Newsroom) -> None:
    to = await path(desk)
    taker = await desk.app.intake()
    report = Arrival("a mail", dsn(to, address("ada")))
    said = await asyncio.gather(*(taker.take(report) for _ in range(6)))
    assert sorted(one.what for one in said) == ["read before"] * 5 + ["suppressed: a hard bounce 5.1.1"]
    assert len(await desk.rows("SELECT * FROM bounces")) == 1


# Late and contradictory reports


@pytest.mark.parametrize(
    ("state", "doubtful", "bounced", "complained"),
    [
        ("sent", False, "bounced", "complained"),
        ("sending", False, "bounced", "complained"),
        ("unknown", True, "bounced", "complained"),
        ("deferred", True, "bounced", "complained"),
        ("queued", True, "bounced", "complained"),
        ("deferred", False, "deferred", "deferred"),
        ("queued", False, "queued", "queued"),
        ("failed", False, "failed", "failed"),
        ("suppressed", False, "suppressed", "suppressed"),
        ("caught", False, "bounced", "complained"),
        ("bounced", False, "bounced", "complained"),
        ("complained", False, "complained", "complained"),
    ],
)
@pytest.mark.parametrize("kind", ["hard", "complaint"])
async def test_where_a_report_leads_from_each_state(
    desk: Newsroom, state: str, doubtful: bool, bounced: str, complained: str, kind: str
) -> None:
    found = await delivery(desk)
    await desk.say(
        "UPDATE deliveries SET state = :state, lease_owner = 'one', leased_until = due_at WHERE id = :id",
        state=state,
        id=found.id,
    )
    if doubtful:
        await desk.say(
            "INSERT INTO attempts (delivery_id, at, result, enhanced, text) SELECT id, at, 'unknown', '', '' "
            "FROM deliveries WHERE id = :id",
            id=found.id,
        )
    spent = await received(desk)
    to = await path(desk)
    about = original(address("ada"), found.message_id, to)
    followed = await take(desk, dsn(to, address("ada")) if kind == "hard" else complaint(address("ada"), about))
    end = bounced if kind == "hard" else complained
    assert (await delivery(desk)).state == end
    assert followed.what.endswith(f"; the delivery stays {state}") is (end == state)
    ((owner,),) = await desk.rows("SELECT lease_owner FROM deliveries WHERE id = :id", id=found.id)
    # What waits is taken back from whoever has claimed it.
    assert owner == ("one" if end == state and state not in ("queued", "deferred") else None)
    # Whatever the state, the address is not mailed again; and no paper is spent or given back.
    assert list(await suppressed(desk)) == ["ada"]
    assert await received(desk) == spent


async def test_an_answer_that_comes_after_the_report_changes_nothing(room: Newsroom) -> None:
    """The report of a fast server overtakes the answer of the relay."""
    room.set("bounces", address=BOX)
    await room.take_in(*papers(1))
    await room.subscribe("ada")
    followed: list[Followed] = []

    async def report(recipient: str) -> None:
        followed.append(await take(room, dsn(await path(room), recipient)))

    class Fast(Server):
        def answer(self, step: Any, about: str) -> Any:
            if step == "end":
                self.reporting = asyncio.ensure_future(report(about))
            return super().answer(step, about)

    async with Fast(rules={"end": lambda _: None}) as relay:
        room.relay(relay)
        await room.compose()
        delivering = asyncio.ensure_future(room.deliver())
        await delivering
        await relay.reporting
    assert (await delivery(room)).state == "bounced"
    assert followed[0].kind == "hard"


# Mail that unsubscribes


async def asking(desk: Newsroom, *, tag: bool = False) -> str:
    """Return the subject of the mail that a reader's program writes to unsubscribe Ada."""
    person = await subscribers.find(desk.database, address("ada"))
    async with desk.database.connect() as connection:
        signer = Signer(await schema.key(connection, "tokens"))
    token = signer.tag("unsubscribe", person.id) if tag else signer.sign("unsubscribe", person.key)
    return f"unsubscribe {token}"


async def test_the_mail_that_a_readers_program_writes_unsubscribes_them(small_room: Newsroom) -> None:
    await small_room.take_in(*papers(1))
    await small_room.subscribe("ada")
    async with Server() as relay:
        small_room.relay(relay)
        await small_room.send()
    field = str(message_from_bytes(relay.messages[0].content, policy=default)["List-Unsubscribe"])
    found = re.search(r"<mailto:([^?>]+)\?subject=([^>&]+)>", field)
    assert found is not None
    followed = await take(small_room, mail("x@else.example", to=unquote(found[1]), subject=unquote(found[2])))
    assert (followed.email, followed.by, followed.what) == (address("ada"), "token", "unsubscribed")


@pytest.mark.parametrize("spell", ["{}", "Re: {}", "AW: RE: {}", "  {}  "])
@pytest.mark.parametrize("place", ["subject", "body"])
async def test_a_mail_with_a_token_unsubscribes_exactly_that_person(desk: Newsroom, spell: str, place: str) -> None:
    asked = spell.format(await asking(desk))
    written = (
        mail("somebody@else.example", subject=asked)
        if place == "subject"
        else mail("somebody@else.example", subject="Hello", body=f"\n{asked}\n\n> quoted")
    )
    followed = await take(desk, written)
    assert (followed.kind, followed.email, followed.by, followed.what) == (
        "unsubscribe",
        address("ada"),
        "token",
        "unsubscribed",
    )
    assert await consent(desk) is Consent.UNSUBSCRIBED
    assert await consent(desk, "bob") is Consent.CONFIRMED
    assert await suppressed(desk) == {}
    assert (await take(desk, written)).what == "they had unsubscribed before"
    evidence = (await subscribers.details(desk.database, address("ada"))).consents[-1]
    assert (evidence.how, evidence.source) == ("by a mail with their token", "somebody@else.example")


@pytest.mark.parametrize("spell", [str.upper, str.lower])
async def test_a_token_whose_case_was_changed_is_understood(desk: Newsroom, spell: Any) -> None:
    followed = await take(desk, mail("somebody@else.example", subject=spell(await asking(desk, tag=True))))
    assert (followed.email, followed.by) == (address("ada"), "token")


@pytest.mark.parametrize("asked", ["unsubscribe", "UNSUBSCRIBE.", "Re: Unsubscribe", "unsubscribe abcdefghij.klm"])
async def test_without_a_token_the_sender_is_believed_if_the_mail_came_to_us(desk: Newsroom, asked: str) -> None:
    followed = await take(desk, mail("Ada <ADA@example.org>", subject=asked))
    assert (followed.email, followed.by, followed.what) == (address("ada"), "sender", "unsubscribed")
    evidence = (await subscribers.details(desk.database, address("ada"))).consents[-1]
    assert evidence.how == "by a mail with their address as its sender"


@pytest.mark.parametrize(
    "written",
    [
        mail("ada@example.org", to="another-list@elsewhere.example", subject="unsubscribe"),
        mail("nobody@example.org", subject="unsubscribe"),
        mail("ada@example.org, bob@example.org", subject="unsubscribe", Sender="ada@example.org"),
        mail("ada@example.org", subject="unsubscribe", Auto_Submitted="auto-replied"),
        mail("ada@example.org", subject="unsubscribe", Precedence="bulk"),
    ],
    ids=["to others", "unknown", "two senders", "automatic", "bulk"],
)
async def test_a_sender_alone_is_not_always_believed(desk: Newsroom, written: bytes) -> None:
    followed = await take(desk, written)
    assert (followed.kind, followed.taken) == ("unsubscribe", False)
    assert "look at it yourself" in followed.what
    assert await consent(desk) is Consent.CONFIRMED


@pytest.mark.parametrize(
    "written",
    [
        mail("ada@example.org", subject="How do I unsubscribe?", body="Please tell."),
        mail("ada@example.org", subject="Re: Three papers", body="Great!\n\n> unsubscribe"),
        mail("ada@example.org", subject="Out of office", Auto_Submitted="auto-replied", body="I am away."),
        b"",
        b"\xff\xfe\x00 no mail at all",
    ],
    ids=["a question", "praise", "away", "empty", "garbage"],
)
async def test_other_mail_changes_nothing(desk: Newsroom, written: bytes) -> None:
    assert await take(desk, written) == Followed("a mail", "other")
    assert await desk.states() == {"ada": "sent", "bob": "sent"}


async def test_a_fault_of_ours_in_one_mail_keeps_nobody_from_the_others(
    desk: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Arrival) -> None:
        raise IndexError

    with monkeypatch.context() as broken_for_now:
        broken_for_now.setattr(incoming, "read", broken)
        followed = await take(desk, mail("ada@example.org", subject="unsubscribe"))
    assert (followed.kind, followed.taken, followed.fault) == ("other", False, True)
    assert "could not be read" in followed.what
    assert (await take(desk, mail("ada@example.org", subject="unsubscribe"))).taken


async def test_a_mail_of_parts_within_parts_is_read(desk: Newsroom) -> None:
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth) for depth in range(2000)
    )
    assert await take(desk, nested) == Followed("a mail", "other")


async def test_a_mail_that_is_too_large_is_told(desk: Newsroom) -> None:
    followed = await take(desk, None)
    assert (followed.kind, followed.taken) == ("other", False)
    assert f"{LARGEST:,}" in followed.what


# A suppression outlives what is deleted and what is imported


@pytest.mark.parametrize("kind", ["hard", "complaint"])
@pytest.mark.parametrize("gone", ["erased", "removed"])
async def test_a_suppression_outlives_the_person_and_an_import(desk: Newsroom, kind: str, gone: str) -> None:
    found = await delivery(desk)
    to = await path(desk)
    about = original(address("ada"), found.message_id, to)
    await take(desk, dsn(to, address("ada")) if kind == "hard" else complaint(address("ada"), about))
    if gone == "erased":
        await subscribers.erase(desk.database, desk.clock, address("ada"))
    else:
        await subscribers.remove(desk.database, desk.clock, address("ada"), source="test")
    report = await roster.import_csv(
        desk.database,
        desk.clock,
        desk.app.settings.newsletter,
        "email\nAda@Example.org\neve@example.org\n",
        source="a list",
    )
    assert report.added == 1
    assert [(line.email, line.line) for line in report.refused] == [("Ada@example.org", 2)]
    new = subscribers.new(desk.app.settings.newsletter, desk.clock, address("ada"))
    with pytest.raises(UsageError, match="must not be mailed"):
        await subscribers.add(desk.database, desk.clock, new, source="test", again=True)
    # The reason holds nothing of the person.
    ((reason,),) = await desk.rows("SELECT reason FROM suppressions")
    assert "ada" not in reason.lower()


async def test_what_came_back_is_listed(desk: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "PAGE", 1)
    desk.clock.moment = NOW + timedelta(hours=2)
    await take(desk, dsn(await path(desk), address("ada")))
    await take(desk, dsn(await path(desk, "bob"), address("bob"), status="4.2.2", words="Full"))
    kept = [one async for one in record.list_reports(desk.database)]
    assert [(one.address, one.kind, one.status, one.state, one.at) for one in kept] == [
        (address("ada"), "hard", "5.1.1", "bounced", desk.clock.now()),
        (address("bob"), "soft", "4.2.2", "bounced", desk.clock.now()),
    ]
    assert [one.address async for one in record.list_reports(desk.database, kind="soft")] == [address("bob")]
    assert [one.kind async for one in record.list_reports(desk.database, email=address("ada"))] == ["hard"]
    with pytest.raises(NotFoundError, match="Nobody"):
        _ = [one async for one in record.list_reports(desk.database, email="nobody@example.org")]


async def test_every_real_report_is_taken_in_or_left_and_none_stops_the_reading(desk: Newsroom, shared: Path) -> None:
    """Needs ../shared: two of its reports hold what PostgreSQL cannot keep."""
    intake = await desk.app.intake()
    files = sorted((shared / "bench" / "bounces").rglob("*.eml"))
    assert len(files) > 150
    for file in files:
        followed = await intake.take(Arrival(file.name, file.read_bytes(), ""))
        assert not followed.fault, file.name


async def test_what_the_database_cannot_keep_is_the_fault_of_that_mail_alone(
    desk: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lock(connection: AsyncConnection, **_: Any) -> None:
        if not desk.database.on_sqlite:
            await connection.execute(text("SELECT CAST(:words AS integer)"), {"words": "no number"})
        raise UnkeepableError("SQLite takes what it gets.")

    report = dsn(await path(desk), address("ada"))
    with monkeypatch.context() as patch:
        patch.setattr(bounces, "lock", lock)
        assert (await take(desk, report)).fault
    assert (await take(desk, report)).taken
