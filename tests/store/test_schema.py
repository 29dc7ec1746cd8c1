"""The version of the database: set up once, upgraded without loss, and refused where the program does not fit it."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Integer, inspect, text

from newsletter.errors import SchemaError, StoreError
from newsletter.models import DeliveryState
from newsletter.store import schema, tables
from newsletter.store.database import Database
from store.samples import NOW, queue, rows

VERSIONS = Path(schema.__file__).parent / "migrations" / "versions"


@pytest.fixture
async def empty(engine: str, new_database: Any):
    """A database that was never set up."""
    database = Database.at(new_database(engine, migrated=False))
    yield database
    await database.close()


async def test_a_new_database_is_set_up_and_a_repeat_changes_nothing(empty: Database) -> None:
    assert await schema.migrate(empty, NOW) == (None, schema.REVISIONS[-1])
    keys = await rows(empty, tables.keys)
    assert {key.name for key in keys} == set(schema.KEYS)
    assert {len(key.secret) for key in keys} == {32}
    assert await schema.migrate(empty, NOW) == (schema.REVISIONS[-1], schema.REVISIONS[-1])
    assert await rows(empty, tables.keys) == keys
    await schema.check(empty)
    async with empty.connect() as connection:
        assert await schema.key(connection, "tokens") == next(key.secret for key in keys if key.name == "tokens")


async def test_two_processes_may_set_up_the_same_database(empty: Database) -> None:
    other = Database(empty.url)
    done = await asyncio.gather(*(schema.migrate(database, NOW) for database in (empty, other, empty)))
    await other.close()
    assert sorted(before or "" for before, _ in done) == ["", schema.REVISIONS[-1], schema.REVISIONS[-1]]


async def test_a_migration_that_is_killed_leaves_nothing(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(Exception):
        """What a kill is to a transaction: it never ends."""

    async def killed(*_: object) -> None:
        raise KilledError

    monkeypatch.setattr(schema, "_ensure_keys", killed)
    with pytest.raises(KilledError):
        await schema.migrate(empty, NOW)
    async with empty.connect() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == []
    monkeypatch.undo()
    assert await schema.migrate(empty, NOW) == (None, schema.REVISIONS[-1])


async def test_a_migration_that_fails_is_told_in_a_sentence(empty: Database) -> None:
    async with empty.begin() as connection:
        await connection.execute(text("CREATE TABLE papers (what TEXT)"))
    with pytest.raises(SchemaError, match="could not be brought up to date") as caught:
        await schema.migrate(empty, NOW)
    assert caught.value.next_step
    async with empty.connect() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == ["papers"]


async def test_a_missing_file_is_refused_and_not_made(tmp_path: Path) -> None:
    database = Database.at("sqlite:///missing.db", folder=tmp_path)
    with pytest.raises(SchemaError, match=r"no database at .*missing\.db.* `newsletter migrate` creates it"):
        await schema.check(database)
    assert list(tmp_path.iterdir()) == []
    await database.close()


async def test_the_folder_of_a_new_file_is_made(tmp_path: Path) -> None:
    database = Database.at("sqlite:///a/b/new.db", folder=tmp_path)
    await schema.migrate(database, NOW)
    await schema.check(database)
    await database.close()


async def test_an_empty_database_is_refused_with_the_command_that_sets_it_up(empty: Database) -> None:
    if empty.file is not None:
        empty.file.touch()
    with pytest.raises(SchemaError, match=r"is empty\. `newsletter migrate` sets it up"):
        await schema.check(empty)


async def test_an_older_database_is_refused_with_the_command_that_upgrades_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = schema.REVISIONS[-1]
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "9999"))
    with pytest.raises(SchemaError, match=rf"older version \({newest}, not 9999\).*`newsletter migrate`"):
        await schema.check(database)


async def test_a_newer_database_is_refused_and_left_as_it_is(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for act in (schema.check(database), schema.migrate(database, NOW)):
        with pytest.raises(SchemaError, match=r"newer program \(revision 9999\). Update the program"):
            await act


async def test_the_migrations_make_the_tables_of_the_code(database: Database) -> None:
    def compare(connection: Connection) -> Any:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, tables.metadata)

    async with database.connect() as connection:
        assert await connection.run_sync(compare) == []


async def test_the_migrations_make_the_checks_keys_and_conditions_of_the_code(
    database: Database, empty: Database
) -> None:
    """What the comparison above does not see."""

    def describe(connection: Connection) -> dict[str, Any]:
        found = inspect(connection)
        return {
            table.name: {
                "columns": {
                    column["name"]: (str(column["type"]), column["nullable"], column["default"])
                    for column in found.get_columns(table.name)
                },
                "checks": sorted(
                    (check["name"], check["sqltext"]) for check in found.get_check_constraints(table.name)
                ),
                "keys": sorted(str(key) for key in found.get_foreign_keys(table.name)),
                "primary": found.get_pk_constraint(table.name),
                "unique": sorted(str(key) for key in found.get_unique_constraints(table.name)),
                "indexes": sorted(_index(index) for index in found.get_indexes(table.name)),
                "made": connection.execute(
                    text("SELECT sql LIKE '%AUTOINCREMENT%' FROM sqlite_master WHERE name = :name"),
                    {"name": table.name},
                ).scalar()
                if connection.dialect.name == "sqlite"
                else None,
            }
            for table in tables.metadata.sorted_tables
        }

    async with empty.begin() as connection:
        await connection.run_sync(tables.metadata.create_all)
        wanted = await connection.run_sync(describe)
    async with database.connect() as connection:
        assert await connection.run_sync(describe) == wanted


def _index(index: Any) -> str:
    where = {name: str(value) for name, value in index["dialect_options"].items() if name.endswith("_where")}
    return f"{index['name']} {index['column_names']} {index['unique']} {where}"


def test_the_revisions_are_those_of_the_migration_files() -> None:
    chain: dict[str | None, str] = {}
    for file in VERSIONS.glob("[0-9]*.py"):
        written = file.read_text(encoding="utf-8")
        number = re.search(r'^revision = "(\w+)"', written, re.MULTILINE)
        below = re.search(r'^down_revision = (?:"(\w+)"|None)', written, re.MULTILINE)
        assert number is not None
        assert below is not None
        assert file.name.startswith(f"{number[1]}_")
        chain[below[1]] = number[1]
    found, at = [], chain.get(None)
    while at is not None:
        found.append(at)
        at = chain.get(at)
    assert tuple(found) == schema.REVISIONS
    assert len(chain) == len(found)


async def test_a_table_is_rebuilt_without_losing_what_refers_to_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue(database, 3)
    kept = {table.name: await rows(database, table) for table in (tables.preferences, tables.deliveries)}

    def rebuild(connection: Connection, _to: str) -> None:
        operations = Operations(MigrationContext.configure(connection))
        always = "always" if connection.dialect.name == "sqlite" else "auto"
        for name in ("subscribers", "issues", "papers"):
            with operations.batch_alter_table(name, recreate=always) as batch:
                batch.alter_column("id", type_=Integer() if always == "always" else None)

    monkeypatch.setattr(schema, "_upgrade", rebuild)
    await schema.migrate(database, NOW)
    for name, before in kept.items():
        assert await rows(database, tables.metadata.tables[name]) == before
    # The keys hold again afterwards.
    with pytest.raises(StoreError):
        async with database.begin() as connection:
            await connection.execute(text("UPDATE deliveries SET issue_id = 999 WHERE id = 1"))


def test_the_documentation_tells_every_table_state_and_null() -> None:
    told = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
    tables_told, nulls_told, _, states_told = told.split("\n## ")[1:]
    for table in tables.metadata.sorted_tables:
        assert f"\n| `{table.name}` |" in tables_told
        for column in table.columns:
            if column.nullable:
                lines = [line for line in nulls_told.splitlines() if f"`{table.name}." in line]
                assert any(f"{column.name}`" in line for line in lines), f"{table.name}.{column.name}"
    for state in DeliveryState:
        assert f"`{state}`" in states_told
