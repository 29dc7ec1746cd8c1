"""What the Email Markup Consortium's yearly report looks for in a mail, of every look and kind in every language.

Its checks are published (emailmarkup.org, Accessibility Report); these are ours of them, without any outside program.
"""

import re
from itertools import pairwise
from typing import get_args

import pytest
from letters import Node, letters, pages, tree

from newsletter.models import Notice

# Words that say nothing of where a link leads.
SAYS_NOTHING = {
    "click here",
    "here",
    "more",
    "read more",
    "learn more",
    "link",
    "this",
    "hier",
    "mehr",
    "klicken sie hier",
}
HEADINGS = tuple(f"h{level}" for level in range(1, 7))


@pytest.fixture(scope="module", params=pages(), ids=lambda mail: mail.name)
def mail(request):
    return request.param


@pytest.fixture(scope="module")
def root(mail):
    return tree(mail.rendered.html)


def one(root: Node, name: str) -> Node:
    [found] = root.all(name)
    return found


def test_there_is_something_to_look_at():
    assert {mail.kind for mail in letters()} >= {"ten", "one", "note", "odd", "by-mail", *get_args(Notice)}
    assert {mail.language for mail in letters()} >= {"en", "de"}


def test_language_and_direction_stand_on_html_and_body(mail, root):
    for name in ("html", "body"):
        attributes = one(root, name).attributes
        assert attributes.get("lang") == mail.rendered.language
        assert attributes.get("dir") in ("ltr", "rtl")
    assert one(root, "html").attributes["dir"] == one(root, "body").attributes["dir"]


def test_the_page_has_a_title(mail, root):
    assert "".join(child.words for child in one(root, "title").children).strip() == mail.rendered.subject


def test_the_charset_is_named_and_zoom_is_allowed(root):
    metas = [node.attributes for node in root.all("meta")]
    assert any("charset=utf-8" in meta.get("content", "").lower() or "charset" in meta for meta in metas)
    [viewport] = [meta["content"] for meta in metas if meta.get("name") == "viewport"]
    assert not re.search(r"user-scalable\s*=\s*(no|0)|maximum-scale", viewport)


def test_tables_are_for_layout_and_say_so(root):
    tables = list(root.all("table"))
    assert tables
    assert [table.attributes.get("role") for table in tables] == ["presentation"] * len(tables)
    assert not list(root.all("th", "caption"))


def test_every_link_leads_somewhere_and_says_where(mail, root):
    links = list(root.all("a"))
    # An answer says what was done; who wrote by mail goes on by mail.
    assert links or mail.kind == "answer"
    for link in links:
        assert re.match(r"(https?://|mailto:|#)", link.attributes["href"])
        name = (link.attributes.get("aria-label") or link.text).strip().lower().rstrip(".…!")
        assert re.search(r"\w", name), link.attributes["href"]
        assert name not in SAYS_NOTHING


def test_links_of_the_same_words_lead_to_the_same_place_or_stand_below_headings_of_their_own(root):
    heading = ""
    places: dict[tuple[str, str], str] = {}
    for node in root.all("a", *HEADINGS):
        if node.name != "a":
            heading = node.text.strip()
        else:
            name = (node.attributes.get("aria-label") or node.text).strip()
            assert places.setdefault((heading, name), node.attributes["href"]) == node.attributes["href"], name


def test_images_have_an_alternative_and_come_with_the_mail(root):
    for image in root.all("img"):
        assert "alt" in image.attributes
        assert image.attributes["src"].startswith("cid:")


def test_nothing_is_justified(mail):
    assert not re.search(r"justify", mail.rendered.html)


def test_headings_begin_at_one_and_leave_no_level_out(root):
    levels = [int(node.name[1]) for node in root.all(*HEADINGS)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert all(node.text.strip() for node in root.all(*HEADINGS))


def test_no_paragraph_is_a_heading_in_disguise(root):
    for block in root.all("p", "div", "td"):
        bold = "".join(node.text for node in block.all("b", "strong")).strip()
        assert not bold or bold != block.text.strip(), bold


def shown(node: Node, size: float = 16.0) -> list[tuple[float, str]]:
    """Return the words that are shown, each with the size of its letters in pixels as far as inline styles say."""
    if node.style.get("display") == "none" or node.name in ("style", "title", "script"):
        return []
    if found := re.match(r"([\d.]+)px", node.style.get("font-size", "") or node.style.get("font", "")):
        size = float(found[1])
    own = [(size, node.words.strip("\xa0 \n\t\u200c\u200b"))] if node.words.strip("\xa0 \n\t\u200c\u200b") else []
    return own + [each for child in node.children for each in shown(child, size)]


def test_letters_are_large_enough(mail, root):
    words = shown(root)
    assert words
    assert min(size for size, _ in words) >= 14, [each for each in words if each[0] < 14]
    for style in root.all("style"):
        for size in re.findall(r"font(?:-size)?:[^;}]*?(\d+(?:\.\d+)?)px", style.children[0].words):
            assert float(size) >= 14


def test_the_text_has_what_the_html_has(mail, root):
    # A word that is longer than a line is folded.
    text = re.sub(r"\s+", "", mail.rendered.text)
    titles = [re.sub(r"\s+", "", node.text) for node in root.all("h2") if re.match(r"\s*\d", node.text)]
    papers = {"ten": 10, "one": 1, "note": 3, "by-mail": 3, "odd": 7, "sections": 5, "many": 40}
    assert len(titles) == papers.get(mail.kind, 0)
    assert all(title in text for title in titles)
