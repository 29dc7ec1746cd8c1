"""Kill a send with SIGKILL at moments spread over its stages, restart it each time, and judge by the server's record.

    python bench/kills.py [--kills N] [--subscribers N] [--papers PATH ...] [--database URL] [--workers N] [--seed S]
                          [--unknown hold|resend]

The program under test is the installed command line, each time a new process.  Stages: `compose` (issues are being put
on record), `claim` (MAIL has come), `body` (in the middle of a body), `dot` (a body is complete and not answered),
`reply` (its answer has just left) and `commit` (shortly after an answer).  A send takes a part of the kills; then the
next begins with the same composed mail in a new database.

With SQLite the databases are made in a temporary folder and one process sends; --database names an empty one on
PostgreSQL, beside which others are made, and two processes send at once: the one whose connection reached the moment is
killed, and the other goes on.

It prints a line a kill and ends with `lost=0 twice=0 unknown=U kills=K ...`; the exit code is 1 if anything was lost,
doubled, or unknown beyond one message a connection and kill.  Traffic stays on 127.0.0.1.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from place import CONNECTIONS, Place, Worker
from sink import Sink

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("claim", "body", "dot", "reply", "commit")
KILLS_A_SEND = 25
TOPICS = ("low-rank-adaptation", "agents", "retrieval-augmented-generation", "image-generation", "evaluation")
EXCUSED = {"queued", "deferred", "failed", "suppressed", "unknown"}


def prepare(place: Place, subscribers: int, papers: list[Path], chance: random.Random) -> None:
    """Put papers and people on record."""
    place.run("migrate")
    place.run("feeds", "ingest", *map(str, papers))
    lines = ["email,topics"]
    for number in range(subscribers):
        topics = ";".join(chance.sample(TOPICS, 2))
        lines.append(f"reader{number}@example.org,{topics}")
    roster = place.folder / "readers.csv"
    roster.write_text("\n".join(lines))
    place.run("subscribers", "import", str(roster))


def kill_while_composing(place: Place, kills: int, subscribers: int) -> int:
    """Kill the choosing of papers so often, at moments spread over it; return how often it was still at work."""
    killed = 0
    for number in range(kills):
        moment = subscribers * (number + 1) // (kills + 1)
        worker = Worker(place, 0)
        while worker.alive and place.count("issues") < moment:
            worker.wait(0.01)
        worker.strike()
        killed += worker.reap()
        print(f"compose  at {moment}: {place.count('issues')} issues", flush=True)
    return killed


class Round:
    """One send to its end, with workers that are killed and started again on the way."""

    def __init__(self, place: Place, sink: Sink, workers: int, chance: random.Random) -> None:
        self._place = place
        self._sink = sink
        self._chance = chance
        self._number = workers
        self._workers: dict[str, Worker] = {}
        self._killed = threading.Event()
        self._victim = ""
        self.most = 0

    def kill(self, stage: str, after: int) -> bool:
        """Kill the worker that reaches a stage as the n-th from now on; False if the send came to its end before."""
        self._start()
        self._killed.clear()
        event = {"claim": "mail", "commit": "reply"}.get(stage, stage)
        self._sink.arm(event, after, lambda name: self._end(name, stage))
        while not self._killed.wait(0.02):
            if not any(worker.alive for worker in self._workers.values()):
                self._sink.disarm()
                break
        if not self._killed.is_set():
            return False
        worker = self._workers[self._victim]
        killed = worker.reap()
        self.most = max(self.most, self._place.in_flight(worker.pid))
        return killed

    def finish(self) -> None:
        """Let the workers come to their end, and one more run find whatever is left."""
        self._sink.disarm()
        for worker in self._workers.values():
            worker.reap()
        self._place.run("send", "--quiet")

    def _start(self) -> None:
        for number in range(self._number):
            name = f"worker{number}"
            if name not in self._workers or not self._workers[name].alive:
                if name in self._workers:
                    self._workers[name].reap()
                self._workers[name] = Worker(self._place, number)

    def _end(self, name: str, stage: str) -> None:
        """Called by the sink's thread, between two events of the dialogue."""
        if stage == "commit":
            # Somewhere between the answer and the commit that records it.
            threading.Timer(self._chance.random() * 0.004, self._strike, [name]).start()
        else:
            self._strike(name)

    def _strike(self, name: str) -> None:
        self._workers[name].strike()
        self._victim = name
        self._killed.set()


def judge(place: Place, sink: Sink, unknown_policy: str) -> Counter[str]:
    """Return what a send came to by the definitions: what the server took against what the ledger says."""
    ledger = place.deliveries()
    counts = sink.counts()
    # Under "resend" a repeat is allowed if it bears the Message-ID of the first, so that messages count by it.
    papers: Counter[tuple[str, str]] = Counter()
    for delivery in ledger:
        number = counts[delivery["message_id"]]
        for title in delivery["papers"]:
            papers[delivery["email"], title] += number if unknown_policy == "hold" else min(number, 1)
    states = Counter(one["state"] for one in ledger)
    known = {one["message_id"] for one in ledger}
    lost = sum(one["state"] not in EXCUSED and not counts[one["message_id"]] for one in ledger)
    found = Counter(
        deliveries=len(ledger),
        at_server=len(sink.accepted),
        lost=lost + len(set(counts) - known),
        repeated_with_same_id=sum(number - 1 for number in counts.values() if number > 1),
        unknown=states["unknown"],
        unsent=sum(states[name] for name in ("queued", "sending", "deferred", "failed", "suppressed")),
    )
    found["twice"] = len({email for (email, _), number in papers.items() if number > 1})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--subscribers", type=int, default=5_000)
    parser.add_argument("--papers", type=Path, nargs="*", default=sorted((ROOT / "seeds").glob("*.txt")))
    parser.add_argument("--database")
    parser.add_argument("--workers", type=int, help="by default two on PostgreSQL, else one")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--unknown", choices=["hold", "resend"], default="hold")
    options = parser.parse_args()
    workers = options.workers or (2 if options.database else 1)
    print(f"seed={options.seed}", flush=True)
    chance = random.Random(options.seed)
    total: Counter[str] = Counter()
    kills = most = number = 0
    with tempfile.TemporaryDirectory() as name, Sink() as sink:
        place = Place(Path(name), sink.port, options.database, options.unknown)
        prepare(place, options.subscribers, options.papers, chance)
        kills += kill_while_composing(place, max(1, options.kills // 50), options.subscribers)
        place.compose()
        while kills < options.kills:
            asyncio.run(place.renew())
            sink.forget()
            sending = Round(place, sink, workers, chance)
            share = max(1, options.subscribers // (min(KILLS_A_SEND, options.kills - kills) + 1))
            going = True
            while going and kills < options.kills:
                stage, moment = STAGES[number % len(STAGES)], chance.randint(1, share)
                going = sending.kill(stage, moment)
                kills += going
                number += 1
                if going:
                    print(f"{stage:8} at {moment}: {len(sink.accepted)} messages at the server", flush=True)
            sending.finish()
            most = max(most, sending.most)
            total += judge(place, sink, options.unknown)
            total["sends"] += 1
            print(" ".join(f"{key}={total[key]}" for key in ("sends", "lost", "twice", "unknown")), flush=True)
    words = ("sends", "deliveries", "at_server", "lost", "twice", "repeated_with_same_id", "unknown", "unsent")
    print(" ".join(f"{word}={total[word]}" for word in words), f"most_in_flight={most} kills={kills}")
    if total["lost"] or total["twice"] or total["unsent"] or most > CONNECTIONS:
        sys.exit(f"Something was lost, doubled, or unknown beyond one a connection; at most {most} were in flight.")
    if total["unknown"] + total["repeated_with_same_id"] > kills * CONNECTIONS:
        sys.exit("More is unknown than there were connections.")


if __name__ == "__main__":
    main()
