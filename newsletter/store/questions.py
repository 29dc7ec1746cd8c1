"""Small questions that are asked over and over, as those of a page: each is made into text once, for both engines.

SQLAlchemy takes several times as long to prepare such a statement and its result as an engine to answer it
(docs/decisions/0030).
"""

import json
from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Select, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeDecorator

from newsletter.store.hops import driver_of
from newsletter.store.ready import POSTGRESQL, SQLITE, Ready

# What makes a value out of what an engine kept; None where they are the same.
Processor = Callable[[Any], Any] | None


class Question:
    """A SELECT whose parameters are `bindparam`s with names: integers, texts, and lists of integers for `among`.

    `select` makes it for an engine. `value` makes something out of a row; of `most` rows it is kept, since what many
    readers ask for is the same again and again, and to make it takes ten times as long as to fetch it.
    """

    def __init__(
        self, select: Callable[[Dialect], Select[Any]], value: Callable[[Any], Any] | None = None, *, most: int = 0
    ) -> None:
        self._select = select
        self._value = value
        self._most = most
        self._kept: dict[Any, Any] = {}

    async def all(self, connection: AsyncConnection, **values: int | str | Sequence[int]) -> list[Any]:
        """Return the rows, with the names of the columns, or the values made of them."""
        on_sqlite = connection.dialect.name == "sqlite"
        ready, row, processors = self._for_sqlite if on_sqlite else self._for_postgresql
        lists = {name: value for name, value in values.items() if isinstance(value, list)}
        given = values | {name: json.dumps(value) for name, value in lists.items()} if on_sqlite else values
        found = await _rows(connection, ready.text, ready.given(given))

        def made(one: Any) -> Any:
            read = row(
                [value if process is None else process(value) for value, process in zip(one, processors, strict=True)]
            )
            return read if self._value is None else self._value(read)

        # Rows of PostgreSQL have lists, by which nothing can be kept; and who asks for very many asks once.
        keeps = on_sqlite and len(found) * 10 <= self._most
        return [self._known(one, made) if keeps else made(one) for one in found]

    def _known(self, one: Any, made: Callable[[Any], Any]) -> Any:
        found = self._kept.get(one)
        if found is None:
            if len(self._kept) >= self._most:
                self._kept.clear()
            found = self._kept[one] = made(one)
        return found

    async def first(self, connection: AsyncConnection, **values: int | str | Sequence[int]) -> Any:
        """Return the first of them, or None."""
        found = await self.all(connection, **values)
        return found[0] if found else None

    @cached_property
    def _for_sqlite(self) -> tuple[Ready, Any, list[Processor]]:
        return self._made(SQLITE)

    @cached_property
    def _for_postgresql(self) -> tuple[Ready, Any, list[Processor]]:
        return self._made(POSTGRESQL)

    def _made(self, dialect: Dialect) -> tuple[Ready, Any, list[Processor]]:
        statement = self._select(dialect)
        columns = statement.selected_columns
        rows: Any = namedtuple("Row", list(columns.keys()))  # type: ignore[misc]
        # What PostgreSQL's driver gives are values of Python already, but for types of our own.
        ours = [dialect is SQLITE or isinstance(one.type, TypeDecorator) for one in columns]
        processors: list[Processor] = [
            one.type.dialect_impl(dialect).result_processor(dialect, None) if own else None
            for one, own in zip(columns, ours, strict=True)
        ]
        return Ready(statement, dialect), rows._make, processors


def among(column: ColumnElement[int], name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Return the condition that a column is one of a list."""
    if dialect.name == "sqlite":
        return column.in_(select(func.json_each(bindparam(name, type_=Text)).table_valued("value").c.value))
    return column == any_(bindparam(name, type_=ARRAY(BigInteger)))


async def _rows(connection: AsyncConnection, text: str, parameters: Any) -> Sequence[Any]:
    driver = driver_of(connection)
    if driver is None:
        return (await connection.exec_driver_sql(text, parameters)).all()
    faults: Any = connection.dialect.loaded_dbapi.Error
    try:
        return await driver.rows(text, parameters)
    except faults as error:
        raise DBAPIError.instance(None, None, error, faults, hide_parameters=True) from error
