"""Saved pages, in both layouts, whole and damaged."""

from datetime import date
from pathlib import Path

import pytest

from newsletter.feeds import distinct, parse, title_key
from newsletter.models import ParsedFeed

TODAY = date(2026, 11, 21)

PAGES = {
    "000_39c8e33f33157b04.txt": (104, date(2026, 8, 20)),
    "001_46f7697cbd531cb8.txt": (139, date(2026, 5, 14)),
    "002_fbcb165bff193549.txt": (78, date(2026, 3, 14)),
    "003_fecd3dfae968e59c.txt": (268, None),
}

MASTHEAD = {
    "new",
    "Get trending papers in your email inbox!",
    "Get trending papers in your email inbox once a day!",
    "Subscribe",
    "Daily Papers",
    "byAK and the research community",
    "Aug 20",
    "May 14",
    "Mar 14",
}

TITLES = ["Learning to Read", "What is a Paper?", "rStar: Small Models", "On the INT v.s. FP Question"]
ABSTRACTS = [f"We study question {number}. The answer is a long one. " * 6 + "It is yes." for number in range(4)]


def read(shared: Path, name: str) -> bytes:
    return (shared / "seeds" / name).read_bytes()


def page(*lines: str, date_line: str = "Aug 20") -> bytes:
    head = [
        "new",
        "Get trending papers in your email inbox!",
        "Subscribe",
        "byAK and the research community",
        date_line,
    ]
    return "\n\n".join([*head, *lines]).encode()


def in_turn() -> list[str]:
    return [line for pair in zip(TITLES, ABSTRACTS, strict=True) for line in pair]


def titles(parsed: ParsedFeed) -> list[str]:
    return [paper.title for paper in parsed.papers]


@pytest.mark.parametrize("name", PAGES)
def test_a_real_page_gives_all_its_papers_without_a_problem(shared: Path, name: str) -> None:
    entries, published_on = PAGES[name]
    parsed = parse(read(shared, name), name=name, today=TODAY)
    assert parsed.layout == "page"
    assert parsed.problems == ()
    assert len(parsed.papers) == entries
    assert parsed.published_on == published_on
    assert {paper.published_on for paper in parsed.papers} == {published_on}
    assert {paper.source for paper in parsed.papers} == {"Hugging Face Daily Papers"}


@pytest.mark.parametrize("name", PAGES)
def test_every_line_of_a_real_page_is_found_again(shared: Path, name: str) -> None:
    lines = [line.strip() for line in read(shared, name).decode().split("\n")]
    body = [line.removeprefix("Subscribe") for line in lines if line and line not in MASTHEAD]
    found = [text for paper in parse(read(shared, name), today=TODAY).papers for text in (paper.title, paper.abstract)]
    assert [" ".join(line.split()) for line in body] == found


def test_the_real_pages_hold_545_different_papers(shared: Path) -> None:
    papers = [paper for name in PAGES for paper in parse(read(shared, name), today=TODAY).papers]
    assert len(papers) == 589
    assert len(distinct(papers)) == 545
    assert len({title_key(paper.title) for paper in papers}) == 545


def test_the_date_is_the_latest_such_day_not_after_today() -> None:
    def published_on(line: str, today: date) -> date | None:
        return parse(page(*in_turn(), date_line=line), today=today).published_on

    assert published_on("Aug 20", date(2026, 8, 20)) == date(2026, 8, 20)
    assert published_on("Aug 20", date(2026, 8, 19)) == date(2025, 8, 20)
    assert published_on("Feb 29", date(2026, 11, 21)) == date(2024, 2, 29)
    assert published_on("Dec 31", date(2026, 1, 1)) == date(2025, 12, 31)
    assert published_on("May 3, 2024", TODAY) == date(2024, 5, 3)


@pytest.mark.parametrize("line", ["Feb 30", "Jun 31", "Aug 0", "Aug 20, 2031"])
def test_a_day_that_has_not_been_is_a_problem_and_costs_no_paper(line: str) -> None:
    parsed = parse(page(*in_turn(), date_line=line), name="p.txt", today=TODAY)
    assert titles(parsed) == TITLES
    assert parsed.published_on is None
    assert [problem.where for problem in parsed.problems] == ["p.txt, line 9"]
    assert line in parsed.problems[0].what


@pytest.mark.parametrize(
    "masthead",
    [
        [],
        ["new"],
        ["Subscribe"],
        ["Subscribe", "Aug 20"],
        ["Daily Papers", "by AK and the research community", "Aug 20"],
        ["new", "Get trending papers in your email inbox once a day!", "Get trending papers in your email inbox!"],
    ],
)
def test_any_piece_of_the_masthead_may_be_absent(masthead: list[str]) -> None:
    parsed = parse("\n\n".join([*masthead, *in_turn()]).encode(), today=TODAY)
    assert titles(parsed) == TITLES
    assert parsed.problems == ()


@pytest.mark.parametrize(
    ("glued", "published_on"),
    [
        ("Subscribe", None),
        ("SubscribeDaily PapersbyAK and the research communityAug 20", date(2026, 8, 20)),
        ("SubscribebyAK and the research community", None),
    ],
)
def test_the_first_title_may_be_glued_to_the_masthead(glued: str, published_on: date | None) -> None:
    lines = ["Get trending papers in your email inbox!", *in_turn()]
    lines[1] = glued + lines[1]
    parsed = parse("\n".join(lines).encode(), today=TODAY)
    assert titles(parsed) == TITLES
    assert parsed.published_on == published_on
    assert parsed.problems == ()


def test_a_title_that_begins_with_the_word_is_not_glued() -> None:
    lines = in_turn()
    lines[0] = "Subscribers of Newsletters: a Study"
    assert titles(parse(page(*lines), today=TODAY))[0] == lines[0]
    lines[0] = "Subscribe to Papers"
    assert titles(parse("\n".join(["new", *lines]).encode(), today=TODAY))[0] == lines[0]


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_line_ends_and_unicode_encodings_make_no_difference(end: str, encoding: str) -> None:
    data = page(*in_turn()).decode().replace("\n", end).encode(encoding)
    parsed = parse(data, today=TODAY)
    assert titles(parsed) == TITLES
    assert parsed.problems == ()


def test_a_wrong_encoding_is_named_and_read_as_far_as_it_goes() -> None:
    lines = in_turn()
    lines[0], lines[2] = "Étude de modèles", "Naïve Bayes"
    latin = page(*lines).decode().encode("cp1252")
    parsed = parse(latin, today=TODAY)
    assert titles(parsed) == [lines[0], lines[2], *TITLES[2:]]
    assert "not UTF-8" in parsed.problems[0].what
    mixed = page(*in_turn()) + "\n\nÉtude\n\n".encode() + ("Modèles. " * 40).encode("latin-1")
    assert titles(parse(mixed, today=TODAY)) == [*TITLES, "Étude"]


def test_control_characters_and_nul_are_taken_out() -> None:
    lines = in_turn()
    lines[0] = "Learning\x00 to\x1b \x07Read\u202e"
    assert titles(parse(page(*lines), today=TODAY)) == TITLES


def test_a_lost_line_costs_one_entry_and_no_other() -> None:
    for place in range(8):
        lines = in_turn()
        del lines[place]
        parsed = parse(page(*lines), today=TODAY)
        expected = [(t, a) for at, (t, a) in enumerate(zip(TITLES, ABSTRACTS, strict=True)) if at != place // 2]
        assert [(paper.title, paper.abstract) for paper in parsed.papers] == expected
        assert len(parsed.problems) == 1
        assert "left out" in parsed.problems[0].what


@pytest.mark.parametrize("name", PAGES)
def test_a_lost_line_of_a_real_page_costs_one_entry_and_no_other(shared: Path, name: str) -> None:
    lines = read(shared, name).decode().split("\n")
    whole = parse(read(shared, name), today=TODAY).papers
    body = [place for place, line in enumerate(lines) if line.strip() and line not in MASTHEAD][1:]
    for place in body[:: len(body) // 25]:
        for damaged in ([], [lines[place][:20]]):
            parsed = parse("\n".join([*lines[:place], *damaged, *lines[place + 1 :]]).encode(), today=TODAY)
            others = [paper for paper in parsed.papers if paper in whole]
            assert len(others) >= len(whole) - 1
            # A title cut short still has its abstract; nothing else may be made up.
            assert len(parsed.papers) - len(others) <= len(damaged)


def test_an_abstract_may_have_several_paragraphs() -> None:
    lines = [TITLES[0], ABSTRACTS[0], "Code is at https://github.com/a/b", TITLES[1], ABSTRACTS[1]]
    parsed = parse(page(*lines), today=TODAY)
    assert titles(parsed) == TITLES[:2]
    assert parsed.papers[0].abstract == f"{ABSTRACTS[0]} {lines[2]}"


def test_a_page_that_was_cut_is_named() -> None:
    parsed = parse(page(*in_turn())[:-8], today=TODAY)
    assert titles(parsed) == TITLES
    assert "cut" in parsed.problems[0].what


def test_short_summaries_are_told_from_titles() -> None:
    lines = ["A Title", "One sentence that says what was done and why it matters to all.", "Another", "It works. Well."]
    parsed = parse(page(*lines), today=TODAY)
    assert [(paper.title, paper.abstract) for paper in parsed.papers] == [(lines[0], lines[1]), (lines[2], lines[3])]


def test_a_line_of_fifty_megabytes_is_left_out_and_nothing_else() -> None:
    lines = in_turn()
    lines.insert(3, "a" * 50_000_000)
    parsed = parse(page(*lines), today=TODAY)
    assert titles(parsed) == TITLES
    assert "50,000,000 characters" in parsed.problems[0].what


def test_what_is_over_a_limit_is_cut_and_named() -> None:
    parsed = parse(page(TITLES[0], "A sentence of it. " * 1500, TITLES[1], ABSTRACTS[1]), today=TODAY)
    assert titles(parsed) == TITLES[:2]
    assert len(parsed.papers[0].abstract) <= 20_000
    assert ["cut at 20,000" in problem.what for problem in parsed.problems] == [True]


def test_ordinary_text_is_no_page() -> None:
    for text in ("Dear Alice,\n\nhow are you?\n\nBob", "one line", "# Read me\n\n* a\n* b\n\n```\nmake\n```\n"):
        parsed = parse(text.encode(), today=TODAY)
        assert (parsed.layout, parsed.papers) == ("unknown", ())
        assert len(parsed.problems) == 1
