"""How long a newcomer waits: `newsletter run` with its defaults, from the press on Subscribe to the first issue.

    python bench/newcomer.py [--papers N] [--rounds N]

A process of its own serves the pages, and sends to a mail server here. The newcomer does what a person does, without
the time that reading takes: they press Subscribe on a form that is old enough, open the link of the confirmation as
soon as it is there, press the button, and wait. Each round is another one; before the first nothing was ever chosen.
Without --papers the newsletter has those of the seeds, else so many made-up ones. The last line has `seconds=`, of the
slowest, and it ends with 1 where that is a minute or more.
"""

import argparse
import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, TypeVar

import httpx
import made_up
from aiosmtpd.controller import Controller

Found = TypeVar("Found")

ROOT = Path(__file__).resolve().parents[1]
# signup.least_seconds: a form that comes back sooner counts as a machine's.
OLD_ENOUGH = 2.1
LONGEST = 600.0
# A newcomer has their first mail sooner.
MINUTE = 60.0
CONFIG = """
[newsletter]
from_address = "papers@news.example.org"
[smtp]
host = "127.0.0.1"
port = {relay}
security = "plain"
[web]
base_url = "{url}"
listen = "127.0.0.1:{port}"
"""


class Mailbox:
    """What arrived, and when."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, float, EmailMessage]] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        """Keep a mail."""
        message = message_from_bytes(envelope.content, policy=default)
        self.mails.append((envelope.rcpt_tos[0], time.monotonic(), message))
        return "250 2.0.0 Kept"

    def find(self, to: str, words: str) -> tuple[float, str] | None:
        """Return when a mail with these words arrived for somebody, and its text."""
        for recipient, at, message in list(self.mails):
            part = message.get_body(("plain",))
            if recipient == to and part is not None and words in (text := part.get_content()):
                return at, text
        return None


def wait(found: Callable[[], Found | None], what: str) -> Found:
    """Return what a function finds, once it finds something."""
    until = time.monotonic() + LONGEST
    while (one := found()) is None:
        if time.monotonic() > until:
            sys.exit(f"{what} did not come in {LONGEST:.0f} seconds.")
        time.sleep(0.01)
    return one


def call(folder: Path, *words: str) -> None:
    """Call the program to its end."""
    done = subprocess.run(command(*words), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"newsletter {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")


def command(*words: str) -> list[str]:
    """Return the words of a command."""
    return [sys.executable, "-m", "newsletter", *words]


def fill(folder: Path, papers: int) -> None:
    """Put papers on record."""
    if not papers:
        call(folder, "feeds", "ingest", *map(str, sorted((ROOT / "seeds").glob("*.txt"))))
        return
    items = [
        {"id": f"https://papers.example/{number}", "title": one.title, "content_text": one.abstract}
        for number, one in enumerate(made_up.papers(papers))
    ]
    for start in range(0, papers, 1000):
        page = {"version": "https://jsonfeed.org/version/1.1", "title": "Made up", "items": items[start : start + 1000]}
        (folder / f"papers-{start}.json").write_text(json.dumps(page), "utf-8")
    call(folder, "feeds", "ingest", *map(str, sorted(folder.glob("papers-*.json"))))


def come_in(url: str, mailbox: Mailbox, email: str) -> tuple[float, float, float]:
    """Return after how many seconds the confirmation came, its button had been pressed, and the first issue came."""
    with httpx.Client(timeout=60) as browser:
        page = browser.get(f"{url}/subscribe").text
        form = re.search(r'name="form" value="([^"]+)"', page)
        assert form is not None, page
        time.sleep(OLD_ENOUGH)
        wishes = {"form": form[1], "act": "subscribe", "email": email, "words": "language models\nreasoning"}
        began = time.monotonic()
        browser.post(f"{url}/subscribe", data=wishes).raise_for_status()
        asked, text = wait(lambda: mailbox.find(email, "/confirm/"), "The confirmation")
        link = re.search(rf"{re.escape(url)}/confirm/\S+", text)
        assert link is not None, text
        browser.get(link[0]).raise_for_status()
        browser.post(link[0], data={"act": "confirm"}).raise_for_status()
        pressed = time.monotonic()
        came, _ = wait(lambda: mailbox.find(email, "papers for you"), "The first issue")
    return asked - began, pressed - began, came - began


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=0, help="so many made-up papers; 0: those of the seeds")
    parser.add_argument("--rounds", type=int, default=3, help="so many newcomers, one after the other")
    asked = parser.parse_args()
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as pages, socket.create_server(("127.0.0.1", 0)) as mail:
        port, relay = (int(one.getsockname()[1]) for one in (pages, mail))
    url = f"http://127.0.0.1:{port}"
    server = Controller(mailbox, hostname="127.0.0.1", port=relay)
    server.start()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "config.toml").write_text(CONFIG.format(relay=relay, url=url, port=port), "utf-8")
        call(folder, "migrate")
        fill(folder, asked.papers)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command("run"), cwd=folder, stdout=log, stderr=log)
        try:
            wait(lambda: answers(url, process), "The page")
            slowest = 0.0
            for number in range(1, asked.rounds + 1):
                confirmation, pressed, issue = come_in(url, mailbox, f"newcomer{number}@example.org")
                slowest = max(slowest, issue)
                print(
                    f"newcomer {number}: confirmation={confirmation:.2f} confirmed={pressed:.2f}"
                    f" first_issue={issue:.2f}"
                )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            server.stop()
    tell(slowest, asked.papers)


def tell(slowest: float, papers: int) -> None:
    """Print the figure; ends the program with 1 if somebody waited for a minute."""
    print(f"from Subscribe to the first issue, {papers or 'seed'} papers: seconds={slowest:.2f}")
    if slowest >= MINUTE:
        sys.exit("A newcomer waited for a minute or longer.")


def answers(url: str, process: subprocess.Popen[bytes]) -> bool | None:
    """Tell whether the pages are there; ends the measure if the program is not."""
    if process.poll() is not None:
        sys.exit(f"newsletter run ended with {process.returncode}.")
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/robots.txt").is_success or None
    return None


if __name__ == "__main__":
    main()
