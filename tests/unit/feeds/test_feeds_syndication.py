"""Atom and RSS, arXiv's and others', whole, damaged and hostile."""

from datetime import date
from pathlib import Path

import pytest

from newsletter.feeds import parse
from newsletter.models import ParsedFeed

TODAY = date(2026, 11, 21)

ARXIV_RSS = r"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0">
<channel><title>cs.CL updates on arXiv.org</title><link>http://rss.arxiv.org/rss/cs.CL</link>
<pubDate>Wed, 20 Aug 2025 00:00:00 -0400</pubDate>{body}</channel></rss>"""

ITEM = r"""<item><title>Learning with $\alpha$-Trees</title><link>https://arxiv.org/abs/2508.13426</link>
<description>arXiv:2508.13426v3 Announce Type: {kind}
Abstract: We study trees, where $x &lt; y$. Code: https://github.com/a/b.</description>
<guid isPermaLink="false">oai:arXiv.org:2508.13426v3</guid><category>cs.CL</category><category>cs.AI</category>
<pubDate>Wed, 20 Aug 2025 00:00:00 -0400</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>
<arxiv:DOI>10.1000/xyz.123</arxiv:DOI>
<dc:creator>Andr\'e Gide, Lech Wa{{\l}}{{\k e}}sa (University of Gda\'nsk, Poland), J\"urgen M\"uller</dc:creator>
</item>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>A Journal</title><updated>2026-11-20T10:00:00Z</updated>
{body}</feed>"""

ENTRY = """<entry><id>urn:x:{n}</id><title>Paper {n}</title><summary>About {n}.</summary>
<link href="https://journal.example/{n}"/></entry>"""


def rss(*items: str) -> ParsedFeed:
    return parse(ARXIV_RSS.replace("{body}", "".join(items)).encode(), name="feed", today=TODAY)


def atom(*entries: str) -> ParsedFeed:
    return parse(ATOM.replace("{body}", "".join(entries)).encode(), name="feed", today=TODAY)


def entry(number: int) -> str:
    return ENTRY.replace("{n}", str(number))


def test_the_real_atom_feed_of_arxiv(shared: Path) -> None:
    parsed = parse((shared / "feeds" / "arxiv" / "cs.AI-2025-08-20.atom").read_bytes(), today=TODAY)
    assert (parsed.layout, parsed.title) == ("atom", "cs.AI updates on arXiv.org")
    assert parsed.published_on == date(2025, 8, 20)
    assert parsed.problems == ()
    assert len(parsed.papers) == 7
    for paper in parsed.papers:
        assert paper.version == 1
        assert paper.url == f"https://arxiv.org/abs/{paper.arxiv_id}"
        assert not paper.abstract.startswith(("arXiv:", "Abstract:"))
        assert (paper.source, paper.published_on) == ("arXiv cs.AI", date(2025, 8, 20))
    assert parsed.papers[0].authors == ("Chunhua Liu", "Kabir Manandhar Shrestha", "Sukai Huang")
    assert parsed.papers[0].keywords == ("cs.CL", "cs.AI")
    assert parsed.papers[2].authors == ("Paulo André Lima de Castro",)
    assert "$1.13\\times$" in parsed.papers[3].abstract


@pytest.mark.parametrize("kind", ["new", "cross", "replace", "replace-cross"])
def test_arxiv_items_of_every_kind_are_read_and_replacements_are_no_new_papers(kind: str) -> None:
    parsed = rss(ITEM.format(kind=kind))
    assert (parsed.layout, parsed.problems, parsed.entries) == ("rss", (), 1)
    read, other = parsed.papers, parsed.updates
    if kind.startswith("replace"):
        read, other = other, read
    assert other == ()
    (paper,) = read
    assert (paper.arxiv_id, paper.version, paper.doi) == ("2508.13426", 3, "10.1000/xyz.123")
    assert paper.title == r"Learning with $\alpha$-Trees"
    assert paper.abstract == "We study trees, where $x < y$. Code: https://github.com/a/b."
    assert paper.authors == ("André Gide", "Lech Wałęsa", "Jürgen Müller")
    assert paper.keywords == ("cs.CL", "cs.AI")
    assert [(link.kind, link.url) for link in paper.links] == [("code", "https://github.com/a/b")]
    assert (paper.source, paper.published_on) == ("arXiv cs.CL", date(2025, 8, 20))


def test_an_old_id_and_the_old_form_of_a_title() -> None:
    parsed = rss(
        "<item><title>Strings. (arXiv:hep-th/9901001v2 [hep-th])</title>"
        "<link>http://arxiv.org/abs/hep-th/9901001</link><description>&lt;p&gt;We study.&lt;/p&gt;</description></item>"
    )
    paper = parsed.papers[0]
    assert (paper.arxiv_id, paper.title.rstrip("."), paper.abstract) == ("hep-th/9901001", "Strings", "We study.")


def test_an_empty_feed_with_days_to_skip_is_fine() -> None:
    parsed = rss("<skipDays><day>Sunday</day><day>Saturday</day></skipDays>")
    assert (parsed.layout, parsed.papers, parsed.problems) == ("rss", (), ())


def test_a_feed_of_another_kind() -> None:
    parsed = atom(
        '<entry><id>tag:x,2026:1</id><title type="html">Cats &amp;amp; &lt;i&gt;Dogs&lt;/i&gt;</title>'
        "<author><name>Smith, Ada</name></author><author><name>Bo</name></author>"
        '<link rel="alternate" href="https://journal.example/1"/>'
        '<link rel="related" type="application/pdf" href="https://journal.example/1.pdf"/>'
        "<published>2026-11-19T23:00:00Z</published>"
        '<content type="html">&lt;p&gt;One.&lt;/p&gt;&lt;script&gt;evil()&lt;/script&gt;'
        "&lt;p&gt;Two &amp;lt; 3.&lt;/p&gt;</content>"
        "</entry>"
    )
    paper = parsed.papers[0]
    assert (paper.title, paper.abstract) == ("Cats & Dogs", "One. Two < 3.")
    assert paper.authors == ("Smith, Ada", "Bo")
    assert (paper.url, paper.arxiv_id, paper.source) == ("https://journal.example/1", None, "A Journal")
    assert [(link.kind, link.url) for link in paper.links] == [("pdf", "https://journal.example/1.pdf")]
    assert (paper.published_on, parsed.published_on) == (date(2026, 11, 19), date(2026, 11, 20))


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "ftp://x.example/", "//x.example", "http://", "http://[", "x"]
)
def test_only_addresses_of_the_web_are_kept(address: str) -> None:
    parsed = atom(entry(1).replace("https://journal.example/1", address))
    assert len(parsed.papers) == 1
    assert parsed.papers[0].url is None


@pytest.mark.parametrize(
    "bad",
    [
        "<entry><title>Broken</title><summary>no end</entry>",
        "<entry><title>Broken <b>title</title></entry>",
        "<entry><title>Unbound</title><x:y>1</x:y></entry>",
        '<entry xml:base="http://["><title></title></entry>',
        "<entry><title>&#0;</title></entry>",
        "<entry><title>never closed</title>",
        "<entry>" + "<a>" * 5000 + "</entry>",
    ],
)
def test_one_bad_entry_is_named_and_costs_no_other(bad: str) -> None:
    parsed = atom(entry(1), bad, entry(2), entry(3))
    assert [paper.title for paper in parsed.papers] == ["Paper 1", "Paper 2", "Paper 3"]
    assert any(problem.where == "feed, entry 2" for problem in parsed.problems)


def test_slips_that_are_unambiguous_are_mended() -> None:
    parsed = atom(entry(1).replace("About 1", "R&D &ndash; p < 0.05 &amp; more"), entry(2))
    assert [paper.abstract for paper in parsed.papers] == ["R&D – p < 0.05 & more.", "About 2."]


def test_a_cut_feed_gives_all_whole_entries() -> None:
    data = ATOM.replace("{body}", "".join(map(entry, range(9)))).encode()
    parsed = parse(data[: data.index(b"Paper 6")], today=TODAY)
    assert [paper.title for paper in parsed.papers] == [f"Paper {n}" for n in range(6)]
    assert any("in the middle" in problem.what for problem in parsed.problems)


BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><rss version='2.0'><channel><item><title>&j;</title></item></channel></rss>"
)
READS_A_FILE = (
    '<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/hostname">]>'
    "<rss version='2.0'><channel><item><title>X &file;</title></item></channel></rss>"
)
BY_PARAMETER = (
    '<!DOCTYPE x [<!ENTITY % dtd SYSTEM "http://127.0.0.1:1/x.dtd"> %dtd;]>'
    "<rss version='2.0'><channel><item><title>X</title></item></channel></rss>"
)


@pytest.mark.parametrize("document", [BILLION_LAUGHS, READS_A_FILE, BY_PARAMETER])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_with_entities_of_its_own_is_refused(document: str, encoding: str) -> None:
    for padding in ("", "<!--" + "x" * 2_000_000 + "-->"):
        parsed = parse((document + padding).encode(encoding), today=TODAY)
        assert (parsed.layout, parsed.papers) == ("rss", ())
        assert ["entities" in problem.what for problem in parsed.problems] == [True]


def test_a_doctype_without_entities_does_no_harm() -> None:
    head = '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://127.0.0.1:1/rss.dtd">'
    document = head + "<rss version='0.91'><channel><item><title>Paper</title></item></channel></rss>"
    assert [paper.title for paper in parse(document.encode(), today=TODAY).papers] == ["Paper"]


def test_bytes_are_never_taken_for_the_name_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "<rss>"
    Path(name).write_text(ATOM.replace("{body}", entry(1)))
    assert parse(name.encode(), today=TODAY).papers == ()


@pytest.mark.parametrize("codec", ["iso-8859-1", "windows-1252", "gb2312", "utf-16", "koi8-r"])
def test_the_declared_encoding_is_obeyed(codec: str) -> None:
    word = {"gb2312": "注意力", "koi8-r": "Внимание"}.get(codec, "Éclair")
    document = f'<?xml version="1.0" encoding="{codec}"?>' + ATOM.replace("{body}", entry(1).replace("Paper", word))
    parsed = parse(document.encode(codec), today=TODAY)
    assert (parsed.papers[0].title, parsed.problems) == (f"{word} 1", ())


def test_a_text_of_fifty_megabytes_costs_its_entry_only() -> None:
    parsed = atom(entry(1), entry(2).replace("About", "a" * 50_000_000), entry(3))
    assert [paper.title for paper in parsed.papers] == ["Paper 1", "Paper 3"]
    assert "50,000," in parsed.problems[0].what


def test_html_is_told_from_a_feed() -> None:
    parsed = parse(b"<!DOCTYPE html><html><body><p>Hello</p></body></html>", today=TODAY)
    assert parsed.layout == "unknown"
    assert "HTML" in parsed.problems[0].what


RELATIVE = [
    ("/posts/1", "https://x.example/posts/1"),
    ("one", "https://x.example/a/one"),
    ("?p=1", "https://x.example/a/feed?p=1"),
]


@pytest.mark.parametrize(
    ("link", "address"), [*RELATIVE, ("//y.example/1", "https://y.example/1"), ("file:///1", None)]
)
def test_relative_addresses_count_from_where_the_feed_is(link: str, address: str | None) -> None:
    of_rss = f"<rss><channel><item><title>One work</title><link>{link}</link></item></channel></rss>"
    of_atom = (
        f'<feed xmlns="http://www.w3.org/2005/Atom"><link rel="next" href="{link}"/><entry><title>One work</title>'
        f'<link href="{link}"/></entry></feed>'
    )
    item = f'{{"title": "One work", "url": "{link}"}}'
    of_json = f'{{"version": "https://jsonfeed.org/version/1.1", "next_url": "{link}", "items": [{item}]}}'
    for text in (of_rss, of_atom, of_json):
        parsed = parse(text.encode(), today=TODAY, address="https://x.example/a/feed")
        assert [paper.url for paper in parsed.papers] == [address]
        assert text == of_rss or parsed.next_page == address
        # Of a file nothing is known, and an address that is none is no link.
        assert [paper.url for paper in parse(text.encode(), today=TODAY).papers] == [None]


def test_a_base_that_is_named_goes_before_where_the_feed_is() -> None:
    of_rss = "<rss><channel><link>https://y.example/blog/</link><item><title>One</title><link>1</link></item></channel></rss>"
    of_atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://y.example/blog/"><link rel="next" href="1"/>'
        '<entry><title>One</title><link href="1"/></entry></feed>'
    )
    for text in (of_rss, of_atom):
        parsed = parse(text.encode(), today=TODAY, address="https://x.example/a/feed")
        assert [paper.url for paper in parsed.papers] == ["https://y.example/blog/1"]
    assert parsed.next_page == "https://y.example/blog/1"


@pytest.mark.parametrize("guid", ["abc123", "10.1234/abc", "/posts/1"])
def test_an_id_is_no_relative_address(guid: str) -> None:
    text = f"<rss><channel><item><title>One work</title><guid>{guid}</guid></item></channel></rss>"
    (paper,) = parse(text.encode(), today=TODAY, address="https://x.example/feed").papers
    assert (paper.url, paper.doi) == (None, guid if guid.startswith("10.") else None)


def test_an_address_of_a_comment_is_what_its_authors_said() -> None:
    (paper,) = atom(
        "<entry><id>http://arxiv.org/abs/2603.00001v1</id><title>A title</title><summary>No address.</summary>"
        '<link title="pdf" href="https://arxiv.org/pdf/2603.00001" type="application/pdf"/>'
        '<arxiv:comment xmlns:arxiv="http://arxiv.org/schemas/atom">See https://foreign.example/x</arxiv:comment></entry>'
    ).papers
    assert [(link.url, link.said) for link in paper.links] == [
        ("https://arxiv.org/pdf/2603.00001", False),
        ("https://foreign.example/x", True),
    ]
