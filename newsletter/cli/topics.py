"""`newsletter topics`: the catalogue of topics that can be asked for by their slug."""

from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group
from newsletter.cli.output import Column

if TYPE_CHECKING:
    from newsletter.app import App


@click.group("topics", cls=Group)
def topics() -> None:
    """Look at the topics that can be asked for."""


@topics.command("list", example="newsletter topics list\nnewsletter topics list image")
@click.argument("words", nargs=-1)
@pass_face
def list_(face: Face, words: tuple[str, ...]) -> None:
    """List the catalogue, or the topics that have all the WORDS in their name or among what speaks for them.

    People may ask for other topics too, in words of their own.
    """

    async def act(app: "App") -> list[dict[str, Any]]:
        return [entry.model_dump(mode="json") for entry in app.catalogue.values()]

    asked = [word.casefold() for word in words]
    found = [
        entry
        for entry in face.run(act, checked=False)
        if all(
            word in " ".join([entry["slug"], entry["name"], *entry["words"], *entry["phrases"]]).casefold()
            for word in asked
        )
    ]
    face.out.table(
        (
            Column("topic", "slug", whole=True),
            Column("name", "name", long=True),
            Column("under", "parent", whole=True, spare=True),
            Column("for example", "phrases", long=True),
        ),
        found,
        empty="No topic has these words; people may ask for it in words of their own all the same.",
    )
