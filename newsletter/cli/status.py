"""`newsletter status`: how things stand, in one look."""

from typing import TYPE_CHECKING

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command
from newsletter.cli.output import Column, shown
from newsletter.cli.send import MEANINGS

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.pipeline.pacing import Held


@click.command("status", cls=Command, example="newsletter status\nnewsletter status --json")
@pass_face
def status(face: Face) -> None:
    """Show how things stand.

    How many people, papers and deliveries there are, where mail goes, and when the next is due.
    """
    from newsletter.pipeline import record

    async def look(app: "App") -> "tuple[record.Status, list[Held]]":
        pacing = app.pacing()
        return await record.status(app.database), [] if pacing is None else await pacing.look()

    found, held = face.run(look)
    confirmed = found.subscribers.get("confirmed", 0)
    out = face.out
    if face.json:
        out.line(
            {
                "subscribers": confirmed,
                "papers": found.papers,
                "deliveries": found.deliveries,
                "subscribers_by_state": found.subscribers,
                "suppressions": found.suppressions,
                "next_due": found.next_due,
                "held": [one._asdict() for one in held],
            }
        )
        return
    others = ", ".join(f"{number:,} {state}" for state, number in found.subscribers.items() if state != "confirmed")
    out.facts(
        {
            "subscribers": f"{confirmed:,}" + (f" (and {others})" if others else ""),
            "papers": f"{found.papers:,}",
            "suppressed": f"{found.suppressions:,} addresses" if found.suppressions else None,
            "mail goes to": face.settings.smtp.host or "the built-in catcher: nobody is mailed until smtp.host is set",
            "next due": found.next_due,
            "held up": "; ".join(f"{one.words}, next at {shown(one.until)}" for one in held) or None,
        }
    )
    out.say()
    out.table(
        (Column("deliveries", "number", right=True), Column("state", "state"), Column("which means", "meaning")),
        [
            {"number": number, "state": state, "meaning": MEANINGS.get(state, "")}
            for state, number in sorted(found.deliveries.items())
        ],
        empty="Nothing was composed so far.",
    )
