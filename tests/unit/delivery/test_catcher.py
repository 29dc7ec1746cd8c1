"""The built-in catcher keeps every message in a folder, and mails nobody."""

import asyncio
from pathlib import Path

import aiosmtplib
import pytest

from newsletter.delivery.catcher import Catcher
from newsletter.errors import DeliveryError

MAIL = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>caf=C3=A9</p>\r\n"
)


async def send(catcher: Catcher, recipient: str, content: bytes = MAIL) -> None:
    async with aiosmtplib.SMTP(hostname=catcher.host, port=catcher.port, start_tls=False, timeout=10) as client:
        await client.ehlo()
        await client.mail("a@example.org", options=["SMTPUTF8"], encoding="utf-8")
        await client.rcpt(recipient, encoding="utf-8")
        await client.data(content)


def kept(outbox: Path) -> list[str]:
    return sorted(path.name for path in outbox.iterdir())


async def test_a_message_is_kept_with_its_html(tmp_path: Path) -> None:
    outbox = tmp_path / "mail" / "outbox"
    async with Catcher(outbox) as catcher:
        await send(catcher, "ada+papers@example.org")
        assert kept(outbox) == ["0001-ada+papers@example.org.eml", "0001-ada+papers@example.org.html"]
    assert (outbox / "0001-ada+papers@example.org.eml").read_bytes() == MAIL
    assert (outbox / "0001-ada+papers@example.org.html").read_text(encoding="utf-8").strip() == "<p>café</p>"


async def test_numbers_go_on_and_nothing_is_overwritten(tmp_path: Path) -> None:
    async with Catcher(tmp_path) as catcher:
        await send(catcher, "ada@example.org", b"Subject: first\r\n\r\n.x\r\n")
    (tmp_path / ".0002-ada@example.org.partial").touch()
    async with Catcher(tmp_path) as catcher, Catcher(tmp_path) as other:
        await asyncio.gather(*(send(each, "ada@example.org", MAIL) for each in (catcher, other) for _ in range(10)))
    files = [path for path in tmp_path.iterdir() if path.suffix == ".eml"]
    assert len(files) == 21
    assert {path.name[:4] for path in files} >= {"0001", "0003", "0004"}
    assert (tmp_path / "0001-ada@example.org.eml").read_bytes() == b"Subject: first\r\n\r\n.x\r\n"
    assert [path.name for path in tmp_path.glob(".*.partial")] == [".0002-ada@example.org.partial"]


@pytest.mark.parametrize(
    "recipient",
    ["../../etc/passwd@example.org", "...@example.org", "zoë/漢@bücher.example", "x" * 200 + "@example.org"],
)
async def test_a_hostile_address_stays_in_the_folder(tmp_path: Path, recipient: str) -> None:
    outbox = tmp_path / "outbox"
    async with (
        Catcher(outbox) as catcher,
        aiosmtplib.SMTP(hostname=catcher.host, port=catcher.port, start_tls=False, timeout=10) as client,
    ):
        await client.ehlo()
        await client.mail("a@example.org", options=["SMTPUTF8"], encoding="utf-8")
        # In quotes, as aiosmtpd takes no dots in a row without them.
        local, _, domain = recipient.rpartition("@")
        await client.execute_command(b"RCPT", f'TO:<"{local}"@{domain}>'.encode())
        await client.data(MAIL)
    assert [path.name for path in tmp_path.iterdir()] == ["outbox"]
    files = kept(outbox)
    assert len(files) == 2
    assert all(name.startswith("0001-") and "/" not in name and name.isascii() and len(name) < 100 for name in files)


@pytest.mark.parametrize(
    "content",
    [b"\r\n", b"Subject: x\r\n\r\nplain\r\n", b"Content-Type: text/html; charset=nonsense\r\n\r\n\xff\r\n",
     b"Content-Type: multipart/alternative\r\n\r\n--\r\n", b"\xff\xfe: \r\n\r\n"],
)  # fmt: skip
async def test_anything_is_kept_as_it_came(tmp_path: Path, content: bytes) -> None:
    async with Catcher(tmp_path) as catcher:
        await send(catcher, "ada@example.org", content)
    assert (tmp_path / "0001-ada@example.org.eml").read_bytes() == content


async def test_a_folder_that_cannot_be_written_is_a_temporary_failure(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    async with Catcher(outbox) as catcher:
        outbox.rmdir()
        with pytest.raises(aiosmtplib.SMTPDataError) as caught:
            await send(catcher, "ada@example.org")
    assert caught.value.code == 451
    assert "outbox" in caught.value.message


async def test_a_folder_that_is_a_file_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "outbox").touch()
    with pytest.raises(DeliveryError, match="outbox") as caught:
        async with Catcher(tmp_path / "outbox"):
            pass
    assert caught.value.next_step


async def test_leaving_closes_what_is_connected(tmp_path: Path) -> None:
    async with Catcher(tmp_path) as catcher:
        client = aiosmtplib.SMTP(hostname=catcher.host, port=catcher.port, start_tls=False, timeout=10)
        await client.connect()
    await asyncio.sleep(0.05)
    assert not client.is_connected
