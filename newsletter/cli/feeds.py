"""`newsletter feeds`: take papers in from files and feeds, and say what each brought."""

import itertools
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli import adding
from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group
from newsletter.cli.output import Column, Output
from newsletter.errors import NotFoundError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.models import Feed
    from newsletter.pipeline.refresh import IngestReport

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
    """List the feeds and how the last look at each went."""
    from newsletter.pipeline import refresh

    found = face.run(lambda app: refresh.list_feeds(app.database))
    face.out.table(
        (
            Column("feed", "location", whole=True),
            Column("title", "title", long=True),
            Column("last taken in", "last_success_at"),
            Column("what is wrong", "fault"),
        ),
        map(_record, found),
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


@feeds.command("refresh", example="newsletter feeds refresh")
@pass_face
def refresh_(face: Face) -> None:
    """Look at all feeds on record now. Leaves with 1 if one could not be read."""
    from newsletter.pipeline import refresh

    async def act(app: "App") -> "IngestReport | None":
        if not await refresh.list_feeds(app.database):
            return None
        with face.out.progress("Looking"):
            return await refresh.refresh(app.database, app.clock, app.settings.feeds)

    # What goes wrong stands in the report; the log would tell it twice.
    report = face.run(act, level="error")
    if report is None:
        face.out.say("No feed is on record. `newsletter feeds add ADDRESS` adds one.")
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
    }


def _report(face: Face, report: "IngestReport") -> None:
    out = face.out
    total = {
        "sources": len(report.sources),
        "entries": report.entries,
        "papers": report.papers,
        "new": report.new,
        "merged": report.merged,
        "refused": report.refused,
    }
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
    if any(source.refused and not source.entries for source in report.sources):
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
