"""The record: tables, migrations and queries by noun, on SQLite and PostgreSQL alike; it knows no rules.

Each module of queries takes a connection of `database.Database` first and returns models.
"""
