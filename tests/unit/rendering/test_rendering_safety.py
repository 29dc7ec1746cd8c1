"""Whatever a feed says stays words: in the HTML, in the text and in the subject."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outline import Outline

from newsletter.models import Link, Paper, Reason
from newsletter.rendering import Links
from newsletter.rendering.prose import clean

LINKS = Links(unsubscribe="mailto:leave@example.org")

TRAPS = [
    "{{ 7 * 7 }}",
    "{% if %}",
    "{# remark #}",
    "</style>",
    "</title><script>alert(1)</script>",
    "<mj-text>x</mj-text>",
    "100% %s %(count)s %",
    '" onmouseover="alert(1)',
    "<!-- /paper -->",
    "\x02position\x03",
    "\x02unsubscribe\x03",
    "a\r\nBcc: x@example.org\r\n\r\nbody",
    "nul\x00 and \x1b[31m",
    "\u202eturned",
    "lone \ud800 half",
    "&amp; &lt;b&gt; &#0;",
    "]]> <![endif]-->",
]

hostile = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(st.sampled_from(TRAPS), st.text(max_size=8)), max_size=4).map("".join),
)


def elements(html):
    return [name for name, _ in Outline(html).elements]


@pytest.fixture(scope="session")
def skeleton(renderer, make_issue):
    """The elements of a mail whose paper has a title, an abstract, an author, an organization and a source."""
    tame = Paper(title="t", abstract="a", authors=("n",), organization="o", source="s", url="https://x.example/")
    return elements(renderer.render(make_issue(tame), LINKS).html)


@given(data=st.data())
def test_words_of_a_feed_never_become_markup(renderer, make_issue, skeleton, data):
    words = {name: data.draw(hostile, name) for name in ("title", "abstract", "author", "organization", "source")}
    paper = Paper(
        title=words["title"],
        # A letter keeps each part from being empty, so that the elements are always the same.
        abstract="a" + words["abstract"],
        authors=("n" + words["author"],),
        organization="o" + words["organization"],
        source="s" + words["source"],
        url="https://x.example/",
    )
    rendered = renderer.render(make_issue(paper), LINKS)
    assert elements(rendered.html) == skeleton
    assert Outline(rendered.html).open == []
    for body in (rendered.html, rendered.text):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\ud800-\udfff]", body)
        body.encode()
    shown = re.sub(r"\s+", " ", Outline(rendered.html).words)
    for name, first in (("abstract", "a"), ("author", "n"), ("organization", "o"), ("source", "s")):
        # What is cut keeps half of what it may have, without the marks that an opening ends with.
        assert (first + clean(first + words[name])[1:])[:40].rstrip(" ,;:.–—-(") in shown


@given(titles=st.lists(hostile, min_size=1, max_size=4))
def test_the_subject_is_one_short_line(renderer, make_issue, titles):
    rendered = renderer.render(make_issue(*(Paper(title=title) for title in titles)), LINKS)
    assert 0 < len(rendered.subject) <= 60
    assert len(rendered.preheader) <= 140
    for line in (rendered.subject, rendered.preheader):
        assert line.isprintable() or not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", line)


@pytest.mark.parametrize("trap", TRAPS)
def test_a_reason_and_an_address_are_words_too(renderer, make_issue, skeleton, trap):
    tame = Paper(title="t", abstract="a", authors=("n",), organization="o", source="s", url="https://x.example/")
    issue = make_issue(tame, email=f"{trap}@example.org")
    pick = issue.picks[0]._replace(reason=Reason(kind="like", subject=trap, words=("w" + trap,)))
    rendered = renderer.render(issue._replace(picks=(pick,)), LINKS)
    assert elements(rendered.html) == skeleton
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", rendered.html + rendered.text)


@given(url=st.one_of(hostile, hostile.map("https://x.example/{}".format), hostile.map("https:{}".format)))
def test_only_addresses_of_the_web_are_linked(renderer, make_issue, url):
    paper = Paper(title="t", url=url, links=(Link(kind="code", url=url), Link(kind="pdf", url=url)))
    html = renderer.render(make_issue(paper), LINKS).html
    for attributes in Outline(html).attributes("a")[:-2]:
        assert re.fullmatch(r"https?://[!-~]+", attributes["href"])


def test_a_name_full_of_marks_is_words(make_renderer, make_issue):
    rendered = make_renderer(name="A & <b>B</b> {{ 7*7 }} %s", postal_address="<i>1</i> {% x %}").render(
        make_issue(Paper(title="t")), LINKS
    )
    assert "A &amp; &lt;b&gt;B&lt;/b&gt; {{ 7*7 }} %s" in rendered.html
    assert "&lt;i&gt;1&lt;/i&gt; {% x %}" in rendered.html
    assert "A & <b>B</b> {{ 7*7 }} %s" in rendered.text
