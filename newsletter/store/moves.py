"""The two statements that every message needs, for each engine, with their guards; `deliveries` says what they mean.

They are made into text once, since to do that for each run takes longer than the run. PostgreSQL gets all rows in one
statement, since a round trip for each takes longer still.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Executable,
    Integer,
    Text,
    Update,
    and_,
    any_,
    bindparam,
    case,
    column,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.types import TypeEngine

from newsletter.models import Consent, DeliveryState
from newsletter.store.tables import deliveries, subscribers
from newsletter.store.types import UtcDateTime


def within(*states: DeliveryState) -> ColumnElement[bool]:
    """Return the condition that a delivery is in one of the states."""
    # Written out: to an engine that sees a placeholder, a partial index says nothing.
    return deliveries.c.state.in_([literal_column(f"'{state}'") for state in states])


WAITING = within(DeliveryState.QUEUED, DeliveryState.DEFERRED)
NO_LEASE = {"lease_owner": None, "leased_until": None}


def _settling(new: ReadOnlyColumnCollection[str, Any] | dict[str, Any], this: ColumnElement[bool]) -> Update:
    taken = new["new_state"].in_([literal_column("'sent'"), literal_column("'caught'")])
    owner = bindparam("owner", type_=Text)
    ours = or_(deliveries.c.lease_owner == owner, and_(deliveries.c.state == DeliveryState.UNKNOWN, taken))
    movable = or_(WAITING, within(DeliveryState.SENDING, DeliveryState.UNKNOWN))
    counted = case((WAITING, deliveries.c.attempts + new["made"]), else_=deliveries.c.attempts)
    return (
        update(deliveries)
        .where(this, ours, movable)
        .values(
            state=new["new_state"],
            attempts=counted,
            due_at=new["new_due_at"],
            at=bindparam("now", type_=UtcDateTime),
            code=new["new_code"],
            enhanced=new["new_enhanced"],
            text=new["new_text"],
            **NO_LEASE,
        )
    )


def _beginning(these: ColumnElement[bool]) -> ReturningUpdate[Any]:
    here = select(subscribers.c.id).where(subscribers.c.state == Consent.CONFIRMED)
    return (
        update(deliveries)
        .where(these, deliveries.c.lease_owner == bindparam("owner", type_=Text), WAITING)
        .where(here.where(subscribers.c.id == deliveries.c.subscriber_id).exists())
        .values(state=DeliveryState.SENDING, attempts=deliveries.c.attempts + 1, at=bindparam("now", type_=UtcDateTime))
        .returning(deliveries.c.id)
    )


_GIVEN: dict[str, TypeEngine[Any]] = {
    "delivery_id": BigInteger(),
    "new_state": Text(),
    "made": Integer(),
    "new_due_at": DateTime(timezone=True),
    "new_code": Integer(),
    "new_enhanced": Text(),
    "new_text": Text(),
}
_ONE = {name: bindparam(name, type_=UtcDateTime() if name == "new_due_at" else kind) for name, kind in _GIVEN.items()}
_ROWS = (
    func.unnest(*(bindparam(name, type_=ARRAY(kind)) for name, kind in _GIVEN.items()))
    .table_valued(*(column(name, kind) for name, kind in _GIVEN.items()), name="settled")
    .render_derived()
)


class Ready:
    """A statement as text, with its parameters in the order that a driver wants."""

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        self.text = str(compiled)
        self._constant = {
            name: value.value if isinstance(value, StrEnum) else value for name, value in compiled.params.items()
        }
        self._order: Sequence[str] | None = compiled.positiontup
        self._stored = _processor(dialect)

    def moment(self, value: datetime) -> Any:
        """Return a moment as the engine keeps it."""
        return self._stored(value)

    def given(self, values: Mapping[str, Any]) -> Any:
        """Return the parameters for one run."""
        if self._order is None:
            return {**self._constant, **values}
        return tuple([values[name] if name in values else self._constant[name] for name in self._order])


def _processor(dialect: Dialect) -> Callable[[datetime], Any]:
    found = UtcDateTime().dialect_impl(dialect).bind_processor(dialect)
    return found or (lambda moment: moment)


_SQLITE: Dialect = SQLiteDialect_pysqlite()
_POSTGRESQL: Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]

SETTLING = {
    "sqlite": Ready(_settling(_ONE, deliveries.c.id == _ONE["delivery_id"]), _SQLITE),
    "postgresql": Ready(_settling(_ROWS.c, deliveries.c.id == _ROWS.c.delivery_id), _POSTGRESQL),
}
BEGINNING = {
    "sqlite": Ready(
        _beginning(deliveries.c.id.in_(select(func.json_each(bindparam("ids", type_=Text)).table_valued("value")))),
        _SQLITE,
    ),
    "postgresql": Ready(_beginning(deliveries.c.id == any_(bindparam("ids", type_=ARRAY(BigInteger)))), _POSTGRESQL),
}
