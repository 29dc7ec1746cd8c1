"""`newsletter send`: one run for a day, by hand or from cron, and its report."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import click

from newsletter.cli import rehearsal
from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Command
from newsletter.cli.output import Column, Output, shown
from newsletter.cli.values import DAY
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.pipeline.compose import ComposeReport
    from newsletter.pipeline.deliver import DeliverReport
    from newsletter.pipeline.pacing import Held

# So many addresses are named in a report; the commands that it names list the rest.
MOST_NAMED = 10
MOST_LIMITS = 3

MEANINGS = {
    "queued": "waits for the next run",
    "sending": "is on its way",
    "sent": "taken by the mail server",
    "deferred": "not taken for now; tried again later by itself",
    "failed": "refused for good, or given up; the papers may be chosen again",
    "suppressed": "not mailed: they unsubscribed, paused, or must not be mailed",
    "unknown": "was on its way when the connection or the program ended; may have arrived",
    "caught": "went to the built-in catcher, nobody was mailed; "
    "`newsletter deliveries retry --state caught` lets the next run send it once smtp.host is set",
    "bounced": "came back",
    "complained": "reported as unwanted",
}
TROUBLE = ("deferred", "failed", "suppressed", "unknown")


class Sent(NamedTuple):
    """What one run did, and how things stand after it: whose mail may or may not have arrived, how many wait.

    `causes` tells of who got nothing, by their address, why: a key of `chooser.CAUSES`. `unsummed` is why papers
    are without the summary that an endpoint was to write.
    """

    due: int
    composed: "ComposeReport"
    delivered: "DeliverReport"
    unknown: Sequence[str]
    waiting: int
    people: int
    papers: int
    obstacle: str = ""
    causes: Mapping[str, str] = {}
    unsummed: str = ""


@click.command(
    "send",
    cls=Command,
    example="newsletter send\nnewsletter send --dry-run\nnewsletter send --only ada@example.org --date 2026-11-22",
)
@click.option("--date", "day", type=DAY, help="The local day for which papers are chosen; by default today.")
@click.option("--only", metavar="EMAIL", help="Only this person: nobody else is chosen for, or mailed.")
@click.option(
    "--dry-run", is_flag=True, help="Show what would go out now and what waits; nothing is put on record or sent."
)
@pass_face
def send(face: Face, day: date | None, only: str | None, dry_run: bool) -> None:
    """Choose papers and send the mail of a day; safe to repeat.

    Papers are chosen for everyone whose cadence has the day, whatever their hour, and all mail that waits is sent.
    Nobody gets a paper twice, or two issues of one day. A run that was stopped goes on where it was. Leaves with 1 if
    the mail server ended the run before its end, what was not sent waits for the next one; or if choosing failed for
    someone, who alone is left out.
    """
    if dry_run:
        rehearsal.show(face, day, only)
        return

    async def act(app: "App") -> Sent:
        return await run_once(app, face.out, day=day, only=only)

    # A fault of the server stands in the report; the log would tell it twice.
    sent = face.run(act, level="error")
    report(face.out, sent, day)
    if sent.delivered.fault is not None:
        raise sent.delivered.fault
    if left_out := sent.composed.left_out:
        raise NewsletterError(
            f"Choosing failed for {_named(left_out)}, who got no mail; that is a fault of this program.",
            next_step="The log says where. The next run tries again.",
        )


async def run_once(app: "App", out: Output, *, day: date | None = None, only: str | None = None) -> Sent:
    """Compose for everyone who is due, deliver what waits, and return what came of it."""
    from newsletter.cli import waits
    from newsletter.models import DeliveryState
    from newsletter.pipeline import compose, record
    from newsletter.pipeline.due import due_by_hand
    from newsletter.pipeline.standing import obstacle
    from newsletter.pipeline.subscribers import find

    person = None if only is None else await find(app.database, only)
    due = await due_by_hand(app.database, app.clock.now(), day=day, only=only)
    composed = compose.ComposeReport(0, ())
    causes: dict[str, str] = {}
    why_not = await obstacle(app.database, person, app.clock.now(), day) if person is not None and not due else ""
    if due:
        composer = await app.composer()
        with out.progress("Choosing", len(due)) as progress:
            composed = await composer.compose(due, progress=progress)
        causes = {email: composer.causes[email] for email in composed.empty}
    total = _waiting((await record.status(app.database)).deliveries) if person is None else 1
    unsummed = await app.sum_up()
    pacing = app.pacing()
    sending = await app.sending(pacing)
    async with app.courier() as courier:
        with out.progress("Sending", total) as progress:
            async with waits.told(progress, app.clock, pacing):
                delivered = await sending.run(courier, only=None if person is None else person.id, progress=progress)
    found = record.list_deliveries(app.database, state=DeliveryState.UNKNOWN)
    unknown = [one.delivery.address async for one in found]
    stands = await record.status(app.database)
    people = stands.subscribers.get("confirmed", 0)
    waiting = _waiting(stands.deliveries)
    return Sent(len(due), composed, delivered, unknown, waiting, people, stands.papers, why_not, causes, unsummed)


def report(out: Output, sent: Sent, day: date | None) -> None:
    """Print what a run did."""
    composed, delivered = sent.composed, sent.delivered
    if out.json:
        out.line(
            {
                "due": sent.due,
                "composed": composed.composed,
                "empty": composed.empty,
                "causes": sent.causes,
                "left_out": composed.left_out,
                "unsummed": sent.unsummed,
                "deliveries": delivered.states,
                "unknown": sent.unknown,
                "next_due": delivered.next_due,
                "held": [one._asdict() for one in delivered.held] if sent.waiting else [],
                "fault": delivered.fault and str(delivered.fault),
            }
        )
        return
    if composed.composed:
        out.say(f"{_counted(composed.composed, 'issue')} composed.")
    if composed.empty and sent.papers:
        for cause, addresses in _by_cause(sent.causes).items():
            out.say(f"Nothing to send for {_named(addresses)}: {cause}.")
    elif not (composed.composed or delivered.states or composed.left_out):
        out.say(_nothing(sent, day))
    if sent.unsummed:
        out.warn(f"Papers are without a summary by the endpoint. {sent.unsummed}")
    _states(out, delivered.states)
    if sent.unknown:
        out.warn(f"{_counted(len(sent.unknown), 'message')} may or may not have arrived: {_addresses(sent.unknown)}.")
        out.warn("`newsletter deliveries retry --state unknown` sends them again, under the same Message-ID.")
    if delivered.held and sent.waiting:
        whose = "waits" if sent.waiting == 1 else "wait"
        out.say(f"{_counted(sent.waiting, 'message')} {whose} for {waits_for(delivered.held)}.")
    elif delivered.next_due is not None:
        out.say(f"{_counted(sent.waiting, 'message')} left to send, due from {shown(delivered.next_due)} on.")


def waits_for(held: "Sequence[Held]") -> str:
    """Return in words what keeps mail waiting, and until when."""
    named = "; ".join(f"{one.words}, next at {shown(one.until)}" for one in held[:MOST_LIMITS])
    return named + (f"; and {len(held) - MOST_LIMITS:,} more" if len(held) > MOST_LIMITS else "")


def _states(out: Output, states: dict[str, int]) -> None:
    if out.quiet:
        for state in TROUBLE:
            if states.get(state):
                out.warn(f"{states[state]:,} {state}: {MEANINGS[state]}.")
        return
    out.table(
        (Column("messages", "number", right=True), Column("state", "state"), Column("which means", "meaning")),
        [
            {"number": number, "state": state, "meaning": out.hint(MEANINGS[state])}
            for state, number in sorted(states.items())
        ],
    )
    if trouble := [state for state in TROUBLE[:3] if states.get(state)]:
        commands = [f"`newsletter deliveries list --state {state}`" for state in trouble]
        out.say(f"{' and '.join(commands)} {'shows' if len(trouble) == 1 else 'show'} who, and why.")


def _waiting(states: Mapping[str, int]) -> int:
    return states.get("queued", 0) + states.get("deferred", 0)


def _nothing(sent: Sent, day: date | None) -> str:
    if sent.obstacle:
        return f"Nothing was sent: {sent.obstacle}"
    if not sent.people:
        return "There is nobody to send to. `newsletter subscribers add ADDRESS --topic TOPIC` adds someone."
    if not sent.papers:
        return "There are no papers yet. `newsletter feeds ingest FILE...` takes some in."
    when = f"of {day}" if day else "of today"
    return f"Nothing new to send: everyone whose cadence has an issue {when} has it."


def _by_cause(causes: Mapping[str, str]) -> dict[str, list[str]]:
    from newsletter.pipeline.chooser import CAUSES

    found: dict[str, list[str]] = {}
    for address, cause in causes.items():
        found.setdefault(CAUSES[cause], []).append(address)
    return found


def _named(addresses: Sequence[str]) -> str:
    return f"{len(addresses):,} ({_addresses(addresses)})"


def _addresses(addresses: Sequence[str]) -> str:
    more = len(addresses) - MOST_NAMED
    return ", ".join(addresses[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
