"""A person's own search on the command line: given, shown, refused in one sentence, and taken back."""

from pathlib import Path

import pytest

from test_cli import Place  # isort: skip

ARXIV = "cat:cs.CL AND abs:retrieval"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    found.run("migrate")
    return found


def test_a_search_is_a_wish_like_any_other(place: Place) -> None:
    added = place.one("subscribers", "add", "ada@example.org", "--search", ARXIV, "--search", "dense retrieval")
    assert added["searches"] == [ARXIV, "all:dense AND all:retrieval"]
    told = place.run("subscribers", "show", "ada@example.org").stdout
    assert f"{ARXIV} (not asked so far)" in told
    assert place.lines("feeds", "list") == []
    for query, words in (("title:x", "title:, and arXiv knows only"), ('ti:"open', "never closed")):
        refused = place.run("subscribers", "edit", "ada@example.org", "--search", query, code=2).stderr
        assert words in refused
        assert "One looks like" in refused
    changed = place.one("subscribers", "edit", "ada@example.org", "--search", ARXIV)
    assert changed["searches"] == [ARXIV]
    place.run("subscribers", "export", "people.csv")
    assert ARXIV in (place.folder / "people.csv").read_text()
    assert place.one("subscribers", "edit", "ada@example.org", "--clear", "search")["searches"] == []
