"""`newsletter bounces` and `newsletter deliveries` as operators use them: real processes, and one look that tells."""

import asyncio
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import dovecot
import pytest
import warm
from newsroom import NOW, Newsroom, address, open_newsroom, papers
from reports import dsn, mail
from servers import authority

from newsletter.cli.bounces import ROWS, Telling
from newsletter.cli.face import Face
from newsletter.pipeline.intake import Followed

ROOT = Path(__file__).resolve().parents[2]
BOX = "bounces@newsletter.example"
PRIVATE = mail("friend@example.org", subject="Lunch?", body="At noon.")
SAID = (
    (550, "5.1.1", "<{}>: User unknown in virtual mailbox table"),
    (552, "5.2.2", "The account that you tried to reach is over quota 12345-sor"),
    (550, "", "Mailbox unavailable for {}"),
)


class Office:
    """A folder with a newsletter in it, and the reports that came back to it."""

    def __init__(self, folder: Path, reports: dict[str, bytes]) -> None:
        self.folder = folder
        self.reports = reports

    def run(self, *words: str, code: int = 0, given: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
        """Call the program and hold its exit code."""
        done = warm.call(words, **self._where(more), given=given, text=False)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        assert b"Traceback" not in done.stderr
        return done

    def lines(self, *words: str, **more: Any) -> list[dict[str, Any]]:
        """Call the program with --json and return the objects that it printed."""
        return [json.loads(line) for line in self.run(*words, "--json", **more).stdout.splitlines()]

    def start(self, *words: str, **more: str) -> subprocess.Popen[bytes]:
        """Start the program and do not wait for it."""
        return subprocess.Popen(self._command(words), **self._where(more), stderr=subprocess.PIPE)

    def on_a_terminal(self, *words: str, columns: int) -> str:
        """Return what a terminal of a width shows."""
        shown, end = pty.openpty()
        os.set_inheritable(end, True)
        where = self._where({"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "dumb"})
        with subprocess.Popen(self._command(words), **where, stdin=end, stdout=end, stderr=end) as process:
            os.close(end)
            told = b""
            while True:
                try:
                    part = os.read(shown, 10_000)
                except OSError:
                    break
                if not part:
                    break
                told += part
        os.close(shown)
        assert process.returncode == 0, told
        return re.sub(r"\x1b\[[0-9;]*m", "", told.decode()).replace("\r\n", "\n")

    def states(self) -> dict[str, str]:
        """Return the state of everyone's delivery."""
        return {one["email"].partition("@")[0]: one["state"] for one in self.lines("deliveries", "list")}

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "newsletter", *words]

    def _where(self, more: dict[str, str]) -> dict[str, Any]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
        return {"cwd": self.folder, "env": {**kept, "PYTHONPATH": str(ROOT), **more}}


@pytest.fixture
async def office(new_database: Any, tmp_path: Path) -> Office:
    """A newsletter that has sent a mail to three people; fifteen others did not get theirs."""
    url = new_database("sqlite")
    folder = tmp_path / "office"
    folder.mkdir()
    (folder / "config.toml").write_text(f'[database]\nurl = "{url}"\n[bounces]\naddress = "{BOX}"\n')
    async with open_newsroom(url, folder, now=NOW, bounces={"address": BOX}) as room:
        await room.take_in(*papers(1))
        for name in ("ada", "bob", "cyd", *(f"reader{number}" for number in range(4, 19))):
            await room.subscribe(name)
        await room.compose()
        await room.say("UPDATE deliveries SET state = 'sent', attempts = 1, code = 250, text = 'Kept' WHERE id <= 3")
        for number in range(4, 19):
            code, enhanced, text = SAID[0 if number < 12 else 1 if number < 18 else 2]
            await room.say(
                "UPDATE deliveries SET state = 'failed', code = :code, enhanced = :enhanced, text = :text "
                "WHERE id = :id",
                code=code,
                enhanced=enhanced,
                text=text.format(f"reader{number}@example.org"),
                id=number,
            )
        return Office(folder, {name: await _report(room, name) for name in ("ada", "bob", "cyd")})


async def _report(room: Newsroom, name: str) -> bytes:
    to = (await room.app.return_path())((await room.record(name)).delivery.id)
    return dsn(to, address(name), message_id=f"<{name}@mx.example>")


def test_what_came_back_is_told_as_a_table_and_as_json(office: Office) -> None:
    file = office.folder / "old.mbox"
    mails = (office.reports["ada"], PRIVATE, dsn(BOX, "stranger@example.org"))
    file.write_bytes(b"".join(b"From x\n" + one + b"\n" for one in mails))
    done = office.run("bounces", "ingest", "old.mbox")
    told = done.stdout.decode()
    assert re.search(r"hard +ada@example\.org +5\.1\.1 +return path +suppressed: a hard bounce 5\.1\.1", told)
    left = "old.mbox, mail 3: a hard bounce of stranger@example.org: it names no mail of ours, so nothing followed."
    assert done.stderr.decode().splitlines() == [left]
    assert "3 mails read: 1 hard bounce, 1 to look at, 1 other." in told
    again = office.lines("bounces", "ingest", "old.mbox")
    assert [(one["kind"], one["followed"], one["taken"]) for one in again] == [
        ("hard", "read before", True),
        ("other", "", False),
        ("hard", "it names no mail of ours, so nothing followed", False),
    ]
    (kept,) = office.lines("bounces", "list", "--kind", "hard")
    assert (kept["email"], kept["state"], kept["reason"]) == (address("ada"), "bounced", "User unknown")
    assert office.lines("bounces", "list", "--kind", "soft") == []


def test_what_was_read_is_told_where_the_next_box_fails(office: Office) -> None:
    (office.folder / "old.mbox").write_bytes(b"From x\n" + office.reports["ada"])
    (office.folder / "password").write_text("x")
    named = {"HOST": "127.0.0.1", "PORT": "1", "USERNAME": "b", "PASSWORD_FILE": "password"}
    more = {f"NEWSLETTER_BOUNCES__IMAP_{name}": value for name, value in named.items()}
    done = office.run("bounces", "ingest", "old.mbox", "--imap", code=1, **more)
    assert b"ada@example.org" in done.stdout
    assert b"mails read" not in done.stdout
    assert b"cannot be read" in done.stderr


def test_no_more_than_one_table_is_kept_of_a_long_mailbox(capsys: pytest.CaptureFixture[str]) -> None:
    telling = Telling(Face())
    shown = 0
    for number in range(2 * ROWS + 10):
        telling.add(Followed(f"mail {number}", "hard", f"reader{number}@example.org", taken=True))
        telling.add(Followed("private", "other"))
        shown += capsys.readouterr().out.count("@example.org")
        assert number + 1 - shown < ROWS
    assert shown == 2 * ROWS
    telling.rows()
    telling.end("The rest stays.")
    told = capsys.readouterr().out
    assert told.count("@example.org") == 10
    assert told.endswith("2,020 mails read: 1,010 hard bounces, 1,010 others.\nThe rest stays.\n")


def test_where_mail_is_read_from_stands_in_the_settings_or_on_the_line(office: Office) -> None:
    assert b"Name a PATH, or set maildir or imap_host" in office.run("bounces", "ingest", code=2).stderr
    for name in ("cur", "new", "tmp"):
        (office.folder / "box" / name).mkdir(parents=True)
    (office.folder / "box" / "new" / "1").write_bytes(office.reports["ada"])
    assert office.lines("bounces", "ingest", NEWSLETTER_BOUNCES__MAILDIR="box")[0]["kind"] == "hard"
    (office.folder / "box" / "new" / "2").write_bytes(office.reports["bob"])
    assert office.lines("bounces", "ingest", "--maildir", "box")[0]["email"] == address("bob")
    assert b"No mail is there" in office.run("bounces", "ingest", "--maildir", "box").stdout
    assert b"No mailbox is set" in office.run("bounces", "ingest", "--imap", code=2).stderr


def test_a_mailbox_is_read(office: Office) -> None:
    try:
        with dovecot.server() as server:
            server.put("1.ada", office.reports["ada"])
            (office.folder / "password").write_text(dovecot.PASSWORD)
            authority().cert_pem.write_to_path(str(office.folder / "authority.pem"))
            settings = {"HOST": "127.0.0.1", "PORT": str(server.tls), "USERNAME": "b", "PASSWORD_FILE": "password"}
            named = {f"NEWSLETTER_BOUNCES__IMAP_{name}": value for name, value in settings.items()}
            (found,) = office.lines("bounces", "ingest", "--imap", SSL_CERT_FILE="authority.pem", **named)
    except dovecot.NotStartedError as error:
        pytest.skip(str(error))
    assert (found["kind"], found["email"], found["taken"]) == ("hard", address("ada"), True)


def test_a_mail_server_hands_over_by_a_pipe(office: Office) -> None:
    office.run("bounces", "ingest", "--pipe", given=office.reports["ada"])
    assert office.states()["ada"] == "bounced"
    # What is no report is taken too: there is nowhere to leave it.
    assert b"1 other" in office.run("bounces", "ingest", "--pipe", given=PRIVATE).stdout
    # The envelope tells whom it is about, whatever the mail says.
    to = office.reports["bob"].partition(b"To: ")[2].partition(b"\n")[0]
    blind = office.reports["bob"].replace(to, BOX.encode()).replace(b"bob@example.org", b"x@example.com")
    office.run("bounces", "ingest", "--pipe", given=blind, ORIGINAL_RECIPIENT=to.decode())
    assert office.states()["bob"] == "bounced"


@pytest.mark.parametrize("fault", ["no database", "wrong settings", "a database that is away"])
def test_the_mail_server_is_to_keep_what_cannot_be_recorded(office: Office, fault: str) -> None:
    more = {
        "no database": {"NEWSLETTER_DATABASE__URL": "sqlite:///nowhere.db"},
        "wrong settings": {"NEWSLETTER_BOUNCES__ADDRESS": "nothing"},
        "a database that is away": {"NEWSLETTER_DATABASE__URL": "postgresql://x@127.0.0.1:1/x"},
    }[fault]
    done = office.run("bounces", "ingest", "--pipe", code=75, given=office.reports["ada"], **more)
    assert b"Error:" in done.stderr
    assert office.states()["ada"] == "sent"


async def test_a_listener_takes_mail_until_it_is_stopped(office: Office) -> None:
    from test_returns import hand_over

    refused = (await asyncio.to_thread(office.run, "bounces", "ingest", "--lmtp", code=2)).stderr
    assert b"No port is set" in refused
    assert b"Set lmtp_port in [bounces]" in refused
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = office.start("bounces", "ingest", "--lmtp", NEWSLETTER_BOUNCES__LMTP_PORT=str(port))
    try:
        assert process.stderr is not None
        line = (await asyncio.to_thread(process.stderr.readline)).decode()
        assert line == f"Listening for LMTP on 127.0.0.1, port {port}, until stopped.\n"
        answers = await asyncio.to_thread(hand_over, port, office.reports["ada"], BOX)
        assert answers[BOX][0] == 250
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 20) == 143
    finally:
        process.kill()
        process.communicate()
    assert (await asyncio.to_thread(office.states))["ada"] == "bounced"


# Who did not get it, and why


@pytest.mark.parametrize("columns", [80, 120])
def test_one_look_tells_who_did_not_get_it_and_why(office: Office, columns: int) -> None:
    told = office.on_a_terminal("deliveries", "list", "--state", "failed", columns=columns)
    assert max(map(len, told.splitlines())) <= columns
    head, _, rest = told.partition("\n\n")
    assert "15 failed, and why:" in head
    assert re.search(r"8 +5\.1\.1 +the mailbox does not exist", head)
    assert re.search(r"6 +5\.2\.2 +the mailbox is full", head)
    assert re.search(r"1 +550 +Mailbox unavailable for …", head)
    assert re.search(r"\n +4 +2026-03-02 +reader4@example\.org +5\.1\.1 +the mailbox does not e", rest)
    assert re.search(r"\n *18 +2026-03-02 +reader18@example\.org +550 +Mailbox unavail", rest)


def test_those_who_failed_are_told_with_how_many_others_did_not_get_it(office: Office) -> None:
    assert "bounced" not in office.run("deliveries", "list", "--state", "failed").stdout.decode()
    office.run("bounces", "ingest", "--pipe", given=office.reports["ada"])
    told = office.run("deliveries", "list", "--state", "failed").stdout.decode()
    assert "1 more is bounced: `" in told
    assert "newsletter deliveries list --state bounced` shows who, and why." in told
    told = office.run("deliveries", "list", "--state", "failed", "--date", "2026-03-02").stdout.decode()
    assert "newsletter deliveries list --state bounced --date 2026-03-02`" in told
    told = office.run("deliveries", "list", "--state", "failed", "--date", "2026-03-01").stdout.decode()
    assert "more is" not in told
    assert "more is" not in office.run("deliveries", "list", "--state", "bounced").stdout.decode()


def test_a_bounce_is_told_with_its_reason_and_what_the_server_had_said(office: Office) -> None:
    office.run("bounces", "ingest", "--pipe", given=office.reports["ada"])
    (listed,) = office.lines("deliveries", "list", "--state", "bounced")
    assert (listed["cause"], listed["text"], listed["enhanced"]) == (
        "the mailbox does not exist",
        "User unknown",
        "5.1.1",
    )
    shown = office.run("deliveries", "show", "1").stdout.decode()
    assert re.search(r"state +bounced", shown)
    assert re.search(r"1 +\S+ \S+ UTC +sent +250 +Kept", shown)
    assert re.search(r"UTC +hard +5\.1\.1 +User unknown", shown)
    (whole,) = office.lines("deliveries", "show", "1")
    assert [one["reason"] for one in whole["reports"]] == ["User unknown"]


def test_a_delivery_that_is_not_there_is_told_and_nothing_is_put_back(office: Office) -> None:
    done = office.run("deliveries", "retry", "4", "99", code=1)
    assert b"There is no delivery 99; nothing was put back." in done.stderr
    assert office.states()["reader4"] == "failed"
    assert b"1 put back into the queue" in office.run("deliveries", "retry", "4").stdout
