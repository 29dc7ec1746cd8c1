"""The metadata that all tables share, and the checks that many columns need."""

from sqlalchemy import CheckConstraint, MetaData

# `sqlite_autoincrement` where rows are deleted: SQLite would hand out an id again, and what was meant for one person
# would reach the next.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, *words: str) -> CheckConstraint:
    """Let a column hold these words only."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def from_to(column: str, least: int, most: int) -> CheckConstraint:
    """Let a column hold numbers between these only, both included."""
    return CheckConstraint(f"{column} BETWEEN {least} AND {most}", name=column)
