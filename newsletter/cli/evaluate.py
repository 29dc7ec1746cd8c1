"""`newsletter evaluate`: what other settings would have sent, measured on what readers said."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command
from newsletter.cli.output import Column
from newsletter.cli.values import FILE
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.config import Ranking
    from newsletter.pipeline.evaluate import Evaluation

TODAY = "settings of now"


@click.command(
    "evaluate",
    cls=Command,
    example="newsletter evaluate --set ranking.popularity=0.3\n"
    "newsletter evaluate --days 90 --settings other.toml --set ranking.papers=7",
)
@click.option("--days", type=click.IntRange(1, 3650), default=28, show_default=True, help="How far to go back.")
@click.option(
    "--set", "given", multiple=True, metavar="NAME=VALUE", help="A setting of [ranking] to try; may be repeated."
)
@click.option("--settings", "file", type=FILE, metavar="F", help="A settings file whose [ranking] is tried.")
@pass_face
def evaluate(face: Face, days: int, given: tuple[str, ...], file: Path | None) -> None:
    """Replay the past: what would other settings have sent?

    Each issue of the last days is chosen anew by what its reader had received and said before it, with the settings of
    now and with those that are given. Counted is what readers said later: how many of their likes (more, saved) would
    have been sent and in which place (the mean of 1 / place, 0 for what was not sent), and how many dislikes. Nothing
    on record is changed. What people wish for, and the votes of papers, are taken as they are now.
    """
    from newsletter.pipeline import evaluate as replays

    ways = {TODAY: face.settings.ranking} | _tried(face, given, file)

    async def act(app: "App") -> "Evaluation":
        with face.out.progress("Replaying", None) as progress:
            return await replays.evaluate(
                app.database,
                app.clock,
                ways,
                app.blank_ranker,
                lambda ranking: app.placing(ranking, kept=False, strict=True),
                days=days,
                progress=progress,
            )

    _show(face, face.run(act))


def _tried(face: Face, given: tuple[str, ...], file: Path | None) -> "dict[str, Ranking]":
    from newsletter import config

    if not given and file is None:
        return {}
    values: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise UsageError(f"{one} has no value.", next_step="Write it as ranking.popularity=0.3.")
        if "." in name and not name.startswith("ranking."):
            raise UsageError(f"{name} does not change what is chosen.", next_step="Only [ranking] can be tried.")
        values[name.strip() if "." in name else f"ranking.{name.strip()}"] = value.strip()
    settings = face.settings if file is None else config.load(file)
    named = ([file.name] if file is not None else []) + [
        f"{name.partition('.')[2]}={value}" for name, value in values.items()
    ]
    return {", ".join(named): config.change(settings, values).ranking}


def _show(face: Face, found: "Evaluation") -> None:
    def shown(score: Any) -> dict[str, Any]:
        record: dict[str, Any] = {**score._asdict(), "name": "really sent" if score.name == "sent" else score.name}
        return {**record, "place": round(score.place, 4), "share": f"{score.caught:,} of {score.likes:,}"}

    rows = [shown(score) for score in found.scores]
    if face.json:
        for row in rows:
            face.out.line({name: value for name, value in row.items() if name != "share"})
        face.out.line({"since": found.since, "readers": found.readers, "verdict": found.verdict})
        return
    face.out.table(
        (
            Column("settings", "name"),
            Column("issues", "issues", right=True),
            Column("papers", "papers", right=True),
            Column("likes caught", "share", right=True),
            Column("1/place", "place", lambda place: f"{place:.3f}", right=True),
            Column("dislikes", "dislikes", right=True),
        ),
        rows,
    )
    face.out.say()
    face.out.say(found.verdict)
    face.out.say(
        "Readers mostly like what they were sent, so hold the replays against each other, and not against that."
    )
