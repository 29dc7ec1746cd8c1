"""`newsletter send` says for whom choosing failed, and leaves with 1 when everybody else has their mail."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from newsletter.cli.main import newsletter
from newsletter.ranking import Ranker


def call(folder: Path, *words: str) -> Result:
    """Call the program in this process."""
    return CliRunner().invoke(newsletter, ["--config", str(folder / "config.toml"), *words])


def test_who_was_left_out_is_told_in_a_sentence_once_the_others_have_their_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(tmp_path, "init").exit_code == 0
    (tmp_path / "papers.json").write_text(
        json.dumps([{"title": "", "paper": {"id": "2603.00001", "title": "A violin", "summary": "Of strings."}}])
    )
    for words in (
        ("feeds", "ingest", str(tmp_path / "papers.json")),
        ("subscribers", "add", "ada@example.org", "--mute", "harbour"),
        ("subscribers", "add", "bob@example.org"),
    ):
        result = call(tmp_path, *words)
        assert result.exit_code == 0, result.output
    choose = Ranker.choose

    def failing(self: Ranker, profiles: Any, *given: Any, **more: Any) -> Any:
        if any(profile.muted for profile in profiles):
            raise ZeroDivisionError("of ada@example.org")
        return choose(self, profiles, *given, **more)

    monkeypatch.setattr(Ranker, "choose", failing)
    result = call(tmp_path, "send", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "1 message would go out now" in result.output
    assert "Choosing fails for 1 of them" in result.output
    result = call(tmp_path, "send")
    assert result.exit_code == 1, result.output
    assert "1 issue composed." in result.output
    assert "Choosing failed for 1 (ada@example.org), who got no mail; that is a fault of this program." in result.output
    assert "of ada" not in result.output
    monkeypatch.setattr(Ranker, "choose", choose)
    result = call(tmp_path, "send")
    assert result.exit_code == 0, result.output
    assert "1 issue composed." in result.output
