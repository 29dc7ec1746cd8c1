"""`newsletter deliveries`: who got what, who did not and why, and sending again."""

from datetime import date
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
    """List deliveries, oldest first, with what the mail server said last."""
    from newsletter.pipeline import record

    async def act(app: "App") -> list[dict[str, Any]]:
        kept: list[dict[str, Any]] = []
        async for one in record.list_deliveries(app.database, state=_known(state), day=day, email=email):
            if face.json:
                face.out.line(_record(one))
            else:
                kept.append(_record(one))
        return kept

    found = face.run(act)
    if not face.json:
        face.out.table(
            (
                Column("id", "id", right=True),
                Column("edition", "edition"),
                Column("to", "email"),
                Column("state", "state"),
                Column("papers", "papers", lambda papers: str(len(papers)), right=True),
                Column("code", "code", right=True),
                Column("the server said", "text", long=True),
            ),
            found,
            empty="No delivery is like that." if state or day or email else "Nothing was composed so far.",
        )


@deliveries.command("show", example="newsletter deliveries show 12")
@click.argument("number", metavar="ID", type=int)
@pass_face
def show(face: Face, number: int) -> None:
    """Show one delivery: its papers, its state, and every attempt that did not go straight through."""
    from newsletter.pipeline import record

    found = face.run(lambda app: record.show_delivery(app.database, number))
    told = _record(found.record)
    if face.json:
        face.out.line({**told, "tries": [attempt.model_dump(mode="json") for attempt in found.attempts]})
        return
    delivery = found.record.delivery
    face.out.facts(
        {
            "to": told["email"],
            "edition": f"{told['edition']}, {found.record.cadence}",
            "Message-ID": told["message_id"],
            "state": f"{told['state']}: {MEANINGS[told['state']]}",
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
            Column("code", "code", right=True),
            Column("what was said", "text"),
        ),
        [dict(attempt) for attempt in found.attempts],
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

    if not (numbers or state or day or email):
        raise UsageError(
            "Nothing says which deliveries are meant.", next_step="Name their IDs, or --state, --date or --email."
        )
    report = face.run(
        lambda app: record.retry(
            app.database, app.clock, state=_known(state), day=day, email=email, ids=numbers or None
        )
    )
    queued = f"{report.queued:,} put back into the queue"
    face.out.record(
        {"queued": report.queued, "overtaken": report.overtaken},
        f"{queued}; `newsletter send` sends what waits." if report.queued else f"{queued}.",
    )
    for address in report.overtaken:
        face.out.warn(f"{address}: stays as it is, a paper of it went to them in another issue meanwhile.")
    if state == "caught" and report.queued and not face.settings.smtp.host:
        face.out.warn("smtp.host is not set: they would go to the built-in catcher again.")


def _known(state: str | None) -> "DeliveryState | None":
    from newsletter.models import DeliveryState

    return None if state is None else DeliveryState(state)


def _record(one: "Record") -> dict[str, Any]:
    delivery = one.delivery
    return {
        "id": delivery.id,
        "email": delivery.address,
        "edition": one.edition,
        "state": str(delivery.state),
        "message_id": delivery.message_id,
        "papers": one.titles,
        "attempts": delivery.attempts,
        "code": delivery.code,
        "enhanced": delivery.enhanced,
        "text": delivery.text,
        "at": delivery.at,
    }
