"""A backup of everything in one file that either engine can take back.

The file is a tar, compressed with gzip: `manifest.json` (format, revision, rows of each table) and for each table a
file of JSON lines, the names of its columns first. It is one moment of the database, taken while others go on working.
"""

import base64
import gzip
import io
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Column, Connection, LargeBinary, Table, inspect, literal, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.errors import ConflictError, StoreError
from newsletter.store import schema
from newsletter.store.database import Database, chunks, insert
from newsletter.store.tables import keys, metadata

FORMAT = 1
ROWS = 1_000

# What reading a file can raise that was cut, changed or never a backup; gzip's own errors are OSErrors.
_DAMAGE = (tarfile.TarError, EOFError, OSError, zlib.error, LookupError, TypeError, ValueError)


async def write(database: Database, file: Path) -> dict[str, int]:
    """Write a backup to `file`, replaced only once the new one is whole; return the rows of each table.

    The database may be of an older version than the program: that is when a backup is wanted most.
    """
    await schema.check(database, older=True)
    _refuse_what_is_no_file(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup-") as folder:
            unfinished = Path(folder) / "backup.tar.gz"
            # It holds everybody's addresses and the secrets.
            unfinished.touch(mode=0o600)
            counts = await _archive(database, unfinished)
            with unfinished.open("rb") as written:
                os.fsync(written.fileno())
            unfinished.replace(file)
    except OSError as error:
        raise StoreError(
            f"The backup cannot be written to {file}: {error.strerror or error}.",
            next_step="Name a file in a folder where there is room and that this user may write.",
        ) from error
    return counts


def _refuse_what_is_no_file(file: Path) -> None:
    # A device or a folder would be replaced like an older backup.
    if file.exists() and not file.is_file():
        raise StoreError(
            f"The backup cannot be written to {file}: it is no plain file.", next_step="Name a new file for it."
        )


async def restore(database: Database, file: Path, now: datetime) -> dict[str, int]:
    """Fill an empty database from a backup, all or nothing, and return the rows of each table.

    Raises StoreError if the file is no whole backup, or if there is anything in the database.
    """
    with _opened(file) as archive:
        manifest = _manifest(archive, file)
        await _must_suit(database, manifest)
        await schema.migrate(database, now, to=manifest["revision"])
        try:
            async with database.begin() as connection:
                await _must_be_empty(connection, database)
                await _replace_all(connection, archive, manifest["rows"])
        except (*_DAMAGE, StatementError, ConflictError) as error:
            raise StoreError(f"{file} is damaged: {_words(error)}.", next_step="Restore another backup.") from error
    await schema.migrate(database, now)
    return dict(manifest["rows"])


async def _archive(database: Database, file: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    lines = file.with_name("table.jsonl")
    async with database.connect() as connection:
        with tarfile.open(file, "w:gz", compresslevel=3) as archive:
            there = await connection.run_sync(_columns)
            for table in (table for table in metadata.sorted_tables if table.name in there):
                columns = [column for column in table.columns if column.name in there[table.name]]
                counts[table.name] = await _dump(connection, columns, lines)
                archive.add(lines, f"{table.name}.jsonl", filter=_plain)
            manifest = {"format": FORMAT, "revision": await schema.revision(connection), "rows": counts}
            _add_text(archive, "manifest.json", json.dumps(manifest, indent=1))
    return counts


async def _replace_all(connection: AsyncConnection, archive: tarfile.TarFile, counts: dict[str, int]) -> None:
    # An older backup has fewer tables.
    tables = [table for table in metadata.sorted_tables if table.name in counts]
    for table in reversed(tables):
        await connection.execute(table.delete())
    for table in tables:
        number = await _fill(connection, table, archive)
        if number != counts[table.name]:
            raise ValueError(f"{table.name} has {number} rows where {counts[table.name]} were written")
    if connection.dialect.name == "postgresql":
        await _move_sequences(connection, tables)


def _columns(connection: Connection) -> dict[str, set[str]]:
    """Return the columns of each table that is there."""
    found = inspect(connection)
    return {name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()}


async def _dump(connection: AsyncConnection, columns: Sequence[Column[Any]], file: Path) -> int:
    order = [column for column in columns if column.primary_key]
    number = 0
    with file.open("w", encoding="utf-8") as lines:
        lines.write(json.dumps([column.name for column in columns]) + "\n")
        rows = await connection.stream(select(*columns).order_by(*order), execution_options={"yield_per": ROWS})
        async for row in rows:
            lines.write(json.dumps([_out(value) for value in row], ensure_ascii=False) + "\n")
            number += 1
    return number


async def _fill(connection: AsyncConnection, table: Table, archive: tarfile.TarFile) -> int:
    member = archive.extractfile(f"{table.name}.jsonl")
    if member is None:
        raise ValueError(f"{table.name} is not in it")
    number = 0
    # A double may bear the id of the paper that is kept, which may have been taken in later.
    late: list[dict[str, Any]] = []
    for part in chunks(_rows(table, member), ROWS):
        number += len(part)
        if table.name == "papers":
            late += [row for row in part if row["merged_into"]]
            part = [row for row in part if not row["merged_into"]]
        if part:
            await connection.execute(insert(connection, table), part)
    for part in chunks(late, ROWS):
        await connection.execute(insert(connection, table), part)
    return number


def _rows(table: Table, member: IO[bytes]) -> Iterator[dict[str, Any]]:
    # An older backup has fewer columns; the migrations after it fill in the rest.
    columns = [table.columns[name] for name in json.loads(member.readline())]
    for line in member:
        values = json.loads(line)
        yield {column.name: _back(column.type, value) for column, value in zip(columns, values, strict=True)}


async def _must_suit(database: Database, manifest: dict[str, Any]) -> None:
    if database.file is not None and not database.file.exists():
        return
    async with database.connect() as connection:
        found = await schema.revision(connection)
        if found is None:
            return
        await _must_be_empty(connection, database)
    if found not in schema.REVISIONS[: schema.REVISIONS.index(manifest["revision"]) + 1]:
        raise StoreError(
            f"The database {database.name} is of a newer version than the backup.",
            next_step="Name a database in database.url that is not there so far; restoring sets it up.",
        )


async def _must_be_empty(connection: AsyncConnection, database: Database) -> None:
    there = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    for table in metadata.sorted_tables:
        if table is keys or table.name not in there:
            continue
        if (await connection.execute(select(literal(1)).select_from(table).limit(1))).scalar() is not None:
            raise StoreError(
                f"The database {database.name} is not empty, and restoring would write over it.",
                next_step="Name a new database in database.url, or move the old one away.",
            )


async def _move_sequences(connection: AsyncConnection, tables: Sequence[Table]) -> None:
    for table in tables:
        if "id" in table.columns:
            await connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "  # noqa: S608 - our own table names
                    f"coalesce(max(id), 0) + 1, false) FROM {table.name}"
                )
            )


def _opened(file: Path) -> tarfile.TarFile:
    try:
        with gzip.open(file) as whole:
            # The checksum is at the end, which tarfile never reads.
            while whole.read(1 << 20):
                pass
        return tarfile.open(file, "r:gz")
    except _DAMAGE as error:
        raise StoreError(
            f"{file} cannot be read as a backup: {_words(error)}.",
            next_step="Name a file that `newsletter backup` wrote.",
        ) from error


def _manifest(archive: tarfile.TarFile, file: Path) -> dict[str, Any]:
    try:
        member = archive.extractfile("manifest.json")
        manifest = json.loads(member.read() if member is not None else b"null")
    except _DAMAGE as error:
        raise StoreError(
            f"{file} is no whole backup: its list of contents, which is written last, cannot be read.",
            next_step="Restore another backup.",
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or not isinstance(manifest.get("rows"), dict):
        raise StoreError(f"{file} is a backup of another format.", next_step="Use the program that wrote it.")
    if manifest.get("revision") not in schema.REVISIONS:
        raise StoreError(f"{file} was written by a newer program.", next_step="Update the program first.")
    return manifest


def _words(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return getattr(cause, "strerror", None) or " ".join(str(cause).split()).rstrip(".") or "it ends too early"


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _add_text(archive: tarfile.TarFile, name: str, content: str) -> None:
    data = content.encode()
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _out(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _back(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value)
    python = kind.python_type
    return python.fromisoformat(value) if python in (date, datetime) else value
