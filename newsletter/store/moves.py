"""How deliveries move while mail is sent, as one statement for each engine, with its guards.

`deliveries` says what the moves mean. All rows of a commit go in as one parameter, and a statement may be a transaction
of its own: each further one would cost a round trip, or a turn of the interpreter's lock.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSON, TIMESTAMP
from sqlalchemy.types import TypeEngine

from newsletter.models import STATES_FOR, Consent, DeliveryState
from newsletter.store.ready import POSTGRESQL, SQLITE, Ready
from newsletter.store.tables import deliveries, editions, issues, subscribers
from newsletter.store.types import UtcDateTime


def within(*states: DeliveryState) -> ColumnElement[bool]:
    """Return the condition that a delivery is in one of the states."""
    # Written out: to an engine that sees a placeholder, a partial index says nothing.
    return deliveries.c.state.in_([literal_column(f"'{state}'") for state in states])


WAITING = within(DeliveryState.QUEUED, DeliveryState.DEFERRED)
NO_LEASE = {"lease_owner": None, "leased_until": None}


# What is known of a move, in its order.
_GIVEN: dict[str, TypeEngine[Any]] = {
    "id": BigInteger(),
    "state": Text(),
    "made": Integer(),
    "due_at": TIMESTAMP(timezone=True),
    "code": BigInteger(),
    "enhanced": Text(),
    "text": Text(),
}


def _for_those_in(state: Consent) -> ColumnElement[bool]:
    """Tell whether people in that state are those whom mail of the edition's kind is for."""
    kinds: list[ColumnElement[str]] = [
        literal_column(f"'{kind}'") for kind, wanted in STATES_FOR.items() if state in wanted
    ]
    return and_(subscribers.c.state == literal_column(f"'{state}'"), editions.c.kind.in_(kinds))


# What is for others, and waits for one who is confirmed by now, lost its lease when they became so.
_MAY_BE_MAILED = or_(
    subscribers.c.state == literal_column(f"'{Consent.CONFIRMED}'"),
    select(issues.c.id)
    .join(editions, editions.c.id == issues.c.edition_id)
    .where(
        issues.c.id == deliveries.c.issue_id,
        or_(_for_those_in(Consent.UNCONFIRMED), _for_those_in(Consent.UNSUBSCRIBED)),
    )
    .correlate(deliveries, subscribers)
    .exists(),
)


def _moving(dialect: Dialect, listed: Any, value: Callable[[int, TypeEngine[Any]], ColumnElement[Any]]) -> Ready:
    columns = [value(place, kind).label(name) for place, (name, kind) in enumerate(_GIVEN.items())]
    # OFFSET 0 keeps both engines from taking a move apart again for each of its uses.
    move = select(*columns).select_from(listed).offset(literal_column("0")).subquery("move").c
    begins = move.state == literal_column("'sending'")
    owner = bindparam("owner", type_=Text)
    may_begin = and_(
        deliveries.c.lease_owner == owner,
        WAITING,
        select(subscribers.c.id).where(subscribers.c.id == deliveries.c.subscriber_id, _MAY_BE_MAILED).exists(),
    )
    taken = move.state.in_([literal_column("'sent'"), literal_column("'caught'")])
    may_settle = and_(
        or_(deliveries.c.lease_owner == owner, and_(within(DeliveryState.UNKNOWN), taken)),
        or_(WAITING, within(DeliveryState.SENDING, DeliveryState.UNKNOWN)),
    )
    statement = (
        update(deliveries)
        .where(deliveries.c.id == move.id, or_(and_(begins, may_begin), and_(~begins, may_settle)))
        .values(
            state=move.state,
            attempts=case((WAITING, deliveries.c.attempts + move.made), else_=deliveries.c.attempts),
            due_at=func.coalesce(move.due_at, deliveries.c.due_at),
            at=bindparam("now", type_=UtcDateTime),
            **{name: case((begins, deliveries.c[name]), else_=move[name]) for name in ("code", "enhanced", "text")},
            **{name: case((begins, deliveries.c[name])) for name in NO_LEASE},
            press_id=case((begins, move.code), else_=deliveries.c.press_id),
            made_of=case((begins, func.nullif(move.text, literal_column("''"))), else_=deliveries.c.made_of),
        )
    )
    return Ready(statement, dialect)


_each = func.json_each(bindparam("moves", type_=Text)).table_valued("value", name="listed")
_elements = func.json_array_elements(cast(bindparam("moves", type_=Text), JSON)).table_valued("value", name="listed")

# `moves` is JSON: lists of the id, the new state, the attempts that it counts, when it is due (null: as before), and
# the server's code, enhanced code and words. One that begins keeps its lease and the last words; in place of code and
# words it has what it was made of, as `presses` has that: to take two values more out of the JSON costs as much again.
MOVING = {
    "sqlite": _moving(
        SQLITE, _each, lambda place, kind: func.json_extract(_each.c.value, literal_column(f"'$[{place}]'"), type_=kind)
    ),
    "postgresql": _moving(
        POSTGRESQL,
        _elements,
        lambda place, kind: cast(_elements.c.value.op("->>")(literal_column(str(place))), kind),
    ),
}
