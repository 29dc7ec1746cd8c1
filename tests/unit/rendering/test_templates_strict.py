"""What a mail would fetch, and a mail without a way out, without a title or a reason: the check tells of each."""

import re
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import config, resources
from newsletter.rendering import Renderer
from newsletter.rendering.checking import check, fetches
from newsletter.rendering.checking.hypertext import leads_wrong
from newsletter.rendering.checking.seen import seen

FOOTER, HEADER, HEAD, PAPER = (f"email/{name}.mjml.j2" for name in ("footer", "header", "head", "paper"))
POSTAL = "Library of Papers, 1 Long Street, Town"


def made(overrides: Path | None) -> Renderer:
    return Renderer(
        config.Newsletter(postal_address=POSTAL),
        config.Rendering(),
        templates=resources.templates(),
        overrides=overrides,
        search_url="https://search.example/?q={title}",
    )


@lru_cache
def usual() -> Renderer:
    return made(None)


def built_in(name: str) -> str:
    return (resources.templates() / name).read_text(encoding="utf-8")


def told(folder: Path, sources: dict[str, str]) -> list[tuple[str, int, str, str]]:
    """Return the faults of templates of one's own."""
    for name, source in sources.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(source, encoding="utf-8")
    found = check(lambda own: usual() if own is None else made(own), templates=resources.templates(), overrides=folder)
    return [
        (fault.file.relative_to(folder).as_posix(), fault.line, fault.sentence, fault.meant) for fault in found.faults
    ]


OUTSIDE = "https://track.example/p.gif"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (FOOTER, f'<mj-text><img src="{OUTSIDE}?u={{{{ email }}}}" width="1" height="1" alt=""></mj-text>'),
        (FOOTER, '<mj-text><img src="//track.example/p.gif" alt=""></mj-text>'),
        (FOOTER, '<mj-text><img src="&#104;ttps://track.example/p.gif" alt=""></mj-text>'),
        (FOOTER, f'<mj-text><img src="cid:x" srcset="cid:x 1x, {OUTSIDE} 2x" alt=""></mj-text>'),
        (FOOTER, f'<mj-text><IMG SRC="{OUTSIDE}" alt=""></mj-text>'),
        (FOOTER, '<mj-text><img src="{{ web }}" alt=""></mj-text>'),
        (FOOTER, f'<mj-image src="{OUTSIDE}" alt="" />'),
        (FOOTER, f'<mj-table><tr><td background="{OUTSIDE}">x</td></tr></mj-table>'),
        (FOOTER, f'<mj-text><p style="background:url({OUTSIDE})">x</p></mj-text>'),
        (FOOTER, f"<mj-text><p style='background:url(\"{OUTSIDE}\")'>x</p></mj-text>"),
        (FOOTER, rf'<mj-text><p style="background:u\72l( {OUTSIDE} )">x</p></mj-text>'),
        (FOOTER, f'<mj-text><p style="background:url(&quot;{OUTSIDE}&quot;)">x</p></mj-text>'),
        (FOOTER, f'<mj-raw><!--[if mso]><v:fill src="{OUTSIDE}" /><![endif]--></mj-raw>'),
        (FOOTER, '<mj-social><mj-social-element name="github">x</mj-social-element></mj-social>'),
        (HEAD, '<mj-font name="X" href="https://fonts.example/x.css" />'),
        (HEAD, '<mj-style>@import "https://fonts.example/x.css";</mj-style>'),
        (HEAD, "<mj-style>@import url(https://fonts.example/x.css);</mj-style>"),
        (HEAD, f"<mj-style>.x {{ background: URL('{OUTSIDE}') }}</mj-style>"),
        (HEAD, f'<mj-style>.x {{ background: image-set("{OUTSIDE}" 1x) }}</mj-style>'),
        (HEAD, '<mj-raw><link rel="stylesheet" href="https://fonts.example/x.css"></mj-raw>'),
        (HEAD, f'<mj-attributes><mj-image src="{OUTSIDE}" alt="" /></mj-attributes>'),
    ],
)
def test_what_a_mail_would_fetch_is_a_fault_with_its_line(tmp_path, name, source):
    own = f"{built_in(name)}\n\n{source}"
    faults = [fault for fault in told(tmp_path, {name: own}) if re.search("fetch", fault[2])]
    assert {fault[:2] for fault in faults} == {(name, own.count("\n") + 1)}, faults


@pytest.mark.parametrize(
    "source",
    [
        r"<mj-text>{{ '\x3cimg src=\"https://track.example/p.gif\" alt>'|safe }}</mj-text>",
        "<mj-text><p style=\"background:ur{{ 'l(' }}https://track.example/p.gif)\">x</p></mj-text>",
        "<mj-raw><style>@im{{ 'port' }} 'https://track.example/x.css';</style></mj-raw>",
    ],
)
def test_what_only_the_filled_mail_shows_that_it_fetches(tmp_path, source):
    faults = told(tmp_path, {FOOTER: built_in(FOOTER) + source})
    assert any("in the mail that it makes" in fault[2] and "fetch" in fault[2] for fault in faults), faults
    assert {fault[0] for fault in faults} == {FOOTER}


def test_what_travels_with_the_mail_is_right(tmp_path):
    source = (
        '<mj-text><img src="cid:{{ name }}" alt="x"><img src="data:image/gif;base64,R0lGOD" alt="">'
        '<p style="background:url(data:image/gif;base64,R0lGOD)">x</p><!-- <img src="https://a.example/"> --></mj-text>'
    )
    assert told(tmp_path, {HEADER: source}) == []


UNSUBSCRIBE = '<a href="{{ unsubscribe }}">'


@pytest.mark.parametrize(
    "link",
    [
        '<!-- {{ unsubscribe }} --><a href="https://a.example/">',
        '<a href="https://a.example/" title="{{ unsubscribe }}">',
        '<a style="display: none" href="{{ unsubscribe }}">',
        '<a hidden href="{{ unsubscribe }}">',
        '<a style="font-size:0" href="{{ unsubscribe }}">',
    ],
)
def test_a_mail_without_a_way_out_that_is_shown(tmp_path, link):
    own = built_in(FOOTER).replace(UNSUBSCRIBE, link)
    faults = told(tmp_path, {FOOTER: own})
    assert any(re.search("no link that is shown leads to `unsubscribe`", fault[2]) for fault in faults), faults
    assert {fault[0] for fault in faults} == {FOOTER}


def test_a_link_to_leave_with_nothing_to_click(tmp_path):
    own = built_in(FOOTER).replace("{{ _('Unsubscribe') }}", "&nbsp;&#8203;")
    assert any("leads to `unsubscribe`" in fault[2] for fault in told(tmp_path, {FOOTER: own}))
    text = built_in("text/footer.txt.j2").replace("{{ unsubscribe }}", "{{ unsubscribe }}x")
    (tmp_path / FOOTER).unlink()
    [(file, _, sentence, _)] = told(tmp_path, {"text/footer.txt.j2": text})
    assert (file, "`unsubscribe`" in sentence) == ("text/footer.txt.j2", True)


@pytest.mark.parametrize(
    ("source", "sentence", "meant"),
    [
        ('<mj-text>\n<a hreff="https://a.example/">x</a></mj-text>', "<a> takes no `hreff`", "href"),
        ('<mj-text>\n<p onclick="x">x</p></mj-text>', "<p> takes no `onclick`", None),
        ('<mj-text>\n<td colspn="2">x</td></mj-text>', "<td> takes no `colspn`", "colspan"),
        ('<mj-text>\n<a href="javascript:alert(1)">x</a></mj-text>', "`href` of <a> is javascript:", ""),
        ('<mj-text>\n<a href=" java&#10;script:x">x</a></mj-text>', "`href` of <a> is javascript:", ""),
        ('<mj-text>\n<a href="#">x</a></mj-text>', "`href` of <a> is empty", ""),
        ('<mj-text>\n<a href="">x</a></mj-text>', "`href` of <a> is empty", ""),
        ('<mj-text>\n<a href="page.html">x</a></mj-text>', "`href` of <a> is 'page.html'", ""),
        ("<mj-text>\n<a>x</a></mj-text>", "<a> has no `href`", ""),
        ('\n<mj-button href="#">x</mj-button>', "`href` of <mj-button> is empty", ""),
        ('<mj-text>\n<img src="cid:x"></mj-text>', "<img> has no `alt`", 'alt=""'),
        ('\n<mj-image src="cid:x" />', "<mj-image> has no `alt`", 'alt=""'),
        ('<mj-text>\n<p style="colr: red; font-weight:bold">x</p></mj-text>', "CSS knows no `colr`", "color"),
        ('<mj-text>\n<p style="bold">x</p></mj-text>', "has 'bold' without a value", ""),
    ],
)
def test_slips_of_html(tmp_path, source, sentence, meant):
    found = [fault for fault in told(tmp_path, {HEADER: source}) if sentence in fault[2]]
    assert [fault[:2] for fault in found] == [(HEADER, 2)]
    assert meant is None or found[0][3] == meant


def test_a_link_that_leads_nowhere_once_it_is_filled(tmp_path):
    [(file, _, sentence, _)] = told(tmp_path, {HEADER: '<mj-text>\n<a href="{{ settings }}">x</a></mj-text>'})
    assert (file, sentence) == (HEADER, "in the mail that it makes, a link is empty, so that it leads nowhere")


@pytest.mark.parametrize(
    ("name", "lost", "sentence"),
    [
        (PAPER, "{{ paper.title }}", "does not show its title"),
        (PAPER, "{{ reason }}", "does not say why"),
        ("text/paper.txt.j2", "{{ paper.title|wrap(first=4, indent=3) }}", "does not show its title"),
        ("text/paper.txt.j2", "{{ reason }}", "does not say why"),
        (FOOTER, "{{ postal_address }}", "the postal address"),
        ("text/footer.txt.j2", "{{ postal_address|wrap }}", "the postal address"),
    ],
)
def test_what_a_mail_has_to_show(tmp_path, name, lost, sentence):
    source = built_in(name)
    assert lost in source
    faults = told(tmp_path, {name: source.replace(lost, "x")})
    assert faults
    assert all(fault[0] == name and sentence in fault[2] for fault in faults), faults


def test_a_reason_in_one_form_alone(tmp_path):
    own = built_in(PAPER).replace("{{ reason }}", "{% if form == 'full' %}{{ reason }}{% endif %}")
    assert [fault[2] for fault in told(tmp_path, {PAPER: own})] == [
        "a paper in the form 'short' does not say why it is there",
        "a paper in the form 'line' does not say why it is there",
    ]


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ('<td style="font-size:0px"><div style="font-size:14px"><a href="x">y</a></div></td>', True),
        ('<td style="font-size:0px"><a href="x">y</a></td>', False),
        ('<td style="font:bold 0/0 a"><a href="x">y</a></td>', False),
        ('<a href="x" style="font:normal 20px/28px Georgia">y</a>', True),
        ('<a href="x" style="opacity:0.5">y</a>', True),
        ('<a href="x" style="opacity:0">y</a>', False),
        ('<a href="x"><img src="cid:x" alt="y"></a>', True),
        ('<a href="x"><img src="cid:x" alt=""></a>', False),
        ('<!--[if mso]><a href="x">y</a><![endif]-->', False),
        ('<div style="DISPLAY : NONE !important"><p>a</p><a href="x">y</a></div>', False),
        ('<div style="display:none"></div><a href="x">y</a>', True),
    ],
)
def test_what_is_shown(html, shown):
    assert ("x" in seen(html).shown) == shown


@pytest.mark.parametrize("address", ["https://a.example/", "mailto:a@b.example", "#top", "tel:1", "http://a"])
def test_addresses_that_lead_somewhere(address):
    assert leads_wrong(address) == ""


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ('<!--><img src="https://a.example/" alt>-->', [0]),
        ('<!---><img src="https://a.example/">-->', [0]),
        ('<!-- x --!>\n<img src="https://a.example/">-->', [1]),
        ('<![CDATA[>\n<img src="https://a.example/">]]>', [1]),
        ("<!--[if mso]>\n<style>\n.a{background:url(//a.example)}</style><![endif]-->", [2]),
        ('<![if !mso]><img src="https://a.example/"><![endif]>', [0]),
        ('<meta http-equiv="Refresh" content="0;url=https://a.example/">', [0]),
        ("<table background=https://a.example/>", [0]),
        ('<img/src="https://a.example/">', [0]),
        ('<svg><image xlink:href="https://a.example/"/></svg>', [0]),
        ('<!-- <img src="https://a.example/"> -->', []),
        ('<a href="https://a.example/">url</a>', []),
        ('<img src="CID:x" alt="">', []),
    ],
)
def test_html_is_read_as_browsers_and_outlook_read_it(html, lines):
    assert [one.lines for one in fetches.in_html(html)] == lines


@given(st.text(st.sampled_from("<>!-[]/ \n\"'=;:()ab\\&#1") | st.sampled_from("uríl@"), max_size=60))
def test_no_html_stops_the_reading(html):
    for source in (html, f"<p {html}>{html}", f"<style>{html}</style>", f"<!--[if mso]>{html}<![endif]-->"):
        assert all(0 <= one.lines <= source.count("\n") for one in fetches.in_html(source))
        assert seen(source).shown <= {*seen(source).links}


@pytest.mark.parametrize("css", ["url(#x)", "a: url( 'cid:x' )", "curl(https://a)", "background: red"])
def test_css_that_fetches_nothing(css):
    assert list(fetches.in_css(css)) == []
