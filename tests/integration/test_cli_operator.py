"""What an operator asks before and while mail goes out: what waits and why, which limits hold, and what is refused."""

import asyncio
import fcntl
import json
import os
import pty
import re
import struct
import sys
import termios
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import warm
from newsroom import Newsroom, address, papers
from servers import Server

from newsletter.clock import SystemClock
from newsletter.pipeline import subscribers

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
[database]
url = "sqlite:///{file}"
[newsletter]
from_address = "papers@lists.example"
[smtp]
host = "{host}"
port = {port}
"""


class Desk:
    """A newsletter in the hand of the test, and the program on the same database."""

    def __init__(self, room: Newsroom, folder: Path) -> None:
        self.room = room
        self.folder = folder
        self.settings()

    def settings(self, more: str = "", *, host: str = "", port: int = 587) -> None:
        """Write the settings of the program."""
        text = CONFIG.format(file=self.room.database.file, host=host, port=port) + more
        (self.folder / "config.toml").write_text(text)

    async def run(self, *words: str, code: int = 0) -> tuple[str, str]:
        """Call the program, hold its exit code, and return what it printed."""
        done = await asyncio.to_thread(warm.call, words, **self._where())
        assert done.returncode == code, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr

    async def lines(self, *words: str) -> list[dict[str, Any]]:
        """Call the program with --json and return the objects that it printed."""
        return [json.loads(line) for line in (await self.run(*words, "--json"))[0].splitlines()]

    async def on_a_terminal(self, *words: str, columns: int = 80) -> str:
        """Return all that was ever drawn on a terminal, without colours."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        child = await asyncio.create_subprocess_exec(
            *self._command(words), **self._where(), stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        told = await asyncio.to_thread(_drained, ours)
        assert await child.wait() == 0, told
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told).replace("\r\n", "\n")

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "newsletter", *words]

    def _where(self) -> dict[str, Any]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEWSLETTER_", "COLUMNS"))}
        return {"cwd": self.folder, "env": {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm"}}


def _drained(terminal: int) -> str:
    told = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux tells the end of the other side so.
            break
        if not part:
            break
        told += part
    os.close(terminal)
    return told.decode()


@pytest.fixture
async def desk(small_room: Newsroom, tmp_path: Path) -> Desk:
    """A newsletter with three papers and the clock of the machine."""
    small_room.clock.moment = SystemClock().now()
    await small_room.take_in(*papers(0, 1, 2))
    return Desk(small_room, tmp_path)


async def people(desk: Desk, *names: str) -> None:
    for name in names:
        await desk.room.subscribe(name)


# What would go out


async def test_a_dry_run_tells_what_goes_now_what_waits_and_until_when(desk: Desk) -> None:
    await people(desk, "queued", "later", "paused")
    await desk.room.compose()
    later = desk.room.clock.now().replace(microsecond=0) + timedelta(days=300)
    await desk.room.say("UPDATE deliveries SET state = 'deferred', attempts = 1 WHERE address = 'later@example.org'")
    await desk.room.say("UPDATE deliveries SET due_at = :at WHERE address = 'later@example.org'", at=str(later)[:19])
    await subscribers.pause(desk.room.database, address("paused"), None)
    await people(desk, "new")
    found = {one["email"].partition("@")[0]: one for one in await desk.lines("send", "--dry-run")}
    assert {name: (one["state"], one["due_at"], one["obstacle"]) for name, one in found.items()} == {
        "new": ("new", None, ""),
        "queued": ("queued", None, ""),
        "later": ("deferred", later.isoformat(), ""),
        "paused": ("queued", None, "they have paused"),
    }
    assert all(len(one["papers"]) == 3 for one in found.values())
    out, _ = await desk.run("send", "--dry-run")
    assert re.search(r"new@example\.org +\S+ +new +now +3 +The violin", out)
    assert re.search(r"queued@example\.org +\S+ +queued +now", out)
    assert re.search(rf"later@example\.org +\S+ +deferred +{later:%Y-%m-%d %H:%M} UTC", out)
    assert re.search(r"paused@example\.org +\S+ +queued +not +3 +they have paused", out)
    assert "2 messages would go out now: 1 new and 1 that waited already." in out
    assert f"1 message waits until {later:%Y-%m-%d %H:%M} UTC." in out
    assert "1 message would be suppressed and not sent." in out
    assert "nobody would be mailed" in out
    (one,) = await desk.lines("send", "--dry-run", "--only", address("later"))
    assert one["state"] == "deferred"
    # It told what then happens, and changed nothing.
    assert (await desk.lines("send"))[0]["deliveries"] == {"caught": 2, "suppressed": 1}


async def test_a_dry_run_tells_which_limit_holds_mail_up(desk: Desk) -> None:
    await people(desk, "ada", "bob")
    await desk.room.compose()
    async with Server() as server:
        desk.settings("[rates]\nwindow_messages = 1\n", host="127.0.0.1", port=server.port)
        out, _ = await desk.run("send", "--dry-run")
        assert "Limits say how fast: `" in out
        await desk.run("send")
        out, _ = await desk.run("send", "--dry-run")
        assert "Limits hold mail up: the limit of 1 messages in 3,600 seconds, next at " in out
        assert len(server.messages) == 1


# How things stand


async def test_the_status_names_limits_keys_and_how_reports_come_back(desk: Desk) -> None:
    out, _ = await desk.run("status")
    assert re.search(r"signed +no: dkim\.domain is not set; `.*newsletter dkim keygen`", out)
    assert re.search(r"limits +10 connections at once \(smtp\.connections\)", out)
    assert "read by nothing: set bounces.maildir" in out
    await desk.run("dkim", "keygen", "--type", "both", "--out", ".")
    desk.settings(
        "[rates]\nper_second = 5\ndomains = {'example.org' = {connections = 2}}\n"
        "[dkim]\ndomain = 'lists.example'\nkey_file = 'dkim-newsletter.pem'\n"
        "second_key_file = 'dkim-newsletter2.pem'\n"
        "[bounces]\naddress = 'bounces@lists.example'\nmaildir = 'box'\nlmtp_port = 8024\n"
        "[hooks]\nsendgrid_key_file = 'key'\n[web]\nbase_url = 'https://lists.example/letters/'\n",
        host="relay.example",
    )
    out, _ = await desk.run("status")
    assert "relay.example, port 587, by STARTTLS" in out
    assert "5 messages a second (rates.per_second)" in out
    assert "2 at once to example.org and what is below it (rates.domains)" in out
    assert "by lists.example, selector newsletter, RSA of 2048 bits" in out
    assert "by lists.example, selector newsletter2, Ed25519" in out
    assert "bounces+TOKEN@lists.example" in out
    assert re.search(r"read from the Maildir \S+/box, every 5 minutes", out)
    assert "read by LMTP on 127.0.0.1, port 8024" in out
    assert re.findall(r"read at (\S+)", out) == ["https://lists.example/letters/hooks/sendgrid"]
    (told,) = await desk.lines("status")
    assert [one["selector"] for one in told["dkim"]] == ["newsletter", "newsletter2"]
    assert "rates.per_second" in {one["setting"] for one in told["limits"]}
    (desk.folder / "dkim-newsletter.pem").unlink()
    out, _ = await desk.run("status")
    assert re.search(r"signed +no mail can be sent: dkim\.key_file: the file \S+ is not there", out)


async def test_a_run_that_waits_for_a_limit_says_so_on_a_terminal_only(desk: Desk) -> None:
    await people(desk, "ada", "bob", "cyd")
    async with Server() as server:
        desk.settings("[rates]\nper_second = 0.5\n", host="127.0.0.1", port=server.port)
        told = await desk.on_a_terminal("send")
        assert re.search(r"Waits \d s for the limit of 0\.5 messages a second", told)
        assert len(server.messages) == 3
        await people(desk, "dan", "eve")
        out, err = await desk.run("send")
        assert len(server.messages) == 5
        assert "Waits" not in out + err


# What is refused


async def test_a_retry_that_finds_nothing_says_why(desk: Desk) -> None:
    await people(desk, "ada", "bob")
    await desk.room.compose()
    await desk.room.say("UPDATE deliveries SET state = 'sent' WHERE address = 'ada@example.org'")
    await people(desk, "new")
    for words, told in (
        (("--email", address("ada")), "Nothing was put back: the deliveries to ada@example.org are 1 sent."),
        (("--email", address("new")), "Nothing was put back: no delivery to new@example.org is on record."),
        (("--state", "failed"), "Nothing was put back: no delivery is failed, but 1 queued, 1 sent; `"),
        (("1",), "Nothing was put back: the deliveries that are meant are 1 sent."),
    ):
        assert (await desk.run("deliveries", "retry", *words))[0].startswith(told)
    _, err = await desk.run("deliveries", "retry", "--email", "adda@example.org", code=1)
    assert "Nobody with the address adda@example.org is on record.\nDid you mean ada@example.org?" in err


async def test_a_pause_until_a_day_that_is_over_is_refused(desk: Desk) -> None:
    await people(desk, "ada")
    today = SystemClock().now().date()
    for day in ("2020-01-01", str(today)):
        _, err = await desk.run("subscribers", "pause", address("ada"), "--until", day, code=2)
        assert f"--until {day} is not ahead: for ada@example.org it is {today}." in err
    (person,) = await desk.lines("subscribers", "list")
    assert person["paused_until"] is None
    await desk.run("subscribers", "pause", address("ada"), "--until", "2999-01-01")


async def test_what_is_refused_is_told_by_its_file_and_the_sum_comes_last(desk: Desk) -> None:
    (desk.folder / "a.json").write_text('[{"title": 3}, {"title": 3}]')
    (desk.folder / "b.txt").write_text("hello")
    page = str(ROOT / "seeds" / "daily-papers-1.txt")
    out, err = await desk.run("feeds", "ingest", "a.json", "b.txt", page, code=1)
    told = err.splitlines()
    assert told.count("Refused in a.json:") == told.count("Refused in b.txt:") == 1
    assert "  the file: This is none of what is read here" in err
    assert re.fullmatch(r"Together: 34 entries, 34 papers: 34 new, 0 merged, \d refused\.", out.splitlines()[-1])


# Why they got it, or did not


async def test_why_is_answered_in_sentences_and_as_one_object(desk: Desk) -> None:
    await desk.room.subscribe("ada", "violin")
    await desk.room.subscribe("bob", "glacier", muted_words=("violin",))
    await desk.room.send()
    told, _ = await desk.run("why", address("ada"), "violin")
    today = desk.room.clock.now().date()
    assert f"“The violin” (1) and ada@example.org on {today}:" in told
    assert f"It is in their issue of {today} (daily), in place 1 of 1: Matches violin." in told
    [found] = await desk.lines("why", address("bob"), "1")
    assert found["answer"] == "muted"
    assert [one["kind"] for one in found["because"]] == ["muted", "least"]
    assert found["because"][0]["word"] == "violin"
    _, fault = await desk.run("why", address("ada"), "the", code=2)
    assert "More than one paper may be meant: " in fault
    narrow = await desk.on_a_terminal("why", address("bob"), "violin", columns=44)
    assert max(map(len, narrow.splitlines())) <= 44


# What other settings would have sent


async def test_the_past_is_replayed_in_a_table_and_as_objects(desk: Desk) -> None:
    await desk.room.subscribe("ada")
    await desk.room.send()
    told, _ = await desk.run("evaluate", "--set", "ranking.papers=1", "--set", "popularity=0.3", "--days", "3")
    assert re.search(r"settings +issues +papers +likes caught +1/place +dislikes", told)
    assert re.search(r"really sent +1 +3 +0 of 0 +0\.000 +0\n", told)
    assert re.search(r"settings of now +1 +3 +0 of 0", told)
    assert re.search(r"papers=1, popularity=0\.3 +1 +1 +0 of 0", told)
    assert "Nobody liked a paper that could be sent in these days" in told
    (desk.folder / "other.toml").write_text("[ranking]\npapers = 2\n")
    found = await desk.lines("evaluate", "--settings", "other.toml")
    assert [one.get("name") for one in found] == ["really sent", "settings of now", "other.toml", None]
    assert [one.get("papers") for one in found] == [3, 3, 2, None]
    narrow = await desk.on_a_terminal("evaluate", "--set", "papers=1", columns=50)
    assert max(map(len, narrow.splitlines())) <= 50


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("ranking.popularity=7", "ranking.popularity: this has to be a number from 0 up to 1"),
        ("popularty=1", "ranking.popularty: there is no such setting; did you mean ranking.popularity?"),
        ("papers=many", "ranking.papers: this has to be a whole number from 1 up to 100"),
        ("smtp.port=1", "smtp.port does not change what is chosen."),
        ("papers", "papers has no value."),
    ],
)
async def test_settings_that_cannot_be_tried_are_refused(desk: Desk, given: str, fault: str) -> None:
    _, told = await desk.run("evaluate", "--set", given, code=2)
    assert fault in told
