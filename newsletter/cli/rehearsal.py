"""`newsletter send --dry-run`: what would go out now, what waits and until when; nothing is put on record."""

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from newsletter.cli.face import Face
from newsletter.cli.output import Column, Output, shown

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.models import Subscriber
    from newsletter.pipeline.pacing import Held
    from newsletter.pipeline.slots import Slot

COLUMNS = (
    Column("to", "email", whole=True),
    Column("edition", "edition", spare=True),
    Column("state", "state"),
    Column("goes", "goes"),
    Column("papers", "number", right=True, spare=True),
    Column("the first of them, or why not", "first", long=True),
)

_FAILS = "choosing for them fails"
_KINDS = {"new": "new", "waiting": "that waited already"}


class Rehearsal:
    """What was found so far; with --json each is printed at once."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self.rows: list[dict[str, Any]] = []
        self.going: Counter[str] = Counter()
        self.later: list[Any] = []
        self.never = 0
        self.failing = 0
        self.empty = 0
        self.obstacle = ""
        self.limited = False
        self.held: Sequence[Held] = ()

    def add(
        self, email: str, edition: date, state: str, papers: Sequence[str], due: Any, obstacle: str, kind: str = "issue"
    ) -> None:
        """Take in a mail, new or waiting; `due` is when it goes, None for now."""
        if obstacle == _FAILS:
            self.failing += 1
        elif obstacle:
            self.never += 1
        elif state == "new" and not papers:
            self.empty += 1
            obstacle = "nothing suits them"
        elif due is not None:
            self.later.append(due)
        else:
            self.going["new" if state == "new" else "waiting"] += 1
        told = {"email": email, "edition": edition, "state": state, "due_at": due, "obstacle": obstacle, "kind": kind}
        if self._out.json:
            self._out.line({**told, "papers": papers})
            return
        goes = "not" if obstacle else "now" if due is None else shown(due)
        first = obstacle or (papers[0] if papers else f"({kind})")
        self.rows.append({**told, "goes": goes, "number": len(papers) or None, "first": first})


def show(face: Face, day: date | None, only: str | None) -> None:
    """Print what `newsletter send` would do."""
    from newsletter.pipeline import pacing

    out = face.out

    async def act(app: "App") -> Rehearsal:
        found = Rehearsal(out)
        await _chosen(app, out, found, day, only)
        await _waiting(app, found, only)
        if (pacer := app.pacing()) is not None:
            limits = {limit.setting for limit in pacing.in_force(app.settings, app.clock.now())}
            found.limited = any(setting.startswith("rates.") for setting in limits - {"rates.back_off"})
            found.held = await pacer.look()
        return found

    found = face.run(act)
    if out.json:
        return
    nobody = found.obstacle or "Nobody is due: everyone whose cadence has the day has their issue, and no mail waits."
    out.table(COLUMNS, found.rows, empty=nobody)
    if found.rows:
        _sum_up(face, found)
    out.say("Nothing was put on record, and nothing was sent.")


def _sum_up(face: Face, found: Rehearsal) -> None:
    from newsletter.cli.send import waits_for

    out, going = face.out, found.going.total()
    if found.obstacle:
        out.say(f"Nothing new: {found.obstacle}")
    parts = [f"{found.going[kind]:,} {words}" for kind, words in _KINDS.items() if found.going[kind]]
    out.say(f"{_messages(going)} would go out now" + (f": {' and '.join(parts)}." if parts else "."))
    if found.later:
        first, last = shown(min(found.later)), shown(max(found.later))
        whose = "waits" if len(found.later) == 1 else "wait"
        out.say(
            f"{_messages(len(found.later))} {whose} until "
            + (f"{first}." if first == last else f"their time: the first until {first}, the last until {last}.")
        )
    if found.empty:
        out.say(f"No paper is left that suits {found.empty:,} of those who are due.")
    if found.never:
        out.say(f"{_messages(found.never)} would be suppressed and not sent.")
    if found.failing:
        out.warn(f"Choosing fails for {found.failing:,} of them, which is a fault of this program: the log says where.")
    if going and found.held:
        out.say(f"Limits hold mail up: {waits_for(found.held)}.")
    elif going and found.limited:
        out.say("Limits say how fast: `newsletter status` names them.")
    if going and not face.settings.smtp.host:
        out.say("smtp.host is not set: it would go to the built-in catcher, and nobody would be mailed.")


async def _chosen(app: "App", out: Output, found: Rehearsal, day: date | None, only: str | None) -> None:
    from newsletter.pipeline import compose
    from newsletter.pipeline.due import due_by_hand
    from newsletter.pipeline.standing import obstacle
    from newsletter.pipeline.subscribers import find

    person = None if only is None else await find(app.database, only)
    due = await due_by_hand(app.database, app.clock.now(), day=day, only=only)
    if not due:
        found.obstacle = await obstacle(app.database, person, app.clock.now(), day) if person is not None else ""
        return
    composer = await app.rehearsing()
    with out.progress("Choosing", len(due)) as progress:
        done = 0
        for edition, people in _blocks(due, compose.BLOCK):
            picked, left_out = await composer.picked(people, edition)
            for one, content in picked:
                found.add(one.email, edition, "new", [pick.paper.title for pick in content.picks], None, "")
            for email in left_out:
                found.add(email, edition, "new", [], None, _FAILS)
            progress(done := done + len(people))


async def _waiting(app: "App", found: Rehearsal, only: str | None) -> None:
    from newsletter.pipeline import standing

    now = app.clock.now()
    async for record, obstacle in standing.waiting(app.database, now, email=only):
        delivery = record.delivery
        due = delivery.due_at if delivery.due_at > now else None
        found.add(delivery.address, record.edition, str(delivery.state), record.titles, due, obstacle, record.mail)


def _blocks(due: "Sequence[tuple[Subscriber, Slot]]", size: int) -> "list[tuple[date, list[Subscriber]]]":
    by_date = sorted(due, key=lambda pair: pair[1].date)
    blocks: list[tuple[date, list[Subscriber]]] = []
    for edition, pairs in itertools.groupby(by_date, key=lambda pair: pair[1].date):
        people = [person for person, _ in pairs]
        blocks += [(edition, people[start : start + size]) for start in range(0, len(people), size)]
    return blocks


def _messages(number: int) -> str:
    return f"{number:,} message{'' if number == 1 else 's'}"
