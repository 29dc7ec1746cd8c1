"""The strict check of templates: each slip is told with its file, its line and what was meant, and nothing else is."""

import re
import shutil
from functools import lru_cache, partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import config, resources
from newsletter.errors import RenderingError
from newsletter.rendering import Renderer
from newsletter.rendering.checking import KINDS, Checked, check, markup
from newsletter.rendering.checking.elements import ELEMENTS
from newsletter.rendering.checking.values import meant, right
from newsletter.rendering.pages import Pages
from newsletter.rendering.templates import bare_environment

BUILT_IN = sorted(
    file.relative_to(resources.templates()).as_posix()
    for kind in KINDS
    for file in (resources.templates() / kind).rglob("*.*")
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind in ("email", "text", "web"):
        (tmp_path / kind).mkdir()
    return tmp_path


def checked(folder: Path | None = None, templates: Path | None = None, **more: object) -> Checked:
    built_in = templates or resources.templates()

    return check(
        partial(renderer, built_in), pages=partial(pages, built_in), templates=built_in, overrides=folder, **more
    )


def renderer(built_in: Path, overrides: Path | None) -> Renderer:
    return usual() if overrides is None and built_in == resources.templates() else made(built_in, overrides)


@lru_cache
def usual() -> Renderer:
    return made(resources.templates(), None)


def made(built_in: Path, overrides: Path | None) -> Renderer:
    search = "https://search.example/?q={title}"
    return Renderer(config.Newsletter(), config.Rendering(), templates=built_in, overrides=overrides, search_url=search)


def pages(built_in: Path, overrides: Path | None) -> Pages:
    folders = (built_in,) if overrides is None else (overrides, built_in)
    return Pages(config.Newsletter(), folders, search_url="https://search.example/?q={title}", tidy=str)


def told(folder: Path, **more: object) -> list[tuple[str, int, str, str]]:
    return [
        (fault.file.relative_to(folder).as_posix(), fault.line, fault.sentence, fault.meant)
        for fault in checked(folder, **more).faults
    ]


def test_the_built_in_templates_are_right():
    found = checked()
    assert found.faults == ()
    assert (found.templates, found.own) == (len(BUILT_IN), 0)


def test_an_override_that_is_right(folder):
    for name in BUILT_IN:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(resources.templates() / name, folder / name)
    found = checked(folder)
    assert found.faults == ()
    assert found.own == found.templates == len(BUILT_IN)


HEADER = "email/header.mjml.j2"
PAPER = "email/paper.mjml.j2"


@pytest.mark.parametrize(
    ("name", "source", "line", "sentence", "near"),
    [
        # Elements
        (HEADER, "\n<mj-txet>x</mj-txet>", 2, r"knows no <mj-txet>", "<mj-text>"),
        (HEADER, "<mj-text>\n<spam>x</spam></mj-text>", 2, r"HTML knows no <spam>", "<span>"),
        # Attributes
        (HEADER, '<mj-text\n  paddng="0">x</mj-text>', 2, r"<mj-text> takes no `paddng`", "padding"),
        (HEADER, '<mj-spacer href="x" />', 1, r"<mj-spacer> takes no `href`", ""),
        (HEADER, '<mj-text color="red" color="red">x</mj-text>', 1, r"has `color` twice", ""),
        (HEADER, "<mj-text color=red>x</mj-text>", 1, r"in no quotes", 'color="red"'),
        (HEADER, "<mj-text>\n<a href=x>x</a></mj-text>", 2, r"in no quotes", 'href="x"'),
        (HEADER, "<mj-text color>x</mj-text>", 1, r"`color` of <mj-text> has no value", ""),
        (HEADER, '<mj-text color="red>x</mj-text>', 1, r"`color` has no closing quote", ""),
        # Values
        (HEADER, '<mj-text color="gren">x</mj-text>', 1, r"`color` of <mj-text> is 'gren'; a colour", "green"),
        (HEADER, '<mj-text color="#12345">x</mj-text>', 1, r"'#12345'", ""),
        (HEADER, '<mj-text font-size="16">x</mj-text>', 1, r"`font-size`.*a length is like 12px", "16px"),
        (HEADER, '<mj-text padding="1px 2px 3px 4px 5px">x</mj-text>', 1, r"one to four", ""),
        (HEADER, '<mj-text padding="8p 16px">x</mj-text>', 1, r"'8p 16px'", "8px 16px"),
        (HEADER, '<mj-text align="middel">x</mj-text>', 1, r"it is left, center, right or justify", ""),
        (HEADER, '<mj-text align="Left">x</mj-text>', 1, r"'Left'", "left"),
        (HEADER, '<mj-image src="cid:x" width="50%" />', 1, r"`width` of <mj-image>", "50px"),
        # Places
        (HEADER, "<mj-column></mj-column>", 1, r"<mj-column> cannot stand in <mj-column>, only in", "<mj-section>"),
        (HEADER, "<p>x</p>", 1, r"<p> stands in <mj-column>, which takes no HTML", "<mj-text>"),
        (HEADER, "\nx\n<mj-text>x</mj-text>", 2, r"words stand in <mj-column>", "<mj-text>"),
        (HEADER, "<mj-text>\n<mj-button>x</mj-button></mj-text>", 2, r"where MJML reads HTML", ""),
        (HEADER, '<mj-all color="red" />', 1, r"<mj-all> cannot stand in <mj-column>", "<mj-attributes>"),
        ("email/head.mjml.j2", "<mj-text>x</mj-text>", 1, r"<mj-text> cannot stand in <mj-head>", "<mj-column>"),
        (
            "email/head.mjml.j2",
            '<mj-attributes>\n<mj-text sze="1" /></mj-attributes>',
            2,
            r"takes no `sze`",
            "font-size",
        ),
        # Tags
        (HEADER, "<mj-text>\n<p>x</mj-text>", 2, r"<p> is never closed", "</p>"),
        (HEADER, "\n<mj-text>x", 2, r"<mj-text> is never closed", "</mj-text>"),
        (HEADER, "<mj-text>\nx</p></mj-text>", 2, r"</p> closes nothing", ""),
        (HEADER, "<mj-text><div>\n</dvi></mj-text>", 2, r"</dvi> closes nothing", "</div>"),
        (HEADER, "<mj-text>\n<!-- x</mj-text>", 2, r"comment is never closed", ""),
        (HEADER, "<mj-text>1 < 2</mj-text>", 1, r"lone <", ""),
        # Parts
        (HEADER, '\n<mj-include path="./haeder.mjml.j2" />', 2, r"no template `email/haeder", "./header.mjml.j2"),
        (HEADER, '<mj-include path="./header.mjml.j2" />', 1, r"includes itself", ""),
        (HEADER, '<mj-include pth="./note.mjml.j2" />', 1, r"<mj-include> takes no `pth`", "path"),
        # Jinja
        (HEADER, "<mj-text>\n{{ date }</mj-text>", 2, r"Jinja: unexpected '}'", ""),
        (HEADER, "\n<mj-text>{% fi date %}</mj-text>", 2, r"Jinja: .*'fi'", "if"),
        (HEADER, "<mj-text>{{ date|wrop }}</mj-text>", 1, r"'wrop'", "wrap"),
        (HEADER, '<mj-text {% if date %}color="red"{% endif %}>x</mj-text>', 1, r"among the attributes", ""),
        (HEADER, '<mj-text>\n<p title="{{ "x" }}">x</p></mj-text>', 2, r'in " has the same quotes', ""),
        (HEADER, "<mj-text>{% if 1 < 2 %}x{% endif %}</mj-text>", 1, r"has a <", ""),
        (HEADER, "<mj-text>\n{# <b> #}x</mj-text>", 2, r"has a <", ""),
        # Names
        (HEADER, "<mj-text>\n{{ dates }}</mj-text>", 2, r"`dates` is not given", "date"),
        (HEADER, "<mj-text>\n{{ position }}</mj-text>", 2, r"`position` is not given", ""),
        (HEADER, "<mj-text>{{ language.cod }}</mj-text>", 1, r"`language` has no `cod`", "language.code"),
        (PAPER, "<mj-text>\n\n{{ paper.titel }}</mj-text>", 3, r"`paper` has no `titel`", "paper.title"),
        (PAPER, "<mj-text>{{ unsubscribe }}</mj-text>", 1, r"`unsubscribe` is not given", ""),
        (PAPER, "<mj-text>{% for x in paper.facts %}\n{{ x.word }}{% endfor %}</mj-text>", 2, r"`x` has no `word`", ""),
        ("text/paper.txt.j2", "x\n{{ nothing }}", 2, r"`nothing` is not given", ""),
        ("text/paper.txt.j2", "{% include 'text/pper.txt.j2' %}", 1, r"no template", "text/paper.txt.j2"),
        # What every mail has to print
        ("email/footer.mjml.j2", "<mj-text>bye</mj-text>", 1, r"nothing prints `unsubscribe`", "{{ unsubscribe }}"),
        ("text/issue.txt.j2", "{{ unsubscribe }}", 1, r"nothing prints `papers`", "{{ papers }}"),
        ("text/issue.txt.j2", "{{ papers }}", 1, r"nothing prints `unsubscribe`", "{{ unsubscribe }}"),
        # Files
        ("email/footr.mjml.j2", "<mj-text>x</mj-text>", 1, r"stands before no template", "email/footer.mjml.j2"),
        ("email/footer.mjml", "x", 1, r"stands before no template", "email/footer.mjml.j2"),
        ("header.mjml.j2", "x", 1, r"stands before no template", "email/header.mjml.j2"),
    ],
)
def test_a_slip_is_told(folder, name, source, line, sentence, near):
    (folder / name).write_text(source)
    faults = told(folder)
    assert [fault for fault in faults if re.search(sentence, fault[2])] == [
        (name, line, next(fault[2] for fault in faults if re.search(sentence, fault[2])), near)
    ], faults
    assert all(fault[0] == name for fault in faults)


SECTION = "<mj-section><mj-column>{}</mj-column></mj-section>"


@pytest.mark.parametrize(
    ("source", "line", "sentence"),
    [
        ("<mjml>\n<mj-head></mj-head></mjml>", 1, "<mjml> has no <mj-body> in it"),
        ("<mjml>\n<mj-body></mj-body></mjml>", 2, "<mj-body> has no <mj-section>, <mj-wrapper> or <mj-hero> in it"),
        ("<mjml><mj-body>\n\n<mj-section></mj-section></mj-body></mjml>", 3, "<mj-section> has no <mj-column> or"),
        ("<mjml><mj-body>\n<mj-text>x</mj-text></mj-body></mjml>", 2, "<mj-text> cannot stand in <mj-body>"),
        ("<mj-body></mj-body>", 1, "the whole has to stand in <mjml>"),
        ("<mjml><mj-body></mj-body></mjml>", 1, "<!-- paper --> has to stand once .* stands nowhere"),
        (f"<mjml><mj-body css-class='x'>{SECTION}</mj-body></mjml>", 1, "`css-class` of <mj-body> comes to nothing"),
        ("", 1, "the whole has to stand in <mjml>"),
    ],
)
def test_a_whole_mail_needs_its_parts(folder, source, line, sentence):
    (folder / "email/issue.mjml.j2").write_text(source)
    assert any(fault[1] == line and re.search(sentence, fault[2]) for fault in told(folder)), told(folder)


@pytest.mark.parametrize(
    "source",
    [
        '<mj-text padding="0 {{ language.end }}px" color="{{ date }}">x</mj-text>',
        "<mj-text>{% for x in date %}<p>{{ loop.index }}</p>{% else %}<br>{% endfor %}</mj-text>",
        "{% if note %}<mj-text>x</mj-text>{% endif %}{# a > b #}<!-- a < b -->",
        "<mj-raw>{% if note %}</mj-raw><mj-text>x</mj-text><mj-raw>{% endif %}</mj-raw>",
        "<mj-text>{% set x = date %}{{ x.upper() }}{% with z = 1 %}{{ z }}{% endwith %}</mj-text>",
        "<mj-text>{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}</mj-text>",
        "<mj-text>{% if told is defined %}{{ told }}{% endif %}{{ more|default('') }}</mj-text>",
        "<mj-text>{{ name if count > 1 else date }} {% raw %}{{ x }}{% endraw %}</mj-text>",
        "<mj-text>{% trans count=count %}{{ count }} <b>x</b>{% pluralize %}<i>y</i>{% endtrans %}</mj-text>",
        '<mj-table><tr><td style="color:{{ date }};{% if note %}float:left{% endif %}">x</td></tr></mj-table>',
        '<mj-text css-class="ink" letter-spacing="-0.5px" line-height="1.5">a &gt; b > c</mj-text>',
        "<mj-text><!--[if mso]>y<![endif]-->x</mj-text>",
        '<mj-divider border-color="rgba(0, 0, 0, 0.5)" padding="0" width="50%" />',
        "<mj-spacer\n  height='{% if note %}8px{% else %}16px{% endif %}' />",
    ],
)
def test_jinja_and_all_that_is_right_passes(folder, source):
    (folder / HEADER).write_text(source)
    assert told(folder) == []


def test_parts_of_the_operators_own_are_checked_where_they_stand(folder):
    (folder / HEADER).write_text('<mj-text>x</mj-text>\n<mj-include path="./own.mjml.j2" />')
    (folder / "email/own.mjml.j2").write_text("<mj-text>\n{{ dat }}</mj-text><mj-title>x</mj-title>")
    assert told(folder) == [
        ("email/own.mjml.j2", 2, "<mj-title> cannot stand in <mj-column>, only in <mj-head>", "<mj-head>"),
        ("email/own.mjml.j2", 2, "`dat` is not given here", "date"),
    ]
    (folder / "text/own.txt.j2").write_text("{{ dat }}")
    text = (resources.templates() / "text/issue.txt.j2").read_text()
    (folder / "text/issue.txt.j2").write_text(text + "{% include 'text/own.txt.j2' %}")
    assert ("text/own.txt.j2", 1, "`dat` is not given here", "date") in told(folder)


def test_files_that_are_no_templates_are_left_alone(folder):
    for name in (".git/email/x.j2", "README.md", "logo.png", "email/header.mjml.j2~", "email/.header.mjml.j2.swp"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\xff")
    assert told(folder) == []


def test_a_file_that_is_no_text(folder):
    (folder / HEADER).write_bytes(b"\xff\xfe\x00")
    assert told(folder) == [(HEADER, 1, "it is not UTF-8", "")]


def test_a_page_may_use_what_the_built_in_pages_use(folder, tmp_path_factory):
    built_in = tmp_path_factory.mktemp("built-in") / "templates"
    shutil.copytree(resources.templates(), built_in)
    (built_in / "web").mkdir(exist_ok=True)
    (built_in / "web/profile.html.j2").write_text("<p>{{ person }} {{ _('x') }}</p>")
    (folder / "web/profile.html.j2").write_text("<p>\n{{ persno }}")
    assert told(folder, templates=built_in) == [("web/profile.html.j2", 2, "`persno` is not given here", "person")]
    (folder / "web/profile.html.j2").write_text("{{ person }}")
    assert told(folder, templates=built_in) == []
    given = {"web/profile.html.j2": {"reader": ""}}
    assert told(folder, templates=built_in, given=given)[-1][2:] == ("`person` is not given here", "")


def test_a_built_in_page_is_held_to_what_is_said_to_be_given(tmp_path):
    built_in = tmp_path / "built-in"
    shutil.copytree(resources.templates(), built_in)
    (built_in / "web").mkdir(exist_ok=True)
    (built_in / "web/profile.html.j2").write_text("{{ persno }}")
    [fault] = checked(templates=built_in, given={"web/profile.html.j2": {"person": ""}}).faults
    assert (fault.line, fault.meant) == (1, "person")


WEB = "web/{}.html.j2"


@pytest.mark.parametrize(
    ("page", "source", "sentence", "meant"),
    [
        ("unsubscribe", "{{ may_retrun }}", "`may_retrun` is not given here", "may_return"),
        # What another page is given is not given to this one, nor what all but this one are.
        ("unsubscribe", "{{ verdict }}", "`verdict` is not given here", ""),
        ("fault", "{% if kind == 'x' %}{{ action }}{% endif %}", "`action` is not given here", ""),
        ("page", "{{ verdict }}", "`verdict` is not given here", ""),
        ("page", "{{ style }}{{ emial }}", "`emial` is not given here", "email"),
        ("feedback", "{{ paper.titel }}", "`paper` has no `titel`", "paper.title"),
        ("pause", "{{ language.directon }}", "`language` has no `directon`", "language.direction"),
        ("fault", "{{ name|uper }}", "Jinja: No filter named 'uper'", "upper"),
        ("fault", '{% include "web/foot.html.j2" %}', "there is no template `web/foot.html.j2` to include", ""),
    ],
)
def test_a_page_is_held_to_what_it_is_given(folder, page, source, sentence, meant):
    (folder / WEB.format(page)).write_text(f"\n{source}")
    [(file, line, said, near), *_] = told(folder)
    assert (file, line) == (WEB.format(page), 2)
    assert said.startswith(sentence)
    assert meant in near


def test_a_part_of_pages_is_held_to_what_all_of_them_are_given(folder):
    (folder / "web/foot.html.j2").write_text("{{ contact }}\n{{ longest }}")
    for page in ("unsubscribe", "pause"):
        (folder / WEB.format(page)).write_text('{% include "web/foot.html.j2" %}')
    assert told(folder) == [("web/foot.html.j2", 2, "`longest` is not given here", "")]
    (folder / WEB.format("pause")).write_text("{{ contact }}")
    assert told(folder) == []


def test_a_page_that_only_rendering_shows_to_be_wrong(folder):
    (folder / WEB.format("fault")).write_text("{{ days // 0 }}")
    [(file, _, sentence, _)] = told(folder)
    assert file == WEB.format("fault")
    assert "ZeroDivisionError" in sentence


def test_what_only_rendering_shows_is_told_too(folder):
    (folder / HEADER).write_text("<mj-text>\n{{ 1 / 0 }}</mj-text>")
    [fault] = checked(folder).faults
    assert "ZeroDivisionError" in fault.sentence
    (folder / HEADER).write_text("<mj-text>{{ name }}</mj-text>")
    (folder / PAPER).write_text("<mj-text>\n{{ reason|upper }}</mj-text>")
    [fault] = checked(folder).faults
    assert "changes a value" in fault.sentence


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(RenderingError, match="is not there"):
        checked(tmp_path / "none")


def slips() -> list[tuple[str, int]]:
    """Return places in the built-in templates: each element, attribute of MJML and name, where it stands first."""
    found: dict[str, tuple[str, int]] = {}
    for name in BUILT_IN:
        if not name.endswith(".j2"):
            continue
        source = (resources.templates() / name).read_text(encoding="utf-8")
        for word in re.finditer(r"</?mj-(\w+)|(?<=\s)([a-z-]{3,})(?==\")|(?<=\{\{ )(\w{3,})", source):
            group = word.lastindex or 0
            # Attributes of HTML are the browser's business.
            if group != 2 or re.search(r"<mj[a-z-]*[^>]*$", source[: word.start()]):
                found.setdefault(word[0], (name, word.start(group) + 1))
    return list(found.values())


@pytest.mark.parametrize(("name", "at"), slips())
def test_a_letter_lost_from_an_element_an_attribute_or_a_name_is_always_told(folder, name, at):
    source = (resources.templates() / name).read_text(encoding="utf-8")
    (folder / name).write_text(source[:at] + source[at + 1 :], encoding="utf-8")
    assert {fault.file for fault in checked(folder).faults} == {folder / name}


@given(
    st.lists(
        st.sampled_from(
            ["<", ">", "</", "/>", '"', "'", "=", " ", "\n", "{{ x }}", "{% if y %}", "{% endif %}", "<!--", "-->",
             "p", "mj-text", "<mj-text", "</mj-text>", "<mj-raw>", "<style>", "é", "{# c #}", "padding",
             "<mj-include path='"]
        ),
        max_size=40,
    ).map("".join)
)  # fmt: skip
def test_no_markup_stops_the_reading(source):
    environment = bare_environment()
    try:
        environment.parse(source)
    except Exception:
        return
    found = list(markup.pieces(source, environment))
    lines = source.count("\n") + 1
    assert all(1 <= piece.line <= lines for piece in found)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="<{\ufdd0"), max_size=60))
def test_words_come_through_with_their_line(words):
    source = f"<p>\n\n{words}</p>{{# #}}\n{{{{ x }}}}\n<br>"
    found = list(markup.pieces(source, bare_environment()))
    assert found[-1] == markup.Tag("br", 5)
    said = "".join(piece.words for piece in found if isinstance(piece, markup.Text))
    assert said.replace(markup.MARK, "").strip() == words.strip()


KINDS = sorted({kind for one in ELEMENTS.values() for kind in one.attributes.values()})


@pytest.mark.parametrize("kind", KINDS)
@given(
    st.one_of(st.text(max_size=12), st.from_regex(r"-?[0-9.]{1,4}(px|%|em|pt|)( [0-9]{1,2}px){0,4}", fullmatch=True))
)
def test_what_is_meant_is_right(kind, value):
    near = meant(kind, value)
    assert near == "" or right(kind, near)
