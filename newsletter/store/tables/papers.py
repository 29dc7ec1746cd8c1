"""Papers, and what is kept of each."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from newsletter.store.tables.base import metadata
from newsletter.store.types import Id, Json, UtcDateTime

papers = Table(
    "papers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("arxiv_id", String(40)),  # without version; null: not known to be on arXiv
    Column("doi", Text),
    Column("version", Integer),
    Column("title", Text, nullable=False),
    Column("title_key", Text, nullable=False),  # the normalised title
    Column("abstract", Text, nullable=False),
    Column("url", Text),  # null: no source named an address; a search link stands in
    Column("links", Json, nullable=False),
    Column("authors", Json, nullable=False),
    Column("organization", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("keywords", Json, nullable=False),
    Column("source", Text, nullable=False),
    Column("published_on", Date),
    Column("votes", Integer, nullable=False),
    Column("comments", Integer, nullable=False),
    Column("stars", Integer, nullable=False),
    # The day for which it counts; it may have been taken in later, which is not known of those of older versions.
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("taken_at", UtcDateTime),
    Column("signed", Boolean, nullable=False, server_default=text("false")),  # its signs are on record
    Column("revised_at", UtcDateTime),  # when a higher version came; null: none came since it was taken in
    # False: only people's own searches brought it, and it is theirs alone (`found_for`).
    Column("shared", Boolean, nullable=False, server_default=text("true")),
    Column("hidden", Boolean, nullable=False, server_default=text("false")),
    Column("pinned", Boolean, nullable=False, server_default=text("false")),
    # Two records that turned out to be one work: the later one points to the one that counts. It is kept
    # because picks of the past show it.
    Column("merged_into", Id, ForeignKey("papers.id")),
    CheckConstraint("merged_into <> id", name="merged_into"),
)
# One living record an arXiv id, and one a title of which no more is known: authors, a DOI or an address may tell two
# works of one title apart.
_by_id = text("merged_into IS NULL AND arxiv_id IS NOT NULL")
Index("uq_papers_arxiv_id", papers.c.arxiv_id, unique=True, sqlite_where=_by_id, postgresql_where=_by_id)
_by_title = text(
    "merged_into IS NULL AND arxiv_id IS NULL AND doi IS NULL AND url IS NULL AND CAST(authors AS TEXT) = '[]'"
)
Index("uq_papers_title_key", papers.c.title_key, unique=True, sqlite_where=_by_title, postgresql_where=_by_title)
Index("ix_papers_title_key", papers.c.title_key)  # a title is looked up among those with an id too
Index("ix_papers_first_seen_at", papers.c.first_seen_at)  # the window of candidates
_revised = text("revised_at IS NOT NULL")
Index("ix_papers_revised_at", papers.c.revised_at, sqlite_where=_revised, postgresql_where=_revised)
# Doubles alone: with all in it, SQLite would go through every living paper to find those of some titles.
_double = text("merged_into IS NOT NULL")
Index("ix_papers_merged_into", papers.c.merged_into, sqlite_where=_double, postgresql_where=_double)
# In words, since SQLite does not use this index for the `signed = 0` that a column becomes.
lacks_signs = text("NOT signed")
Index("ix_papers_unsigned", papers.c.id, sqlite_where=lacks_signs, postgresql_where=lacks_signs)

# Titles that a paper bore before a revision or a merge: an old page may still bring it under one of them.
former_titles = Table(
    "former_titles",
    metadata,
    Column("title_key", Text, primary_key=True),
    Column("paper_id", Id, ForeignKey("papers.id"), primary_key=True, index=True),
    Column("title", Text, nullable=False, server_default=""),  # as it was written; empty: it was not kept
)

# What accounts of a work have in common that have neither its id nor its title: hashes of a DOI, and of the first
# author with how the title begins.
signs = Table(
    "signs",
    metadata,
    Column("sign", BigInteger, primary_key=True, autoincrement=False),
    Column("paper_id", Id, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True, index=True),
    sqlite_with_rowid=False,
)

# Papers that an editor took apart, each pair in both orders: no source makes them one again.
apart = Table(
    "apart",
    metadata,
    Column("paper_id", Id, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True),
    Column("other_id", Id, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True, index=True),
    CheckConstraint("other_id <> paper_id", name="other_id"),
)

# One vector a paper, by the model that made it last; without a model there are none.
vectors = Table(
    "vectors",
    metadata,
    Column("paper_id", Id, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True),
    Column("model", Text, nullable=False),
    Column("digest", String(32), nullable=False),  # of the text that was read
    Column("dimensions", Integer, nullable=False),
    Column("numbers", LargeBinary, nullable=False),  # float16, little-endian
    CheckConstraint("length(numbers) = 2 * dimensions", name="numbers"),
)

# What a machine wrote of a paper that no source summarises, and what it cost; without text it failed.
summaries = Table(
    "summaries",
    metadata,
    Column("paper_id", Id, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True),
    Column("model", Text, nullable=False),
    Column("digest", String(32), nullable=False),  # of the text that was read
    Column("text", Text, nullable=False),
    Column("fault", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),  # of all that was asked, answered or not
    Column("made_at", UtcDateTime, nullable=False, index=True),
)

# What a service said of a paper that was known by title alone when it was last asked. It is the evidence for
# an address that readers follow.
resolutions = Table(
    "resolutions",
    metadata,
    Column("paper_id", Id, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True),
    Column("service", String(16), primary_key=True),
    Column("asked", Integer, nullable=False),  # how often
    Column("asked_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime),  # null: it was asked often enough
    Column("query", Text, nullable=False),
    Column("title", Text, nullable=False),  # as the service has it; empty: it knows no such paper
    Column("found", Text, nullable=False),  # an arXiv id, a DOI or an address; empty: see title
)
