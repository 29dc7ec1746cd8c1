"""Statements that every message needs, made into text once: to do that for each run takes longer than the run."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Dialect, Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from newsletter.store.types import UtcDateTime

SQLITE: Dialect = SQLiteDialect_pysqlite()
POSTGRESQL: Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]


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

    def written(self, value: datetime) -> str:
        """Return a moment as text that the engine reads as it reads its own."""
        stored = self._stored(value)
        return stored if isinstance(stored, str) else str(stored.isoformat())

    def given(self, values: Mapping[str, Any]) -> Any:
        """Return the parameters for one run."""
        if self._order is None:
            return {**self._constant, **values}
        return tuple([values[name] if name in values else self._constant[name] for name in self._order])


def _processor(dialect: Dialect) -> Callable[[datetime], Any]:
    found = UtcDateTime().dialect_impl(dialect).bind_processor(dialect)
    return found or (lambda moment: moment)
