"""Signatures hold on the way: what real mail servers received verifies with dkimpy and with OpenDKIM."""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import dkim as dkimpy
import pytest
from newsroom import Newsroom, papers, until
from servers import Server

from newsletter.delivery import dkim_keys
from newsletter.errors import SettingsError

READERS = ("ada", "grace")
# What servers and relays treat apart: dots in front, blanks behind, what looks like a line of an mbox.
ABSTRACT = (
    ".\n.. two dots\n.hidden\nFrom here on\nblanks behind   \n\ttabs\tand  more\n\n\n" + "A long line " * 30 + "\n. "
)


def signing(room: Newsroom, folder: Path) -> list[dkim_keys.Record]:
    """Give the newsletter two keys and return their records."""
    keys = [dkim_keys.make("rsa", "first"), dkim_keys.make("ed25519", "second")]
    for key in keys:
        (folder / f"{key.selector}.pem").write_bytes(dkim_keys.pem(key))
        (folder / f"{key.selector}.pem").chmod(0o600)
    room.set(
        "dkim",
        domain="newsletter.example",
        selector="first",
        key_file=folder / "first.pem",
        second_selector="second",
        second_key_file=folder / "second.pem",
    )
    return [dkim_keys.record(key, "newsletter.example") for key in keys]


async def send(room: Newsroom, *readers: str) -> None:
    """Send everybody an issue in which all is that could break a signature."""
    await room.take_in(*papers(1, 2, 3, abstract=ABSTRACT))
    for name in readers:
        await room.subscribe(name)
    _, report = await room.send()
    assert report.states == {"sent": len(readers)}


def by_dkimpy(content: bytes, records: Sequence[dkim_keys.Record]) -> list[str]:
    """Return the selectors of the signatures that verify."""
    known = {f"{record.name}.".encode(): record.value.encode() for record in records}
    message = dkimpy.DKIM(content)
    return [
        message.selector.decode()
        for place in range(content.count(b"DKIM-Signature:"))
        if message.verify(place, dnsfunc=lambda name, timeout=5: known.get(name))
    ]


def by_opendkim(contents: Sequence[bytes], records: Sequence[dkim_keys.Record], folder: Path) -> list[list[str]]:
    """Return the same for each message, as OpenDKIM sees it."""
    program = shutil.which("opendkim", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("needs opendkim, which is not installed")
    (folder / "dns").write_text("".join(f"{record.name} {record.value}\n" for record in records))
    (folder / "opendkim.conf").write_text(f"Mode v\nTestDNSData file:{folder / 'dns'}\n")
    found = []
    for number, content in enumerate(contents):
        file = folder / f"{number}.eml"
        file.write_bytes(content)
        words = [program, "-x", str(folder / "opendkim.conf"), "-t", str(file), "-vvv"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        found.append(re.findall(r"\bdkim=pass [^;]*\bheader\.s=(\w+)", done.stdout))
    return found


async def test_what_a_server_took_verifies(small_room: Newsroom, tmp_path: Path) -> None:
    records = signing(small_room, tmp_path)
    async with Server() as server:
        small_room.relay(server)
        # The address of the third takes header fields beyond ASCII (RFC 6532).
        await send(small_room, *READERS, "jürgen@example.org")
    contents = [message.content for message in server.messages]
    assert [by_dkimpy(content, records) for content in contents] == [["first", "second"]] * 3
    assert by_opendkim(contents, records, tmp_path) == [["first", "second"]] * 3


async def test_opendkim_sees_a_change(small_room: Newsroom, tmp_path: Path) -> None:
    records = signing(small_room, tmp_path)
    async with Server() as server:
        small_room.relay(server)
        await send(small_room, *READERS)
    content = server.messages[0].content
    changed = [
        content.replace(b"\r\nSubject: ", b"\r\nSubject: Re: "),
        content[:-40] + b"x" + content[-39:],
        content.replace(b"\r\n\r\n", b"\r\nList-Unsubscribe: <https://example.net/>\r\n\r\n", 1),
    ]
    assert by_opendkim([content, *changed], records, tmp_path) == [["first", "second"], [], [], []]


async def test_what_postfix_wrote_to_a_file_verifies(small_room: Newsroom, tmp_path: Path) -> None:
    records = signing(small_room, tmp_path)
    async with dumping() as (sink, dumped):
        small_room.relay(sink)
        await send(small_room, *READERS)
        # A message is whole with its last boundary.
        await until(lambda: [file.read_bytes().rstrip()[-2:] for file in dumped.iterdir()] == [b"--"] * len(READERS))
        # What smtp-sink writes has bare line feeds, and fields of its own in front.
        contents = [file.read_bytes().replace(b"\n", b"\r\n") for file in dumped.iterdir()]
    assert [by_dkimpy(content, records) for content in contents] == [["first", "second"]] * len(READERS)
    assert by_opendkim(contents, records, tmp_path) == [["first", "second"]] * len(READERS)


async def test_a_preview_is_signed_as_the_mail_is(small_room: Newsroom, tmp_path: Path) -> None:
    records = signing(small_room, tmp_path)
    await small_room.take_in(*papers(1, 2, 3))
    await small_room.subscribe("ada")
    shown = await small_room.preview("ada")
    assert by_dkimpy(shown.written.content, records) == ["first", "second"]


async def test_a_key_that_is_missing_stops_before_anything_is_sent(small_room: Newsroom, tmp_path: Path) -> None:
    signing(small_room, tmp_path)
    (tmp_path / "second.pem").unlink()
    async with Server() as server:
        small_room.relay(server)
        await small_room.take_in(*papers(1))
        await small_room.subscribe("ada")
        await small_room.compose()
        with pytest.raises(SettingsError, match=r"dkim\.second_key_file: the file .*second\.pem is not there"):
            await small_room.deliver()
    assert server.messages == []
    assert await small_room.states() == {"ada": "queued"}


class Sink:
    """Where smtp-sink listens."""

    host = "127.0.0.1"

    def __init__(self, port: int) -> None:
        self.port = port


@contextlib.asynccontextmanager
async def dumping() -> AsyncIterator[tuple[Sink, Path]]:
    """Start Postfix's smtp-sink, which writes each message to a file of its own."""
    program = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("needs smtp-sink of Postfix, which is not installed")
    # It refuses to run as root, and the folders of a test are root's alone.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    dumped = Path(tempfile.mkdtemp())
    dumped.chmod(0o777)
    sink = Sink(free_port())
    words = [program, *user, "-d", f"{dumped}/%H%M%S.", f"{sink.host}:{sink.port}", "16"]
    process = await asyncio.create_subprocess_exec(*words, stderr=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(20):
            while not await listens(sink):
                assert process.returncode is None, "smtp-sink did not start"
                await asyncio.sleep(0.02)
        yield sink, dumped
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        shutil.rmtree(dumped)


async def listens(sink: Sink) -> bool:
    try:
        _, writer = await asyncio.open_connection(sink.host, sink.port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
