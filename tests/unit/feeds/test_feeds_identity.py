"""Two accounts of one work are one paper, and the best of both is kept."""

from datetime import UTC, date, datetime
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds import arxiv_id, distinct, merge, parse, title_key
from newsletter.models import Link, Paper

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2508.13426", ("2508.13426", None)),
        ("2508.13426v2", ("2508.13426", 2)),
        ("0704.0001", ("0704.0001", None)),
        ("arXiv:2508.13426v1", ("2508.13426", 1)),
        ("oai:arXiv.org:2508.13426v12", ("2508.13426", 12)),
        ("oai:arXiv.org:hep-th/9901001", ("hep-th/9901001", None)),
        ("hep-th/9901001v3", ("hep-th/9901001", 3)),
        ("math.GT/0309136", ("math/0309136", None)),
        ("http://arxiv.org/abs/2508.13426v2", ("2508.13426", 2)),
        ("https://www.arxiv.org/pdf/2508.13426v2.pdf", ("2508.13426", 2)),
        ("https://export.arxiv.org/abs/math/0309136", ("math/0309136", None)),
        ("https://arxiv.org/html/2508.13426#S2", ("2508.13426", None)),
        ("https://huggingface.co/papers/2508.13426", ("2508.13426", None)),
        ("https://doi.org/10.48550/arXiv.2508.13426", ("2508.13426", None)),
        ("An extended version of arXiv:2101.00001, with proofs", ("2101.00001", None)),
        ("", None),
        ("2513.00001", None),
        ("1234.567", None),
        ("2508.134267", None),
        ("version 2508.13426 of it", None),
        ("https://a.example/abs/2508.13426", None),
        ("https://huggingface.co/datasets/2508.13426", None),
    ],
)
def test_arxiv_ids(text: str, expected: tuple[str, int | None] | None) -> None:
    assert arxiv_id(text) == expected


@pytest.mark.parametrize(
    "titles",
    [
        [
            "Tülu 3: Pushing Frontiers",
            r"T\"ulu 3: Pushing  frontiers",
            "TULU 3 — Pushing Frontiers",
            r"T{\"u}lu 3: Pushing Frontiers",
        ],
        ["GD^2PO", "GD²PO", "$GD^2PO$", "GD^{2}PO"],
        ["PanGu-π: Language Models", "PanGu-pi: Language Models", r"PanGu-$\pi$: Language Models"],
        ["ProMSA:Progressive Search", "ProMSA: Progressive Search", "ProMSA - progressive search."],
        ["\ufb01ne-tuning", "Fine-Tuning", "fine tuning"],
    ],
)
def test_spellings_of_one_title_have_one_key(titles: list[str]) -> None:
    assert len({title_key(title) for title in titles}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("Attention 1", "Attention 2"), ("On A", "On B"), ("???", "!!!"), ("注意力", "注意"), ("Модель", "Модели")],
)
def test_different_titles_have_different_keys(one: str, other: str) -> None:
    assert title_key(one) != title_key(other)


@given(st.text(max_size=60))
def test_the_key_of_a_key_is_the_key(title: str) -> None:
    key = title_key(title)
    assert title_key(key) == key
    assert title_key(f"  {title}  ") == key


OLD = Paper(
    id=7,
    title="A Title",
    abstract="Short.",
    links=(Link(kind="code", url="https://github.com/a/b"),),
    authors=("Ada",),
    source="Hugging Face Daily Papers",
    published_on=date(2026, 3, 2),
    votes=9,
    url="https://huggingface.co/papers/2603.00001",
    first_seen_at=datetime(2026, 3, 2, tzinfo=UTC),
    pinned=True,
)
NEW = Paper(
    title="A Title",
    abstract="Much longer than that.",
    arxiv_id="2603.00001",
    version=2,
    links=(Link(kind="code", url="https://github.com/A/b/"), Link(kind="project", url="https://a.example")),
    authors=("Ada", "Bo"),
    source="arXiv cs.AI",
    published_on=date(2026, 3, 1),
    votes=4,
    stars=3,
    keywords=("cs.AI",),
    url="https://arxiv.org/abs/2603.00001",
)


def test_merging_keeps_the_best_of_both() -> None:
    best = merge(OLD, NEW)
    assert (best.id, best.first_seen_at, best.pinned) == (7, OLD.first_seen_at, True)
    assert (best.arxiv_id, best.version) == ("2603.00001", 2)
    assert best.abstract == NEW.abstract
    assert [link.url for link in best.links] == ["https://github.com/a/b", "https://a.example"]
    assert best.authors == ("Ada", "Bo")
    assert (best.votes, best.stars) == (9, 3)
    assert best.published_on == date(2026, 3, 1)
    assert best.url == "https://arxiv.org/abs/2603.00001"
    assert best.source == "arXiv cs.AI"
    assert merge(NEW, OLD).url == best.url


def test_the_address_is_arxivs_before_the_publishers_before_a_hubs() -> None:
    hub, publisher, arxiv = "https://huggingface.co/papers/1", "https://journal.example/1", "https://arxiv.org/abs/1"
    for worse, better in ((None, hub), (hub, publisher), (publisher, arxiv)):
        one, other = OLD.model_copy(update={"url": worse}), NEW.model_copy(update={"url": better})
        assert merge(one, other).url == merge(other, one).url == better


def test_a_later_version_tells_the_abstract_unless_it_was_cut() -> None:
    first = NEW.model_copy(update={"abstract": "a" * 900, "version": 1})
    second = NEW.model_copy(update={"abstract": "b" * 800, "version": 2})
    cut = NEW.model_copy(update={"abstract": "b" * 100, "version": 3})
    assert merge(first, second).abstract == "b" * 800
    assert merge(first, cut).abstract == "a" * 900
    assert merge(first, cut).version == 3


SAID = tuple(link.model_copy(update={"said": True}) for link in NEW.links)
PAPERS = st.builds(
    Paper,
    id=st.none(),
    title=st.sampled_from(["A Title", "A title", "Another", "Third"]),
    abstract=st.sampled_from(["", "Short.", "Longer one.", "x" * 90]),
    arxiv_id=st.sampled_from([None, None, "2603.00001", "2603.00002"]),
    doi=st.sampled_from([None, None, "10.5555/a.1", "10.6666/b.2"]),
    version=st.sampled_from([None, 1, 2]),
    url=st.sampled_from([None, "https://arxiv.org/abs/1", "https://huggingface.co/papers/1", "https://a.example"]),
    links=st.lists(st.sampled_from(NEW.links + OLD.links + SAID), max_size=2).map(tuple),
    authors=st.sampled_from([(), ("Ada",), ("Ada", "Bo"), ("A. Ada", "Bo"), ("Ade", "Bo")]),
    organization=st.sampled_from(["", "A Lab", "B Lab"]),
    summary=st.sampled_from(["", "Short.", "Other."]),
    keywords=st.sampled_from([(), ("a",), ("b", "a"), ("a", "b"), ("c",)]),
    source=st.sampled_from(["", "x", "y", "zz"]),
    published_on=st.sampled_from([None, date(2026, 1, 1), date(2026, 1, 2)]),
    votes=st.integers(0, 3),
    comments=st.integers(0, 3),
    stars=st.integers(0, 3),
    first_seen_at=st.none(),
    hidden=st.just(False),
    pinned=st.just(False),
)


# Which version an account is of, and its id, are told with its text or not at all.
KNOWN = {"arxiv_id": "2603.00001", "version": 1}


@given(PAPERS, PAPERS)
def test_merging_again_changes_nothing(one: Paper, other: Paper) -> None:
    once = merge(one, other)
    assert merge(once, other) == once
    assert merge(once, once) == once


@given(PAPERS, PAPERS)
def test_the_order_of_merging_does_not_matter_for_what_the_paper_is(one: Paper, other: Paper) -> None:
    if one.arxiv_id and other.arxiv_id:
        other = other.model_copy(update={"arxiv_id": one.arxiv_id})
    there, back = merge(one, other), merge(other, one)
    assert there == back


@given(st.lists(PAPERS, min_size=3, max_size=6).flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_whatever_the_order_of_accounts_all_that_is_shown_of_them_is_the_same(
    orders: tuple[list[Paper], list[Paper]],
) -> None:
    one, other = (reduce(merge, (each.model_copy(update=KNOWN) for each in order)) for order in orders)
    assert one == other


def paper(title: str, identifier: str | None = None) -> Paper:
    return Paper(title=title, arxiv_id=identifier)


def test_the_same_id_or_the_same_title_is_the_same_work() -> None:
    assert len(distinct([paper("A", "2603.00001"), paper("B", "2603.00001")])) == 1
    assert len(distinct([paper("A Title", "2603.00001"), paper("a title")])) == 1
    assert len(distinct([paper("A Title"), paper("a title"), paper("Other")])) == 2
    # Two works may bear one title.
    assert len(distinct([paper("Editorial", "2603.00001"), paper("Editorial", "2603.00002")])) == 2


def test_an_account_may_tie_two_works_together() -> None:
    ties = [paper("Old Title", "2603.00001"), paper("New Title"), paper("New Title", "2603.00001"), paper("old title")]
    assert len(distinct(ties)) == 1
    assert distinct([paper("First"), *ties])[0].title == "First"


@given(st.lists(PAPERS, max_size=8))
def test_what_is_distinct_stays_so_and_is_found_again(papers: list[Paper]) -> None:
    works = distinct(papers)
    assert len(distinct(works)) == len(works)
    identifiers = [work.arxiv_id for work in works if work.arxiv_id]
    assert len(identifiers) == len(set(identifiers))
    assert {one.arxiv_id for one in papers if one.arxiv_id} == set(identifiers)


def test_taking_the_real_sources_in_twice_adds_and_changes_nothing(shared: Path) -> None:
    files = [*sorted((shared / "seeds").glob("*.txt")), *sorted((shared / "feeds").rglob("*.json"))]
    files += (shared / "feeds").rglob("*.atom")
    papers = [one for file in files for one in parse(file.read_bytes(), today=TODAY).papers]
    works = distinct(papers)
    assert (len(papers), len(works)) == (1637, 1592)
    assert distinct([*works, *papers]) == works


@given(st.text(alphabet="aAbZz09 .,:-'’_^$%&{}", max_size=80))
def test_a_title_has_one_key_with_an_accent_behind_it_and_without(title: str) -> None:
    assert title_key(f"{title} É") == title_key(f"{title} E") == title_key(f"{title} e")
