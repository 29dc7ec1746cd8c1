"""`newsletter papers`: look at what is on record, and keep a paper out of the mail."""

from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group
from newsletter.cli.output import Column

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.models import Paper

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
    from newsletter.pipeline import record

    paper = face.run(lambda app: record.paper(app.database, number))
    if face.json:
        face.out.line(paper.model_dump(mode="json"))
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
