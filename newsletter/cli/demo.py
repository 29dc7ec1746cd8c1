"""`newsletter demo`: the whole job with sample papers, into the built-in catcher, which fails on demand."""

import itertools
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from newsletter.cli import send
from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command
from newsletter.cli.output import Column, Output
from newsletter.cli.values import write
from newsletter.errors import NewsletterError, NotFoundError, UsageError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.config import Settings

MARK = "# A newsletter to play with, made by `newsletter demo`."
CONFIG = f"""\
{MARK}
# Nobody is mailed as long as smtp.host is empty. config.example.toml has every setting with its meaning.

[newsletter]
# The name that readers see, and the address that mail comes from.
name = "Papers for you"
from_address = "papers@newsletter.example"

[database]
# Beside this file.
url = "sqlite:///newsletter.db"

[smtp]
# Without a host, the built-in catcher takes the mail and puts it here.
host = ""
outbox = "outbox"
"""
FAULTS = """\
# The address of a reader chooses what goes wrong, such as mute@example.org; what never comes is not waited for long.
faults = true
timeout = 2
final_timeout = 3

[delivery]
# What was put off is due again in seconds.
first_pause = 5

[bounces]
# What comes back comes to a return path of its own, into a Maildir beside this file.
address = "bounces@newsletter.example"
maildir = "returned"
"""
NOTE = """\
**Welcome.** This is the editor's note of the day, in Markdown; `newsletter editions note FILE.md` sets another.
Below are the papers that fit what *you* asked for, each with the reason why it is there.
"""
SHOWN = 3


class Persona(NamedTuple):
    """Someone who asks for some of the topics of the catalogue."""

    email: str
    topics: tuple[str, ...]
    muted: tuple[str, ...] = ()


PERSONAS = (
    Persona("ada@example.org", ("mathematical-reasoning", "theorem-proving", "test-time-scaling")),
    Persona("grace@example.org", ("quantization", "efficient-inference", "kv-cache"), ("survey",)),
    Persona("alan@example.org", ("image-generation", "video-generation", "3d-vision")),
)
# Each of these addresses is a word that the catcher knows; between them all that a mail server can answer.
FAILING = (
    "rcpt-550-5.1.1",
    "rcpt-552-5.2.2",
    "lines-rcpt-450-4.7.1",
    "data-451",
    "body-554-5.7.1",
    "close-body",
    "close-reply",
    "slow-1",
    "mute",
    "garbage",
    "bounce-5.1.1",
    "bounce-5.2.2",
    "complain",
    "away",
)


@click.command(
    "demo", cls=Command, example="newsletter demo\nnewsletter demo --faults\nnewsletter demo --dir /tmp/papers"
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="demo, or demo-faults",
    help="Where all of it goes.",
)
@click.option("--faults", is_flag=True, help="Add people whose addresses make the mail server fail, each in its way.")
@pass_face
def demo(face: Face, folder: Path | None, faults: bool) -> None:
    """Show the whole job with sample papers; nobody is mailed.

    It needs nothing set up. Three people with different topics get their mail through real SMTP, from a server that
    this command starts by itself on this machine. It leaves the settings, the database and the mail in a folder, from
    where the other commands go on. Safe to repeat.
    """
    from newsletter.pipeline import upkeep

    face.config = config = _prepared(folder or Path("demo-faults" if faults else "demo"), faults=faults)
    settings = _settings(config)
    if faults and not settings.smtp.faults:
        raise UsageError(f"{config} was made by a demo without --faults.", next_step="Name another folder with --dir.")
    face.run(lambda app: upkeep.migrate(app.database, app.clock), settings=settings, checked=False)

    async def act(app: "App") -> tuple[send.Sent, list[dict[str, Any]]]:
        await _fill(app, face.out, PERSONAS + (_failing() if faults else ()))
        sent = await send.run_once(app, face.out)
        return sent, await (_became(app) if faults else _received(app, app.clock.now().date()))

    sent, received = face.run(act, settings=settings, level="error")
    if face.json:
        face.out.table((), received)
    else:
        send.report(face.out, sent, None)
        (_tell_faults if faults else _tell)(face.out, settings, received)
    if sent.delivered.fault is not None:
        raise sent.delivered.fault


def _prepared(folder: Path, *, faults: bool) -> Path:
    """Return the settings file of the demo, made if it is not there; refuse a folder of someone else's newsletter."""
    config = folder / "config.toml"
    if config.exists():
        if not config.read_text("utf-8", errors="replace").startswith(MARK):
            raise UsageError(
                f"{config} was not made by the demo, which would add its people and papers there.",
                next_step="Name another folder with --dir.",
            )
        return config
    if (folder / "newsletter.db").exists():
        raise UsageError(
            f"{folder / 'newsletter.db'} was not made by the demo.", next_step="Name another folder with --dir."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NewsletterError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    write(config, (CONFIG + FAULTS if faults else CONFIG).encode())
    return config


def _settings(config: Path) -> "Settings":
    from newsletter.config import load

    # The environment may name a real server and a real database; the demo touches neither.
    settings = load(config, {})
    if settings.smtp.host:
        raise UsageError(
            f"{config} names a mail server, and the people of the demo are nobody's to mail.",
            next_step="`newsletter send` uses it; for the demo name another folder with --dir.",
        )
    return settings


def _failing() -> tuple[Persona, ...]:
    wishes = itertools.cycle(persona.topics for persona in PERSONAS)
    return tuple(Persona(f"{word}@example.org", next(wishes)) for word in FAILING)


async def _fill(app: "App", out: Output, personas: Sequence[Persona]) -> None:
    """Take in the sample pages, the people and the note of the day, as far as they are not there."""
    from newsletter import resources
    from newsletter.models import Topic
    from newsletter.pipeline import record, refresh
    from newsletter.pipeline import subscribers as people

    with out.progress("Taking in") as progress:
        pages = sorted(resources.seeds().glob("*.txt"))
        report = await refresh.ingest(app.database, app.clock, app.settings.feeds, pages, progress=progress)
    out.say(f"{report.entries:,} entries of {len(pages)} sample pages: {report.papers:,} papers, {report.new:,} new.")
    for persona in personas:
        try:
            await people.find(app.database, persona.email)
        except NotFoundError:
            topics = tuple(Topic(name=slug) for slug in persona.topics)
            new = people.new(
                app.settings.newsletter, app.clock, persona.email, topics=topics, muted_words=persona.muted
            )
            await people.add(app.database, app.clock, new, source="the demo")
    today = app.clock.now().date()
    if not await record.list_editions(app.database, day=today):
        cadences = await record.cadences(app.database, today)
        await record.set_note(app.database, app.clock, NOTE, today, cadences)


async def _received(app: "App", today: date) -> list[dict[str, Any]]:
    """Return what went to each person of the demo today."""
    from newsletter.pipeline import preview

    writer = await app.writer()
    received = []
    for persona in PERSONAS:
        try:
            found = await preview.preview(app.database, app.clock, writer, app.rehearsing, persona.email, day=today)
        except NotFoundError:
            continue
        if found.delivery is None:
            continue
        language = found.issue.recipient.language
        received.append(
            {
                "email": found.delivery.address,
                "topics": [topic.name for topic in found.person.topics],
                "state": str(found.delivery.state),
                "papers": [
                    {"title": pick.paper.title, "reason": preview.reason(pick, language)} for pick in found.issue.picks
                ],
            }
        )
    return received


async def _became(app: "App") -> list[dict[str, Any]]:
    """Return what became of the latest delivery to each person."""
    from newsletter.pipeline import record

    latest = {one.delivery.address: one.delivery async for one in record.list_deliveries(app.database)}
    return [
        {
            "id": one.id,
            "email": one.address,
            "state": str(one.state),
            "code": " ".join(filter(None, (str(one.code or ""), one.enhanced))),
            "text": one.text,
        }
        for one in latest.values()
    ]


def _tell_faults(out: Output, settings: "Settings", became: Sequence[dict[str, Any]]) -> None:
    from newsletter.app import failures

    out.say()
    out.table(
        (
            Column("to", "email", lambda email: str(email).partition("@")[0], whole=True),
            Column("state", "state"),
            Column("code", "code"),
            Column("what was said", "text"),
        ),
        became,
    )
    words, steps = failures()
    out.say()
    out.say("The address chooses the failure, by what stands before the @ or behind a plus there:")
    out.say()
    out.table(
        (Column("word", "form", whole=True), Column("what happens", "meaning")), [word._asdict() for word in words]
    )
    out.say()
    out.say(steps)
    unknown = next((one["id"] for one in became if one["state"] == "unknown"), became[-1]["id"] if became else 1)
    out.say()
    out.say("Go on with:")
    for command in (
        "deliveries list --state failed",
        f"deliveries show {unknown}",
        "deliveries retry --state unknown",
        "send",
        "bounces ingest",
    ):
        out.say(f"  {out.program} {command}", whole=True)


def _tell(out: Output, settings: "Settings", received: Sequence[dict[str, Any]]) -> None:
    out.say()
    out.table(
        (
            Column("who asked for what", "who", whole=True),
            Column("papers", "papers", lambda papers: str(len(papers)), right=True),
            Column("the first of them, and why", "papers", _first, long=True),
        ),
        ({**one, "who": "\n  ".join([one["email"], *one["topics"]])} for one in received),
        lines=True,
    )
    out.say()
    out.say(
        f"The mail is in {_short(settings.path(settings.smtp.outbox))}: *.html for a browser, *.eml as it was sent."
    )
    out.say()
    out.say("Go on with:")
    for command in (f"preview {PERSONAS[0].email}", "send"):
        out.say(f"  {out.program} {command}", whole=True)


def _first(papers: Sequence[dict[str, str]]) -> str:
    return "\n".join(f"{paper['title']}\n  {paper['reason']}" for paper in papers[:SHOWN])


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
