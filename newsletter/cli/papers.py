"""`newsletter papers`: look at what is on record, keep a paper out of the mail, look up what has no address."""

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group
from newsletter.cli.output import Column, Output
from newsletter.cli.values import DAY
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.models import Paper
    from newsletter.pipeline.past import Imported
    from newsletter.pipeline.resolve import Asked, Report

EVERYTHING = 1_000_000_000


@click.group("papers", cls=Group)
def papers() -> None:
    """Look at papers, and keep some out of the mail."""


@papers.command("list", example="newsletter papers list quantization\nnewsletter papers list --json")
@click.argument("words", nargs=-1)
@click.option("--limit", type=click.IntRange(1), help="How many at most; by default 50, with --json all.")
@pass_face
def list_(face: Face, words: tuple[str, ...], limit: int | None) -> None:
    """List the newest papers, or those whose title has all the WORDS."""
    from newsletter.pipeline import record

    most = limit or (EVERYTHING if face.json else 50)
    found = face.run(lambda app: record.search_papers(app.database, " ".join(words), limit=most))
    face.out.table(
        (
            Column("id", "id", right=True),
            Column("title", "title", long=True),
            Column("arXiv", "arxiv_id"),
            Column("taken in", "first_seen_at", lambda moment: moment[:10]),
            Column("", "hidden", lambda hidden: "hidden" if hidden else ""),
        ),
        (paper.model_dump(mode="json") for paper in found),
        empty="No paper has these words."
        if words
        else "No paper is on record. `newsletter feeds ingest` takes some in.",
    )


@papers.command("show", example="newsletter papers show 17")
@click.argument("number", metavar="ID", type=int)
@pass_face
def show(face: Face, number: int) -> None:
    """Show all that is known of a paper."""
    from newsletter.pipeline import record, resolve

    async def act(app: "App") -> "tuple[Paper, list[Asked]]":
        return await record.paper(app.database, number), await resolve.evidence(app.database, number)

    paper, asked = face.run(act)
    if face.json:
        face.out.line({**paper.model_dump(mode="json"), "asked": [one._asdict() for one in asked]})
        return
    facts: dict[str, Any] = {
        "title": paper.title,
        "authors": paper.authors,
        "organization": paper.organization,
        "arXiv": paper.arxiv_id,
        "published": paper.published_on,
        "first seen": paper.first_seen_at,
        "source": paper.source,
        "address": paper.url,
        "links": [f"{link.kind} {link.url}" for link in paper.links],
        "looked up": [resolve.told(one) for one in asked],
        "votes": paper.votes or None,
        "hidden": paper.hidden or None,
    }
    face.out.facts(facts)
    if paper.abstract:
        face.out.say()
        face.out.say(paper.abstract)


@papers.command("hide", example="newsletter papers hide 17")
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@pass_face
def hide(face: Face, numbers: tuple[int, ...]) -> None:
    """Keep papers out of all issues that are yet to be composed."""
    _mark(face, numbers, hidden=True)


@papers.command("unhide", example="newsletter papers unhide 17")
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@pass_face
def unhide(face: Face, numbers: tuple[int, ...]) -> None:
    """Let hidden papers be chosen again."""
    _mark(face, numbers, hidden=False)


@papers.command(
    "split", example='newsletter papers split 17\nnewsletter papers split 17 "A title that is another paper\'s"'
)
@click.argument("number", metavar="ID", type=int)
@click.argument("title", required=False)
@pass_face
def split(face: Face, number: int, title: str | None) -> None:
    """Make a paper of its own of a TITLE that another paper was taken to have; without TITLE, list those it had.

    No source makes the two one again. What else is known of the new one comes when its source is looked at next.
    """
    from newsletter.pipeline import splitting

    if title is None:
        found = face.run(lambda app: splitting.titles(app.database, number))
        face.out.table(
            (Column("title", "title", whole=True),),
            ({"id": number, "title": one} for one in found),
            empty=f"Paper {number} has had one title only.",
        )
        return
    paper = face.run(lambda app: splitting.split(app.database, app.clock, number, title))
    face.out.record({"id": paper.id, "title": paper.title}, f"{paper.title} is paper {paper.id} from now on.")


def _mark(face: Face, numbers: tuple[int, ...], *, hidden: bool) -> None:
    from newsletter.pipeline import record

    async def act(app: "App") -> "list[Paper]":
        return [await record.mark_paper(app.database, number, hidden=hidden) for number in dict.fromkeys(numbers)]

    for paper in face.run(act):
        face.out.record(
            {"id": paper.id, "title": paper.title, "hidden": paper.hidden},
            f"{paper.title} is {'hidden' if hidden else 'no longer hidden'}.",
        )


@papers.command(
    "resolve", example="newsletter papers resolve\nnewsletter papers resolve --limit 20\nnewsletter papers resolve 17"
)
@click.argument("named", metavar="[PAPER]...", nargs=-1)
@click.option("--limit", type=click.IntRange(1), help="How many papers at most; by default 300.")
@pass_face
def resolve_(face: Face, named: tuple[str, ...], limit: int | None) -> None:
    """Look up papers that are known by title alone, so that mail leads to them and not to a search.

    Their titles go to the services of feeds.resolvers, slowly, and only a find that is surely the paper is kept, with
    what it rests on (`newsletter papers show ID`). A service that does not know a paper is asked again after 1, 3, 10
    and 30 days. A PAPER that is named, by its number or words of its title, is asked about at once. Ctrl-C keeps what
    was found. Leaves with 1 if papers could not be asked about.
    """
    from newsletter.pipeline.asking import Asking
    from newsletter.pipeline.resolve import Resolving

    if named and limit:
        raise UsageError("--limit is for papers that are not named.", next_step="Name papers, or a limit.")

    async def act(app: "App") -> "Report":
        work = Resolving(app.database, app.clock, app.settings.feeds)
        try:
            async with Asking(app.database, app.clock, app.settings.feeds) as ask:
                with face.out.progress("Looking up") as progress:
                    await work.run(ask, named=named, limit=limit, progress=progress)
        finally:
            # After Ctrl-C too: what was found until then is kept.
            _tell_resolved(face.out, work.report)
        return work.report

    if face.run(act, level="error").not_asked:
        raise click.exceptions.Exit(1)


def _tell_resolved(out: Output, report: "Report") -> None:
    columns = (
        Column("id", "id", right=True),
        Column("title", "title", long=True),
        Column("found by", "service", spare=True),
        Column("address", "url", whole=True),
    )
    out.table(columns, [found._asdict() for found in report.found])
    for title in report.has_address:
        out.say(f"{title} has an address already.")
    known = sum(found.known for found in report.found)
    asked = report.not_asked.total()
    total = {
        "found": len(report.found),
        "known": known,
        "not_found": report.not_found,
        "not_asked": dict(report.not_asked),
        "left": report.left,
    }
    nothing = not (report.found or report.not_found or asked or report.has_address)
    summed = f"{len(report.found):,} found, {report.not_found:,} not found, {asked:,} not asked."
    if known:
        summed += f" {known:,} of them turned out to be on record, and are one paper now."
    if report.left:
        summed += f" {report.left:,} more are due; run it again."
    out.record(total, "No paper is to be looked up now." if nothing and not report.left else summed)
    if not out.json:
        for why, number in report.not_asked.items():
            out.warn(f"Not asked about {number:,} {'paper' if number == 1 else 'papers'}: {why}")


@papers.command(
    "import",
    example="newsletter papers import --since 2026-10-01 hub\n"
    "newsletter papers import --since 2026-11-01 --until 2026-11-07 cs.CL",
)
@click.argument("source")
@click.option("--since", type=DAY, required=True, help="The first day.")
@click.option("--until", type=DAY, help="The last day; by default yesterday.")
@pass_face
def import_(face: Face, source: str, since: date, until: date | None) -> None:
    """Fill the archive from a source's past, which choosing learns from.

    SOURCE is hub (the Daily Papers of Hugging Face), categories of arXiv (cs.CL, cs.CL+cs.AI) or a search there. It is
    asked slowly, a day after the other, the latest first. A paper counts as taken in on its own day, so that nobody is
    mailed what is old. Whatever stops it (Ctrl-C too), the next call goes on with the days that are missing. Leaves
    with 1 if some are.
    """
    from newsletter.pipeline.asking import Asking
    from newsletter.pipeline.past import Importing

    async def act(app: "App") -> "Imported":
        work = Importing(app.database, app.clock, source, since, until)
        try:
            async with Asking(app.database, app.clock, app.settings.feeds) as ask:
                with face.out.progress("Importing") as progress:
                    await work.run(ask, progress=progress)
        finally:
            _tell_imported(face.out, work.report)
        return work.report

    if face.run(act, level="error").left:
        raise click.exceptions.Exit(1)


def _tell_imported(out: Output, report: "Imported") -> None:
    papers_ = f"{report.entries:,} {'entry' if report.entries == 1 else 'entries'}"
    days = f"{report.days:,} {'day' if report.days == 1 else 'days'}"
    told = f"{report.source}: {days}, {papers_}: {report.new:,} new, {report.merged:,} merged."
    if report.before:
        told += f" {report.before:,} more were on record."
    if report.left:
        told += f" {report.left:,} are missing; the same command goes on with them."
    out.record({**report._asdict(), "problems": [one.model_dump() for one in report.problems]}, told)
    if not out.json:
        if report.problems:
            out.warn(f"{len(report.problems):,} entries could not be read; the first: {report.problems[0].what}")
        if report.fault:
            out.warn(report.fault)
