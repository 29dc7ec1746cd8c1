"""What Crossref and arXiv answer: what is damaged costs only itself, and what is no answer is none."""

import contextlib
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import FeedError
from newsletter.feeds import resolving, resolving_answers
from newsletter.models import Paper

TODAY = date(2026, 11, 22)


def item(**changed: Any) -> dict[str, Any]:
    return {
        "DOI": "10.5555/ABC.1",
        "type": "journal-article",
        "title": ["Small <i>Models</i> &amp; Data"],
        "author": [{"given": "Ada", "family": "Quill"}, {"name": "The Group"}, 7, {"given": 3}],
        "abstract": "<jats:title>Abstract</jats:title><jats:p>We show it.</jats:p>",
        "issued": {"date-parts": [[2026, 3, 2]]},
        **changed,
    }


def read(*items: Any) -> tuple[Paper, ...]:
    body = json.dumps({"message": {"items": list(items)}}).encode()
    return resolving_answers.crossref(body, today=TODAY).papers


def test_an_item_becomes_a_paper() -> None:
    (paper,) = read(item())
    assert paper.title == "Small Models & Data"
    assert (paper.doi, paper.url) == ("10.5555/ABC.1", "https://doi.org/10.5555/ABC.1")
    assert paper.authors == ("Ada Quill", "The Group")
    assert paper.published_on == date(2026, 3, 2)
    assert paper.abstract == "We show it."


@pytest.mark.parametrize(
    "broken",
    [
        7,
        None,
        [],
        item(DOI=None),
        item(DOI="no doi"),
        item(DOI='10.1/a"><script>'),
        item(title=[]),
        item(title="text"),
        item(title=[7]),
        item(type="component"),
        item(type="peer-review"),
        item(title=["x" * 300_000]),
    ],
    ids=lambda broken: str(broken)[:60],
)
def test_what_is_damaged_or_no_work_costs_only_itself(broken: Any) -> None:
    assert [paper.doi for paper in read(item(), broken, item(DOI="10.5555/abc.2"))] == [
        "10.5555/ABC.1",
        "10.5555/abc.2",
    ]


@pytest.mark.parametrize(
    "parts",
    [None, {}, {"date-parts": [[None]]}, {"date-parts": [[2026]]}, {"date-parts": [[2026, 99, 1]]}, {"date-parts": 3}],
)
def test_a_day_that_is_none_is_not_known(parts: Any) -> None:
    (paper,) = read(item(issued=parts))
    assert paper.published_on is None


def test_a_doi_of_arxiv_is_its_id() -> None:
    (paper,) = read(item(DOI="10.48550/arXiv.2601.00001"))
    assert (paper.arxiv_id, paper.doi, paper.url) == ("2601.00001", None, "https://arxiv.org/abs/2601.00001")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(item())), inner, max_size=6),
    max_leaves=20,
)


@given(
    st.lists(JSON | st.fixed_dictionaries({key: JSON | st.just(value) for key, value in item().items()}), max_size=4)
)
def test_any_json_is_read_or_left_out(items: list[Any]) -> None:
    for paper in read(*items):
        assert paper.doi or paper.arxiv_id


@pytest.mark.parametrize("service", resolving.NAMES)
@given(data=st.binary(max_size=300) | st.sampled_from([b"", b"{", b"<feed", b"[" * 3_000, b'{"message":' * 3_000]))
def test_any_bytes_are_an_answer_or_none(service: str, data: bytes) -> None:
    # Anything else that is raised is a bug.
    with contextlib.suppress(FeedError):
        assert not resolving.answer(service, data, today=TODAY).papers


@given(st.text(max_size=600))
def test_a_question_is_short_and_holds_no_signs_of_the_query(title: str) -> None:
    for service in resolving.NAMES:
        asked = resolving.question(service, title)
        assert len(asked.words) <= resolving.LONGEST_QUERY
        assert not set('":()[]') & set(asked.words)
        assert asked.url.isascii()


def test_a_page_is_no_address_of_mail() -> None:
    assert "mailto" not in resolving.question("crossref", "A Title", contact="https://example.org/@me").url
    assert "mailto=me%40example.org" in resolving.question("crossref", "A Title", contact="me@example.org").url


@pytest.mark.parametrize("title", ["A Survey of Everything There Is", "Attention"])
def test_two_works_of_one_title_with_nothing_to_tell_them_apart_are_none(title: str) -> None:
    twins = [Paper(title=title, doi=f"10.5555/{number}", url="https://doi.org/x") for number in (1, 2)]
    assert resolving.chosen(Paper(title=title), twins) is None
    alone = resolving.chosen(Paper(title=title), twins[:1])
    assert (alone is not None) is (len(title.split()) >= 5)
