"""Where mail that comes back is read from: boxes, files, a pipe, a mail server; nothing is lost and all counts once."""

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import dovecot
import pytest
from newsroom import Newsroom, address, beside, ended, papers, until
from reports import dsn, mail
from servers import trusting

from newsletter.app import box_at
from newsletter.delivery import incoming, returns
from newsletter.delivery.imap import Mailbox
from newsletter.delivery.returns import Maildir
from newsletter.errors import DeliveryError, StoreError
from newsletter.pipeline.intake import Box, Followed, Intake
from newsletter.schedule import local

BOX = "bounces@newsletter.example"
PRIVATE = mail("friend@example.org", subject="Lunch?", body="At noon.")


@pytest.fixture
async def desk(small_room: Newsroom) -> Newsroom:
    """A newsletter that has sent a mail to three people; on SQLite, since boxes know nothing of the engine."""
    small_room.set("bounces", address=BOX)
    await small_room.take_in(*papers(1))
    for name in ("ada", "bob", "cyd"):
        await small_room.subscribe(name)
    await small_room.compose()
    await small_room.say("UPDATE deliveries SET state = 'sent'")
    return small_room


async def report(desk: Newsroom, name: str) -> bytes:
    """Return a report that someone's mailbox is not there."""
    to = (await desk.app.return_path())((await desk.record(name)).delivery.id)
    return dsn(to, address(name), message_id=f"<{name}@mx.example>")


async def read(desk: Newsroom, box: Box) -> list[Followed]:
    """Take in what lies in a box."""
    return [followed async for followed in (await desk.app.intake()).read(box)]


@contextlib.contextmanager
def no_record(fault: Exception) -> Iterator[None]:
    """Let nothing be put on record."""

    async def broken(*_: object) -> Followed:
        raise fault

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Intake, "_follow", broken)
        yield


async def bounced(desk: Newsroom) -> set[str]:
    """Return whose mail is on record as bounced."""
    return {name for name, state in (await desk.states()).items() if state == "bounced"}


# A Maildir


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """An empty Maildir."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    return tmp_path / "box"


def lying(maildir: Path) -> dict[str, bytes]:
    """Return all that lies in a Maildir."""
    found = (path for path in maildir.rglob("*") if path.is_file())
    return {str(path.relative_to(maildir)): path.read_bytes() for path in found}


async def test_a_maildir_keeps_what_was_taken_as_seen_and_the_rest_as_it_was(desk: Newsroom, maildir: Path) -> None:
    ada, bob = await report(desk, "ada"), await report(desk, "bob")
    (maildir / "new" / "1.ada").write_bytes(ada)
    (maildir / "cur" / "2.bob:2,FR").write_bytes(bob)
    (maildir / "cur" / "3.seen:2,S").write_bytes(await report(desk, "cyd"))
    (maildir / "new" / "4.lunch").write_bytes(PRIVATE)
    (maildir / "tmp" / "5.half").write_bytes(ada[:100])
    before = lying(maildir)
    found = await read(desk, Maildir(maildir))
    assert [(one.kind, one.email) for one in found] == [
        ("hard", address("ada")),
        ("hard", address("bob")),
        ("other", ""),
    ]
    assert await bounced(desk) == {"ada", "bob"}
    moved = {"new/1.ada": "cur/1.ada:2,S", "cur/2.bob:2,FR": "cur/2.bob:2,FRS"}
    assert lying(maildir) == {moved.get(name, name): content for name, content in before.items()}
    assert [one.kind for one in await read(desk, Maildir(maildir))] == ["other"]


async def test_a_maildir_that_is_looked_at_again_shows_what_is_new(desk: Newsroom, maildir: Path) -> None:
    (maildir / "new" / "1.lunch").write_bytes(PRIVATE)
    box = Maildir(maildir)
    assert len(await read(desk, box)) == 1
    assert await read(desk, box) == []
    (maildir / "new" / "2.ada").write_bytes(await report(desk, "ada"))
    assert [one.kind for one in await read(desk, box)] == ["hard"]


async def test_what_is_seen_is_no_longer_remembered(desk: Newsroom, maildir: Path) -> None:
    box = Maildir(maildir)
    for name in ("ada", "bob"):
        (maildir / "new" / name).write_bytes(await report(desk, name))
        assert [one.email for one in await read(desk, box)] == [address(name)]
    (maildir / "cur" / "ada:2,S").rename(maildir / "cur" / "ada:2,")
    assert [one.what for one in await read(desk, box)] == ["read before"]


async def test_a_kill_between_the_commit_and_the_mark_counts_nothing_twice(desk: Newsroom, maildir: Path) -> None:
    (maildir / "new" / "1.ada").write_bytes(await report(desk, "ada"))

    class Killed(Maildir):
        async def taken(self, arrival: Any) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await read(desk, Killed(maildir))
    assert await bounced(desk) == {"ada"}
    assert list(lying(maildir)) == ["new/1.ada"]
    (again,) = await read(desk, Maildir(maildir))
    assert (again.what, again.taken) == ("read before", True)
    assert list(lying(maildir)) == ["cur/1.ada:2,S"]
    assert len(await desk.rows("SELECT * FROM bounces")) == 1


async def test_what_could_not_be_recorded_stays_and_is_read_again(desk: Newsroom, maildir: Path) -> None:
    (maildir / "new" / "1.ada").write_bytes(await report(desk, "ada"))
    box = Maildir(maildir)
    with no_record(StoreError("The disk is full.")), pytest.raises(StoreError):
        await read(desk, box)
    assert list(lying(maildir)) == ["new/1.ada"]
    assert [one.kind for one in await read(desk, box)] == ["hard"]


async def test_two_who_read_one_maildir_count_each_report_once(desk: Newsroom, maildir: Path) -> None:
    for name in ("ada", "bob", "cyd"):
        (maildir / "new" / name).write_bytes(await report(desk, name))
    await asyncio.gather(*(read(desk, Maildir(maildir)) for _ in range(3)))
    assert await bounced(desk) == {"ada", "bob", "cyd"}
    assert len(await desk.rows("SELECT * FROM bounces")) == 3
    assert sorted(lying(maildir)) == ["cur/ada:2,S", "cur/bob:2,S", "cur/cyd:2,S"]


async def test_a_mail_that_is_too_large_is_passed_over(
    desk: Newsroom, maildir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await report(desk, "ada")
    (maildir / "new" / "1.large").write_bytes(ada + b"x" * 10_000)
    (maildir / "new" / "2.ada").write_bytes(ada)
    monkeypatch.setattr(returns, "LARGEST", len(ada))
    found = await read(desk, Maildir(maildir))
    assert [(one.kind, one.taken) for one in found] == [("other", False), ("hard", True)]
    assert "larger than" in found[0].what


async def test_a_folder_that_is_no_maildir_is_told(desk: Newsroom, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"The Maildir .*nowhere cannot be used: No such file"):
        await read(desk, Maildir(tmp_path / "nowhere"))


# Files


async def test_files_and_folders_are_read_and_left_as_they_are(desk: Newsroom, tmp_path: Path) -> None:
    ada, bob, cyd = [await report(desk, name) for name in ("ada", "bob", "cyd")]
    mbox = tmp_path / "old.mbox"
    quoted = b"".join(b">" + line if line.startswith(b"From ") else line for line in bob.splitlines(keepends=True))
    mbox.write_bytes(b"From MAILER-DAEMON Mon Mar  2 09:00:00 2026\n" + ada + b"\n\nFrom x y\n" + quoted + b"\n")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "cyd.eml").write_bytes(cyd)
    (folder / ".hidden").write_bytes(ada)
    before = mbox.read_bytes(), lying(folder)
    assert [one.email for one in await read(desk, box_at(mbox))] == [address("ada"), address("bob")]
    assert [one.email for one in await read(desk, box_at(folder))] == [address("cyd")]
    (again,) = await read(desk, box_at(folder / "cyd.eml"))
    assert again.what == "read before"
    assert (mbox.read_bytes(), lying(folder)) == before


async def test_a_large_mail_in_an_mbox_costs_the_others_nothing(
    desk: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await report(desk, "ada")
    large = PRIVATE + b"x\n" * len(ada)
    file = tmp_path / "mbox"
    file.write_bytes(b"".join(b"From x\n" + content + b"\n" for content in (large, ada, large)))
    monkeypatch.setattr(returns, "LARGEST", len(ada) + 10)
    assert [one.kind for one in await read(desk, box_at(file))] == ["other", "hard", "other"]


# A mailbox over IMAP


@pytest.fixture(scope="module")
def imap() -> Iterator[dovecot.Dovecot]:
    """A real IMAP server."""
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(dovecot.server())
        except dovecot.NotStartedError as error:
            pytest.skip(str(error))
        yield running


@pytest.fixture
def inbox(imap: dovecot.Dovecot) -> Iterator[dovecot.Dovecot]:
    """The same with an empty mailbox."""
    yield imap
    for path in (imap.folder / "mail").rglob("*"):
        if path.is_file() and path.parent.name in ("cur", "new"):
            path.unlink()


def mailbox(server: dovecot.Dovecot, **more: Any) -> Mailbox:
    """Return what reads the mailbox."""
    given = {"password": dovecot.PASSWORD, "context": trusting(), "timeout": 20, **more}
    return Mailbox("127.0.0.1", server.tls, "bounces", given.pop("password"), **given)


def kept(server: dovecot.Dovecot) -> dict[str, tuple[str, str]]:
    """Return where each mail of the mailbox is (by its subject), and with what flags."""
    found = {}
    for path in (server.folder / "mail").rglob("*"):
        if path.is_file() and path.parent.name in ("cur", "new"):
            subject = path.read_bytes().partition(b"Subject: ")[2].partition(b"\n")[0].decode().strip()
            found[subject] = (path.parent.parent.name.lstrip(".") or "mail", path.name.partition(":2,")[2])
    return found


async def test_a_mailbox_is_read_and_what_was_taken_is_marked(desk: Newsroom, inbox: dovecot.Dovecot) -> None:
    inbox.put("1.ada", await report(desk, "ada"))
    inbox.put("2.lunch", PRIVATE)
    box = mailbox(inbox)
    assert {(one.kind, one.email) for one in await read(desk, box)} == {("hard", address("ada")), ("other", "")}
    assert kept(inbox) == {"Undelivered Mail Returned to Sender": ("mail", "S"), "Lunch?": ("mail", "")}
    assert await read(desk, box) == []
    inbox.put("3.bob", await report(desk, "bob"))
    assert [one.email for one in await read(desk, box)] == [address("bob")]
    # Another process looks at all that is unseen.
    assert [one.kind for one in await read(desk, mailbox(inbox))] == ["other"]
    assert await bounced(desk) == {"ada", "bob"}


@pytest.mark.parametrize("offers", [{"MOVE"}, {"UIDPLUS"}, set()], ids=["MOVE", "UIDPLUS", "neither"])
async def test_what_was_taken_goes_to_its_folder(
    desk: Newsroom, inbox: dovecot.Dovecot, offers: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.put("1.ada", await report(desk, "ada"))
    inbox.put("2.lunch", PRIVATE)
    box = mailbox(inbox, done_folder="Done")
    opened = Mailbox._open

    def open_poorer(self: Mailbox) -> list[int]:
        found = opened(self)
        self._offers &= offers
        assert self._offers == offers
        return found

    monkeypatch.setattr(Mailbox, "_open", open_poorer)
    assert {one.kind for one in await read(desk, box)} == {"hard", "other"}
    assert kept(inbox)["Lunch?"] == ("mail", "")
    there = [path for path in (inbox.folder / "mail" / ".Done").rglob("*") if path.parent.name in ("cur", "new")]
    assert len(there) == 1
    assert await read(desk, mailbox(inbox, done_folder="Done")) != []
    assert len(await desk.rows("SELECT * FROM bounces")) == 1


async def test_a_mail_is_marked_only_after_its_commit(desk: Newsroom, inbox: dovecot.Dovecot) -> None:
    inbox.put("1.ada", await report(desk, "ada"))
    box = mailbox(inbox)
    with no_record(StoreError("The disk is full.")), pytest.raises(StoreError):
        await read(desk, box)
    assert list(kept(inbox).values()) == [("mail", "")]
    assert [one.kind for one in await read(desk, box)] == ["hard"]
    assert list(kept(inbox).values()) == [("mail", "S")]


async def test_a_large_mail_is_not_fetched(
    desk: Newsroom, inbox: dovecot.Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from newsletter.delivery import imap as module

    inbox.put("1.large", PRIVATE + b"x\n" * 5_000)
    monkeypatch.setattr(module, "LARGEST", 5_000)
    (found,) = await read(desk, mailbox(inbox))
    assert (found.kind, found.taken) == ("other", False)
    assert "larger than" in found.what


async def test_passwords_and_folders_may_have_letters_beyond_ascii(desk: Newsroom, inbox: dovecot.Dovecot) -> None:
    inbox.put("1.ada", await report(desk, "ada"))
    named = "Rückläufer & mehr"
    box = mailbox(inbox, password=dovecot.ACCENTED, done_folder=named)
    assert [one.kind for one in await read(desk, box)] == ["hard"]
    (there,) = (path for path in (inbox.folder / "mail").glob(".R*/*/*") if path.parent.name in ("cur", "new"))
    there.rename(there.with_name(there.name.partition(":")[0]))
    assert [one.kind for one in await read(desk, mailbox(inbox, folder=named))] == ["hard"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": "wrong"}, "AUTHENTICATIONFAILED"),
        ({"password": "fälsch"}, "AUTHENTICATIONFAILED"),
        ({"folder": "Nö"}, "Mailbox doesn't exist|Nö"),
        ({"folder": "No such folder"}, "No such folder|doesn't exist"),
        ({"context": None}, "certificate verify failed"),
    ],
)
async def test_a_mailbox_that_cannot_be_read_is_told(
    desk: Newsroom, inbox: dovecot.Dovecot, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(DeliveryError, match=words) as raised:
        await read(desk, mailbox(inbox, **wrong))
    assert "imap_host" in raised.value.next_step


async def test_a_mailbox_that_is_not_there_is_told(desk: Newsroom) -> None:
    box = Mailbox("127.0.0.1", dovecot._free_port(), "bounces", "x", timeout=5, context=trusting())
    with pytest.raises(DeliveryError, match=r"cannot be read: .*refused"):
        await read(desk, box)


# LMTP


@pytest.fixture
async def listening(desk: Newsroom) -> AsyncIterator[int]:
    """The port of a listener."""
    async with desk.app.listening(await desk.app.intake()) as port:
        yield port


def hand_over(port: int, content: bytes, *recipients: str) -> dict[str, tuple[int, bytes]]:
    """Hand a mail over as a mail server does, and return the answer for each recipient."""
    with smtplib.LMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo_or_helo_if_needed()
        assert client.has_extn("pipelining")
        assert client.has_extn("enhancedstatuscodes")
        assert client.mail("")[0] == 250
        for recipient in recipients:
            assert client.rcpt(recipient)[0] == 250
        client.putcmd("data")
        assert client.getreply()[0] == 354
        # What smtplib's own method does, but with a word for each recipient (RFC 2033 section 4.2).
        client.send(smtplib._quote_periods(content.replace(b"\n", b"\r\n")) + b"\r\n.\r\n")  # type: ignore[attr-defined]
        return {recipient: client.getreply() for recipient in recipients}


async def test_a_mail_server_hands_over_and_is_answered_for_each_recipient(desk: Newsroom, listening: int) -> None:
    path = await desk.app.return_path()
    tos = [path((await desk.record(name)).delivery.id) for name in ("ada", "bob")]
    # The report names nobody of ours: the envelope tells.
    answers = await asyncio.to_thread(hand_over, listening, dsn(BOX, "someone@elsewhere.example"), *tos)
    assert [code for code, _ in answers.values()] == [250, 250]
    assert await bounced(desk) == {"ada", "bob"}
    answers = await asyncio.to_thread(hand_over, listening, PRIVATE, BOX)
    assert answers == {BOX: (250, b"2.0.0 Taken in")}


@pytest.mark.parametrize("fault", [StoreError("The database is away."), ValueError("a bug")])
async def test_a_mail_server_is_to_keep_what_could_not_be_recorded(
    desk: Newsroom, listening: int, fault: Exception
) -> None:
    content = await report(desk, "ada")
    with no_record(fault):
        answers = await asyncio.to_thread(hand_over, listening, content, BOX, "b@x.example")
    assert [code for code, _ in answers.values()] == [451, 451]
    assert (await asyncio.to_thread(hand_over, listening, content, BOX))[BOX][0] == 250
    assert await bounced(desk) == {"ada"}


async def test_what_a_mail_server_says_is_not_logged(listening: int, caplog: pytest.LogCaptureFixture) -> None:
    def talk() -> None:
        with smtplib.LMTP("127.0.0.1", listening) as client:
            assert client.docmd("FROB", "ada@example.org")[0] == 500
            assert client.docmd("ada@example.org")[0] == 500

    await asyncio.to_thread(talk)
    assert address("ada") not in caplog.text.lower()


async def test_a_mail_that_is_too_large_is_refused_for_each_recipient(desk: Newsroom, listening: int) -> None:
    large = PRIVATE + (b"z" * 998 + b"\n") * (incoming.LARGEST // 999 + 1)
    answers = await asyncio.to_thread(hand_over, listening, large, BOX, "b@x.example")
    assert [code for code, _ in answers.values()] == [552, 552]


async def test_a_port_that_is_taken_is_told(desk: Newsroom, listening: int) -> None:
    desk.set("bounces", lmtp_port=listening)
    with pytest.raises(DeliveryError, match=f"Nothing can listen on port {listening}"):
        async with desk.app.listening(await desk.app.intake()):
            pass


# All of it by itself


async def test_the_scheduler_reads_the_boxes_of_the_settings(desk: Newsroom, maildir: Path) -> None:
    (maildir / "new" / "1.ada").write_bytes(await report(desk, "ada"))
    (maildir / "new" / "2.nobody").write_bytes(dsn(BOX, "stranger@example.org"))
    desk.set("bounces", maildir=maildir, lmtp_port=dovecot._free_port())
    intake = await desk.app.intake()
    (box,) = desk.app.boxes()
    await local.look_at(intake, box, desk.app)
    assert await bounced(desk) == {"ada"}

    from newsletter.clock import SystemClock

    desk.clock.moment = SystemClock().now()
    (maildir / "new" / "3.bob").write_bytes(await report(desk, "bob"))
    clockwork = local.Clockwork(desk.app)
    async with contextlib.AsyncExitStack() as stack:
        await local.take_in_what_comes_back(desk.app, clockwork, stack)
        async with beside(clockwork.run()) as running:
            await until(lambda: (maildir / "cur" / "3.bob:2,S").exists())
            content = await report(desk, "cyd")
            await asyncio.to_thread(hand_over, desk.app.settings.bounces.lmtp_port, content, BOX)
            clockwork.stop()
            await ended(running)
    assert await bounced(desk) == {"ada", "bob", "cyd"}
