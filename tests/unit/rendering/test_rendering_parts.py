"""What stands between and beside the papers: sections, what came of feedback, revisions, links to say more or less."""

import re
from datetime import date
from html import unescape
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outline import Outline

from newsletter.errors import RenderingError
from newsletter.models import Beside, Link, Missed, Paper, Reason, Revision, Told
from newsletter.rendering import Feedback
from newsletter.rendering.hosts import Hosts

HEADINGS = (
    "For you",
    "From the days you missed",
    "Popular with everybody",
    "Popular and new",
    "New papers",
    "Something different",
)
PAGES = Feedback(
    "https://news.example/f/token/", "https://news.example/f/token/", "/more", "/less", "/saved", ("1-aa",)
)


def issue_of(make_issue, *kinds, beside=None):
    """An issue of papers that are there for reasons of these kinds."""
    issue = make_issue(*(Paper(id=at, title=f"Title {at}") for at, _ in enumerate(kinds, 1)))
    picks = tuple(
        pick._replace(reason=Reason(kind=kind, subject="s")) for pick, kind in zip(issue.picks, kinds, strict=True)
    )
    return issue._replace(picks=picks, beside=beside or Beside())


def headings(rendered):
    """The headings of the HTML in order with the titles between them, and those of the text."""
    words = re.sub(r"\s+", " ", Outline(rendered.html).words)
    found = re.findall("|".join((*HEADINGS, r"\d+\. Title \d+")), words.replace("2026", "2026 "))
    lines = [line for line in rendered.text.split("\n") if line in HEADINGS or re.match(r"\d+\. Title", line)]
    return found, lines


def test_sections_have_headings_and_numbers_go_on(renderer, make_issue, links):
    issue = issue_of(make_issue, "topic", "like", "search", "popular", "outside")
    html, text = headings(renderer.render(issue, links))
    expected = [
        "For you", "1. Title 1", "2. Title 2", "3. Title 3",
        "Popular with everybody", "4. Title 4",
        "Something different", "5. Title 5",
    ]  # fmt: skip
    assert html == expected
    assert text == expected


@pytest.mark.parametrize(
    ("kinds", "title"),
    [
        (("popular", "popular"), "Popular with everybody"),
        (("new", "new"), "New papers"),
        (("popular", "new"), "Popular and new"),
        # As issues of before had them.
        (("new", "popular"), "Popular and new"),
    ],
)
def test_what_nobody_asked_for_stands_under_one_heading_that_is_true_of_all_of_it(
    renderer, make_issue, links, kinds, title
):
    html, text = headings(renderer.render(issue_of(make_issue, "topic", *kinds, "outside"), links))
    expected = ["For you", "1. Title 1", title, "2. Title 2", "3. Title 3", "Something different", "4. Title 4"]
    assert html == text == expected


def test_papers_of_missed_days_have_a_section_that_tells_since_when(renderer, make_issue, links):
    missed = Beside(missed=Missed(date(2026, 7, 18), 2, 3))
    rendered = renderer.render(issue_of(make_issue, "topic", "like", "popular", beside=missed), links)
    expected = ["For you", "1. Title 1", "From the days you missed", "2. Title 2", "3. Title 3"]
    assert headings(rendered) == (expected, expected)
    for body in (rendered.html, rendered.text):
        assert "What came in since Jul 18, 2026" in body


def test_papers_of_missed_days_are_known_by_their_places_though_one_before_them_was_left_out(
    renderer, make_issue, links
):
    issue = issue_of(make_issue, "topic", "topic", "like", beside=Beside(missed=Missed(date(2026, 7, 18), 3, 3)))
    html, text = headings(renderer.render(issue._replace(picks=issue.picks[1:]), links))
    assert html == text == ["For you", "2. Title 2", "From the days you missed", "3. Title 3"]


@pytest.mark.parametrize(
    "kinds", [("topic",), ("topic", "like", "author"), ("popular", "popular"), ("popular", "new"), ("outside",), ()]
)
def test_one_section_needs_no_heading(renderer, make_issue, links, kinds):
    rendered = renderer.render(issue_of(make_issue, *kinds), links)
    assert not set(HEADINGS) & set(re.findall("|".join(HEADINGS), rendered.html + rendered.text))


def test_an_older_issue_whose_papers_are_mixed_has_no_headings(renderer, make_issue, links):
    html, _ = headings(renderer.render(issue_of(make_issue, "topic", "popular", "topic"), links))
    assert html == ["1. Title 1", "2. Title 2", "3. Title 3"]


@given(kinds=st.lists(st.sampled_from(["topic", "like", "author", "search", "new", "popular", "outside"]), max_size=12))
def test_each_paper_stands_once_and_in_its_order_whatever_the_reasons(renderer, make_issue, links, kinds):
    html, text = headings(renderer.render(issue_of(make_issue, *kinds), links))
    titles = [f"{at}. Title {at}" for at in range(1, len(kinds) + 1)]
    for found in (html, text):
        assert [one for one in found if one not in HEADINGS] == titles
        heads = [one for one in found if one in HEADINGS]
        assert len(heads) == len(set(heads)) != 1


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (Told("more", "ReAct", 0, 1), "1 paper is here because you liked “ReAct”."),
        (Told("more", "The $\\alpha$", 0, 3), "3 papers are here because you liked “The α”."),
        (Told("more", "A\x00 & <b>", 2, 3), "3 papers are here because of what you liked lately, such as “A & <b>”."),
        (Told("less", "ReAct", 0, 2), "2 papers are not here because you wanted less like “ReAct”."),
        (
            Told("less", "ReAct", 1, 1),
            "1 paper is not here because of what you wanted less of lately, such as “ReAct”.",
        ),
    ],
)
def test_a_line_tells_what_came_of_feedback(renderer, make_issue, links, told, sentence):
    rendered = renderer.render(issue_of(make_issue, "topic", beside=Beside(told=(told,))), links)
    words = re.sub(r"\s+", " ", Outline(rendered.html).words)
    assert words.index(sentence) < words.index("1. Title 1")
    assert sentence in re.sub(r"\s+", " ", rendered.text)


def test_revisions_are_lines_behind_the_papers_with_title_link_and_version(renderer, make_issue, paper, links):
    beside = Beside(revised=(Revision(paper, 3), Revision(Paper(title="Nowhere"), 2)))
    rendered = renderer.render(issue_of(make_issue, "topic", beside=beside), links)
    words = re.sub(r"\s+", " ", Outline(rendered.html).words)
    assert "1. Title 1" in words.partition("Revised since you got it")[0]
    behind = words.partition("Revised since you got it")[2]
    assert "Adapters for α-stable noise version 3" in behind
    assert "Nowhere version 2" in behind
    assert 'href="https://hub.example/papers/2607.00001"' in rendered.html
    assert "- Adapters for α-stable noise (version 3)\n  https://hub.example/papers/2607.00001\n" in rendered.text
    assert "2 papers" not in words


def test_most_mails_have_nothing_beside_their_papers(renderer, make_issue, paper, links):
    rendered = renderer.render(make_issue(paper), links)
    for body in (rendered.html, rendered.text):
        assert not re.search("Revised|liked|More like|had no room", body)
    assert all(rendered.html_parts)


def test_each_paper_has_links_of_the_readers_own_to_say_something_of_it(renderer, make_issue, paper, links):
    issue = make_issue(paper, paper.model_copy(update={"id": 2}))
    pages = PAGES._replace(marks=("1-aa", "2-bb"))
    rendered = renderer.render(issue, links._replace(feedback=pages))
    addresses = [one["href"] for one in Outline(rendered.html).attributes("a")]
    wanted = [
        f"https://news.example/f/token/{at}/{verdict}" for at in pages.marks for verdict in ("more", "less", "saved")
    ]
    assert [one for one in addresses if "/f/" in one] == wanted
    # As text an address is a line, and any page has all buttons.
    assert re.findall(r"More or less like this, save it, seen it:\n   (\S+)\n\n\n", rendered.text) == wanted[::3]
    assert not re.search("/less|/saved", rendered.text)
    other = renderer.render(issue, links._replace(feedback=pages._replace(more="https://x.example/", less="http://y/")))
    assert "https://x.example/2-bb/more" in other.html
    assert "http://y/2-bb/less" in other.html
    assert "https://x.example/2-bb/saved" in other.html
    assert "https://x.example/2-bb/more" in other.text
    assert "token/" not in other.html.replace("u/token", "") + other.text.replace("u/token", "")


def test_feedback_by_mail(renderer, make_issue, paper, links):
    begun = [f"mailto:a@b.example?subject={word}%20token-" for word in ("more", "less")]
    by_mail = Feedback(*begun, marks=("1-aa",))
    rendered = renderer.render(make_issue(paper), links._replace(feedback=by_mail))
    assert 'href="mailto:a@b.example?subject=more%20token-1-aa"' in rendered.html
    asked = "   {} like this:\n   mailto:a@b.example?subject={}%20token-1-aa\n"
    more, less = (asked.format(word, word.lower()) for word in ("More", "Less"))
    assert more + less in rendered.text
    assert "More or less" not in rendered.text
    # No mail says so.
    assert "Save it" not in rendered.html


def test_in_the_text_part_all_addresses_of_a_paper_stand_together(renderer, make_issue, paper, links):
    linked = paper.model_copy(update={"links": (Link(kind="code", url="https://code.example/c"),)})
    text = renderer.render(make_issue(linked), links._replace(feedback=PAGES)).text
    assert "\n\n   arXiv: https://arxiv.org/abs/2607.00001\n   PDF: https://arxiv.org/pdf/2607.00001\n   Code: " in text
    assert (
        "   Code: https://code.example/c\n   More or less like this, save it, seen it:\n   https://news.example/f/token/1-aa/more\n\n\n"
        in text
    )
    alone = paper.model_copy(update={"arxiv_id": None, "links": (), "url": "https://papers.example/1"})
    text = renderer.render(make_issue(alone), links._replace(feedback=PAGES)).text
    assert ".\n\n   More or less like this, save it, seen it:\n   https://news.example/f/token/1-aa/more\n\n\n" in text
    text = renderer.render(make_issue(alone), links).text
    assert "like this" not in text
    assert ".\n\n\n" in text


def test_the_text_part_asks_for_more_or_less_in_the_words_of_the_reader(renderer, make_issue, paper, links):
    text = renderer.render(make_issue(paper, language="de"), links._replace(feedback=PAGES)).text
    assert "   Mehr oder weniger davon, merken, kenne ich:\n   https://news.example/f/token/1-aa/more\n" in text


@pytest.mark.parametrize(
    "wrong",
    [
        Feedback("javascript:alert(1)", "https://x/", marks=("1-aa",)),
        Feedback("https://x/", "", marks=("1-aa",)),
        PAGES._replace(less_end='/"'),
        PAGES._replace(save_end="/ "),
        PAGES._replace(marks=()),
        PAGES._replace(marks=("1-a<",)),
        PAGES._replace(marks=("1-é",)),
        PAGES._replace(marks=("1-a", "2-a")),
    ],
)
def test_a_link_for_feedback_that_is_none_is_refused(renderer, make_issue, paper, links, wrong):
    with pytest.raises(ValueError, match=r"feedback|more|less"):
        renderer.render(make_issue(paper), links._replace(feedback=wrong))


@pytest.mark.parametrize(
    ("abstract", "address", "linked"),
    [
        ("We help.", "https://anywhere.example/x", True),
        ("See https://anywhere.example/x.", "https://anywhere.example/x", False),
        ("See HTTPS://Anywhere.example/y.", "https://anywhere.example/x", False),
        ("See https://hub.example/x.", "https://hub.example/x", True),
        ("See https://data.hub.example/x.", "https://data.hub.example/x", True),
        ("See https://nothub.example/x.", "https://nothub.example/x", False),
        ("See ada.github.io/x.", "https://ada.github.io/x", True),
        ("See https://github.com.evil.example/x.", "https://github.com.evil.example/x", False),
        ("See https://own.example/x.", "https://www.own.example/x", True),
    ],
)
def test_an_address_of_an_abstract_is_linked_on_known_hosts_alone(
    make_renderer, make_issue, paper, links, abstract, address, linked
):
    known = paper.model_copy(update={"abstract": abstract, "links": (Link(kind="project", url=address),)})
    rendered = make_renderer(link_hosts=("own.example",)).render(make_issue(known), links)
    assert (address in [one["href"] for one in Outline(rendered.html).attributes("a")]) == linked
    assert address in rendered.html
    assert f"Project: {address}" in rendered.text


@pytest.mark.parametrize(
    ("abstract", "address", "may"),
    [
        ("https://straße-evil.example/code", "https://straße-evil.example/code", False),
        ("https://straße-evil.example/code", "https://stra%C3%9Fe-evil.example/code", False),
        ("https://stra%C3%9Fe-evil.example/code", "https://stra%C3%9Fe-evil.example/code", False),
        ("https://straße.example/code", "https://xn--strae-oqa.example/code", False),
        ("https://xn--strae-oqa.example/code", "https://straße.example/code", False),
        ("https://ſpam.example/", "https://spam.example/", False),
        ("https://spam.example/", "https://ſpam.example/", False),
        ("https://ＥＶＩＬ.example/", "https://evil.example/", False),
        ("https://evil\u3002example/", "https://evil.example/", False),
        ("https://e\u00advil.example/", "https://evil.example/", False),
        ("https://evil.example%2F.github.com/", "https://evil.example%2F.github.com/", False),
        ("https://strasse.example/", "https://straße.example/", False),
        ("https://maße.example/x", "https://maße.example/x", True),
        ("https://maße.example/x", "https://xn--mae-6ka.example/x", True),
        # The list has another, which only looks alike.
        ("https://masse.example/x", "https://masse.example/x", False),
        ("https://hub.example/x", "https://anywhere.example/x", True),
    ],
)
def test_a_host_is_the_same_in_all_ways_to_write_it(paper, abstract, address, may):
    known = paper.model_copy(update={"abstract": f"See {abstract}."})
    assert Hosts(("maße.example",)).may_lead(known, address) == may


@pytest.mark.parametrize(
    ("address", "linked"),
    [
        ("https://foreign.example/x", False),
        ("https://hub.example/x", True),
        ("https://ada.github.io/x", True),
        ("https://own.example/x", True),
    ],
)
def test_an_address_that_was_only_said_is_linked_on_known_hosts_alone_whatever_the_abstract_is_now(
    make_renderer, make_issue, paper, links, address, linked
):
    known = paper.model_copy(
        update={"abstract": "Another account.", "links": (Link(kind="project", url=address, said=True),)}
    )
    rendered = make_renderer(link_hosts=("own.example",)).render(make_issue(known), links)
    assert (address in [one["href"] for one in Outline(rendered.html).attributes("a")]) == linked
    assert f"Project: {address}" in rendered.text


def test_an_older_template_of_the_operators_own_gets_the_new_parts(make_renderer, make_issue, paper, links, tmp_path):
    (tmp_path / "email").mkdir()
    part = '<mj-raw><!-- paper --></mj-raw><mj-include path="./paper.mjml.j2" /><mj-raw><!-- /paper --></mj-raw>'
    (tmp_path / "email" / "issue.mjml.j2").write_text(
        f'<mjml><mj-body><mj-section><mj-column>{part}<mj-include path="./footer.mjml.j2" /></mj-column></mj-section>'
        "</mj-body></mjml>"
    )
    (tmp_path / "email" / "paper.mjml.j2").write_text(
        "<mj-text><h2>{{ position }}. {{ paper.title }}</h2>{{ reason }}</mj-text>"
    )
    beside = Beside(told=(Told("more", "ReAct", 0, 1),), revised=(Revision(paper, 3),))
    rendered = make_renderer(overrides=tmp_path).render(
        issue_of(make_issue, "topic", "outside", beside=beside),
        links._replace(feedback=PAGES._replace(marks=("1-aa", "2-bb"))),
    )
    outline = Outline(rendered.html)
    places = [
        outline.words.index(one)
        for one in (
            "ReAct",
            "For you",
            "1. Title 1",
            "Something different",
            "2. Title 2",
            "Revised",
            "version 3",
            "Unsubscribe",
        )
    ]
    assert all(before < behind for before, behind in pairwise(places))
    assert outline.open == []


def test_a_part_that_begins_and_does_not_end_is_told(make_renderer, tmp_path):
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "issue.mjml.j2").write_text(
        "<mjml><mj-body><mj-raw><!-- told --></mj-raw><mj-raw><!-- paper --></mj-raw><mj-raw><!-- /paper --></mj-raw>"
        "</mj-body></mjml>"
    )
    with pytest.raises(RenderingError, match=r"issue\.mjml\.j2 .*told stands once between <!-- told -->"):
        make_renderer(overrides=tmp_path)


def test_a_wrong_part_is_told_at_the_start(make_renderer, tmp_path):
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "rest.mjml.j2").write_text("<mj-text>\n{{ rests }}</mj-text>")
    with pytest.raises(RenderingError, match=r"rest\.mjml\.j2, line 2 .*rests"):
        make_renderer(overrides=tmp_path)


@pytest.mark.parametrize("language", ["en", "de"])
def test_nothing_of_a_mail_is_fetched_and_every_link_is_one_of_the_papers_or_the_readers(
    make_renderer, make_issue, paper, links, language
):
    beside = Beside(
        told=(Told("less", "x", 1, 1),), missed=Missed(date(2026, 7, 1), 1, 1), revised=(Revision(paper, 2),)
    )
    traps = Paper(
        title="<img src=https://t.example/p.gif> url(https://t.example/)",
        abstract='<a href="https://t.example/">x</a> background="https://t.example/"',
        authors=("https://t.example/",),
    )
    issue = make_issue(*[paper, traps] * 60, language=language, note="![x](https://t.example/p.gif)")
    pages = links._replace(web="https://news.example/w/t", feedback=PAGES._replace(marks=("1-aa",) * 120))
    everywhere = {
        "https://news.example", "https://hub.example", "https://arxiv.org", "https://code.example",
        "https://adapters.example", "https://search.example",
    }  # fmt: skip
    for limit in (10**6, 60_000):
        html = make_renderer(limit=limit).render(issue._replace(beside=beside), pages).html
        outline = Outline(html)
        hosts = set()
        for name, attributes in outline.elements:
            if name == "img":
                # The logo travels with the mail.
                assert (attributes.pop("src") or "").startswith("cid:")
            assert name not in {
                "script", "link", "iframe", "object", "embed", "video", "audio", "source", "picture", "svg",
                "input", "form", "base", "track", "image", "frame",
            }  # fmt: skip
            unwanted = {"src", "srcset", "background", "poster", "ping", "data", "action", "longdesc", "manifest"}
            assert not unwanted & set(attributes)
            assert not re.search(r"url\(|@import|expression\(", attributes.get("style") or "")
            assert name != "meta" or (attributes.get("http-equiv") or "").lower() != "refresh"
            if "href" in attributes:
                assert name == "a"
                hosts.add(re.match(r"mailto:|https?://[^/?#]+", attributes["href"])[0])
        styles = "".join(re.findall(r"<style.*?</style>", html, re.DOTALL))
        assert not re.search(r"url\(|@import|src:", styles)
        hidden = "".join(re.findall(r"<!--.*?-->", html, re.DOTALL))
        assert not re.search(r"https?://(?!\S*schemas)\S*t\.example|<img|v:fill", unescape(hidden))
        assert hosts <= everywhere if limit < 10**6 else hosts == everywhere
