"""What stands in a mail, in which order, and what is shared between mails."""

import re
from html import unescape

import pytest
from outline import Outline

from newsletter.models import Link, Paper
from newsletter.rendering import Links, Renderer, blocks


def in_order(text, *pieces):
    places = [text.index(piece) for piece in pieces]
    assert places == sorted(places)


def test_a_paper_has_its_parts_in_order(renderer, make_issue, paper, links):
    rendered = renderer.render(make_issue(paper), links)
    parts = (
        "Adapters for α-stable noise",
        "Ada Ångström, Bo Berg, Cy Cole and 2 others · Institute of Noise",
        "Matches low-rank adaptation: LoRA, word 1",
        "1,234 votes · 1 star · Jul 20, 2026 · The hub",
        "We study adapters. They help.",
        "PDF",
        "Code",
        "Project",
    )
    outline = Outline(rendered.html)
    in_order(outline.words, *parts)
    in_order(re.sub(r"\s+", " ", rendered.text), *parts)
    assert outline.open == []
    assert [attributes["href"] for attributes in outline.attributes("a")] == [
        "https://hub.example/papers/2607.00001",
        "https://arxiv.org/abs/2607.00001",
        "https://arxiv.org/pdf/2607.00001",
        "https://code.example/adapters",
        "https://adapters.example/",
        "https://news.example/u/token?a=1&b=2",
    ]


def test_around_the_papers_stand_who_writes_when_why_and_how_to_leave(renderer, make_issue, paper, links):
    rendered = renderer.render(make_issue(paper, paper, note="Good *news*."), links)
    parts = ("Papers for you", "Wednesday, July 22, 2026 · 2 papers for you", "Good news", "Adapters", "Unsubscribe")
    in_order(Outline(rendered.html).words, *parts)
    assert "You get this mail at reader@example.org because" in rendered.html
    for body in (unescape(rendered.html), rendered.text):
        assert "https://news.example/u/token?a=1&b=2" in body
        assert "12 Long Street, Berlin" in body
        assert "reader@example.org" in body
    assert "<em>news</em>" in rendered.html


def test_text_lines_are_numbered_and_fit_a_terminal(renderer, make_issue, paper, links):
    rendered = renderer.render(make_issue(paper, paper.model_copy(update={"id": 2, "title": "Second"})), links)
    lines = rendered.text.split("\n")
    assert "1. Adapters for α-stable noise" in lines
    assert "2. Second" in lines
    assert max(len(line) for line in lines if "://" not in line) <= 72


def test_the_subject_is_the_first_title_and_the_preheader_the_next(renderer, make_issue, links):
    titles = ["A title that is much too long for the subject of any mail that is to be read", "Two", "Three"]
    rendered = renderer.render(make_issue(*(Paper(title=title) for title in titles)), links)
    assert rendered.subject == "A title that is much too long for the subject of any mail…"
    assert rendered.preheader == "Two · Three"
    assert '<div style="display:none !important;mso-hide:all"><i>Two · Three</i></div>' in rendered.html
    alone = renderer.render(make_issue(Paper(title="One", abstract="An abstract.")), links)
    assert (alone.subject, alone.preheader) == ("One", "An abstract.")


def test_readers_pages_are_linked_when_there_are_any(renderer, make_issue, paper):
    pages = Links(
        unsubscribe="https://news.example/u",
        settings="https://news.example/s",
        pause="https://news.example/p",
        web="https://news.example/w",
    )
    rendered = renderer.render(make_issue(paper), pages)
    for address in ("u", "s", "p", "w"):
        assert f'href="https://news.example/{address}"' in rendered.html
        assert f"\nhttps://news.example/{address}\n" in rendered.text
    assert "answer this mail" not in rendered.html


def test_without_such_a_page_an_answer_changes_what_one_gets(renderer, make_issue, paper, links):
    rendered = renderer.render(make_issue(paper), links)
    assert "To change what you get, answer this mail." in rendered.html
    # Not every mail program follows such a link (caniemail.com, html-mailto-links).
    assert "mailto:" not in rendered.html


@pytest.mark.parametrize("address", ["", "javascript:alert(1)", "https://x.example/\r\nBcc: y", "/relative"])
def test_no_mail_goes_out_with_a_broken_way_to_leave(renderer, make_issue, paper, address):
    with pytest.raises(ValueError, match="unsubscribe is no"):
        renderer.render(make_issue(paper), Links(unsubscribe=address))


@pytest.mark.parametrize(
    ("given", "leads_to"),
    [
        ({"url": "https://x.example/a b"}, "https://x.example/a%20b"),
        ({"url": "javascript:alert(1)", "arxiv_id": "2607.1"}, "https://arxiv.org/abs/2607.1"),
        ({"url": "https://user@evil.example/"}, "https://search.example/?q=A%20title%20%26%20more"),
        ({"url": "https://x.example:port/"}, "https://search.example/?q=A%20title%20%26%20more"),
        ({"doi": "10.1/x y"}, "https://doi.org/10.1/x%20y"),
        ({"links": (Link(kind="paper", url="http://x.example/p"),)}, "http://x.example/p"),
        ({}, "https://search.example/?q=A%20title%20%26%20more"),
    ],
)
def test_a_title_leads_to_the_best_address_that_is_safe(renderer, make_issue, links, given, leads_to):
    rendered = renderer.render(make_issue(Paper(title="A title & more", **given)), links)
    assert Outline(rendered.html).attributes("a")[0]["href"] == leads_to
    assert f"\n   {leads_to}\n" in rendered.text
    assert ("the link leads to a search" in rendered.html) == leads_to.startswith("https://search.example")


def test_no_address_is_linked_twice_in_a_paper(renderer, make_issue, links):
    known = Paper(title="T", arxiv_id="1", url="https://arxiv.org/abs/1", links=(Link(kind="code", url="ftp://x/y"),))
    rendered = renderer.render(make_issue(known), links)
    hrefs = [attributes["href"] for attributes in Outline(rendered.html).attributes("a")]
    assert hrefs[:-1] == ["https://arxiv.org/abs/1", "https://arxiv.org/pdf/1"]


def test_an_address_that_is_linked_below_does_not_end_the_summary(renderer, make_issue, paper, links):
    known = paper.model_copy(
        update={
            "abstract": "It works. Code: https://code.example/adapters. Paper: https://hub.example/papers/2607.00001"
        }
    )
    rendered = renderer.render(make_issue(known), links)
    assert ">It works.</p>" in rendered.html
    assert rendered.text.count("https://code.example/adapters") == 1
    elsewhere = known.model_copy(update={"abstract": "It works. Code: https://code.example/others."})
    assert "Code: https://code.example/others." in renderer.render(make_issue(elsewhere), links).html


def test_the_summary_is_the_sources_own_where_there_is_one(renderer, make_issue, paper, links):
    rendered = renderer.render(make_issue(paper.model_copy(update={"summary": "In short, it works."})), links)
    assert "In short, it works." in rendered.html
    assert "We study adapters" not in rendered.html


def test_a_long_abstract_ends_with_a_sentence(renderer, make_issue, paper, links):
    shown = re.search(r"(We study[^<]*)</p>", renderer.render(make_issue(paper), links).html)
    assert shown is not None
    assert shown[1].startswith("We study adapters. They help.")
    assert shown[1].endswith("more than the last.")
    assert 250 < len(shown[1]) < 400


def test_blocks_are_encoded_once_for_all_readers_and_own_parts_are_short(renderer, make_issue, paper, links):
    mine = renderer.render(make_issue(paper, paper), links)
    others = renderer.render(
        make_issue(paper, paper.model_copy(), email="other@example.net"),
        Links(unsubscribe="mailto:leave@example.net?subject=unsubscribe%20x"),
    )
    for ours, theirs in ((mine.html_parts, others.html_parts), (mine.text_parts, others.text_parts)):
        shared = set(map(id, ours)) & set(map(id, theirs))
        own = [part for part in ours if id(part) not in shared]
        assert sum(len(part) for part in own) < 500
        assert len(own) < 8
    assert "other@example.net" in others.html
    assert "reader@example.org" not in others.html + others.text


def test_a_paper_that_changed_is_rendered_anew(renderer, make_issue, paper, links):
    before = renderer.render(make_issue(paper), links)
    after = renderer.render(make_issue(paper.model_copy(update={"votes": 5000})), links)
    assert "1,234 votes" in before.html
    assert "5,000 votes" in after.html
    assert "1,234 votes" not in after.html + after.text


def test_papers_that_only_their_number_and_title_make_alike_show_each_their_own(renderer, make_issue, paper, links):
    twins = [paper.model_copy(update={"abstract": f"Only the {word} one says so."}) for word in ("first", "second")]
    own = [renderer.render(make_issue(twin), links) for twin in twins]
    for mail, mine, other in ((own[0], "first", "second"), (own[1], "second", "first")):
        for body in (mail.html, mail.text):
            assert f"the {mine} one" in body
            assert f"the {other} one" not in body
    both = renderer.render(make_issue(*twins), links)
    in_order(both.html, "the first one", "the second one")
    in_order(both.text, "the first one", "the second one")


@pytest.mark.parametrize("kept", [1, 7, blocks.PAPERS_KEPT])
def test_no_mail_shows_the_paper_of_another_once_more_came_by_than_are_kept(
    make_renderer, make_issue, links, monkeypatch, kept
):
    monkeypatch.setattr(blocks, "PAPERS_KEPT", kept)
    renderer = make_renderer()
    lasting = Paper(id=1, title="Lasting", abstract="It says 0.")
    places = []
    for number in range(1, kept + 60):
        # The paper of the mail before is let go of, and the next one may come to lie where it lay.
        passing = Paper(id=1, title="Passing", abstract=f"It says {number}.")
        places.append(id(passing))
        mail = renderer.render(make_issue(passing, lasting), links)
        for body in (mail.html, mail.text):
            assert re.findall(r"It says (\d+)\.", body) == [str(number), "0"]
    # It did, so this shows something.
    assert len(set(places)) < len(places)


def test_the_same_issue_gives_the_same_mail(make_renderer, make_issue, paper, links):
    issue = make_issue(paper, note="A note.")
    one, other = (make_renderer().render(issue, links) for _ in range(2))
    assert (one.subject, one.preheader, one.html_parts, one.text_parts) == (
        other.subject,
        other.preheader,
        other.html_parts,
        other.text_parts,
    )
    # Parts are told apart as objects, and two renderers have each their own.
    assert [(part.key, part.pieces, part.words) for part in one.shared] == [
        (part.key, part.pieces, part.words) for part in other.shared
    ]


def test_nothing_is_loaded_and_nobody_is_tracked(renderer, make_issue, paper, links):
    outline = Outline(renderer.render(make_issue(paper, note="![x](https://x.example/y.png)"), links).html)
    assert not {"img", "script", "link", "iframe", "object", "video", "audio"} & {name for name, _ in outline.elements}
    for _, attributes in outline.elements:
        assert not {"src", "srcset", "background", "poster", "ping"} & set(attributes)
        assert "url(" not in (attributes.get("style") or "")
    assert "@import" not in renderer.render(make_issue(paper), links).html


def test_language_and_direction_are_on_html_and_body(renderer, make_issue, paper, links):
    outline = Outline(renderer.render(make_issue(paper, language="de"), links).html)
    for tag in ("html", "body"):
        assert {"lang": "de", "dir": "ltr"}.items() <= outline.attributes(tag)[0].items()
    assert all(attributes.get("role") == "presentation" for attributes in outline.attributes("table"))
    assert [name for name, _ in outline.elements if name in ("h1", "h2", "h3")] == ["h1", "h2"]


def test_a_title_from_right_to_left_runs_so(renderer, make_issue, links):
    rendered = renderer.render(make_issue(Paper(title="למידה עמוקה", abstract="An abstract.")), links)
    assert '<h2 dir="rtl"' in rendered.html
    assert '<p dir="ltr"' in rendered.html


def test_ten_papers_stay_small(renderer, make_issue, paper, links):
    papers = [paper.model_copy(update={"id": number}) for number in range(10)]
    assert len(renderer.render(make_issue(*papers), links).html.encode()) < 40_000


def test_what_is_unheard_of_long_stays_small(renderer, make_issue, links):
    monster = Paper(
        title="t" * 1_000_000, abstract="a" * 1_000_000, authors=("n" * 100_000,) * 3000, organization="o" * 100_000
    )
    rendered = renderer.render(make_issue(monster), links)
    assert len(rendered.subject) <= 60
    assert "and 2,997 others" in rendered.html
    assert len(rendered.html) < 20_000


def test_a_paper_of_which_only_the_title_is_known(renderer, make_issue, links):
    rendered = renderer.render(make_issue(Paper(title="Bare")), links)
    assert Outline(rendered.html).open == []
    assert "Bare" in rendered.text


def test_an_issue_without_papers_names_the_newsletter(renderer: Renderer, make_issue, links):
    rendered = renderer.render(make_issue(), links)
    assert (rendered.subject, rendered.preheader) == ("Papers for you", "")
    assert rendered.html.count("</html>") == 1
