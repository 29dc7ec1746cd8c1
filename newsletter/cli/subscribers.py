"""`newsletter subscribers`: people, what they asked for, and whether they may be mailed."""

from datetime import date
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli import wishes
from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group
from newsletter.cli.output import Column
from newsletter.cli.values import CONSENT, DAY, FILE, read, write
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.models import Feed, Subscriber
    from newsletter.pipeline.roster import ImportReport

SOURCE = "command line"
# A line of the file has some hundred bytes: this is about a million people.
LARGEST_FILE = 200_000_000
MOST_REFUSED = 20


@click.group("subscribers", cls=Group)
def subscribers() -> None:
    """Add, show, change and remove people."""


@subscribers.command(
    "add",
    example="newsletter subscribers add ada@example.org --topic reasoning --topic 'game theory:0.5'\n"
    "newsletter subscribers add alan@example.org --topic quantization --mute survey"
    " --cadence weekly:mon --hour 8 --timezone Europe/London",
)
@click.argument("email")
@wishes.options
@click.option("--again", is_flag=True, help="Take back someone who had unsubscribed, at their wish.")
@click.option("--welcome", is_flag=True, help="Queue a mail that welcomes them; the next `newsletter send` sends it.")
@click.option(
    "--unconfirmed", is_flag=True, help="Queue a mail that asks them; nothing else is sent before they say yes."
)
@pass_face
def add(face: Face, /, email: str, *, again: bool, welcome: bool, unconfirmed: bool, **asked: Any) -> None:
    """Put a person on record, with a consent that they gave to you, or (--unconfirmed) that they are asked for.

    A topic is a slug of `newsletter topics list` or free words; a weight from -1 to 1 may stand after its last colon,
    and a topic of negative weight pushes papers down. Whoever names no topic gets what is popular.
    """
    from newsletter.pipeline import subscribers as people

    async def act(app: "App") -> "tuple[Subscriber, list[str]]":
        new = people.new(app.settings.newsletter, app.clock, email, **wishes.given(**asked))
        if unconfirmed:
            added = await people.ask(app.database, app.notices, new, source=SOURCE)
            return added, await wishes.doubts(app, [topic.name for topic in added.topics])
        told = app.notices if welcome else None
        added = await people.add(app.database, app.clock, new, source=SOURCE, again=again, welcome=told)
        return added, await wishes.doubts(app, [topic.name for topic in added.topics])

    if unconfirmed and (again or welcome):
        raise click.UsageError("--unconfirmed stands alone: who says yes is welcomed, and may have left before.")
    added, doubts = face.run(act)
    waits = " Once `newsletter send` has asked them and they have said yes, they get it." if unconfirmed else ""
    face.out.record(_record(added), f"{added.email} is on record: {_wish(added)}.{waits}")
    for doubt in doubts:
        face.out.warn(doubt)


@subscribers.command(
    "list", example="newsletter subscribers list\nnewsletter subscribers list --state unsubscribed --json"
)
@click.option("--state", type=CONSENT, help="Only those in this state of consent.")
@pass_face
def list_(face: Face, state: str | None) -> None:
    """List people, oldest first."""
    from newsletter.models import Consent
    from newsletter.pipeline import subscribers as people

    found = face.run(lambda app: people.everyone(app.database, state=None if state is None else Consent(state)))
    face.out.table(
        (
            Column("address", "email", whole=True),
            Column("state", "state", lambda state: str(state)),
            Column("cadence", "cadence"),
            Column("hour", "hour", right=True, spare=True),
            Column("time zone", "timezone", long=True, spare=True),
            Column("wants", "wants", spare=True),
            Column("topics", "topics", _topics, long=True),
        ),
        map(_listed, found),
        empty="Nobody is like that."
        if state
        else "Nobody is on record. `newsletter subscribers add ADDRESS` adds someone.",
    )


@subscribers.command("show", example="newsletter subscribers show ada@example.org")
@click.argument("email")
@pass_face
def show(face: Face, email: str) -> None:
    """Show all that is on record of a person: their wishes, the evidence of their consent, their latest issues."""
    from newsletter.pipeline import subscribers as people

    found = face.run(lambda app: people.details(app.database, email))
    person = found.subscriber
    if face.json:
        consents = [consent.model_dump(mode="json") for consent in found.consents]
        issues = [{"edition": day, "state": state, "papers": number} for day, state, number in found.issues]
        face.out.line({**_record(person), "consents": consents, "issues": issues, "suppressed": found.suppressed})
        return
    face.out.facts(
        {
            "address": person.email,
            "state": person.state,
            "paused": _pause(person),
            "must not be mailed": found.suppressed,
            "topics": _topics(_record(person)["topics"]) or "none: gets what is popular",
            "muted words": person.muted_words,
            "authors": person.authors,
            "muted authors": person.muted_authors,
            "searches": [_search(search) for search in found.searches],
            "wants": _amount(person) or None,
            "cadence": f"{person.cadence}, at {person.hour}:00 in {person.timezone}",
            "language": person.language,
        }
    )
    face.out.say()
    face.out.table(
        (
            Column("consent", "state"),
            Column("since", "at"),
            Column("how", "how"),
            Column("source", "source", long=True),
        ),
        [{**dict(consent), "state": str(consent.state)} for consent in found.consents],
    )
    face.out.say()
    face.out.table(
        (Column("issue of", "day"), Column("state", "state"), Column("papers", "papers", right=True)),
        [{"day": day, "state": state, "papers": number} for day, state, number in found.issues],
        empty="They had no issue so far.",
    )


@subscribers.command(
    "edit",
    example="newsletter subscribers edit ada@example.org --hour 9 --add-topic robotics\n"
    "newsletter subscribers edit ada@example.org --email ada@example.com --clear mute",
)
@click.argument("email")
@click.option("--email", "address", metavar="EMAIL", help="Their new address.")
@wishes.options
@wishes.changes
@pass_face
def edit(face: Face, /, email: str, *, address: str | None, **asked: Any) -> None:
    """Change what is named of a person; all else stays.

    --topic, --mute, --author, --mute-author and --search each stand for all that there was of their kind.
    """
    from newsletter.pipeline import subscribers as people

    change = wishes.change(address, **asked)

    async def act(app: "App") -> "tuple[Subscriber, list[str]]":
        before = await people.find(app.database, email)
        changed = await people.edit(app.database, email, change, clock=app.clock)
        new = {topic.name for topic in changed.topics} - {topic.name for topic in before.topics}
        return changed, await wishes.doubts(app, sorted(new))

    changed, doubts = face.run(act)
    face.out.record(_record(changed), f"{changed.email} is on record: {_wish(changed)}.")
    for doubt in doubts:
        face.out.warn(doubt)


@subscribers.command(
    "import", example="newsletter subscribers import people.csv\nnewsletter subscribers import - < people.csv"
)
@click.argument("file", type=FILE, metavar="FILE.csv")
@pass_face
def import_(face: Face, file: Path) -> None:
    """Take in people from CSV, with a consent that they gave to you.

    The first line names the columns: email, and if you like topics (with ; between), cadence, hour, timezone, language,
    muted_words, authors, muted_authors, searches, paused_until, papers, minutes, bar, look, best_missed. People on
    record are passed over as they are: safe to repeat. Lines that cannot be taken are listed with the reason, the
    others are taken in; then it leaves with 1.
    """
    from newsletter.pipeline import record, roster

    content = read(file, "The list", most=LARGEST_FILE)
    source = "import from the standard input" if str(file) == "-" else f"import of {file.name}"

    async def act(app: "App") -> "tuple[ImportReport, list[str]]":
        with face.out.progress("Taking in", content.count("\n")) as progress:
            report = await roster.import_csv(
                app.database, app.clock, app.settings.newsletter, content, source=source, progress=progress
            )
        # Before there are papers no topic of one's own matches any, which would be a long list of nothing.
        any_papers = (await record.status(app.database)).papers
        return report, await wishes.doubts(app, sorted(report.topics)) if any_papers else []

    report, doubts = face.run(act)
    refused = [one._asdict() for one in report.refused]
    if face.json:
        face.out.line({"added": report.added, "known": report.known, "refused": refused})
    else:
        face.out.say(f"{report.added:,} added, {report.known:,} were on record, {len(refused):,} refused.")
        for one in refused:
            who = f" ({one['email']})" if one["email"] else ""
            face.out.warn(f"line {one['line']}{who}: {one['why']}")
    for doubt in doubts[:MOST_REFUSED]:
        face.out.warn(doubt)
    if len(doubts) > MOST_REFUSED:
        face.out.warn(f"... and {len(doubts) - MOST_REFUSED:,} more topics match nothing.")
    if refused:
        raise click.exceptions.Exit(1)


@subscribers.command("export", example="newsletter subscribers export people.csv")
@click.argument("file", type=FILE, metavar="[FILE.csv]", default="-")
@pass_face
def export(face: Face, file: Path) -> None:
    """Print everyone as CSV, or write it to a file; `import` takes it back."""
    from newsletter.pipeline import roster

    content = face.run(lambda app: roster.export_csv(app.database))
    if str(file) == "-":
        click.echo(content, nl=False)
    else:
        write(file, content.encode())
        face.out.say(f"{file} is written.")


@subscribers.command("pause", example="newsletter subscribers pause ada@example.org --until 2026-12-01")
@click.argument("email")
@click.option("--until", type=DAY, help="The first day with mail again; by default until they are resumed.")
@click.option(
    "--best-missed/--no-best-missed",
    default=None,
    help="Whether the ten best of that time are in their first issue afterwards; else as it was, which is yes.",
)
@pass_face
def pause(face: Face, email: str, until: date | None, best_missed: bool | None) -> None:
    """Send a person nothing for a while; the ten best of what they miss are in their next issue."""
    from newsletter.pipeline import slots
    from newsletter.pipeline import subscribers as people

    async def act(app: "App") -> "Subscriber":
        person = await people.find(app.database, email)
        today = slots.local_date(person, app.clock.now())
        if until is not None and until <= today:
            raise UsageError(
                f"--until {until} is not ahead: for {person.email} it is {today}.",
                next_step="Name the first day with mail again, or leave --until out: then they are paused until you"
                f" resume them. `newsletter subscribers resume {quote(person.email)}` ends a pause.",
            )
        return await people.pause(app.database, email, until, best_missed=best_missed)

    person = face.run(act)
    face.out.record(_record(person), f"{person.email} is paused {_pause(person)}.")


@subscribers.command("resume", example="newsletter subscribers resume ada@example.org")
@click.argument("email")
@pass_face
def resume(face: Face, email: str) -> None:
    """End a person's pause."""
    from newsletter.pipeline import subscribers as people

    person = face.run(lambda app: people.resume(app.database, email))
    face.out.record(_record(person), f"{person.email} gets mail again.")


@subscribers.command("remove", example="newsletter subscribers remove ada@example.org")
@click.argument("email")
@pass_face
def remove(face: Face, email: str) -> None:
    """Unsubscribe a person; what they received stays on record."""
    from newsletter.pipeline import subscribers as people

    person = face.run(lambda app: people.remove(app.database, app.clock, email, source=SOURCE))
    face.out.record(
        _record(person),
        f"{person.email} is unsubscribed. What they received stays on record; "
        f"`newsletter subscribers erase {quote(person.email)}` deletes that too.",
    )


@subscribers.command("erase", example="newsletter subscribers erase ada@example.org --yes")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_face
def erase(face: Face, email: str, yes: bool) -> None:
    """Delete all that is on record of a person.

    What stays is that their address must not be mailed, kept as a keyed hash from which the address cannot be read.
    """
    from newsletter.pipeline import subscribers as people

    person = face.run(lambda app: people.find(app.database, email))
    if not yes:
        click.echo(
            f"All that is on record of {person.email} goes: wishes, consent, issues, deliveries, feedback.", err=True
        )
        click.echo("What stays is a keyed hash of the address, so that it is not mailed again.", err=True)
        click.confirm("Delete it?", abort=True, err=True)
    face.run(lambda app: people.erase(app.database, app.clock, person.email))
    face.out.record({"email": person.email, "erased": True}, f"{person.email} is erased, and will not be mailed.")


@subscribers.command("unsuppress", example="newsletter subscribers unsuppress ada@example.org")
@click.argument("email")
@pass_face
def unsuppress(face: Face, email: str) -> None:
    """Let an address be mailed again, at its owner's wish."""
    from newsletter.pipeline import subscribers as people

    lifted = face.run(lambda app: people.unsuppress(app.database, email))
    face.out.record(
        {"email": email, "lifted": lifted},
        f"{email} is not suppressed any more." if lifted else f"{email} was not suppressed.",
    )
    if lifted and face.run(lambda app: people.left(app.database, email)):
        face.out.warn(f"They have unsubscribed: `newsletter subscribers add {quote(email)} --again` takes them back.")


def _record(person: "Subscriber") -> dict[str, Any]:
    shown = person.model_dump(mode="json", exclude={"id", "key"})
    return {"email": shown.pop("email"), "state": shown.pop("state"), **shown}


def _listed(person: "Subscriber") -> dict[str, Any]:
    return {**_record(person), "wants": _amount(person)}


def _topics(topics: list[dict[str, Any]]) -> str:
    return ", ".join(
        topic["name"] if topic["weight"] == 1 else f"{topic['name']} ({topic['weight']:g})" for topic in topics
    )


def _wish(person: "Subscriber") -> str:
    topics = _topics(_record(person)["topics"]) or "what is popular"
    amount = f"; {amount}" if (amount := _amount(person)) else ""
    return f"{topics}; {person.cadence} at {person.hour}:00 in {person.timezone}{amount}"


def _amount(person: "Subscriber") -> str:
    """Return how much they want to get, how well it must fit and how it looks, as far as they said so."""
    papers = "" if person.papers is None else f"at most {person.papers} paper{'' if person.papers == 1 else 's'}"
    minutes = "" if person.minutes is None else f"at most {person.minutes} minutes"
    bar = {"few": "only what fits well", "normal": "", "many": "also what fits little"}[person.bar]
    look = "" if person.look is None else "text alone" if person.look == "plain" else f"a {person.look} look"
    best = "" if person.best_missed else "nothing of a pause"
    return ", ".join(filter(None, (papers, minutes, bar, look, best)))


def _search(search: "Feed") -> str:
    """Return a search of somebody's own, and what became of it."""
    from newsletter.searches import query_at

    query = query_at(search.location)
    if search.last_fault:
        return f"{query} ({search.last_fault})"
    return query if search.last_success_at else f"{query} (not asked so far)"


def _pause(person: "Subscriber") -> str | None:
    from newsletter.models import FOREVER

    if person.paused_until is None:
        return None
    return "until they are resumed" if person.paused_until == FOREVER else f"until {person.paused_until}"
