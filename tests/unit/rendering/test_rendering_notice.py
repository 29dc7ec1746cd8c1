"""Notices as a reader sees them: what each says, in every language, and nothing that could be anything but words."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outline import Outline

from newsletter import config, resources
from newsletter.errors import RenderingError
from newsletter.models import Recipient
from newsletter.rendering import Links, Rendered, Renderer
from newsletter.rendering.notice import KINDS, ONCE

ACTION = "https://papers.example.org/act?a=1&b=2"
SAID: dict[str, dict[str, Any]] = {
    "welcome": {
        "cadence": "weekly:wed",
        "hour": 7,
        "timezone": "Europe/Berlin",
        "first": "2026-03-04",
        "topics": ["a topic"],
    },
    "confirmation": {"at": "2026-03-02T09:12:00+00:00", "timezone": "Europe/Berlin", "action": ACTION},
    "goodbye": {"action": ACTION},
    "link": {"action": ACTION},
    "known": {"at": "2026-03-02T09:12:00+00:00", "timezone": "Europe/Berlin"},
    "answer": {"done": ["more 2", "paused 2026-03-09"], "undone": ["place 7"], "unknown": ["paws"]},
    "nothing": {"cause": "no papers", "looked_at": 0},
}


def notice(
    renderer: Renderer, links: Links, kind: str, language: str = "en", email: str = "reader@example.org", **said: Any
) -> Rendered:
    values = {"day": "2026-03-02", **SAID[kind], **said}
    return renderer.notice(kind, Recipient(1, email, language), links, values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "de", "en-XA", "ar-XB"])
def test_each_is_whole_in_each_language(renderer: Renderer, links: Links, kind: str, language: str) -> None:
    mail = notice(renderer, links, kind, language)
    outline = Outline(mail.html)
    assert outline.attributes("html")[0]["lang"] == outline.attributes("body")[0]["lang"] == mail.language == language
    assert mail.subject
    assert mail.preheader in mail.html
    # A filter of spam takes a hidden line for a sign where no list is named.
    assert bool(mail.preheader) == ("display:none" in mail.html.partition("<body")[2]) == (kind not in ONCE)
    assert [tag for tag in ("h1", "h2") if len(outline.attributes(tag)) == 1] == ["h1", "h2"]
    for body in (mail.html, mail.text):
        assert "reader@example.org" in body
        assert "12 Long Street, Berlin" in body
        assert not re.search("[\x00-\x08\x0b-\x1f]", body)
    assert not outline.attributes("img")
    assert not re.search(r"https?:", re.sub(r'href="[^"]*"|xmlns(:\w+)?="[^"]*"', "", mail.html))
    assert max(map(len, mail.text.splitlines())) <= 72


@pytest.mark.parametrize("kind", KINDS)
def test_only_mail_of_the_list_can_be_left_by(renderer: Renderer, links: Links, kind: str) -> None:
    mail = notice(renderer, links, kind)
    leads_to = [link["href"] for link in Outline(mail.html).attributes("a")]
    assert (links.unsubscribe in leads_to) == (links.unsubscribe in mail.text) == (kind not in ONCE)
    assert (ACTION in leads_to) == (ACTION in mail.text) == ("action" in SAID[kind])


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("no papers", "No new paper has come in."),
        ("received", "You have had all that came in lately."),
        ("muted", "that you muted"),
        ("no match", "fits your topics well enough"),
        ("something of a later version", "fits your topics well enough"),
    ],
)
def test_a_day_without_papers_is_told_with_its_cause(renderer, links, cause, words) -> None:
    mail = notice(renderer, links, "nothing", cause=cause, looked_at=1)
    for body in (Outline(mail.html).words, " ".join(mail.text.split())):
        assert words in body
        assert "We looked at 1 paper." in body


@pytest.mark.parametrize(
    ("cadence", "words"),
    [
        ("daily", "jeden Tag um 07:00 Uhr"),
        ("weekdays", "von Montag bis Freitag um 07:00 Uhr"),
        ("weekly:sun", "jeden Sonntag um 07:00 Uhr"),
    ],
)
def test_a_welcome_says_when_mail_comes(renderer, links, cadence, words) -> None:
    mail = notice(renderer, links, "welcome", "de", cadence=cadence, first=None, topics=[])
    assert f"Neue Arbeiten kommen {words} (Europe/Berlin)." in Outline(mail.html).words
    assert "Die ersten kommen" not in mail.html
    assert "Sie haben keine Themen genannt" in mail.html


@given(
    topics=st.lists(st.text(max_size=120), max_size=20),
    email=st.text(min_size=1, max_size=60),
    language=st.sampled_from(["en", "de"]),
)
def test_what_a_reader_wrote_is_words_and_nothing_else(renderer, links, topics, email, language) -> None:
    plain = Outline(notice(renderer, links, "welcome", language, topics=["a"]).html)
    mail = notice(renderer, links, "welcome", language, topics=topics or ["a"], email=email)
    shown = Outline(mail.html)
    for tag in ("a", "p", "div", "h2", "script", "img"):
        assert len(shown.attributes(tag)) == len(plain.attributes(tag))
    for body in (mail.html, mail.text):
        assert "\x02" not in body


def test_two_readers_get_each_their_own(renderer: Renderer, links: Links) -> None:
    one = notice(renderer, links, "nothing", email="one@example.org")
    two = notice(renderer, links._replace(unsubscribe="https://two.example/u"), "nothing", email="two@example.org")
    assert ("one@example.org" in one.html, "one@example.org" in two.html + two.text) == (True, False)
    assert ("https://two.example/u" in two.text, links.unsubscribe in two.text) == (True, False)


def test_a_link_that_is_none_is_refused(renderer: Renderer, links: Links) -> None:
    with pytest.raises(ValueError, match="action is no http, https or mailto link"):
        notice(renderer, links, "goodbye", action="javascript:alert(1)")
    with pytest.raises(ValueError, match="unsubscribe is no"):
        notice(renderer, links._replace(unsubscribe="ftp://x.example"), "welcome")


def test_a_template_of_ones_own_stands_in_and_a_wrong_one_is_told_at_the_start(make_renderer, links, tmp_path) -> None:
    own = tmp_path / "text" / "goodbye.txt.j2"
    own.parent.mkdir()
    own.write_text("Farewell, {{ email }}.\n")
    assert notice(make_renderer(tmp_path), links, "goodbye").text == "Farewell, reader@example.org.\n"
    own.write_text("Farewell.\n{{ nobody }}\n")
    with pytest.raises(RenderingError, match=re.escape(f"{own}, line 2 is wrong: 'nobody' is undefined")):
        make_renderer(tmp_path)


def test_a_look_of_text_alone_has_no_html(links: Links) -> None:
    renderer = Renderer(
        config.Newsletter(),
        config.Rendering(look="plain"),
        templates=Path(resources.templates()),
        search_url="https://search.example/?q={title}",
    )
    assert notice(renderer, links, "welcome").html_parts == []


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("en", "Your mail goes to another address: Papers for you"),
        ("de", "Ihre Mail geht an eine andere Adresse: Papers for you"),
    ],
)
def test_who_moved_is_not_told_that_they_are_unsubscribed(
    renderer: Renderer, links: Links, language: str, subject: str
) -> None:
    assert notice(renderer, links, "goodbye", language, moved="a•••@example.org").subject == subject
