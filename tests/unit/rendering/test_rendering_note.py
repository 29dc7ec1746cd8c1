"""The editor's note: Markdown that cannot do harm, and its plain twin."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outline import Outline

from newsletter.rendering import note

NOTE = """
# Hello

We moved to [a new home](https://home.example/) and [write](mailto:us@example.org) to *you*.

* first
* second with `code`

3. three
4. four

> quoted
> words

    kept   as it is
"""


def test_html_of_a_note():
    html = note.to_html(NOTE)
    assert '<a href="https://home.example/">a new home</a>' in html
    assert "<h2>Hello</h2>" in html
    assert '<ol start="3">' in html


def test_text_of_a_note():
    assert note.to_text(NOTE) == (
        "Hello\n\n"
        "We moved to a new home (https://home.example/) and write\n(us@example.org) to you.\n\n"
        "- first\n- second with code\n\n"
        "3. three\n4. four\n\n"
        "> quoted words\n\n"
        "kept   as it is"
    )


def test_what_could_harm_is_taken_out():
    html = note.to_html(
        '<script>alert(1)</script><style>p{}</style><img src="https://x.example/p.png"><p style="x" onclick="y">'
        "words</p> [a](javascript:alert(1)) [b](data:text/html,x) [c](/relative) [d](https://ok.example/)"
    )
    assert [attributes for _, attributes in Outline(html).elements if attributes] == [{"href": "https://ok.example/"}]
    assert "alert(1)</" not in html
    assert "words" in html


def test_a_fenced_block_is_code_without_the_word_for_its_language():
    written = "Run:\n\n```python\na = 1\n  - b\n```\n\nDone."
    html = note.to_html(written)
    assert f'<pre style="{note.CODE_STYLE}"><code>a = 1\n  - b\n</code></pre>' in html
    assert note.to_text(written) == "Run:\n\na = 1\n  - b\n\nDone."


@pytest.mark.parametrize("indent", [2, 3, 4])
def test_points_within_points(indent):
    space = " " * indent
    written = f"- a\n{space}- b\n{space}{space}- c\n{space}- d\n- e\n\nAnd."
    assert note.to_html(written).count("<ul>") == 3
    assert note.to_text(written) == "- a\n  - b\n    - c\n  - d\n- e\n\nAnd."


def test_a_table_is_one_in_both_parts():
    written = "| Model | Score |\n|:--|--:|\n| A *b* | 1 |\n| C | [23](https://x.example/) |\n\nAnd."
    elements = Outline(note.to_html(written)).elements
    assert [tag for tag, _ in elements].count("td") == 4
    assert ("th", {"align": "right"}) in elements
    assert note.to_text(written) == ("Model | Score\nA b   | 1\nC     | 23 (https://x.example/)\n\nAnd.")


@pytest.mark.parametrize(
    ("written", "words", "refused"),
    [
        ('![A map & "more"](https://x.example/p.png)', 'A map & "more"', (1, 0)),
        ("![<b>](p.png)", "<b>", (1, 0)),
        ("<img src=p.png alt='&lt;script&gt;'>", "<script>", (1, 0)),
        ("See [a](javascript:alert(1)), [*b*](/relative).", "See a, b.", (0, 2)),
        ("[![A map](p.png)](https://x.example/)", "A map (https://x.example/)", (1, 0)),
        ("[a](https://x.example/)", "a (https://x.example/)", (0, 0)),
    ],
)
def test_what_is_refused_stays_as_plain_words_and_is_counted(written, words, refused):
    html = note.to_html(written)
    assert "<a>" not in html
    assert not {"img", "b", "script"} & {tag for tag, _ in Outline(html).elements}
    assert note.to_text(written) == words
    assert note.refused(written) == refused


def test_an_empty_note_is_nothing():
    assert (note.to_html(" \n"), note.to_text(" \n")) == ("", "")


def test_a_note_is_rendered_once(renderer):
    text = "A note that is rendered " + "once"
    assert renderer.note(text) is renderer.note("A note that is " + "rendered once")
    assert renderer.note_text(text) is renderer.note_text(text)


@given(st.one_of(st.text(max_size=200), st.text(alphabet="<>[]()!*_`#-1. \n\"'=/:abhrefsc\x02\x03&;", max_size=200)))
def test_any_note_is_safe(markdown):
    html = note.to_html(markdown)
    for tag, attributes in Outline(html).elements:
        assert tag in note.TAGS
        if tag == "pre":
            assert attributes == {"style": note.CODE_STYLE}
        else:
            assert set(attributes) <= {"align", "href", "start"}
        if "href" in attributes:
            assert re.match(r"(?i)https?:|mailto:", attributes["href"])
    assert not re.search("[\x00-\x08\x0e-\x1f]", html + note.to_text(markdown))


@pytest.mark.parametrize(
    ("written", "levels"),
    [("# a", "2"), ("## a", "2"), ("### a\n## b", "22"), ("# a\n### b\n## c\n#### d", "2334"), ("###### a\n# b", "22")],
)
def test_headings_begin_with_the_second_level_and_leave_none_out(written, levels):
    html = note.to_html(written)
    assert "".join(re.findall(r"<h(\d)>", html)) == levels
    assert re.findall(r"<h(\d)>", html) == re.findall(r"</h(\d)>", html)
