"""The hub's JSON, real days and hostile ones."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds import parse, python_text
from newsletter.models import Paper, ParsedFeed

TODAY = date(2026, 11, 21)


def entry(number: int = 1, **paper: Any) -> dict[str, Any]:
    return {
        "paper": {
            "id": f"2606.0000{number}",
            "title": f"Paper Number {number}",
            "summary": "We study it.",
            "publishedAt": "2026-06-01T00:00:00.000Z",
            "authors": [{"name": "Ada Lovelace", "hidden": False}],
        }
        | paper,
        "numComments": 3,
    }


def read(value: Any) -> ParsedFeed:
    return parse(json.dumps(value).encode(), name="day.json", today=TODAY)


def one(**paper: Any) -> Paper:
    parsed = read([entry(**paper)])
    assert len(parsed.papers) == 1
    return parsed.papers[0]


def test_all_real_days_are_read_without_a_problem(shared: Path) -> None:
    days = sorted((shared / "feeds" / "hf-daily-papers").glob("*.json"))
    assert len(days) == 44
    for day in days:
        entries = json.loads(day.read_bytes())
        parsed = parse(day.read_bytes(), name=day.name, today=TODAY)
        assert parsed.layout == "hub-json"
        assert parsed.problems == ()
        assert parsed.published_on == date.fromisoformat(day.stem)
        for paper, raw in zip(parsed.papers, entries, strict=True):
            assert paper.arxiv_id == raw["paper"]["id"]
            assert paper.title == " ".join(raw["paper"]["title"].split())
            assert paper.votes == raw["paper"]["upvotes"]
            assert paper.comments == raw["numComments"]
            assert len(paper.authors) == len({a["name"] for a in raw["paper"]["authors"] if not a["hidden"]})


def test_accents_of_names_are_letters() -> None:
    named = one(authors=[{"name": "Andr\\'e Weil"}, {"name": r"Erd\H{o}s P\'al"}, {"name": "André Weil"}])
    assert named.authors == ("André Weil", "Erdős Pál")


def test_the_fields_of_an_entry() -> None:
    paper = one(
        authors=[{"name": "Ada Lovelace"}, {"name": "Hidden Person", "hidden": True}, {"name": " Émile  Borel "}],
        upvotes=12,
        githubRepo="https://github.com/a/b",
        githubStars=7,
        projectPage="https://a.github.io/b/",
        ai_summary="In short.",
        ai_keywords=["attention", "scaling laws"],
        organization={"name": "lab", "fullname": "The Lab"},
    )
    assert paper.authors == ("Ada Lovelace", "Émile Borel")
    assert (paper.votes, paper.comments, paper.stars) == (12, 3, 7)
    assert paper.url == "https://arxiv.org/abs/2606.00001"
    assert [(link.kind, link.url) for link in paper.links] == [
        ("code", "https://github.com/a/b"),
        ("project", "https://a.github.io/b/"),
        ("paper", "https://huggingface.co/papers/2606.00001"),
    ]
    assert (paper.summary, paper.keywords, paper.organization) == (
        "In short.",
        ("attention", "scaling laws"),
        "The Lab",
    )
    assert (paper.source, paper.published_on) == ("Hugging Face Daily Papers", date(2026, 6, 1))


@pytest.mark.parametrize(
    "key", ["id", "summary", "publishedAt", "authors", "upvotes", "githubRepo", "ai_keywords", "organization"]
)
@pytest.mark.parametrize("value", [None, 1e400, -5, True, "", [], {}, [None, 1, {"name": 5}], {"a": []}, "x\x00\ud800"])
def test_any_key_may_be_absent_or_of_the_wrong_type(key: str, value: Any) -> None:
    parsed = read([entry(1, **{key: value}), entry(2)])
    assert [paper.title for paper in parsed.papers] == ["Paper Number 1", "Paper Number 2"]
    assert all(problem.where == "day.json, entry 1" for problem in parsed.problems)


def test_a_value_of_the_wrong_type_is_named() -> None:
    parsed = read([entry(upvotes="many", authors="Ada", githubRepo="javascript:alert(1)")])
    assert {problem.what.split(" ")[0] for problem in parsed.problems} == {"upvotes", "authors", "githubRepo"}
    assert parsed.papers[0].links[0].kind == "paper"


def test_an_entry_without_a_title_is_left_out_and_costs_no_other() -> None:
    parsed = read([entry(1, title=""), entry(2), "text", None, {"paper": None}, entry(3, title=["x"])])
    assert [paper.title for paper in parsed.papers] == ["Paper Number 2"]
    assert {problem.where for problem in parsed.problems} >= {f"day.json, entry {n}" for n in (1, 3, 4, 5, 6)}


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda entries: {"status": "success", "data": entries},
        lambda entries: {"papers": entries, "total": 2},
        lambda entries: [each["paper"] for each in entries],
    ],
)
def test_the_list_may_be_wrapped_or_bare(wrapped: Any) -> None:
    parsed = read(wrapped([entry(1), entry(2)]))
    assert [paper.arxiv_id for paper in parsed.papers] == ["2606.00001", "2606.00002"]
    assert parsed.problems == ()


def test_python_text_in_place_of_json_is_read_and_named(shared: Path) -> None:
    for day in sorted((shared / "feeds" / "hf-daily-papers").glob("*.json"))[:5]:
        entries = json.loads(day.read_bytes())
        for value in (entries, {"status": "success", "data": entries}):
            parsed = parse(repr(value).encode(), name="day", today=TODAY)
            assert parsed.papers == parse(day.read_bytes(), today=TODAY).papers
            assert [problem.what.partition(";")[0] for problem in parsed.problems] == [
                "This is Python text in place of JSON"
            ]


@pytest.mark.parametrize(
    "text",
    [
        "[{'paper': {'title': 'x', 'summary': __import__('os').getcwd()}}]",
        "[{'paper': {'title': f'{1}'}}]",
        "[{'paper': {'title': 'x', 'upvotes': 9**9**9}}]",
        "[{'paper': {'title': 'x'}}",
        "[{'paper': {'title': 'x'}}, {'paper': {'ti",
        "[{'paper': {'title': 'x', 'when': datetime.date(2026, 1, 1)}}]",
        "[{'paper': " + "[" * 41 + "]" * 41 + "}]",
        "[{'paper': " + "[" * 200_000,
        "[{'paper': {'title': '" + "x" * 3_000_000 + "'}}]",
        "{'a': 1, {'b': 2}: 3}",
        "['a'", "[{'a': -'b'}]", "[{'a': 1e999j}]",
    ],
)  # fmt: skip
def test_python_text_that_is_not_certain_is_named_and_nothing_else(text: str) -> None:
    parsed = parse(text.encode(), today=TODAY)
    assert (parsed.layout, parsed.papers) == ("unknown", ())
    (problem,) = parsed.problems
    assert problem.what.startswith("This is Python text in place of JSON; write it")


def test_one_name_of_python_in_json_is_read_too() -> None:
    text = json.dumps([entry(1, upvotes=4), entry(2)]).replace("false", "False").replace("4", "None", 1)
    parsed = parse(text.encode(), today=TODAY)
    assert len(parsed.papers) == 2
    assert "Python" in parsed.problems[0].what


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=20) | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(values)
def test_what_python_prints_is_read_as_it_was_or_not_at_all(value: Any) -> None:
    read = python_text.read(repr(value))
    assert read is None or read == value


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "Too many requests"}, "it says: 'Too many requests'"),
        ({"error": {"message": "No such\nday"}}, "it says: 'No such day'"),
        ({"detail": "x" * 5000}, "…'"),
        ({"error": 5}, "list of papers in it."),
    ],
)
def test_what_a_server_says_in_place_of_papers_is_told(body: Any, words: str) -> None:
    parsed = read(body)
    assert (parsed.layout, parsed.papers) == ("unknown", ())
    assert words in parsed.problems[0].what
    assert bool(parsed.said) == ("it says" in parsed.problems[0].what)


def test_a_cut_file_gives_all_whole_entries(shared: Path) -> None:
    data = (shared / "feeds" / "hf-daily-papers" / "2026-06-25.json").read_bytes()
    whole = parse(data, today=TODAY).papers
    for share in (0.1, 0.5, 0.9, 0.999):
        parsed = parse(data[: int(len(data) * share)], name="cut", today=TODAY)
        assert parsed.papers == whole[: len(parsed.papers)]
        assert len(parsed.papers) >= int(len(whole) * share) - 3
        assert parsed.problems


def test_damage_in_one_entry_costs_that_entry(shared: Path) -> None:
    data = (shared / "feeds" / "hf-daily-papers" / "2026-06-25.json").read_bytes()
    whole = parse(data, today=TODAY).papers
    place = data.index(b'"summary"', len(data) // 2)
    for damage in (b'"', b"{", b"}}", b"\\x", b"\xff\xfe", b"," * 9, b"[" * 5000):
        parsed = parse(data[:place] + damage + data[place:], today=TODAY)
        assert len([paper for paper in whole if paper in parsed.papers]) >= len(whole) - 1
        assert parsed.problems


def test_text_that_is_over_a_limit_is_cut_or_left_out_and_named() -> None:
    parsed = read([entry(1, title="Word " * 300), entry(2, summary="a " * 15_000), entry(3, summary="a" * 5_000_000)])
    assert len(parsed.papers) == 2
    assert len(parsed.papers[0].title) <= 1000
    assert len(parsed.papers[1].abstract) <= 20_000
    assert [problem.where for problem in parsed.problems] == [f"day.json, entry {n}" for n in (1, 2, 3)]


def test_a_paper_of_five_thousand_authors_keeps_the_first_thousand() -> None:
    parsed = read([entry(authors=[{"name": f"Author {n}"} for n in range(5000)])])
    assert len(parsed.papers[0].authors) == 1000
    assert "5,000 authors" in parsed.problems[0].what


@pytest.mark.parametrize("data", [b"[]", b'{"data": []}'])
def test_an_empty_day_is_no_problem(data: bytes) -> None:
    parsed = parse(data, today=TODAY)
    assert (parsed.layout, parsed.papers, parsed.problems) == ("hub-json", (), ())


def test_json_without_papers_is_named() -> None:
    parsed = parse(b'{"error": "Too many requests"}', today=TODAY)
    assert parsed.papers == ()
    assert "no list of papers" in parsed.problems[0].what
