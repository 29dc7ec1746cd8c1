"""`newsletter feeds add` and `catalogue`: put sources on record, and show what they would bring."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command
from newsletter.cli.output import Column, lasting
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.pipeline.adding import Look

_KINDS = {
    "file": "a file or folder",
    "hub": "the Daily Papers of Hugging Face",
    "arxiv": "announcements of arXiv",
    "search": "a search at arXiv",
}
_LAYOUTS = {
    "atom": "Atom",
    "rss": "RSS",
    "json-feed": "JSON Feed",
    "hub-json": "JSON of daily papers",
    "page": "a page",
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@click.command(
    "add",
    cls=Command,
    example="newsletter feeds add https://rss.arxiv.org/atom/cs.CL\n"
    "newsletter feeds add cs.CL+stat.ML\n"
    "newsletter feeds add huggingface.co/papers\n"
    "newsletter feeds add --dry-run https://blog.example/\n"
    "newsletter feeds add @neuroscience",
)
@click.argument("location")
@click.option("--dry-run", is_flag=True, help="Show what it would bring, and put nothing on record.")
@click.option("--unseen", is_flag=True, help="Put it on record without asking its server.")
@pass_face
def add(face: Face, location: str, dry_run: bool, unseen: bool) -> None:
    """Put a feed on record: an address, a category of arXiv, a file or folder, or @NAME of the catalogue.

    An address is asked first. Which kind it is, is seen from what it answers: RSS, Atom, JSON Feed, the Daily Papers of
    Hugging Face, arXiv's announcements or search. A page for people leads to the feed that it names; where it names
    several, they are listed, and none is added. What is no feed is not put on record.

    `newsletter run` looks at what is on record regularly, `newsletter feeds refresh` at once. Leaves with 1 where
    something was not added.
    """
    from newsletter.pipeline import adding

    locations = adding.ready(location).sources if location.startswith("@") else (location,)
    if dry_run and unseen:
        raise click.UsageError("--dry-run and --unseen exclude each other.")

    async def one(app: "App", place: str) -> bool:
        if unseen:
            right = adding.unseen(place).location
            _told_alone(face, right, await adding.add(app.database, app.clock, right))
            return True
        found = await adding.look(app.database, app.clock, app.settings.feeds, place)
        if found.offers:
            _offer(face, found)
            return False
        new = not (dry_run or found.known) and await adding.add(app.database, app.clock, found.location, found.kind)
        _tell(face, found, new=new, dry_run=dry_run)
        return True

    async def act(app: "App") -> bool:
        added = 0
        for place in locations:
            try:
                added += await one(app, place)
            except NewsletterError as error:
                if len(locations) == 1:
                    raise
                face.out.warn(str(error))
        return added == len(locations)

    if not face.run(act, level="error"):
        raise click.exceptions.Exit(1)


@click.command(
    "catalogue",
    cls=Command,
    example="newsletter feeds catalogue\nnewsletter feeds catalogue brain\nnewsletter feeds add @neuroscience",
)
@click.argument("words", nargs=-1)
@pass_face
def catalogue(face: Face, words: tuple[str, ...]) -> None:
    """List fields of research with ready sources, all or those that the words fit.

    `newsletter feeds add @NAME` adds the sources of a field.
    """
    from newsletter.pipeline import adding

    face.out.table(
        (
            Column("name", "name", lambda name: f"@{name}", whole=True),
            Column("field", "title"),
            Column("sources", "sources", long=True),
        ),
        (
            {"name": field.name, "title": field.title, "words": field.words, "sources": field.sources}
            for field in adding.catalogue(words)
        ),
        empty="No field of the catalogue has that. `newsletter feeds catalogue` lists them all.",
    )


def _tell(face: Face, found: "Look", *, new: bool, dry_run: bool) -> None:
    asked = found.kind != "file" and not found.known
    record: dict[str, Any] = {"location": found.location, "new": new}
    if asked:
        record |= {
            "kind": found.kind,
            "layout": found.layout,
            "title": found.title,
            "entries": found.entries,
            "papers": found.papers,
            "updates": found.updates,
            "refused": found.refused,
            "newest": found.newest,
            "every_minutes": found.every.total_seconds() / 60,
            "skip_days": [_DAYS[day] for day in found.skip_days],
        }
        face.out.facts(_facts(found))
    if found.files is not None:
        record["files"] = found.files
        so_far = f"{found.files:,} {'file' if found.files == 1 else 'files'}"
        face.out.facts(
            {
                "folder": str(Path(found.location).absolute()),
                "read": f"all files in it and below, hidden ones not: {so_far} so far",
            }
        )
    if dry_run:
        face.out.record(
            record | {"dry_run": True, "known": found.known},
            f"{found.location} is on record already." if found.known else "Nothing was put on record.",
        )
    else:
        _told_alone(face, found.location, new, record)


def _told_alone(face: Face, location: str, new: bool, record: dict[str, Any] | None = None) -> None:
    known = "" if new else " already"
    face.out.record(
        record or {"location": location, "new": new},
        f"{location} is on record{known}. `newsletter feeds refresh` looks at it now.",
    )


def _facts(found: "Look") -> dict[str, Any]:
    papers = f"{found.papers:,}" if found.papers else "none at the moment"
    if found.updates:
        papers += f", and {found.updates:,} {'update' if found.updates == 1 else 'updates'} of papers"
    if found.refused:
        papers += f"; {found.refused:,} {'thing' if found.refused == 1 else 'things'} in it could not be read"
    skipped = " and ".join(f"{_DAYS[day]}s" for day in found.skip_days)
    layout = _LAYOUTS.get(found.layout, found.layout)
    return {
        "title": found.title,
        "address": found.location,
        "kind": f"{_KINDS[found.kind]} ({layout})" if found.kind in _KINDS else layout,
        "papers": papers,
        "newest": list(found.newest),
        "asked": f"every {lasting(found.every)}" + (f", but not on {skipped}" if skipped else ""),
    }


def _offer(face: Face, found: "Look") -> None:
    """List the feeds of a page, for people to choose from."""
    if face.out.json:
        face.out.line({"location": found.location, "new": False, "offers": [offer._asdict() for offer in found.offers]})
        return
    face.out.table(
        (Column("feed", "url", whole=True), Column("title", "title", long=True)),
        [offer._asdict() for offer in found.offers],
    )
    face.out.warn(
        f"{found.location} is a page that names {len(found.offers)} feeds, so nothing was added. "
        "`newsletter feeds add` one of them."
    )
