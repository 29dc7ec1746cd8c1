"""Kill a send with SIGKILL at moments spread over its stages, restart it each time, and judge by the server's record.

    python bench/kills.py [--kills N] [--subscribers N] [--papers PATH ...] [--database URL] [--seed S]
                          [--unknown hold|resend]

The program under test is the installed command line, each time a new process.  Stages: `compose` (issues are being put
on record), `claim` (MAIL has come), `body` (in the middle of a body), `dot` (a body is complete and not answered) and
`commit` (shortly after an answer).  With SQLite the database is made in a temporary folder; --database names an empty
one on PostgreSQL.

It prints a line a kill and ends with `lost=0 twice=0 unknown=U kills=K ...`; the exit code is 1 if anything was lost,
doubled, or unknown beyond one message a connection and kill.  Traffic stays on 127.0.0.1.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from sink import Sink
from sqlalchemy import text

from newsletter.store.database import Database

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("compose", "claim", "body", "dot", "commit")
TOPICS = ("low-rank-adaptation", "agents", "retrieval-augmented-generation", "image-generation", "evaluation")
CONNECTIONS = 10


class Newsletter:
    """An installation in a folder, driven by its command line."""

    def __init__(self, folder: Path, port: int, database: str | None, unknown: str) -> None:
        self.folder = folder
        url = database or "sqlite:///newsletter.db"
        (folder / "config.toml").write_text(
            f'[newsletter]\nfrom_address = "papers@newsletter.example"\n[database]\nurl = "{url}"\n'
            f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "plain"\nconnections = {CONNECTIONS}\n'
            f'[delivery]\non_unknown = "{unknown}"\nlease = 5\n'
        )
        self.database = Database.at(url, folder=folder)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "newsletter", "--config", str(self.folder / "config.toml"), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *words: str) -> str:
        """Run a command to its end and return what it printed."""
        process = self.start(*words)
        out, complaints = process.communicate()
        if process.returncode:
            sys.exit(f"newsletter {' '.join(words)} ended with {process.returncode}: {complaints.decode()[-2000:]}")
        return out.decode()

    def count(self, what: str) -> int:
        """Return how many rows there are of a table, with a condition if there is one behind its name."""

        async def count() -> int:
            async with self.database.connect() as connection:
                number = (await connection.execute(text(f"SELECT count(*) FROM {what}"))).scalar_one()  # noqa: S608 - our words
            await self.database.close()
            return number

        return asyncio.run(count())

    def deliveries(self) -> list[dict]:
        """Return all deliveries as the program tells of them."""
        return [json.loads(line) for line in self.run("deliveries", "list", "--json").splitlines()]


def prepare(place: Newsletter, subscribers: int, papers: list[Path], chance: random.Random) -> None:
    place.run("migrate")
    place.run("feeds", "ingest", *map(str, papers))
    lines = ["email,topics"]
    for number in range(subscribers):
        topics = ";".join(chance.sample(TOPICS, 2))
        lines.append(f"reader{number}@example.org,{topics}")
    roster = place.folder / "readers.csv"
    roster.write_text("\n".join(lines))
    place.run("subscribers", "import", str(roster))


def watch_compose(place: Newsletter, process: subprocess.Popen[bytes], target: int) -> None:
    """Kill the process once so many issues are on record."""
    while process.poll() is None:
        if place.count("issues") >= target:
            process.kill()
            return
        time.sleep(0.01)


def kill_once(place: Newsletter, sink: Sink, stage: str, moment: int, chance: random.Random) -> bool:
    """Run a send and kill it at a moment; False if it came to its end before."""
    process = place.start("send", "--quiet")
    if stage == "compose":
        threading.Thread(target=watch_compose, args=(place, process, moment), daemon=True).start()
    elif stage == "commit":
        # Somewhere between the answer and the commit that records it.
        pause = chance.random() * 0.004
        sink.arm("reply", moment, lambda: threading.Timer(pause, process.kill).start())
    else:
        sink.arm({"claim": "mail"}.get(stage, stage), moment, process.kill)
    out, complaints = process.communicate()
    sink.arm("none", 1, lambda: None)
    if process.returncode > 0:
        sys.exit(f"send ended with {process.returncode}: {complaints.decode()[-2000:]} {out.decode()[-2000:]}")
    return process.returncode < 0


def judge(place: Newsletter, sink: Sink, kills: int, unknown_policy: str) -> bool:
    ledger = place.deliveries()
    counts = sink.counts()
    at_server = Counter(one.recipient for one in sink.accepted)
    papers: Counter[tuple[str, str]] = Counter()
    for delivery in ledger:
        for title in delivery["papers"]:
            papers[delivery["email"], title] += counts[delivery["message_id"]]
    excused = {"queued", "deferred", "failed", "suppressed", "unknown"}
    lost = [one for one in ledger if one["state"] not in excused and not counts[one["message_id"]]]
    twice = [pair for pair, number in papers.items() if number > 1]
    folded = sum(number - 1 for number in counts.values() if number > 1)
    foreign = set(counts) - {one["message_id"] for one in ledger}
    states = Counter(one["state"] for one in ledger)
    unknown = states["unknown"]
    unsent = sum(states[name] for name in ("queued", "sending", "deferred", "failed", "suppressed"))
    good = not lost and not foreign and not unsent
    good = good and (not twice if unknown_policy == "hold" else folded <= kills * CONNECTIONS)
    print(
        f"deliveries={len(ledger)} at_server={sum(at_server.values())} lost={len(lost) + len(foreign)} "
        f"twice={len(twice) if unknown_policy == 'hold' else 0} repeated_with_same_id={folded} "
        f"unknown={unknown} unsent={unsent} kills={kills}"
    )
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--papers", type=Path, nargs="*", default=sorted((ROOT / "seeds").glob("*.txt")))
    parser.add_argument("--database")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--unknown", choices=["hold", "resend"], default="hold")
    options = parser.parse_args()
    print(f"seed={options.seed}", flush=True)
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder, Sink() as sink:
        place = Newsletter(Path(folder), sink.port, options.database, options.unknown)
        prepare(place, options.subscribers, options.papers, chance)
        plan = sorted((STAGES[number % len(STAGES)] for number in range(options.kills)), key=lambda s: s != "compose")
        composing = plan.count("compose")
        share = max(1, options.subscribers // (options.kills - composing + 1))
        kills, most = 0, 0
        for number, stage in enumerate(plan):
            if stage == "compose":
                moment = options.subscribers * (number + 1) // (composing + 1)
            else:
                moment = chance.randint(1, share)
            killed = kill_once(place, sink, stage, moment, chance)
            kills += killed
            in_flight = place.count("deliveries WHERE state = 'sending'")
            most = max(most, in_flight)
            print(
                f"{stage:8} {'killed' if killed else 'ended before'} at {moment}: {place.count('issues')} issues, "
                f"{len(sink.accepted)} messages at the server, {in_flight} in flight",
                flush=True,
            )
        place.run("send", "--quiet")
        if not judge(place, sink, kills, options.unknown) or most > CONNECTIONS:
            sys.exit(f"Something was lost, doubled, or unknown beyond one a connection; at most {most} were in flight.")


if __name__ == "__main__":
    main()
