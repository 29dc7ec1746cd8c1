"""Every failure that the built-in catcher plays, through the whole pipeline: the record tells the truth about each."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from newsroom import Newsroom, address, papers
from rich.cells import cell_len
from test_cli import Place

from newsletter.cli.demo import MARK
from newsletter.delivery import Courier, faults
from newsletter.delivery.catcher import Catcher
from newsletter.delivery.failing import Play
from newsletter.models import DeliveryState

# Seconds that an answer is waited for: long where one comes, short where none ever does.
PATIENT = 20
IMPATIENT = 2
PAUSES = (0.01,) * 6


class Case(NamedTuple):
    """A word, and what the record is to say: state, code, enhanced code, and how the words begin; `taken` says whether
    the server has the message, and `doubt` whether the one before it on the connection may be in doubt too,
    since nobody can tell whose answer is missing.
    """

    word: str
    state: str
    code: int | None
    enhanced: str
    words: str
    taken: bool
    doubt: bool = False


LINES = "This line is the second and this one the last"
MIDDLE = "The message was under way when it broke off"
HALF = "The connection ended before the message was whole"
BEFORE = "Each time before the message was taken the connection ended"

CASES = (
    Case("mail-451-4.3.1", "deferred", 451, "4.3.1", "The disk is full", False),
    Case("rcpt-550-5.1.1", "failed", 550, "5.1.1", "There is nobody of that name here", False),
    Case("rcpt-452", "deferred", 452, "", "Come back later", False),
    Case("rcpt-421-4.7.0", "deferred", 421, "4.7.0", f"{BEFORE}: the server answered 421 4.7.0 Too much", False),
    Case("data-451", "deferred", 451, "", "Come back later", False),
    Case("data-554-5.7.1", "deferred", 554, "5.7.1", "This newsletter is not welcome here", False),
    Case("body-552-5.2.2", "failed", 552, "5.2.2", "That mailbox is full", False),
    Case("body-450-4.2.1", "deferred", 450, "4.2.1", "That mailbox gets too much at once", False),
    Case("body-421", "deferred", 421, "", "Come back later", False),
    Case("lines", "sent", 250, "2.0.0", "Kept as ", True),
    Case("lines-rcpt", "sent", 250, "2.0.0", "Kept as ", True),
    Case("lines-data", "sent", 250, "2.0.0", "Kept as ", True),
    Case("lines-rcpt-550-5.2.1", "failed", 550, "5.2.1", f"That mailbox is disabled. {LINES}", False),
    Case("lines-body-452-4.2.2", "deferred", 452, "4.2.2", f"That mailbox is full. {LINES}", False),
    Case("close-mail", "deferred", None, "", BEFORE, False),
    Case("close-rcpt", "deferred", None, "", BEFORE, False),
    Case("close-data", "deferred", None, "", BEFORE, False),
    Case("close-body", "deferred", None, "", HALF, False),
    Case("close-reply", "unknown", None, "", MIDDLE, True),
    Case("slow-0.3", "sent", 250, "2.0.0", "Kept as ", True),
    Case("slow-0.3-mail", "sent", 250, "2.0.0", "Kept as ", True),
    Case("slow-0.3-rcpt", "sent", 250, "2.0.0", "Kept as ", True),
    Case("slow-0.3-data", "sent", 250, "2.0.0", "Kept as ", True),
    Case("mute", "unknown", None, "", MIDDLE, True),
    Case("mute-rcpt", "deferred", None, "", BEFORE, False, doubt=True),
    # An answer too many or too few: nobody can tell which one the answer to the body was.
    Case("twice", "unknown", None, "", MIDDLE, True),
    Case("twice-mail", "deferred", None, "", BEFORE, False, doubt=True),
    Case("twice-rcpt", "deferred", None, "", BEFORE, False, doubt=True),
    Case("twice-data", "deferred", None, "", HALF, False),
    Case("garbage", "unknown", None, "", MIDDLE, True),
    Case("garbage-mail", "deferred", None, "", BEFORE, False),
    Case("garbage-rcpt", "deferred", None, "", BEFORE, False),
    Case("garbage-data", "deferred", None, "", BEFORE, False),
    Case("bounce-5.1.1", "sent", 250, "2.0.0", "Kept as ", True),
    Case("bounce-4.2.2", "sent", 250, "2.0.0", "Kept as ", True),
    Case("complain", "sent", 250, "2.0.0", "Kept as ", True),
    Case("away", "sent", 250, "2.0.0", "Kept as ", True),
)


async def composed(room: Newsroom, *names: str) -> None:
    """Put an issue of two papers on record for each of these people, in this order."""
    room.set("ranking", papers=2)
    await room.take_in(*papers(*range(6)))
    for name in names:
        await room.subscribe(name)
    await room.compose()


@asynccontextmanager
async def playing(
    room: Newsroom, folder: Path, *, connections: int = 1, patience: float = PATIENT
) -> AsyncIterator[Path]:
    """Let the room send to a catcher that fails on demand; gives the folder of what it kept."""
    outbox = folder / "kept"
    async with Catcher(outbox, Play(folder / "returned", room.clock)) as catcher:
        room.relay(catcher, connections=connections, timeout=patience, final_timeout=patience)
        yield outbox


def kept(outbox: Path) -> list[str]:
    """Return whose mail a catcher kept, one entry a message."""
    return sorted(file.stem.partition("-")[2] for file in outbox.glob("*.eml"))


@pytest.mark.parametrize("case", CASES, ids=[case.word for case in CASES])
async def test_the_record_says_what_happened_and_nobody_else_is_harmed(
    small_room: Newsroom, tmp_path: Path, case: Case
) -> None:
    # On one connection, so that the others come right before and after.
    await composed(small_room, "ada", case.word, "bob", "cyd")
    patience = IMPATIENT if case.word.startswith("mute") else PATIENT
    async with playing(small_room, tmp_path, patience=patience) as outbox:
        await small_room.deliver(Courier(small_room.app.settings.smtp, pauses=PAUSES))
    found = (await small_room.record(case.word)).delivery
    assert (found.state, found.code, found.enhanced) == (case.state, case.code, case.enhanced)
    assert found.text.startswith(case.words)
    others = await small_room.states()
    others.pop(case.word)
    assert others.pop("ada") in (("sent", "unknown") if case.doubt else ("sent",))
    assert others == {"bob": "sent", "cyd": "sent"}
    whose = [address(name) for name in ("ada", "bob", "cyd", *([case.word] if case.taken else []))]
    assert kept(outbox) == sorted(whose)


async def test_a_sender_who_is_refused_stops_the_run_and_harms_nobody(small_room: Newsroom, tmp_path: Path) -> None:
    await composed(small_room, "ada", "mail-550-5.7.1", "bob")
    async with playing(small_room, tmp_path) as outbox:
        report = await small_room.deliver()
        assert "refuses this newsletter, not its readers: 550 5.7.1 This newsletter is not welcome" in str(report.fault)
        states = await small_room.states()
        assert states == {"ada": "sent", "mail-550-5.7.1": "queued", "bob": "queued"}
        await small_room.say("UPDATE deliveries SET state = 'failed' WHERE address LIKE 'mail-550%'")
        assert (await small_room.deliver()).states == {"sent": 1}
    assert kept(outbox) == [address("ada"), address("bob")]


async def test_all_failures_at_once_leave_every_other_mail_alone(small_room: Newsroom, tmp_path: Path) -> None:
    # Without those that put the mail before them in doubt.
    cases = [case for case in CASES if case.word != "mute-rcpt" and not case.word.startswith("twice")]
    words = [case.word for case in cases]
    names = [f"reader{number}" for number in range(len(words))]
    await composed(small_room, *(name for pair in zip(names, words, strict=True) for name in pair))
    async with playing(small_room, tmp_path, connections=4, patience=2 * IMPATIENT) as outbox:
        await small_room.deliver(Courier(small_room.app.settings.smtp, pauses=(0.01,) * 100))
    states = await small_room.states()
    assert {name: states[name] for name in names} == dict.fromkeys(names, "sent")
    assert {word: states[word] for word in words} == {case.word: case.state for case in cases}
    assert kept(outbox) == sorted(map(address, [*names, *(case.word for case in cases if case.taken)]))


async def test_a_word_that_does_not_exist_is_answered_with_those_that_do(small_room: Newsroom, tmp_path: Path) -> None:
    await composed(small_room, "ada+mut", "rcpt-999", "bob")
    async with playing(small_room, tmp_path):
        await small_room.deliver()
    for name in ("ada+mut", "rcpt-999"):
        found = (await small_room.record(name)).delivery
        assert (found.state, found.code, found.enhanced) == ("failed", 550, "5.1.3")
        assert all(word.form in found.text for word in faults.WORDS)
    assert (await small_room.record("bob")).delivery.state is DeliveryState.SENT


async def test_what_is_reported_comes_back_and_is_understood(small_room: Newsroom, tmp_path: Path) -> None:
    names = ("bounce-5.1.1", "bob+bounce-4.2.2", "complain", "away")
    small_room.set("bounces", address="bounces@newsletter.example", maildir=tmp_path / "returned")
    small_room.set("smtp", faults=True)
    await composed(small_room, "ada", *names)
    sending = await small_room.app.sending()
    async with small_room.app.courier() as courier:
        assert (await sending.run(courier)).states == {"caught": 5}
    intake = await small_room.app.intake()
    (box,) = small_room.app.boxes()
    followed = [one async for one in intake.read(box)]
    assert {(one.email, one.kind, one.status) for one in followed if one.taken} == {
        (address("bounce-5.1.1"), "hard", "5.1.1"),
        (address("bob+bounce-4.2.2"), "soft", "4.2.2"),
        (address("complain"), "complaint", ""),
    }
    assert [one.kind for one in followed if not one.taken] == ["other"]
    assert await small_room.states() == {
        "ada": "caught",
        "bounce-5.1.1": "bounced",
        "bob+bounce-4.2.2": "bounced",
        "complain": "complained",
        "away": "caught",
    }


async def test_many_reports_at_once_all_come_back(small_room: Newsroom, tmp_path: Path) -> None:
    names = [f"reader{number}+bounce" for number in range(8)]
    await composed(small_room, *names)
    async with playing(small_room, tmp_path, connections=8):
        assert (await small_room.deliver()).states == {"sent": 8}
    reports = [file.read_bytes().decode() for file in (tmp_path / "returned" / "new").iterdir()]
    assert sorted(re.findall("Final-Recipient: rfc822; (.*)\r\n", "".join(reports))) == sorted(map(address, names))


async def test_without_a_maildir_a_report_has_nowhere_to_go(small_room: Newsroom, tmp_path: Path) -> None:
    small_room.set("smtp", faults=True)
    await composed(small_room, "bounce", "ada")
    await small_room.deliver()
    found = (await small_room.record("bounce")).delivery
    assert (found.state, found.code) == ("deferred", 451)
    assert "bounces.maildir" in found.text
    assert (await small_room.record("ada")).delivery.state is DeliveryState.CAUGHT


async def test_only_who_asks_for_failures_gets_them(small_room: Newsroom) -> None:
    await composed(small_room, "mute", "rcpt-550-5.1.1")
    assert (await small_room.deliver()).states == {"caught": 2}


# The demo


def test_the_demo_shows_what_became_of_each_and_how_to_go_on(tmp_path: Path) -> None:
    place = Place(tmp_path)
    lines = place.on_a_terminal("demo", "--faults", "--dir", "play")
    # What the demo says of the failures, behind the report of the run; the path of the program may be long.
    own = lines[next(number for number, line in enumerate(lines) if line.startswith("to ")) :]
    assert [line for line in own if cell_len(line) > 80 and "--config" not in line] == []
    # The first row of a word tells what became of it, the second what it means.
    rows = {row[0]: row[1:] for row in map(str.split, reversed(own)) if row}
    assert rows["ada"][:3] == ["caught", "250", "2.0.0"]
    assert rows["rcpt-550-5.1.1"][:3] == ["failed", "550", "5.1.1"]
    assert rows["body-554-5.7.1"][:3] == ["deferred", "554", "5.7.1"]
    assert rows["close-reply"][0] == rows["mute"][0] == rows["garbage"][0] == "unknown"
    assert all(word.form in rows for word in faults.WORDS)
    ways = own[own.index("Go on with:") + 1 :]
    commands = [line.partition("--config play/config.toml ")[2].split() for line in ways if "--config" in line]
    assert ["bounces", "ingest"] in commands
    assert ["deliveries", "list", "--state", "failed"] in commands
    told = [place.run("--config", "play/config.toml", *command).stdout for command in commands if command != ["send"]]
    assert all(told)
    states = {one["email"]: one["state"] for one in play(place)}
    assert states[address("bounce-5.1.1")] == states[address("bounce-5.2.2")] == "bounced"
    assert states[address("complain")] == "complained"
    assert states[address("mute")] == "queued"


def play(place: Place) -> list[dict[str, Any]]:
    """Return the deliveries of a demo in the folder play."""
    return place.lines("--config", "play/config.toml", "deliveries", "list")


def test_a_demo_without_faults_stays_one(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "play").mkdir()
    (tmp_path / "play" / "config.toml").write_text(f'{MARK}\n[smtp]\nhost = ""\n')
    told = place.run("demo", "--faults", "--dir", "play", code=2).stderr
    assert "was made by a demo without --faults" in told
