"""The readers' languages: every word has its translation, and reasons read well."""

import re
from datetime import date

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from outline import Outline

from newsletter import resources
from newsletter.models import Paper, Reason
from newsletter.rendering import reason_sentence
from newsletter.rendering.language import CATALOGUES, available, resolve

PLACE = re.compile(r"%\((\w+)\)s")


def words_in_use():
    """Return every message that templates and code of the mail ask for: (singular, plural or None)."""
    found = set()
    sources = [("jinja2.ext.babel_extract", file) for file in resources.templates().rglob("*.j2")]
    sources += [("python", file) for file in CATALOGUES.parent.glob("*.py")]
    for method, file in sources:
        options = {} if method == "python" else {"trimmed": "true"}
        keywords = {"gettext": None, "_": None, "ngettext": (1, 2)}
        for _, message, _, _ in extract_from_file(method, file, options=options, keywords=keywords):
            found.add((message, None) if isinstance(message, str) else tuple(message[:2]))
    return found


def test_there_are_words():
    assert ("Unsubscribe", None) in words_in_use()
    assert ("%(count)s vote", "%(count)s votes") in words_in_use()
    assert {"en", "de"} <= set(available())


@pytest.mark.parametrize("language", available())
def test_every_word_is_in_every_catalogue(language):
    with (CATALOGUES / language / "LC_MESSAGES" / "newsletter.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    messages = {(m.id, None) if isinstance(m.id, str) else tuple(m.id): m for m in catalogue if m.id}
    assert set(messages) == words_in_use()
    for (singular, plural), message in messages.items():
        translations = [message.string] if plural is None else list(message.string)
        assert len(translations) == (1 if plural is None else catalogue.num_plurals)
        for translation in translations:
            assert translation
            assert set(PLACE.findall(translation)) == set(PLACE.findall(plural or singular))
        assert not message.fuzzy


def test_english_is_its_own_source():
    english = resolve("en")
    for singular, plural in words_in_use():
        if plural is None:
            assert english.gettext(singular) == singular
        else:
            assert english.ngettext(singular, plural, 1) == singular
            assert english.ngettext(singular, plural, 2) == plural


def test_no_word_of_a_template_is_written_past_the_catalogue():
    not_words = r"{%\s*trans.*?endtrans\s*%}|{[{%#].*?[}%#]}|<mj-style>.*?</mj-style>|<!--.*?-->"
    for file in (resources.templates() / "email").glob("*.j2"):
        rest = re.sub(not_words, " ", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"\w", re.sub(r"<[^>]*>|&nbsp;", " ", rest)), file


def test_a_german_reader_gets_german(renderer, make_issue, paper, links):
    rendered = renderer.render(make_issue(paper, language="de-AT"), links)
    assert rendered.language == "de-AT"
    for words in (
        "Mittwoch, 22. Juli 2026 · 1 Arbeit für Sie",
        "Passt zu low-rank adaptation",
        "Abbestellen",
        "20. Juli 2026",
    ):
        assert words in rendered.html
    assert "Abbestellen:\nhttps://news.example/u/token?a=1&b=2\n" in rendered.text


@pytest.mark.parametrize("code", ["xx", "", "../../de", "tlh", "ar", "\x00", "e" * 1000])
def test_a_language_that_there_is_no_catalogue_of_is_english(code):
    assert resolve(code).code == "en"
    assert reason_sentence(Reason(kind="popular"), code) == "Popular right now"


def test_dates_and_numbers_follow_the_reader():
    day = date(2026, 3, 9)
    assert resolve("de_DE").long_date(day) == "Montag, 9. März 2026"
    assert resolve("de").short_date(day) == "9. März 2026"
    assert resolve("de").number(12345) == "12.345"


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (
            Reason(kind="topic", subject="low-rank adaptation", words=("LoRA", "adapters")),
            "Matches low-rank adaptation: LoRA, adapters",
        ),
        (Reason(kind="topic", subject="agents"), "Matches agents"),
        (Reason(kind="topic", subject="Agents", words=("agents",)), "Matches Agents"),
        (Reason(kind="topic", words=("agents",)), "Matches what you asked for: agents"),
        (Reason(kind="topic"), "Popular right now"),
        (Reason(kind="author", subject="Ada\r\nÅngström"), "By Ada Ångström, whom you follow"),
        (Reason(kind="like", subject="ReAct"), "Close to “ReAct”, which you liked"),
        (Reason(kind="like", subject="ReAct", words=("a", "b")), "Close to “ReAct”, which you liked: a, b"),
        (Reason(kind="popular", subject="x"), "Popular right now"),
        (Reason(kind="new"), "New in these days"),
        (Reason(kind="outside"), "From outside your topics"),
        (Reason(kind="search", subject="cat:cs.CL"), "Found by your search: cat:cs.CL"),
        (Reason(kind="topic", subject="100% %s", words=("%(x)s",)), "Matches 100% %s: %(x)s"),
    ],
)
def test_reasons_are_sentences(reason, sentence):
    assert reason_sentence(reason, "en") == sentence


@pytest.mark.parametrize("code", ["en-XA", "ar-XB"])
def test_made_up_languages_keep_what_is_no_word(code):
    language = resolve(code)
    assert language.code == code
    for singular, plural in words_in_use():
        said = language.gettext(singular) if plural is None else language.ngettext(singular, plural, 2)
        assert said not in (singular, plural)
        assert re.findall(r"%\(\w+\)s|<[^>]*>|&\w+;", said) == re.findall(
            r"%\(\w+\)s|<[^>]*>|&\w+;", plural or singular
        )


def test_made_up_languages_show_what_is_cut_and_what_is_mirrored():
    assert resolve("en-XA").gettext("Unsubscribe") == "[Ûñšûbšçŕîbé···]"
    assert resolve("ar-XB").gettext("Unsubscribe") == "\u202eUnsubscribe\u202c"
    assert (resolve("en-XA").direction, resolve("ar-XB").direction) == ("ltr", "rtl")
    assert resolve("en").gettext("Unsubscribe") == "Unsubscribe"


def test_no_word_of_a_mail_is_left_untranslated(renderer, make_issue, paper, links):
    bare = Paper(title="12", abstract="34", authors=("5", "6", "7", "8", "9"), votes=3, stars=4)
    own = links._replace(settings="https://a.example/1", pause="https://a.example/2", web="https://a.example/3")
    issue = make_issue(bare, Paper(title="10"), language="en-XA", email="1@2")
    rendered = renderer.render(issue, own)
    outside = re.sub(r"\[[^\[\]]*\]", " ", Outline(rendered.html).words)
    known = {"Papers", "for", "you", "Wednesday", "Long", "Street", "Berlin", "July"}
    assert set(re.findall(r"[A-Za-z]+", outside)) <= known


def test_a_mail_from_right_to_left_says_so(renderer, make_issue, paper, links):
    html = renderer.render(make_issue(paper, language="ar-XB"), links).html
    assert re.search(r'<html[^>]* lang="ar-XB" dir="rtl"', html)
    assert re.search(r'<body[^>]* lang="ar-XB" dir="rtl"', html)
    own, others = re.subn(r'<(?:h2|p)[^>]*? dir="ltr"[^>]*text-align:left"?>', "", html)
    assert others == 2, "a title and a summary from left to right begin at the left all the same"
    assert "text-align:left" not in own
