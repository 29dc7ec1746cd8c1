"""A mail fits itself: what would make it too large becomes shorter from its end on, and no more of it than must be."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outline import Outline

from newsletter.delivery import quoted
from newsletter.models import Paper, Reason
from newsletter.rendering import Feedback
from newsletter.rendering.fit import FORMS, FULL, LEFT_OUT, LINE, SHORT, SHOWN, fit

sizes = st.lists(
    st.tuples(*(st.integers(1, 3000) for _ in FORMS)).map(lambda three: tuple(sorted(three, reverse=True))), max_size=30
)


@given(sizes=sizes, room=st.integers(0, 60_000), line=st.integers(1, 500))
def test_no_more_is_cut_than_must_be_and_from_the_end_on(sizes, room, line):
    def rest(count):
        return line + len(str(count))

    def taken(forms):
        out = forms.count(LEFT_OUT)
        return sum(size[FORMS.index(form)] for size, form in zip(sizes, forms, strict=True) if form) + (
            rest(out) if out else 0
        )

    # All ways to cut in the order in which they are tried, found here without sums.
    ways = [[FULL] * len(sizes)]
    for shorter, last in ((SHORT, 0), (LINE, 0), (LEFT_OUT, 1)):
        for at in reversed(range(last, len(sizes))):
            ways.append([*ways[-1][:at], shorter, *ways[-1][at + 1 :]])
    found = fit(sizes, room, rest)
    assert found == next((way for way in ways if taken(way) <= room), ways[-1])


words = st.one_of(
    st.text(max_size=400), st.sampled_from(["long " * 200, "日本語の要約です。" * 60, "e\u0301" * 300, "=" * 900])
)
some_papers = st.lists(
    st.builds(lambda title, abstract: Paper(title=title or "t", abstract=abstract), words, words), min_size=1
)


@settings(max_examples=60, deadline=None)
@given(papers=some_papers, count=st.integers(1, 60), limit=st.integers(20_000, 110_000), web=st.booleans())
def test_whatever_papers_there_are_the_mail_is_small_enough_and_whole(
    make_renderer, make_issue, links, papers, count, limit, web
):
    renderer = RENDERERS.setdefault(limit, make_renderer(limit=limit, encode=quoted.encode, decode=quoted.decode))
    issue = make_issue(*(papers[at % len(papers)].model_copy(update={"id": at}) for at in range(count)))
    pages = links._replace(
        web="https://news.example/w/token" if web else "",
        feedback=_feedback("https://news.example/f/t/", count),
    )
    rendered = renderer.render(issue, pages)
    assert sum(map(len, rendered.html_parts)) <= limit
    outline = Outline(rendered.html)
    assert outline.open == []
    assert outline.words.rstrip().endswith("12 Long Street, Berlin")
    assert ">Unsubscribe</a>" in rendered.html
    numbers = re.findall(r'class="soft">(\d+)\.</span>', rendered.html)
    assert numbers == [str(at) for at in range(1, len(numbers) + 1)]
    assert re.findall(r"^(\d+)\. ", rendered.text, re.MULTILINE)[-1:] == [str(count)]
    left_out = count - len(numbers)
    told = re.search(r"(\d+) more papers? (of this mail on the web|had no room)", outline.words)
    assert (int(told[1]) if told else 0) == left_out
    if told:
        assert ('href="https://news.example/w/token"' in rendered.html) == web


RENDERERS = {}


def _feedback(more: str, count: int) -> Feedback:
    marks = tuple(f"{at}-{at:08x}" for at in range(1, count + 1))
    return Feedback(more, "https://news.example/f/t/", "/more", "/less", "/saved", marks)


def test_ten_papers_stay_whole_and_a_hundred_become_short(make_renderer, make_issue, paper, links):
    renderer = make_renderer(encode=quoted.encode, decode=quoted.decode)
    ten = make_issue(*(paper.model_copy(update={"id": at}) for at in range(10)))
    html = renderer.render(ten, links).html
    assert html.count("We study adapters") == 10
    many = make_issue(*(paper.model_copy(update={"id": at}) for at in range(100)))
    rendered = renderer.render(many, links)
    assert sum(map(len, rendered.html_parts)) <= SHOWN
    full = rendered.html.count("We study adapters")
    assert 0 < full < 100 or full == 0
    assert rendered.text.count("We study adapters") == 100
    assert renderer.render(many, links) == rendered


def test_a_note_that_takes_all_the_room_leaves_the_first_paper(make_renderer, make_issue, paper, links):
    renderer = make_renderer(encode=quoted.encode, decode=quoted.decode)
    rendered = renderer.render(make_issue(paper, paper.model_copy(), note="word " * 40_000), links)
    assert "Adapters for α-stable noise" in rendered.html
    assert "We study adapters" not in rendered.html
    assert "1 more paper had no room here" in rendered.html
    assert "Unsubscribe" in rendered.html


@pytest.mark.parametrize("subject", ["agents", "a topic in a reader's own words & more of them " * 12])
@pytest.mark.parametrize("kinds", [("topic",) * 4, ("topic", "popular", "outside", "like")])
def test_one_byte_too_many_is_seen_whatever_readers_have_of_their_own(
    make_renderer, make_issue, paper, links, subject, kinds
):
    issue = make_issue(*(paper.model_copy(update={"id": at}) for at in range(4)))
    picks = tuple(pick._replace(reason=Reason(kind, subject)) for pick, kind in zip(issue.picks, kinds, strict=True))
    issue = issue._replace(picks=picks)
    pages = links._replace(feedback=_feedback("https://news.example/f/t?a='&amp;'" * 20, 4))

    def rendered(limit):
        return make_renderer(limit=limit, encode=quoted.encode, decode=quoted.decode).render(issue, pages).html_parts

    whole = rendered(1_000_000)
    size = sum(map(len, whole))
    assert rendered(size) == whole
    assert sum(map(len, rendered(size - 1))) < size
