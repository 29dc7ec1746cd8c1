"""Each measure of sending runs, small, to its end, checks what it sent, and ends with the line that others read."""

import asyncio
import contextlib
import importlib
import os
import re
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from uuid import uuid4

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
FIGURES = re.compile(r"\belapsed=(\d+\.\d+) cpu=(\d+\.\d+) peak=(\d+\.\d+)$")


def run(name: str, *words: str | int) -> list[str]:
    """Run a measure and return its lines."""
    done = subprocess.run(
        [sys.executable, str(BENCH / name), *map(str, words)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def figures(lines: list[str]) -> tuple[float, ...]:
    found = FIGURES.search(lines[-1])
    assert found is not None, lines
    return tuple(map(float, found.groups()))


@pytest.mark.parametrize(
    "words", [(), ("--dkim", "ed25519"), ("--dkim", "rsa")], ids=lambda words: "-".join(words) or "plain"
)
def test_a_send_is_timed_and_checked(words: tuple[str, ...]) -> None:
    lines = run("send.py", "--port", 0, "--subscribers", 60, *words)
    # The server's own count is compared too: otherwise the exit code is 1.
    assert lines[1] == "60 rows sent"
    came = "60 messages to 60 readers, 60 different bodies, 60 different orders of papers"
    assert lines[2].startswith(f"over the wire, once more: {came}; bytes of a message: all ")
    elapsed, cpu, peak = figures(lines)
    assert elapsed > 0
    assert cpu > 0
    assert peak > 10


def test_two_processes_share_a_send(engine: str, new_database: Callable[..., str]) -> None:
    database = ["--database", new_database(engine, migrated=False)] if engine == "postgresql" else []
    lines = run("send.py", "--port", 0, "--subscribers", 450, "--processes", 2, *database)
    assert lines[1] == "450 rows sent"
    assert "450 messages to 450 readers" in lines[2]
    assert "by 2 processes" in lines[-1]
    figures(lines)


async def test_a_send_that_did_not_happen_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    send, prepare = importlib.import_module("send"), importlib.import_module("prepare")
    send.configure(tmp_path, "sqlite:///newsletter.db", send.read_options(["--port", "25"]), port=25)
    await prepare.prepare(tmp_path, 3)
    with pytest.raises(SystemExit, match=r"\{'queued': 3\}, not 3 sent"):
        await send.check(tmp_path, 3)


def test_what_comes_over_the_wire_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    send, relay = importlib.import_module("send"), importlib.import_module("relay")
    mails = [
        message(*words) for words in [("First", "Second", "."), ("Second", "First", "."), ("First", "Second", "!")]
    ]
    with relay.relay(tmp_path, look=True) as server, smtplib.SMTP("127.0.0.1", server.port) as client:
        client.send_message(mails[0], "papers@example.org", ["ada@example.org"])
        client.send_message(mails[1], "papers@example.org", ["alan@example.org"])
        seen = server.seen()
        assert {name: seen[name] for name in ("messages", "readers", "bodies", "orders")} == dict.fromkeys(
            ("messages", "readers", "bodies", "orders"), 2
        )
        assert abs(seen["all"] - len(mails[0].as_bytes(policy=SMTP))) < 5
        assert send.compared(seen, 2).startswith("over the wire, once more: 2 messages to 2 readers")
        # Another body with the same papers, the same body under another boundary, and another one for the same reader.
        client.send_message(mails[2], "papers@example.org", ["grace@example.org"])
        with pytest.raises(SystemExit, match="3 readers, 3 different bodies, 2 different orders"):
            send.compared(server.seen(), 3)
        client.send_message(message("First", "Second", "."), "papers@example.org", ["kurt@example.org"])
        with pytest.raises(SystemExit, match="4 messages to 4 readers, 3 different bodies"):
            send.compared(server.seen(), 4)
        client.send_message(message("Third", "Fourth", "."), "papers@example.org", ["kurt@example.org"])
        with pytest.raises(SystemExit, match="5 messages to 4 readers, 4 different bodies"):
            send.compared(server.seen(), 5)


def message(first: str, second: str, end: str) -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made.set_content(f"Papers\n\n1. {first}\n\n2. {second}\n\n.\n..{end}\n", cte="quoted-printable")
    made.add_alternative(f"<p>{first} {second} {end}</p>", subtype="html", cte="quoted-printable")
    made.set_boundary(uuid4().hex)
    return made


def test_choosing_is_timed_by_stage() -> None:
    lines = run("compose.py", "--subscribers", 30, "--papers", 60)
    stages = {line[:28].strip() for line in lines[:-1]}
    assert {"rank", "reasons", "record picks", "record received"} <= stages
    assert "30 readers by 60 papers" in lines[-1]
    figures(lines)


def test_the_plain_loop_sends_the_same_mail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    relay = importlib.import_module("relay")
    with relay.relay(tmp_path) as server:
        lines = run("plain.py", "--port", server.port, "--subscribers", 12)
        assert server.taken() == (12, 0)
    figures(lines)
    message = importlib.import_module("plain").Mailer()
    made = [message.message(reader) for reader in message.readers(2)]
    text = [mail.get_body(("plain",)).get_content() for mail in made]
    html = [mail.get_body(("html",)).get_content() for mail in made]
    assert text[0] != text[1]
    assert all(page.count('class="why"') == 10 and "<mj-" not in page for page in html)


def test_the_documentation_tells_over_how_many_connections_either_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    ours, plain = (importlib.import_module(name).read_options(["--port", "25"]) for name in ("send", "plain"))
    told = " ".join((BENCH.parent / "docs" / "benchmarks.md").read_text("utf-8").split())
    assert f"aiosmtplib over {plain.connections} connections that stay open" in told
    assert f"Ours goes over {ours.connections} connections" in told


def test_round_trips_are_counted() -> None:
    lines = run("latency.py", "--rtt", 20, "--messages", 40, 540)
    found = re.search(r"\bround_trips=(\d+\.\d+)$", lines[-1])
    assert found is not None
    # No message goes out without waiting for any answer, its own or that of another on the connection.
    assert float(found[1]) > 0


@pytest.mark.parametrize("what", ["tls", "peer"])
def test_two_ways_are_put_beside_each_other(what: str) -> None:
    lines = run("beside.py", what, "--rounds", 1, "--subscribers", 60)
    assert re.search(r"\bratio=\d+\.\d+ cpu_first=\d+\.\d+ cpu_second=\d+\.\d+$", lines[-1])


def test_the_main_job_is_timed() -> None:
    papers = sorted((BENCH.parent / "seeds").glob("*.txt"))
    lines = run("pipeline.py", "--subscribers", 20, "--papers", *map(str, papers))
    assert re.search(r"20 subscribers through .*: elapsed=[\d.]+ cpu=[\d.]+ peak=\d+$", lines[-1])


def test_a_newcomer_is_timed() -> None:
    lines = run("newcomer.py", "--rounds", 1)
    assert re.search(r"^newcomer 1: confirmation=\d+\.\d+ confirmed=\d+\.\d+ first_issue=\d+\.\d+$", lines[0])
    assert re.search(r"\bseconds=\d+\.\d+$", lines[-1])


def test_a_newcomer_who_waits_for_a_minute_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    newcomer = importlib.import_module("newcomer")
    newcomer.tell(59.99, 0)
    with pytest.raises(SystemExit, match="a minute"):
        newcomer.tell(60.0, 0)


def test_what_a_killed_measure_made_goes_away() -> None:
    program = "import sys, workshop\nwith workshop.workshop() as made: print(made[0], flush=True); sys.stdin.read()"
    started = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(BENCH)},
        start_new_session=True,
    )
    with started:
        assert started.stdout is not None
        folder = Path(started.stdout.readline().strip())
        assert folder.is_dir()
        os.killpg(started.pid, signal.SIGKILL)
        # The one who clears up has this end too, and leaves it when it is done.
        assert started.stdout.read() == ""
    assert not folder.exists()


def test_pages_are_timed_while_an_edition_goes_out() -> None:
    words = ("--subscribers", 150, "--rate", 50, "--readers", 60, "--every", 2, "--days", 3)
    lines = run("readers.py", *words)
    found = re.search(
        r"^requests=(\d+) lost=0 median=([\d.]+) p99=([\d.]+) edition=([\d.]+) edition_alone=([\d.]+) later=-?[\d.]+$",
        lines[-1],
    )
    assert found is not None, lines
    # It takes three seconds at that rate, in which 30 a second are asked for.
    requests, *figures_of = map(float, found.groups())
    assert requests > 50
    assert all(figure > 0 for figure in figures_of)


async def test_an_answer_that_was_lost_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    readers = importlib.import_module("readers")
    edition = readers.Edition(waited=0.5, lasted=10.0, cpu=1.0, released=100.0, ended=110.0)
    # One is right, one failed, one came before the edition, and one never had an answer.
    answers = [
        (101.0, "papers", 200, 0.01),
        (102.0, "say", 503, 0.02),
        (99.0, "say", 500, 9.0),
        (103.0, "say", 0, 20.0),
    ]
    with pytest.raises(SystemExit):
        readers.tell(answers, edition, edition._replace(lasted=11.0))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "requests=3 lost=2 median=inf p99=inf edition=11.00 edition_alone=10.00 later=10.0"


async def test_who_asks_waits_for_nobody_and_counts_from_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    asking = importlib.import_module("asking")
    asked: list[bytes] = []
    all_there = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if len(asked) == 3:
            all_there.set()
        await all_there.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    async with await asyncio.start_server(slow, "127.0.0.1", 0) as server:
        readers = asking.Readers(server.sockets[0].getsockname()[1])
        planned = time.monotonic() - 5
        # None is answered until the third has come.
        await asyncio.gather(*(readers.ask(asking.Ask(0, "papers", "GET", "/"), planned) for _ in range(3)))
        readers.close()
        await asyncio.sleep(0)
    assert [status for _, _, status, _ in readers.answers] == [200] * 3
    assert all(seconds >= 5 for *_, seconds in readers.answers)


@pytest.mark.parametrize("closing", [False, True])
async def test_who_asks_keeps_a_connection_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, closing: bool
) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    asking = importlib.import_module("asking")
    served: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                if b"/same" in asked:
                    writer.write(b"HTTP/1.1 304 Not Modified\r\n\r\n")
                else:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                if b"/end" in asked:
                    break
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        readers = asking.Readers(server.sockets[0].getsockname()[1], closing=closing)
        # The second reader's is closed by the server, which their next ask finds out before it is sent.
        for number, path in ((1, "/"), (1, "/same"), (1, "/"), (2, "/end"), (2, "/")):
            await readers.ask(asking.Ask(0, "papers", "GET", path, reader=number), time.monotonic())
            await asyncio.sleep(0.05)
        readers.close()
        await asyncio.gather(*filter(None, served))
    assert [status for _, _, status, _ in readers.answers] == [200, 304, 200, 200, 200]
    assert readers.opened == (5 if closing else 3)
