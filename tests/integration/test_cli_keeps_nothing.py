"""What promises to change nothing keeps nothing, not even the vectors that a model of embeddings makes for it."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from model import WORDS, installed, tiny

from newsletter.cli.main import newsletter

READER = "ada@example.org"


def call(folder: Path, *words: str) -> str:
    """Call the program in this process, and return what it printed."""
    result = CliRunner().invoke(newsletter, ["--config", str(folder / "config.toml"), *words])
    assert result.exit_code == 0, result.output
    return result.output


def record(folder: Path) -> list[str]:
    """Return all that the database holds."""
    with sqlite3.connect(folder / "newsletter.db") as connection:
        return list(connection.iterdump())


def vectors(folder: Path) -> int:
    """Return how many vectors are on record."""
    with sqlite3.connect(folder / "newsletter.db") as connection:
        return int(connection.execute("SELECT count(*) FROM vectors").fetchone()[0])


@pytest.fixture(params=["a tiny model", "a real model"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A newsletter with a model of embeddings, a reader and papers, of which no vector was made so far."""
    pytest.importorskip("tokenizers", reason="the extra embeddings is not installed")
    find: Callable[[], Path] = installed if request.param == "a real model" else lambda: tiny(tmp_path / "model")
    model = find()
    call(tmp_path, "init")
    found = [
        {"title": "", "paper": {"id": f"2603.{number:05}", "title": f"The {word} {number}", "summary": f"On {word}."}}
        for number, word in enumerate(WORDS[4:8] * 3)
    ]
    (tmp_path / "papers.json").write_text(json.dumps(found))
    call(tmp_path, "feeds", "ingest", str(tmp_path / "papers.json"))
    call(tmp_path, "subscribers", "add", READER, "--topic", "protein")
    with (tmp_path / "config.toml").open("a") as config:
        config.write(f"\n[ranking]\nmodel = {json.dumps(str(model))}\n")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [("preview", READER), ("why", READER, "The protein 1"), ("send", "--dry-run")],
    ids=["preview", "why", "send --dry-run"],
)
def test_nothing_is_put_on_record(place: Path, words: tuple[str, ...]) -> None:
    before = record(place)
    call(place, *words)
    assert record(place) == before
    assert vectors(place) == 0


def test_what_was_shown_is_what_is_sent_with_the_vectors_on_record(place: Path) -> None:
    (would,) = [json.loads(line)["papers"] for line in call(place, "send", "--dry-run", "--json").splitlines()]
    shown = json.loads(call(place, "preview", READER, "--json"))["papers"]
    call(place, "send")
    assert vectors(place) == 12
    (sent,) = [json.loads(line)["papers"] for line in call(place, "deliveries", "list", "--json").splitlines()]
    assert [paper["title"] for paper in shown] == would == sent
