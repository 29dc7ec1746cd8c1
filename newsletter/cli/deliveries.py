"""`newsletter deliveries`: who got what, who did not and why, and sending again."""

from collections.abc import Mapping
from datetime import date
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.face import Face, pass_face
from newsletter.cli.groups import Group
from newsletter.cli.output import Column
from newsletter.cli.send import MEANINGS
from newsletter.cli.values import DAY, STATE
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.models import DeliveryState
    from newsletter.pipeline.record import Record


# From so many on, causes are counted.
MANY = 10

# States that need no reason.
CLEAR = ("queued", "sending", "sent", "caught")


@click.group("deliveries", cls=Group)
def deliveries() -> None:
    """Look at who got what, and send again."""


_state = click.option("--state", type=STATE, help="Only those in this state.")
_date = click.option("--date", "day", type=DAY, help="Only those of the editions of this day.")
_email = click.option("--email", metavar="EMAIL", help="Only those of this person.")


@deliveries.command(
    "list", example="newsletter deliveries list --state failed\nnewsletter deliveries list --date 2026-11-21 --json"
)
@_state
@_date
@_email
@pass_face
def list_(face: Face, state: str | None, day: date | None, email: str | None) -> None:
    """List deliveries, oldest first, with what the mail server said last.

    Of many in one state the causes are counted first. At the end of those that failed stands how many others may not
    have got theirs either: it bounced, was suppressed, or is unknown.
    """
    from newsletter.pipeline import causes, record

    async def act(app: "App") -> tuple[list[dict[str, Any]], dict[str, int]]:
        kept: list[dict[str, Any]] = []
        async for one in record.list_deliveries(app.database, state=_known(state), day=day, email=email):
            if face.json:
                face.out.line(_record(one))
            else:
                kept.append(_record(one))
        wanted = state == "failed" and not face.json
        return kept, await record.also_without(app.database, day=day, email=email) if wanted else {}

    found, others = face.run(act)
    if face.json:
        return
    if state and len(found) > MANY:
        face.out.say(f"{len(found):,} {state}, and why:")
        face.out.table(
            (Column("number", "number", right=True), Column("code", "code"), Column("cause", "cause", long=True)),
            [
                {"number": f"{number:,}", "code": code, "cause": why}
                for number, code, why in causes.counted((_code(one), one["cause"]) for one in found)
            ],
        )
        face.out.say()
    columns = {
        "id": Column("id", "id", right=True),
        "edition": Column("edition", "edition"),
        "kind": Column("kind", "kind", spare=True),
        "to": Column("to", "email", whole=True),
        "state": Column("state", "state"),
        "papers": Column("papers", "papers", lambda papers: str(len(papers)), right=True, spare=True),
        "code": Column("code", "said", _code),
        "text": Column("the server said", "text", long=True),
        "why": Column("why", "why", long=True),
    }
    # Who asks for one state asks why: that needs the room.
    left_out = {"state", "papers", "text"} if state else {"why"}
    if all(one["kind"] == "issue" for one in found):
        left_out.add("kind")
    face.out.table(
        [column for name, column in columns.items() if name not in left_out],
        [{**one, "said": one, "why": _why(one)} for one in found],
        empty="No delivery is like that." if state or day or email else "Nothing was composed so far.",
    )
    for other, number in sorted(others.items()):
        command = f"newsletter deliveries list --state {other}"
        command += (f" --date {day}" if day else "") + (f" --email {quote(email)}" if email else "")
        face.out.say(f"{number:,} more {'is' if number == 1 else 'are'} {other}: `{command}` shows who, and why.")


@deliveries.command("show", example="newsletter deliveries show 12")
@click.argument("number", metavar="ID", type=int)
@pass_face
def show(face: Face, number: int) -> None:
    """Show one delivery: its papers, its state, and every attempt that did not go straight through."""
    from newsletter.pipeline import record

    found = face.run(lambda app: record.show_delivery(app.database, number))
    told = _record(found.record)
    if face.json:
        tries = [attempt.model_dump(mode="json") for attempt in found.attempts]
        reports = [{**one._asdict(), "state": str(one.state)} for one in found.reports]
        face.out.line({**told, "tries": tries, "reports": reports})
        return
    delivery = found.record.delivery
    face.out.facts(
        {
            "to": told["email"],
            "edition": f"{told['edition']}, {found.record.cadence if told['kind'] == 'issue' else told['kind']}",
            "Message-ID": told["message_id"],
            "state": face.out.hint(f"{told['state']}: {MEANINGS[told['state']]}"),
            "since": delivery.at,
            "due": delivery.due_at if told["state"] in ("queued", "deferred") else None,
            "attempts": told["attempts"],
            "answer": " ".join(str(part) for part in (told["code"], told["enhanced"], told["text"]) if part),
        }
    )
    face.out.say()
    face.out.table(
        (Column("no.", "place", right=True), Column("paper", "title")),
        [{"place": place, "title": title} for place, title in enumerate(told["papers"], start=1)],
    )
    if found.attempts:
        face.out.say()
    face.out.table(
        (
            Column("attempt", "number", right=True),
            Column("at", "at"),
            Column("result", "result"),
            Column("code", "said", _code),
            Column("what was said", "text"),
        ),
        [{**dict(attempt), "said": dict(attempt)} for attempt in found.attempts],
    )
    if found.reports:
        face.out.say()
    face.out.table(
        (
            Column("came back", "at"),
            Column("kind", "kind"),
            Column("status", "status"),
            Column("what the report said", "reason"),
        ),
        [one._asdict() for one in found.reports],
    )


@deliveries.command("retry", example="newsletter deliveries retry --state unknown\nnewsletter deliveries retry 12 13")
@click.argument("numbers", metavar="[ID]...", type=int, nargs=-1)
@_state
@_date
@_email
@pass_face
def retry(face: Face, numbers: tuple[int, ...], state: str | None, day: date | None, email: str | None) -> None:
    """Put deliveries back into the queue, with their papers and their Message-ID; the next `send` sends them.

    What was sent is never sent again so. Where a paper went to the person in another issue meanwhile, the delivery
    stays as it is.
    """
    from newsletter.pipeline import record
    from newsletter.pipeline.subscribers import find

    if not (numbers or state or day or email):
        raise UsageError(
            "Nothing says which deliveries are meant.", next_step="Name their IDs, or --state, --date or --email."
        )

    async def act(app: "App") -> "tuple[record.RetryReport, dict[str, int]]":
        meant: dict[str, Any] = {"day": day, "email": email, "ids": numbers or None}
        if email is not None:
            await find(app.database, email)
        report = await record.retry(app.database, app.clock, state=_known(state), **meant)
        return report, {} if report.queued else await record.states(app.database, **meant)

    report, states = face.run(act)
    told = f"{report.queued:,} put back into the queue"
    if report.queued:
        told += "; `newsletter send` sends what waits"
    elif not report.overtaken:
        which = " ".join([*([f"to {email}"] if email else []), *([f"of {day}"] if day else [])])
        told = _nothing(states, state, which)
    face.out.record(
        {"queued": report.queued, "overtaken": report.overtaken, "barred": report.barred, "states": states}, f"{told}."
    )
    for address in report.overtaken:
        face.out.warn(f"{address}: stays as it is, a paper of it went to them in another issue meanwhile.")
    for address in report.barred:
        face.out.warn(
            f"{address}: must not be mailed, so the next run will not; if it is theirs and works again, "
            f"`newsletter subscribers unsuppress {quote(address)}` first."
        )
    if state == "caught" and report.queued and not face.settings.smtp.host:
        face.out.warn("smtp.host is not set: they would go to the built-in catcher again.")


def _nothing(states: Mapping[str, int], state: str | None, which: str) -> str:
    """Return why nothing was put back, by how what was meant stands."""
    if not states:
        return f"Nothing was put back: no delivery {which or 'that is meant'} is on record"
    stand = ", ".join(f"{number:,} {name}" for name, number in sorted(states.items()))
    if state and state not in states:
        told = f"Nothing was put back: no delivery {which}".rstrip() + f" is {state}, but {stand}"
    else:
        told = f"Nothing was put back: the deliveries {which or 'that are meant'} are {stand}"
    return f"{told}; `newsletter send` sends what is queued" if "queued" in states else told


def _known(state: str | None) -> "DeliveryState | None":
    from newsletter.models import DeliveryState

    return None if state is None else DeliveryState(state)


def _record(one: "Record") -> dict[str, Any]:
    from newsletter.pipeline import causes

    delivery = one.delivery
    return {
        "id": delivery.id,
        "email": delivery.address,
        "edition": one.edition,
        "kind": one.mail,
        "state": str(delivery.state),
        "message_id": delivery.message_id,
        "papers": one.titles,
        "attempts": delivery.attempts,
        "code": delivery.code,
        "enhanced": delivery.enhanced,
        "text": delivery.text,
        "cause": "" if delivery.state in CLEAR else causes.cause(delivery),
        "at": delivery.at,
    }


def _why(told: Mapping[str, Any]) -> str:
    """Return the cause, and the words behind it where they say more."""
    cause, text = told["cause"], told["text"]
    return f"{cause}: {text}" if cause and told["enhanced"] and cause not in text else text or cause


def _code(told: Mapping[str, Any]) -> str:
    """Return the enhanced code where there is one, since it says more."""
    return told["enhanced"] or ("" if told["code"] is None else str(told["code"]))
