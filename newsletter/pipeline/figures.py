"""The operator's figures: people, mail, what came back, what readers said, and sources, over the last days."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from newsletter.models import DeliveryState, Feed
from newsletter.store import feeds, figures, history
from newsletter.store.database import Database
from newsletter.store.figures import Count

Kind = Literal["line", "bars", "share"]

# So many sources have a colour of their own; the others are one.
MOST_SOURCES = 6
REST = "others"

# How the states of deliveries are told apart here: what an operator has to see at once.
_STATES: dict[str, tuple[DeliveryState, ...]] = {
    "sent": (DeliveryState.SENT, DeliveryState.CAUGHT),
    "waiting": (DeliveryState.QUEUED, DeliveryState.DEFERRED, DeliveryState.SENDING),
    "unknown": (DeliveryState.UNKNOWN,),
    "failed": (DeliveryState.FAILED,),
    "bounced": (DeliveryState.BOUNCED,),
    "complained": (DeliveryState.COMPLAINED,),
    "kept back": (DeliveryState.SUPPRESSED,),
}


class Chart(NamedTuple):
    """Columns of numbers under labels; None: there is no number.

    A line, bars on top of each other, or the share of a hundred. The columns `aside` stand in the table alone.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    columns: Mapping[str, tuple[float | None, ...]]
    aside: frozenset[str] = frozenset()

    @property
    def drawn(self) -> dict[str, tuple[float | None, ...]]:
        """The columns that the picture has."""
        return {name: numbers for name, numbers in self.columns.items() if name not in self.aside}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(number for column in self.columns.values() for number in column)

    @property
    def rows(self) -> list[tuple[str, tuple[float | None, ...]]]:
        """Its numbers as a table, newest first where the labels are days."""
        rows = [(label, tuple(column[at] for column in self.columns.values())) for at, label in enumerate(self.labels)]
        return rows if self.kind == "share" else rows[::-1]


class Figures(NamedTuple):
    """All figures of the last days, as they stood at a moment."""

    at: datetime
    days: int
    subscribers: int
    charts: tuple[Chart, ...]
    sources: tuple[Feed, ...]
    outside: history.Success
    inside: history.Success

    def chart(self, name: str) -> Chart | None:
        """Return a chart by its name, if there is one."""
        return next((one for one in self.charts if one.name == name), None)


async def gather(database: Database, now: datetime, days: int) -> Figures:
    """Return the figures of the last `days` days, of UTC or as editions have them; nothing is changed."""
    since = now.date() - timedelta(days=days - 1)
    # An edition may be of a local day that is to come in UTC.
    span = [since + timedelta(days=step) for step in range(days + 1)]
    async with database.connect() as connection:
        confirmed = await figures.confirmed(connection)
        moved = await figures.moved(connection, since)
        mail = await figures.mail(connection, since)
        returned = await figures.returned(connection, since)
        said = await figures.verdicts(connection, since)
        places = await figures.places(connection, since)
        brought = await figures.brought(connection, since)
        outside, inside = await history.success(connection)
        sources = [feed for feed in await feeds.all_of_them(connection) if feed.subscriber_id is None]
    if not any(count.day == span[-1] for count in mail):
        span.pop()
    return Figures(
        now,
        days,
        confirmed,
        (
            _people(span, confirmed, moved),
            _mail(span, mail),
            _daily("returned", span, returned, ("hard", "soft", "complaint")),
            _said(span, said, mail),
            _places(places),
            _brought(span, brought),
        ),
        tuple(sources),
        outside,
        inside,
    )


def _people(span: Sequence[date], confirmed: int, moved: Iterable[figures.Moved]) -> Chart:
    """Count back from those of now: a day shows how many there were at its end."""
    steps = {one.day: one for one in moved}
    there: list[float] = []
    for day in reversed(span):
        there.append(confirmed)
        if day in steps:
            confirmed -= steps[day].came - steps[day].went
    columns = {
        "subscribers": tuple(reversed(there)),
        "came": tuple(steps[day].came if day in steps else 0 for day in span),
        "went": tuple(steps[day].went if day in steps else 0 for day in span),
    }
    return Chart("people", "line", _labels(span), columns, frozenset({"came", "went"}))


def _mail(span: Sequence[date], counts: Iterable[Count]) -> Chart:
    named = {str(state): name for name, states in _STATES.items() for state in states}
    return _daily("mail", span, [count._replace(name=named.get(count.name, count.name)) for count in counts], _STATES)


def _said(span: Sequence[date], counts: Sequence[Count], mail: Iterable[Count]) -> Chart:
    chart = _daily("feedback", span, counts, ("more", "less", "saved"))
    sent: dict[date, int] = dict.fromkeys(span, 0)
    for count in mail:
        if count.day in sent and count.name in _STATES["sent"]:
            sent[count.day] += count.number
    answers = [sum(column[at] or 0 for column in chart.columns.values()) for at in range(len(span))]
    rate = tuple(
        round(100 * number / sent[day], 1) if sent[day] else None for day, number in zip(span, answers, strict=True)
    )
    return chart._replace(columns={**chart.columns, "for 100 mails": rate}, aside=frozenset({"for 100 mails"}))


def _places(places: Iterable[figures.Fared]) -> Chart:
    found = list(places)
    columns: dict[str, tuple[float | None, ...]] = {
        "welcome, of 100": tuple(round(100 * one.welcome / one.sent, 1) if one.sent else None for one in found),
        "sent": tuple(one.sent for one in found),
        "welcome": tuple(one.welcome for one in found),
    }
    return Chart("places", "share", tuple(str(one.position) for one in found), columns, frozenset({"sent", "welcome"}))


def _brought(span: Sequence[date], counts: Sequence[Count]) -> Chart:
    totals: dict[str, int] = {}
    for count in counts:
        totals[count.name] = totals.get(count.name, 0) + count.number
    largest = sorted(totals, key=lambda name: (-totals[name], name))[:MOST_SOURCES]
    told = [count if count.name in largest else count._replace(name=REST) for count in counts]
    return _daily("sources", span, told, [*largest, *([REST] if len(totals) > len(largest) else [])])


def _daily(name: str, span: Sequence[date], counts: Iterable[Count], columns: Iterable[str]) -> Chart:
    numbers: dict[str, dict[date, float]] = {column: dict.fromkeys(span, 0) for column in columns}
    for count in counts:
        if count.day in numbers.get(count.name, ()):
            numbers[count.name][count.day] += count.number
    return Chart(name, "bars", _labels(span), {column: tuple(found.values()) for column, found in numbers.items()})


def _labels(span: Iterable[date]) -> tuple[str, ...]:
    return tuple(day.isoformat() for day in span)
