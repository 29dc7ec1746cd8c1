"""Time the whole job stage by stage: papers in, people in, choosing, sending through a real SMTP server.

    python bench/pipeline.py [--subscribers N] [--papers PATH ...] [--database URL]

The server is Postfix's smtp-sink where it is installed, else the sink beside this file.  Choosing and sending run in
this process, whose CPU and peak memory are printed; preparing runs in processes of its own.  Traffic stays on
127.0.0.1.
"""

import argparse
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from place import Place
from relay import smtp_sink

from newsletter import config
from newsletter.app import open_app, run
from newsletter.pipeline import record
from newsletter.pipeline.due import due_by_hand

ROOT = Path(__file__).resolve().parents[1]
TOPICS = (
    "low-rank-adaptation",
    "agents",
    "retrieval-augmented-generation",
    "image-generation",
    "reinforcement learning",
    "speech recognition",
    "evaluation",
    "protein structure:0.5",
    "graph neural networks:0.8",
    "robot manipulation",
)


def roster(folder: Path, subscribers: int) -> Path:
    """Write people with two or three topics each."""
    chance = random.Random(7)
    lines = ["email,topics,cadence,hour,timezone,language"]
    for number in range(subscribers):
        topics = ";".join(chance.sample(TOPICS, chance.randint(2, 3)))
        lines.append(f"reader{number}@example.org,{topics},daily,{number % 24},Europe/Berlin,en")
    file = folder / "readers.csv"
    file.write_text("\n".join(lines))
    return file


async def choose_and_send(settings: config.Settings) -> dict[str, float]:
    """Run the two stages in this process and return the seconds of each."""
    seconds: dict[str, float] = {}
    async with open_app(settings) as app:
        started = time.perf_counter()
        due = await due_by_hand(app.database, app.clock.now())
        composer = await app.composer()
        seconds["learn the words"] = time.perf_counter() - started
        started = time.perf_counter()
        report = await composer.compose(due)
        seconds["choose and record"] = time.perf_counter() - started
        del composer
        started = time.perf_counter()
        sending = await app.sending()
        async with app.courier() as courier:
            sent = await sending.run(courier)
        seconds["write, send, record"] = time.perf_counter() - started
        states = (await record.status(app.database)).deliveries
    print(f"{report.composed} issues, {len(report.empty)} empty, deliveries: {states}, fault: {sent.fault}")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--papers", type=Path, nargs="*")
    parser.add_argument("--database")
    options = parser.parse_args()
    shared = ROOT.parent / "shared"
    real = [*sorted((shared / "seeds").glob("*.txt")), *sorted((shared / "feeds/hf-daily-papers").glob("*.json"))]
    papers = options.papers or real or sorted((ROOT / "seeds").glob("*.txt"))
    with tempfile.TemporaryDirectory() as folder, smtp_sink() as (server, port):
        place = Place(Path(folder), port, options.database, "hold")
        place.run("migrate")
        seconds: dict[str, float] = {}
        started = time.perf_counter()
        place.run("feeds", "ingest", *map(str, papers))
        seconds["take papers in"] = time.perf_counter() - started
        started = time.perf_counter()
        place.run("subscribers", "import", str(roster(place.folder, options.subscribers)))
        seconds["take people in"] = time.perf_counter() - started
        settings = config.load(place.folder / "config.toml", {})
        seconds |= run(choose_and_send(settings))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    peak = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    for stage, taken in seconds.items():
        print(f"{stage:22}{taken:8.2f} s")
    sending_seconds = sum(list(seconds.values())[2:])
    print(
        f"{options.subscribers} subscribers through {server}: elapsed={sending_seconds:.1f} "
        f"cpu={usage.ru_utime + usage.ru_stime:.1f} peak={peak:.0f}"
    )


if __name__ == "__main__":
    main()
