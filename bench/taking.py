"""Time taking papers in: new ones, the same again, and a day's refresh of many sources.

    python bench/taking.py [--papers N] [--sources N] [--entries N] [--form atom|hub] [--record N] [--database URL]
                           [--http]

First N papers that nobody knows come in from files of 500, then the same again. Then a day: so many sources of so many
entries together, half of them cross-lists of each other's and a third on record already. All of it goes the way of
`newsletter feeds ingest`, from bytes to durable commits; there is no network in it. With --record, so many papers by
others are on record before. With --http the day does not come from files: a server on loopback has a feed for each
source, and one look at all of them is timed as `newsletter run` takes it; `network=` is what it takes to ask for them
once before and throw away what comes. Each part runs in a process of its own, and its last line has `elapsed=` and
`cpu=` in seconds, and `peak=` in MB of resident memory. An empty database is needed; without --database it is SQLite in
a folder that is thrown away.
"""

import argparse
import asyncio
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from made_up import papers as made_up
from sender import cpu_seconds, forget_peak, peak_megabytes, quiet

from newsletter.clock import SystemClock
from newsletter.config import Feeds
from newsletter.feeds.fetching import Fetcher
from newsletter.models import Paper
from newsletter.pipeline import refresh, servers, taking
from newsletter.store import feeds as feed_rows
from newsletter.store import schema
from newsletter.store.database import Database

A_FILE = 500
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def made(count: int, first: int) -> list[Paper]:
    """Return papers with ids, each with a title and three authors of its own."""
    chance = random.Random(first)
    found = []
    for number, paper in enumerate(made_up(count, seed=first, now=NOW), start=first):
        title = f"{paper.title.rstrip('.')} of {chance.randrange(10**6)} kinds"
        authors = tuple(
            f"{chance.choice('ABCDEFGH')}lex {chance.choice('BDFGKLM')}o{number % 977}son" for _ in range(3)
        )
        arxiv_id = f"26{number // 60_000 + 1:02}.{number % 60_000 + 10_000:05}"
        found.append(paper.model_copy(update={"title": title, "authors": authors, "arxiv_id": arxiv_id}))
    return found


def atom(papers: Sequence[Paper]) -> str:
    """Return a feed as arXiv announces papers."""
    entries = "".join(
        f"<entry><id>oai:arXiv.org:{one.arxiv_id}v1</id><title>{escape(one.title)}</title>"
        f'<link href="https://arxiv.org/abs/{one.arxiv_id}" rel="alternate"/>'
        f"<summary>arXiv:{one.arxiv_id}v1 Announce Type: new \nAbstract: {escape(one.abstract)}</summary>"
        f'<category term="cs.CL"/><published>2026-03-02T00:00:00-05:00</published>'
        f"<dc:creator>{escape(', '.join(one.authors))}</dc:creator></entry>"
        for one in papers
    )
    space = 'xmlns="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return f'<?xml version="1.0" encoding="UTF-8"?><feed {space}><title>cs.CL updates</title>{entries}</feed>'


def hub(papers: Sequence[Paper]) -> str:
    """Return a day as the hub's API gives it."""
    return json.dumps(
        [
            {
                "title": one.title,
                "publishedAt": "2026-03-01T19:00:00.000Z",
                "numComments": 1,
                "paper": {
                    "id": one.arxiv_id,
                    "title": one.title,
                    "summary": one.abstract,
                    "upvotes": 3,
                    "authors": [{"name": name, "hidden": False} for name in one.authors],
                    "ai_keywords": ["attention", "retrieval"],
                },
            }
            for one in papers
        ]
    )


def files(folder: Path, form: str, papers: Sequence[Paper], each: int) -> None:
    """Write papers as the files of a folder."""
    folder.mkdir()
    for place in range(0, len(papers), each):
        text = (atom if form == "atom" else hub)(papers[place : place + each])
        (folder / f"{place:06}.{'atom' if form == 'atom' else 'json'}").write_text(text, encoding="utf-8")


def a_day(known: Sequence[Paper], sources: int, entries: int) -> list[Paper]:
    """Return the entries of a day, source after source."""
    chance = random.Random(5)
    new = made(entries // 3, 200_001)
    crossed = [chance.choice(new) for _ in range(entries - len(new) - entries // 3)]
    day = [*new, *crossed, *chance.sample(list(known), min(entries // 3, len(known)))]
    chance.shuffle(day)
    return day


async def prepare(url: str, record: int) -> None:
    """Set the database up, with papers that no source of this measure brings."""
    database = Database.at(url)
    await schema.migrate(database, NOW)
    for first in range(0, record, 5_000):
        papers = made(min(5_000, record - first), 300_001 + first)
        parsed = taking.ParsedFeed(layout="hub-json", papers=tuple(papers))
        await taking.take_in(database, SystemClock(), parsed, "before")
    await database.close()


async def take(url: str, folder: Path, name: str) -> None:
    """Take in the files of a folder and say what it took."""
    database = Database.at(url)
    forget_peak()
    began, cpu = time.perf_counter(), cpu_seconds()
    report = await refresh.ingest(database, SystemClock(), Feeds(), [folder])
    elapsed, used = time.perf_counter() - began, cpu_seconds() - cpu
    await database.close()
    counts = f"entries {report.entries}, new {report.new}, merged {report.merged}, refused {report.refused}"
    print(f"{name}: {counts}; elapsed={elapsed:.2f} cpu={used:.2f} peak={peak_megabytes():.0f}")


async def refreshed(url: str, base: str, names: Sequence[str]) -> None:
    """Look at feeds over HTTP and say what it took."""
    database, settings = Database.at(url), Feeds(allow_hosts=("127.0.0.1",), gap=0)
    async with database.begin() as connection:
        for name in names:
            await feed_rows.add(connection, "web", base + name, NOW)
    began = time.perf_counter()
    async with Fetcher(servers.terms(settings), SystemClock()) as fetcher:
        await asyncio.gather(*(fetcher.ask(base + name) for name in names))
    network = time.perf_counter() - began
    forget_peak()
    began, cpu = time.perf_counter(), cpu_seconds()
    report = await refresh.refresh(database, SystemClock(), settings)
    elapsed, used = time.perf_counter() - began, cpu_seconds() - cpu
    await database.close()
    counts = f"entries {report.entries}, new {report.new}, merged {report.merged}, refused {report.refused}"
    print(f"a day over HTTP: {counts}; network={network:.2f}", end=" ")
    print(f"elapsed={elapsed:.2f} cpu={used:.2f} peak={peak_megabytes():.0f}")


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the files of a folder from a process of its own; give the address that their names are added to."""
    words = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    words += ["--protocol", "HTTP/1.1"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    try:
        # Serving HTTP on 127.0.0.1 port N (...
        yield f"http://127.0.0.1:{server.stdout.readline().split()[5]}/"
    finally:
        server.kill()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=10_000)
    parser.add_argument("--sources", type=int, default=30)
    parser.add_argument("--entries", type=int, default=5_000)
    parser.add_argument("--form", choices=("atom", "hub"), default="atom")
    parser.add_argument("--record", type=int, default=0)
    parser.add_argument("--database")
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--from", nargs="+", dest="served", help=argparse.SUPPRESS)
    options = parser.parse_args()
    quiet()
    if options.part:
        asyncio.run(take(options.database, Path(options.part[0]), options.part[1]))
        return
    if options.served:
        asyncio.run(refreshed(options.database, options.served[0], options.served[1:]))
        return
    with tempfile.TemporaryDirectory() as place:
        url = options.database or f"sqlite:///{place}/newsletter.db"
        asyncio.run(prepare(url, options.record))
        known = made(options.papers, 1)
        files(Path(place, "new"), options.form, known, A_FILE)
        day = a_day(known, options.sources, options.entries)
        files(Path(place, "day"), options.form, day, -(-len(day) // options.sources))
        parts = [("new", "new"), ("new", "known"), *([] if options.http else [("day", "a day")])]
        for folder, name in parts:
            command = [sys.executable, __file__, "--database", url, "--part", str(Path(place, folder)), name]
            subprocess.run(command, check=True)
        if options.http:
            with served(Path(place, "day")) as base:
                names = sorted(file.name for file in Path(place, "day").iterdir())
                subprocess.run(
                    [sys.executable, __file__, "--database", url, "--from", base, *names],
                    check=True,
                )


if __name__ == "__main__":
    main()
