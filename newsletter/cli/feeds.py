"""`newsletter feeds`: take papers in from files and feeds, and say what each brought."""

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli import adding
from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group
from newsletter.cli.output import Column, Output, shown
from newsletter.cli.values import DAY
from newsletter.errors import NotFoundError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.models import Feed
    from newsletter.pipeline.reporting import IngestReport, NotAsked

# So many of what was refused are told; --json tells all.
MOST_REFUSED = 20


@click.group("feeds", cls=Group)
def feeds() -> None:
    """Take papers in."""


feeds.add_command(adding.add)
feeds.add_command(adding.catalogue)


@feeds.command("list", example="newsletter feeds list\nnewsletter feeds list --json")
@pass_face
def list_(face: Face) -> None:
    """List the feeds: when each was last read, what is wrong and since when, and when it is asked next.

    A feed that its server says has moved for good is asked at its new address, which is named here.
    """
    from newsletter.pipeline import refresh

    found = face.run(lambda app: refresh.list_feeds(app.database))
    face.out.table(
        (
            Column("feed", "location", whole=True),
            Column("title", "title", long=True, spare=True),
            Column("last taken in", "last_success_at"),
            Column("next look", "next_poll_at", lambda moment: moment if isinstance(moment, str) else shown(moment)),
            Column("what is wrong", "what"),
        ),
        (_record(feed) if face.json else _told(feed) for feed in found),
        empty="No feed is on record. `newsletter feeds add ADDRESS` adds one.",
    )


@feeds.command("remove", example="newsletter feeds remove https://rss.arxiv.org/atom/cs.CL")
@click.argument("location")
@pass_face
def remove(face: Face, location: str) -> None:
    """Forget a feed; its papers stay."""
    from newsletter.pipeline import refresh

    if not face.run(lambda app: refresh.remove_feed(app.database, location)):
        raise NotFoundError(f"There is no feed {location}.", next_step="`newsletter feeds list` shows them.")
    face.out.record({"location": location, "removed": True}, f"{location} is forgotten; its papers stay.")


@feeds.command("ingest", example="newsletter feeds ingest pages/*.txt\nnewsletter feeds ingest hub/ arxiv.atom")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@pass_face
def ingest(face: Face, paths: tuple[Path, ...]) -> None:
    """Take in saved pages, the hub's JSON, Atom and RSS, from files and all files of folders.

    What each file is, is seen from its bytes. A paper that is known becomes better known; the same file taken in again
    adds nothing. What cannot be read is told with its place and its reason, and costs the rest nothing. Leaves with 1
    if a whole file could not be read.
    """
    from newsletter.pipeline import refresh

    async def act(app: "App") -> "IngestReport":
        with face.out.progress("Taking in") as progress:
            return await refresh.ingest(app.database, app.clock, app.settings.feeds, paths, progress=progress)

    _report(face, face.run(act))


@feeds.command("refresh", example="newsletter feeds refresh\nnewsletter feeds refresh --all")
@click.option("--all", "everything", is_flag=True, help="Ask those too that are not due, and those that are gone.")
@pass_face
def refresh_(face: Face, everything: bool) -> None:
    """Look at the feeds that are due, and say which are not.

    When a feed is due depends on feeds.refresh_minutes, and on what the feed and its server want. A server that wants
    to be left alone for a time is never asked before. A feed that brought nothing on a day, or far less than it does
    on that weekday, is told once, unless that was a holiday of its source. Leaves with 1 if a feed could not be read,
    or such a day is told.
    """
    from newsletter.pipeline import refresh

    async def act(app: "App") -> "IngestReport | None":
        if not await refresh.any_feeds(app.database):
            return None
        with face.out.progress("Looking"):
            report = await refresh.refresh(
                app.database,
                app.clock,
                app.settings.feeds,
                everything=everything,
                window_days=app.settings.ranking.window_days,
            )
        await app.tell_operator(report.lasting)
        return report

    # What goes wrong stands in the report; the log would tell it twice.
    report = face.run(act, level="error")
    if report is None:
        face.out.say("No feed is on record. `newsletter feeds add ADDRESS` adds one.")
    else:
        _report(face, report)


@feeds.command("replay", example="newsletter feeds replay --since 2026-11-01\nnewsletter feeds replay FEED")
@click.argument("feed", required=False)
@click.option("--since", type=DAY, metavar="DATE", help="Only what was answered on that day (UTC) or later.")
@pass_face
def replay_(face: Face, feed: str | None, since: date | None) -> None:
    """Take in again what feeds answered, without asking anybody.

    What feeds answer is kept for feeds.keep_days. Papers that are known stay as they are; those that are not count as
    come in on the day on which their feed first brought them. What a feed had of its past at the first look is of the
    past again, so that no reader gets it as new. Safe to repeat.
    """
    from newsletter.pipeline import replay

    async def act(app: "App") -> "IngestReport":
        with face.out.progress("Taking in") as progress:
            return await replay.replay(
                app.database,
                since=since,
                location=feed,
                progress=progress,
                window_days=app.settings.ranking.window_days,
            )

    report = face.run(act)
    if not report.sources:
        face.out.say("No feed has answered anything in that time. `newsletter feeds refresh` asks those that are due.")
    else:
        _report(face, report)


def _record(feed: "Feed") -> dict[str, Any]:
    return {
        "location": feed.location,
        "kind": feed.kind,
        "title": feed.title,
        "added_at": feed.added_at,
        "last_success_at": feed.last_success_at,
        "fault": feed.last_fault,
        "fault_at": feed.last_fault_at,
        "faulty_since": feed.faulty_since,
        "next_poll_at": feed.next_poll_at,
        "not_before": feed.not_before,
        "moved_to": feed.moved_to,
        "gone_at": feed.gone_at,
    }


def _told(feed: "Feed") -> dict[str, Any]:
    """Return what a line for people has of a feed."""
    words = [feed.last_fault] if feed.last_fault else []
    if feed.faulty_since is not None:
        words.append(f"(Since {shown(feed.faulty_since)}.)")
    if feed.moved_to:
        words.append(f"It has moved to {feed.moved_to} for good.")
    when = "never by itself" if feed.gone_at is not None else feed.next_poll_at or "as soon as it can be"
    return {**_record(feed), "next_poll_at": when, "what": " ".join(words)}


def _report(face: Face, report: "IngestReport") -> None:
    out = face.out
    total: dict[str, Any] = {
        "sources": len(report.sources),
        "entries": report.entries,
        "papers": report.papers,
        "new": report.new,
        "merged": report.merged,
        "refused": report.refused,
    }
    if report.quiet:
        total["quiet"] = [day._asdict() for day in report.quiet]
    if report.not_asked:
        total["not_asked"] = [feed._asdict() for feed in report.not_asked]
    if not out.quiet:
        out.table(_COLUMNS, [_source(source) for source in report.sources])
    if report.refused and not out.json:
        _tell_refused(out, report)
    whole = "Together: " if len(report.sources) > 1 else ""
    entries = f"{report.entries:,} {'entry' if report.entries == 1 else 'entries'}"
    papers = f"{report.papers:,} {'paper' if report.papers == 1 else 'papers'}"
    out.record(
        total,
        f"{whole}{entries}, {papers}: {report.new:,} new, {report.merged:,} merged, {report.refused:,} refused.",
    )
    _tell_not_asked(out, report.not_asked)
    if not out.json:
        for day in report.quiet:
            out.warn(str(day))
    if report.quiet or any(source.refused and not source.entries for source in report.sources):
        raise click.exceptions.Exit(1)


_COLUMNS = (
    Column("source", "source", lambda source: _name(source), whole=True),
    Column("layout", "layout", spare=True),
    Column("entries", "entries", right=True),
    Column("papers", "papers", right=True),
    Column("new", "new", right=True),
    Column("merged", "merged", right=True),
    Column("refused", "refused", lambda refused: str(len(refused)), right=True),
)


def _source(source: Any) -> dict[str, Any]:
    return {
        "source": source.source,
        "layout": source.layout,
        "entries": source.entries,
        "papers": source.different,
        "new": source.new,
        "merged": source.merged,
        "refused": [{"where": problem.where, "what": problem.what} for problem in source.refused],
    }


def _tell_not_asked(out: Output, not_asked: "Sequence[NotAsked]") -> None:
    """Tell which feeds were not asked, and when they are."""
    why = {"not due": "is not due", "silence": "is left alone, as its server wants", "gone": "is gone"}
    for feed in not_asked[:MOST_REFUSED]:
        when = f"; it is asked at {shown(feed.until)} at the earliest" if feed.until is not None else ""
        out.say(f"{feed.location} {why[feed.why]}{when}.")
    if len(not_asked) > MOST_REFUSED:
        out.say(f"... {len(not_asked):,} were not asked; `newsletter feeds list` shows when each is.")


def _tell_refused(out: Output, report: "IngestReport") -> None:
    """Tell what was refused, by the source that it stood in, and what is the same once."""
    left = MOST_REFUSED
    for source in report.sources:
        same = Counter(
            (problem.where.removeprefix(f"{_name(source.source)}, "), problem.what) for problem in source.refused
        )
        if same and left > 0:
            out.warn(f"Refused in {source.source}:")
        for (where, what), number in itertools.islice(same.items(), left):
            out.warn(f"  {where}: {what}" + (f" ({number:,} times)" if number > 1 else ""))
        left = max(0, left - len(same))
    if report.refused > MOST_REFUSED:
        out.warn(f"... {report.refused:,} in all; --json lists each.")


def _name(source: str) -> str:
    return source if "://" in source else Path(source).name
