"""Names and titles that run the other way stand apart in HTML, so that they do not change places."""

import pytest
from babel import Locale
from markupsafe import escape

from newsletter.models import Paper, Reason, Told
from newsletter.rendering.bidi import listed, said
from newsletter.rendering.language import Language, resolve
from newsletter.rendering.reasons import reason_sentence, told_sentence

HEBREW = "המכון לחישוב"
TO_THE_RIGHT = '<span dir="ltr">{}</span>'.format
TO_THE_LEFT = '<span dir="rtl">{}</span>'.format


@pytest.fixture
def arabic(monkeypatch):
    """Readers whose language is Arabic, in the words of English."""
    language = Language(Locale.parse("ar"), resolve("en").translations)
    monkeypatch.setattr("newsletter.rendering.renderer.resolve", lambda code: language)
    return language


@pytest.mark.parametrize(
    ("runs", "parts", "html"),
    [
        ("ltr", ("Ada", "Zoë", "3"), "Ada, Zoë, 3"),
        ("ltr", ("Ada", HEBREW), f"Ada, {TO_THE_LEFT(HEBREW)}"),
        ("ltr", (f"Ada {HEBREW}", "3"), f"{TO_THE_RIGHT(f'Ada {HEBREW}')}, 3"),
        ("ltr", ("A <b> & c",), "A &lt;b&gt; &amp; c"),
        ("rtl", ("Ada", HEBREW, "3"), f"{TO_THE_RIGHT('Ada')}, {HEBREW}, 3"),
        ("rtl", ("عادة", "<i>Bo"), f"عادة, {TO_THE_RIGHT('&lt;i&gt;Bo')}"),
        ("rtl", (), ""),
    ],
)
def test_what_runs_the_other_way_stands_apart(runs, parts, html):
    line = listed(parts, runs)
    assert escape(line) == html
    assert line == ", ".join(parts)


def test_a_sentence_keeps_apart_what_is_put_into_it():
    line = said("%(names)s & %(count)s others", {"names": listed(("Ada", HEBREW), "rtl"), "count": "2"}, "rtl")
    assert line == f"Ada, {HEBREW} & 2 others"
    assert escape(line) == f"{TO_THE_RIGHT('Ada')}, {HEBREW} &amp; 2 others"
    assert escape(listed((line, "Bo"), "rtl", " ")) == f"{escape(line)} {TO_THE_RIGHT('Bo')}"


def test_authors_institute_and_source_of_a_mail_stand_apart(renderer, make_issue, links, arabic):
    paper = Paper(
        title="x", authors=("Ada Lind", "בו ברג", "Cy", "Di", "Ed"), organization="Institute", source="The hub", votes=3
    )
    rendered = renderer.render(make_issue(paper), links)
    names = f"{TO_THE_RIGHT('Ada Lind')}, בו ברג, {TO_THE_RIGHT('Cy')} and {arabic.number(2)} others"
    assert f"{names} · {TO_THE_RIGHT('Institute')}</p>" in rendered.html
    assert f"· {TO_THE_RIGHT('The hub')}</p>" in rendered.html
    assert f"Ada Lind, בו ברג, Cy and {arabic.number(2)} others · Institute" in rendered.text
    assert "span" not in rendered.text


def test_the_postal_address_keeps_its_number_where_it_is(renderer, make_issue, links, arabic):
    rendered = renderer.render(make_issue(Paper(title="x")), links)
    assert f"<p>{TO_THE_RIGHT('12 Long Street, Berlin')}</p>" in rendered.html
    assert rendered.text.endswith("\n12 Long Street, Berlin\n")


def test_names_from_right_to_left_stand_apart_in_english(renderer, make_issue, links):
    paper = Paper(title="x", authors=("עדה לינד", "Bo Berg"), organization=HEBREW)
    html = renderer.render(make_issue(paper), links).html
    assert f">{TO_THE_LEFT('עדה לינד')}, Bo Berg · {TO_THE_LEFT(HEBREW)}</p>" in html


def test_what_a_reason_names_stands_apart():
    line = reason_sentence(Reason("topic", "<agents>", ("memory", "זיכרון")), "ar-XB")
    assert TO_THE_RIGHT("&lt;agents&gt;") in escape(line)
    assert f"{TO_THE_RIGHT('memory')}, זיכרון" in escape(line)
    assert "<span" not in line
    assert escape(reason_sentence(Reason("topic", "agents", ("memory",)), "en")) == "Matches agents: memory"


def test_what_feedback_named_stands_apart():
    assert TO_THE_RIGHT("Deep") in escape(told_sentence(Told("more", "Deep", 0, 2), "ar-XB"))
