"""Alembic's scripts; `newsletter migrate` runs them, nobody else."""
