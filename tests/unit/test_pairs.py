"""Pairs of pictures for fresh eyes: which is ours is chance and stands in the key alone, and votes are counted."""

import asyncio
import html
import importlib
import json
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

BENCH = Path(__file__).resolve().parents[2] / "bench"
SETS = [(name, "1.0") for name in ("North", "East", "South", "West", "Middle", "Far", "Near")]


@pytest.fixture(scope="module")
def pairs() -> ModuleType:
    sys.path.insert(0, str(BENCH))
    try:
        return importlib.import_module("pairs")
    finally:
        sys.path.remove(str(BENCH))


def test_each_set_is_seen_on_both_screens_and_in_both_lights(pairs):
    planned = pairs.planned(SETS, seed=1)
    assert [pair.name for pair in planned] == [f"pair{number:02}" for number in range(1, 15)]
    for name, _ in SETS:
        views = [pair.view for pair in planned if pair.set == name]
        assert {view.width for view in views} == {375, 700}
        assert {view.scheme for view in views} == {"light", "dark"}
    # Somebody who sees half of them meets each set once.
    assert {pair.set for pair in planned[:7]} == {pair.set for pair in planned[7:]} == {name for name, _ in SETS}


def test_sides_are_chance_from_the_seed_and_even(pairs):
    assert pairs.planned(SETS, seed=3) == pairs.planned(SETS, seed=3)
    assert len({tuple(pair.ours for pair in pairs.planned(SETS, seed)) for seed in range(20)}) > 10
    assert all(Counter(pair.ours for pair in pairs.planned(SETS, seed)) == {"A": 7, "B": 7} for seed in range(20))


@given(
    st.dictionaries(
        st.integers(1, 99),
        st.tuples(st.sampled_from("AB"), st.text(st.characters(categories=["L", "N"]), min_size=2, max_size=30)),
    )
)
def test_votes_are_read_as_they_were_written(pairs, said):
    text = "\n".join(f"pair{number:02} {side} {why}" for number, (side, why) in said.items())
    assert {(vote.pair, vote.side, vote.why) for vote in pairs.read_votes(text, "v")} == {
        (f"pair{number:02}", side, why) for number, (side, why) in said.items()
    }


@pytest.mark.parametrize(
    "line",
    [
        "pair03 B calmer",
        "pair03: B - calmer",
        "* **pair03** **B**: calmer",
        "Pair 3: B, calmer",
        "- pair03 — B — calmer",
    ],
)
def test_votes_are_read_in_the_ways_people_write_them(pairs, line):
    (vote,) = pairs.read_votes(f"My votes\n\n{line}\nThat was all. A pair is a pair.", "ann")
    assert (vote.voter, vote.pair, vote.side, vote.why) == ("ann", "pair03", "B", "calmer")


def test_a_second_thought_stands(pairs):
    assert [vote.side for vote in pairs.read_votes("pair01 A first\npair01 B on second thought", "ann")] == ["B"]


def test_what_is_preferred_is_counted_by_set_width_scheme_side_and_voter(pairs):
    view = pairs.View
    known = [
        pairs.Pair("pair01", "North", "1.0", view(375, "light"), "A"),
        pairs.Pair("pair02", "South", "2.0", view(700, "dark"), "B"),
    ]
    votes = [
        pairs.Vote("ann", "pair01", "A", ""),
        pairs.Vote("ann", "pair02", "A", ""),
        pairs.Vote("bo", "pair02", "B", ""),
    ]
    assert pairs.counted(known, votes) == {
        "North 1.0": (1, 1),
        "South 2.0": (1, 2),
        "375 px": (1, 1),
        "700 px": (1, 2),
        "light": (1, 1),
        "dark": (1, 2),
        "ours is A": (1, 1),
        "ours is B": (1, 2),
        "voter ann": (1, 2),
        "voter bo": (1, 1),
        "all": (2, 3),
    }


def test_counting_says_whether_it_was_two_of_three(pairs, tmp_path, capsys):
    planned = pairs.planned(SETS, seed=1)
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"seed": 1, "pairs": [pair._asdict() for pair in planned]}))
    assert pairs.read_key(key) == planned

    def ballot(ours: int) -> Path:
        file = tmp_path / f"ann-{ours}.txt"
        sides = [pair.ours if at < ours else "BA"[pair.ours == "B"] for at, pair in enumerate(planned)]
        file.write_text("".join(f"{pair.name} {side} so\n" for pair, side in zip(planned, sides, strict=True)))
        return file

    assert pairs.count([ballot(10)], key)
    assert "| all | 10 | 14 | 71% |" in capsys.readouterr().out
    assert not pairs.count([ballot(9)], key)
    (tmp_path / "none.txt").write_text("I like both.")
    with pytest.raises(SystemExit, match="no vote"):
        pairs.count([tmp_path / "none.txt"], key)
    (tmp_path / "wrong.txt").write_text("pair99 A so")
    with pytest.raises(SystemExit, match="pair99"):
        pairs.count([tmp_path / "wrong.txt"], key)


def test_the_key_may_not_lie_beside_the_pictures(pairs, tmp_path):
    with pytest.raises(SystemExit, match="voters would see it"):
        pairs.make(tmp_path / "sets", tmp_path / "out", tmp_path / "out" / "key.json", seed=1)
    assert not (tmp_path / "out").exists()


def test_the_sets_are_given_the_very_words_of_our_mail(pairs, tmp_path):
    mail, content = asyncio.run(pairs.our_mail(tmp_path))
    words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", mail)).split())
    assert len(content["papers"]) == 10
    for paper in content["papers"]:
        shown = [paper[name] for name in ("title", "authors", "organization", "reason", "facts", "summary")]
        shown += [word for word, _ in (*paper["links"], *paper["verdicts"])]
        assert [text for text in shown if text not in words] == []
    for text in (content["name"], content["line"], content["footer"]["postal"], content["footer"]["why"]):
        assert text in words
    for word, _ in content["footer"]["links"]:
        assert word in words


def test_the_instructions_tell_nothing(pairs):
    assert re.search(r"\b(ours?|theirs|we|us|set|template|newsletter|Foundation|MJML)\b", pairs.INSTRUCTIONS) is None
