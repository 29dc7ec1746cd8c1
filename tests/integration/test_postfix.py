"""A small newsletter and a real Postfix: it logs in over TLS, its mail arrives as it was built, reports come back."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import dkim as dkimpy
import postfix
import pytest
from newsroom import Newsroom, address, open_newsroom, papers, until
from postfix import Postfix

from newsletter.delivery import dkim_keys
from newsletter.pipeline.deliver import DeliverReport

BOUNCES = f"bounces@{postfix.REALM}"
# Dots in front, blanks behind, letters beyond ASCII, what mbox files would change.
ABSTRACT = ".\n.. two dots\nFrom here on\nblanks behind   \nZoë, 漢字\n" + "A long line " * 40


@pytest.fixture(scope="module")
def running() -> Iterator[Postfix]:
    """A Postfix that all tests of this module share."""
    try:
        with postfix.running() as server:
            yield server
    except postfix.NotStartedError as error:
        pytest.skip(str(error))


@pytest.fixture
def server(running: Postfix, monkeypatch: pytest.MonkeyPatch) -> Postfix:
    """The same with empty mailboxes, and trusted."""
    running.empty()
    monkeypatch.setenv("SSL_CERT_FILE", str(running.authority_file))
    return running


@pytest.fixture
async def room(server: Postfix, new_database: Callable[..., str], tmp_path: Path) -> AsyncIterator[Newsroom]:
    """A newsletter that submits its signed mail to that server, with a return path of its own for every message."""
    keys = {"selector": dkim_keys.make("rsa", "first"), "second_selector": dkim_keys.make("ed25519", "second")}
    for key in keys.values():
        (tmp_path / f"{key.selector}.pem").write_bytes(dkim_keys.pem(key))
        (tmp_path / f"{key.selector}.pem").chmod(0o600)
    sections: dict[str, dict[str, Any]] = {
        "newsletter": {"from_address": f"papers@{postfix.REALM}"},
        "smtp": {
            "host": server.host,
            "port": server.strict,
            "security": "starttls",
            "username": postfix.LOGIN[0],
            "password_file": server.password_file,
            "connections": 2,
            "timeout": 20,
        },
        "dkim": {
            "domain": postfix.REALM,
            "selector": "first",
            "key_file": tmp_path / "first.pem",
            "second_selector": "second",
            "second_key_file": tmp_path / "second.pem",
        },
        "bounces": {"address": BOUNCES, "maildir": server.maildir("bounces")},
    }
    async with open_newsroom(new_database("sqlite"), tmp_path, **sections) as opened:
        yield opened


async def send(room: Newsroom, *names: str) -> DeliverReport:
    """Send an issue to each of these people, as the app does it."""
    room.set("ranking", papers=3)
    await room.take_in(*papers(*range(3), abstract=ABSTRACT))
    for name in names:
        await room.subscribe(name)
    await room.compose()
    sending = await room.app.sending()
    async with room.app.courier() as courier:
        return await sending.run(courier)


def return_path(mail: bytes) -> str:
    """Return where a delivered mail says that reports go."""
    line, _, _ = mail.partition(b"\n")
    return line.decode().removeprefix("Return-Path: <").removesuffix(">")


async def test_mail_arrives_as_it_was_built_each_with_its_own_return_path(room: Newsroom, server: Postfix) -> None:
    readers = postfix.READERS
    report = await send(room, *readers)
    assert report.states == {"sent": len(readers)}
    await until(lambda: server.waiting == 0)
    paths = set()
    for name in readers:
        (mail,) = server.mails(name)
        shown = await room.preview(name)
        # Maildirs have bare line feeds, and what Postfix adds stands in front.
        assert mail.replace(b"\n", b"\r\n").endswith(b"\r\n" + shown.written.content)
        found = (await room.record(name)).delivery
        assert found.code == 250
        assert found.text.startswith("Ok: queued as ")
        paths.add(return_path(mail))
    assert len(paths) == len(readers)
    assert all(path.startswith("bounces+") and path.endswith(f"@{postfix.REALM}") for path in paths)
    assert server.log().count("sasl_username=papers@newsletter.example") >= len(readers)


async def test_signatures_verify_behind_postfix(room: Newsroom, server: Postfix, tmp_path: Path) -> None:
    await send(room, "ada")
    await until(lambda: server.waiting == 0)
    (mail,) = server.mails("ada")
    known = {}
    for selector in ("first", "second"):
        key = dkim_keys.read(tmp_path / f"{selector}.pem", selector, setting="dkim.key_file")
        record = dkim_keys.record(key, postfix.REALM)
        known[f"{record.name}.".encode()] = record.value.encode()
    message = dkimpy.DKIM(mail.replace(b"\n", b"\r\n"))
    for place in range(2):
        assert message.verify(place, dnsfunc=lambda name, timeout=5: known.get(name))
    assert mail.count(b"\nDKIM-Signature:") == 2


async def test_a_wrong_password_stops_the_run_and_harms_nobody(room: Newsroom, server: Postfix, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong horse")
    wrong.chmod(0o600)
    room.set("smtp", password_file=wrong)
    report = await send(room, "ada", "bob")
    assert "refused the login: 535 5.7.8" in str(report.fault)
    assert await room.states() == {"ada": "queued", "bob": "queued"}
    room.set("smtp", password_file=server.password_file)
    assert (await send(room)).states == {"sent": 2}


async def test_no_login_and_no_mail_without_tls(room: Newsroom, server: Postfix) -> None:
    room.set("smtp", security="plain")
    report = await send(room, "ada")
    assert "offers no login of the kind in the settings" in str(report.fault)
    assert await room.states() == {"ada": "queued"}
    # Without a login Postfix takes mail for nobody; that is about us, and the reader loses nothing.
    room.set("smtp", security="starttls", username="")
    report = await send(room)
    assert "refuses this newsletter, not its readers: 554 5.7.1" in str(report.fault)
    found = (await room.record("ada")).delivery
    assert (found.state, found.code, found.enhanced) == ("deferred", 554, "5.7.1")
    assert server.mails("ada") == []


async def test_a_certificate_of_strangers_is_not_trusted(
    room: Newsroom, server: Postfix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    report = await send(room, "ada")
    assert "certificate of the mail server" in str(report.fault)
    assert await room.states() == {"ada": "queued"}


async def test_who_does_not_exist_is_refused_at_once_and_the_rest_arrives(room: Newsroom, server: Postfix) -> None:
    report = await send(room, "ada", "nobody", "bob")
    assert report.states == {"sent": 2, "failed": 1}
    found = (await room.record("nobody")).delivery
    assert (found.state, found.code, found.enhanced) == ("failed", 550, "5.1.1")
    assert "User unknown in virtual mailbox table" in found.text
    await until(lambda: server.waiting == 0)
    assert [len(server.mails(name)) for name in ("ada", "bob", "bounces")] == [1, 1, 0]


async def test_postfix_s_own_reports_mark_those_that_they_are_about(
    room: Newsroom, server: Postfix, tmp_path: Path
) -> None:
    room.set("smtp", port=server.lenient)
    report = await send(room, "ada", "nobody", "full", "bob")
    assert report.states == {"sent": 4}
    await until(lambda: server.waiting == 0)
    reports = server.mails("bounces")
    assert sorted(b"Status: 5.2.2" in mail for mail in reports) == [False, True]
    found = {one["email"]: one for one in ingested(room, server, tmp_path)}
    assert {email: (one["kind"], one["status"]) for email, one in found.items()} == {
        address("nobody"): ("hard", "5.1.1"),
        address("full"): ("soft", "5.2.2"),
    }
    assert await room.states() == {"ada": "sent", "nobody": "bounced", "full": "bounced", "bob": "sent"}
    assert await suppressed(room) == [address("nobody")]
    # They are counted once, however often they are read.
    assert ingested(room, server, tmp_path) == []


def ingested(room: Newsroom, server: Postfix, folder: Path) -> list[dict[str, Any]]:
    """Run `newsletter bounces ingest` and return what it says of each mail."""
    config = folder / "config.toml"
    url = room.app.settings.database.url
    maildir = server.maildir("bounces")
    config.write_text(
        f'[newsletter]\nfrom_address = "papers@{postfix.REALM}"\n[database]\nurl = "{url}"\n'
        f'[bounces]\naddress = "{BOUNCES}"\nmaildir = "{maildir}"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "newsletter", "--config", config, "--json", "bounces", "ingest"],
        capture_output=True,
        text=True,
        env={key: value for key, value in os.environ.items() if not key.startswith("NEWSLETTER_")},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def suppressed(room: Newsroom) -> list[str]:
    """Return who is not mailed any more: those for whom the next day brings nothing."""
    room.clock.step(days=1)
    await room.take_in(*papers(*range(3, 6)))
    await room.compose()
    latest = await room.records()
    today = {one.delivery.address for one in latest if one.delivery.queued_at == room.clock.now()}
    return sorted({one.delivery.address for one in latest} - today)
