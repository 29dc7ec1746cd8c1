"""`newsletter why`: why a person got a paper, or did not."""

from datetime import date
from typing import TYPE_CHECKING

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command
from newsletter.cli.values import DAY

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.pipeline.explain import Answer


@click.command(
    "why",
    cls=Command,
    example="newsletter why ada@example.org 17\n"
    'newsletter why ada@example.org "low-rank adaptation"\n'
    "newsletter why ada@example.org 2106.09685 --date 2026-11-20",
)
@click.argument("email")
@click.argument("paper")
@click.option("--date", "day", type=DAY, help="The local day that is asked about; by default today.")
@pass_face
def why(face: Face, email: str, paper: str, day: date | None) -> None:
    """Tell why a person got a paper, or did not; it changes nothing.

    PAPER is its number, an arXiv id, a DOI, its address, or words of its title. What they were sent is told from the
    record; else what decides today, or on the day that is asked about, by the same code that chooses. What decides
    comes first, and what holds besides comes after it.
    """
    from newsletter.pipeline import explain

    async def act(app: "App") -> "Answer":
        return await explain.why(app.database, app.clock, app.settings.ranking, app.rehearsing, email, paper, day=day)

    answer = face.run(act)
    if face.json:
        face.out.line(
            {
                "email": answer.person.email,
                "date": answer.day,
                "paper": answer.paper.id,
                "title": answer.paper.title,
                "answer": answer.because[0].kind,
                "because": [{"kind": one.kind, "sentence": one.sentence, **one.facts} for one in answer.because],
            }
        )
        return
    face.out.say(f"“{answer.paper.title}” ({answer.paper.id}) and {answer.person.email} on {answer.day}:")
    for one in answer.because:
        face.out.say(one.sentence)
