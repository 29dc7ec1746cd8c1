"""Play the 44 real days of ../shared/feeds, and those between them, to the acts of `newsletter run`; judge its mail.

    python bench/days.py [--days FIRST-LAST] [--faults] [--kills N] [--seed S] [--folder D]

The days are those of tests/played.py, the readers those of tests/season.py: a hub, announcements of arXiv and other
feeds with all that may befall them, 14 readers, mail by SMTP; only the clock is a fake. First they are played plainly.
With --faults again, with faults of the web servers and of the mail server at random moments and acts that are cut off;
with --kills again, with the program in a process of its own that is killed with SIGKILL so often, at random questions
to the web servers and random steps of the dialogue of SMTP, and started again at the moment at which it died.

With --folder it may be stopped and called again: of the three, what was played to its end with the same days, seed and
program is kept there, and its line printed again; what was not begins anew.

It is judged by what the mail server took: every due issue once, no paper twice for anybody. It prints a line a run, and
one that compares the records, with whoever got something else; the exit code is 1 if anything was missing, doubled, or
unlike, but for a mail that was put together while a source was away.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import played  # noqa: E402
import season  # noqa: E402
from sender import quiet  # noqa: E402
from web_server import Page, Talk  # noqa: E402

from newsletter.config.sending import Delivery  # noqa: E402
from newsletter.store import schema  # noqa: E402
from newsletter.store.database import Database  # noqa: E402

SHARED = ROOT.parent / "shared"


async def new(url: str, moment: datetime) -> None:
    """Set a database up."""
    database = Database.at(url)
    await schema.migrate(database, moment)
    await database.close()


class Process:
    """The program in a process of its own, which is killed at random moments and started again."""

    def __init__(self, where: season.Place, url: str, folder: Path, chance: Random, kills: int) -> None:
        self._where = where
        self._words = [url, str(folder)]
        self._chance = chance
        self.left = kills
        self.count = 0
        self._wait = 0
        self._child: asyncio.subprocess.Process | None = None

    def event(self) -> None:
        """Count a question or a step of the dialogue, and kill at the one that chance chose."""
        self._wait -= 1
        if self._wait == 0 and self.left and self._child is not None and self._child.returncode is None:
            self._child.kill()
            self.left -= 1
            self.count += 1

    async def run(self) -> None:
        """Play all moments, each again whose process died."""
        times = list(season.moments(self._where.days))
        place = 0
        while place < len(times):
            self._wait = self._chance.randint(1, 60)
            place = await self._life(times, place)

    async def _life(self, times: list[datetime], place: int) -> int:
        """Start a process, go on with it as long as it lives or the day lasts, and return the moment not done."""
        feeds = [word for kind, location in self._where.feeds() for word in (kind, location)]
        self._child = child = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--child", *self._words, str(self._where.mail.port), *feeds,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        day = times[place].date()
        while place < len(times) and times[place].date() == day:
            self._where.clock.moment = times[place]
            first = "first" if place == 0 else "on"
            try:
                child.stdin.write(f"{times[place].isoformat()} {first}\n".encode())
                await child.stdin.drain()
            except ConnectionError:
                break
            if await child.stdout.readline() != b"done\n":
                break
            self._where.note()
            place += 1
        child.stdin.close()
        if await child.wait() > 0:
            sys.exit("The program failed by itself.")
        self._where.note()
        return place


async def child(url: str, folder: str, port: str, *feeds: str) -> None:
    """Act at the moments that are said, each on a line."""
    from newsroom import Clock

    from newsletter import app as apps

    line = await asyncio.to_thread(sys.stdin.readline)
    clock = Clock(datetime.fromisoformat(line.split()[0]))
    async with apps.open_app(season.settings(url, Path(folder), int(port)), clock=clock) as app:
        renderer = app.renderer()
        vars(app)["renderer"] = lambda: renderer
        await season.begin(app, list(zip(feeds[::2], feeds[1::2], strict=True)))
        while line:
            word, which = line.split()
            clock.moment = datetime.fromisoformat(word)
            await season.people(app, first=which == "first")
            await season.moment(app, season.plainly)
            print("done", flush=True)
            line = await asyncio.to_thread(sys.stdin.readline)


def program() -> str:
    """Return what is another one for any other program: a hash of all that is played."""
    found = blake2b(digest_size=16)
    parts = [*(ROOT / "newsletter").rglob("*"), *(ROOT / "templates").rglob("*"), *(ROOT / "tests").glob("*.py")]
    for path in sorted(path for path in [*parts, Path(__file__)] if path.is_file() and path.suffix != ".pyc"):
        found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def played_before(name: str, folder: Path, terms: dict[str, Any]) -> bool | None:
    """Return whether all was right as this was played to its end on these terms; else clear what is left of it."""
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads((folder / f"{name}.json").read_text("utf-8"))
        if kept["terms"] == terms:
            print(f"{kept['line']} (of before)", flush=True)
            return bool(kept["right"])
    for old in folder.glob(f"{name}.*"):
        old.unlink()
    return None


def keep(name: str, folder: Path, played: dict[str, Any]) -> None:
    """Keep how it ended."""
    (folder / f"{name}.json").write_text(json.dumps(played), "utf-8")


async def one(
    name: str, days: range, folder: Path, play: Callable[..., Awaitable[str]], terms: dict[str, Any]
) -> tuple[str, bool]:
    """Play the days once, judge, and return the database with whether all was right.

    What was played to its end on the same terms, as the folder has it, is not played again.
    """
    url = f"sqlite:///{folder}/{name}.db"
    if (before := played_before(name, folder, terms)) is not None:
        return url, before
    began = time.perf_counter()
    async with season.place(SHARED, days) as where:
        await new(url, where.clock.now())
        what = await play(where, url, folder)
        # A plain season is in time; what fails is tried again for so long.
        within = season.LATER_STEP if name == "plain" else timedelta(seconds=Delivery().give_up_after)
        verdict = await season.judge(where, url, within)
    line = (
        f"{name}: {what}issues={verdict.issues} empty={verdict.empty} missing={len(verdict.missing)}"
        f" extra={len(verdict.extra)} twice={len(verdict.twice)} unlike={len(verdict.unlike)}"
        f" untimely={len(verdict.untimely)}"
        f" elapsed={time.perf_counter() - began:.0f}"
    )
    print(line, flush=True)
    if not verdict.right:
        print(verdict, flush=True)
    keep(name, folder, {"terms": terms, "line": line, "right": verdict.right})
    return url, verdict.right


async def compare(name: str, before: str, after: str) -> bool:
    """Print how two records differ, and return whether they are the same.

    These are works with their votes, the days of all issues, and what everybody got, in its order. Where a source was
    away while a mail was put together in one of the two, that mail differs; it is told apart, with those papers.
    """
    works = await season.works(before) == await season.works(after)
    old, new = await season.received(before), await season.received(after)
    days = {who: [day for day, _ in got] for who, got in old.items()} == {
        who: [day for day, _ in got] for who, got in new.items()
    }
    known = dict.fromkeys(old) | dict.fromkeys(new)
    first, second = ({who: set().union(*(one for _, one in got[who])) for who in known} for got in (old, new))
    shared = sum(len(first[who] & second[who]) for who in known)
    total = sum(len(first[who]) for who in known)
    print(f"{name} against plain: same works and votes={works} same issues={days} same papers={shared}/{total}")
    differ = await season.unlike(before, after)
    for (who, day), papers in differ.issues.items():
        what = f"at hand in one alone: {', '.join(sorted(papers))}" if papers else "though the same papers were at hand"
        print(f"{who} gets something else from {day} on, {what}")
    return works and days and not differ.without_cause


async def main_(options: argparse.Namespace) -> bool:
    first, _, last = options.days.partition("-")
    days = range(int(first), int(last) + 1)
    terms = {"days": options.days, "program": program()}
    print(f"seed={options.seed}", flush=True)

    async def plainly(where: season.Place, url: str, folder: Path) -> str:
        await season.play(where, url, folder, season.plainly)
        return ""

    async def faulty(where: season.Place, url: str, folder: Path) -> str:
        # Each has chance of its own, so that it is the same whatever was played before it.
        chance = Random(f"{options.seed} faults")
        where.sources.trouble = trouble = played.Trouble(chance)
        season.mail_trouble(where.mail, chance)
        killer = season.Killer(chance, 0.05)
        await season.play(where, url, folder, killer)
        return f"faults={trouble.count} cut_off={killer.count} "

    async def killed(where: season.Place, url: str, folder: Path) -> str:
        process = Process(where, url, folder, Random(f"{options.seed} kills"), options.kills)

        def asked(_path: str, _page: Page) -> Page | Talk | None:
            process.event()
            return None

        def stepped(_: Any) -> None:
            process.event()

        where.sources.trouble = asked
        where.mail.rules = dict.fromkeys(("MAIL", "RCPT", "DATA", "body", "end", "RSET", "QUIT"), stepped)
        await process.run()
        return f"kills={process.count} "

    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        plain, right = await one("plain", days, folder, plainly, terms)
        terms |= {"seed": options.seed, "kills": options.kills}
        more = ([("faults", faulty)] if options.faults else []) + ([("kills", killed)] if options.kills else [])
        for what, play in more:
            url, good = await one(what, days, folder, play, terms)
            right = good and await compare(what, plain, url) and right
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", default="0-60", help="counted from the first of the real ones")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3)))
    parser.add_argument("--folder", type=Path, help="keeps what was played to its end")
    parser.add_argument("--child", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    quiet()
    if options.child:
        asyncio.run(child(*options.child))
        return
    if not (SHARED / "feeds").is_dir():
        sys.exit("needs the real days of ../shared/feeds, which are not here")
    sys.exit(0 if asyncio.run(main_(options)) else 1)


if __name__ == "__main__":
    main()
