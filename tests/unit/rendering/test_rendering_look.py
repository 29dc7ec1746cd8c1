"""The mail's looks, and the operator's colour and logo in it."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from outline import Outline

from newsletter import config, resources
from newsletter.errors import RenderingError
from newsletter.rendering import Renderer, brand_of
from newsletter.rendering.language import resolve
from newsletter.rendering.look import (
    CARD,
    CONTRAST,
    DARK,
    GROUND,
    LARGEST_LOGO,
    LIGHT,
    LOOKS,
    contrast,
    luminance,
    readable,
)
from newsletter.rendering.press import Press
from newsletter.rendering.templates import PAPER, PAPER_TEXT, Templates

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40

colours = st.one_of(
    st.integers(0, 0xFFFFFF).map("#{:06x}".format),
    st.integers(0, 0xFFF).map("#{:03X}".format),
)


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    file = tmp_path / "logo.png"
    file.write_bytes(PNG)
    return file


def renderer(look: str = "comfortable", **brand: object) -> Renderer:
    return Renderer(
        config.Newsletter(name="Papers & more"),
        config.Rendering(look=look),
        templates=resources.templates(),
        search_url="https://search.example/?q={title}",
        brand=brand_of(config.Brand(**brand)),
    )


@given(colour=colours)
@example(colour="#ffffff")
@example(colour="#000")
@example(colour="#808080")
@example(colour="#ffff00")
@example(colour="#0000ff")
def test_every_accent_is_readable_on_light_and_on_dark(colour):
    for background in (LIGHT, DARK):
        found = readable(colour, background)
        assert re.fullmatch("#[0-9a-f]{6}", found)
        assert contrast(found, background) >= CONTRAST


@given(colour=colours)
def test_an_accent_that_is_readable_stays_as_it_is(colour):
    for background in (LIGHT, DARK):
        found = readable(colour, background)
        assert readable(found, background) == found


@given(colour=colours)
@example(colour="#ffff00")
@example(colour="#000000")
def test_pages_get_the_colours_of_the_mail(colour):
    brand = brand_of(config.Brand(accent=colour))
    light, dark = (dict(re.findall(r"--(\w+): (#\w+);", part)) for part in brand.css.split("@media"))
    assert light == {"accent": colour, "link": brand.on_light, "card": CARD[0], "ground": GROUND[0]}
    assert dark == {"accent": brand.on_dark, "link": brand.on_dark, "card": CARD[1], "ground": GROUND[1]}
    for found in (light, dark):
        assert min(contrast(found["link"], found[below]) for below in ("card", "ground")) >= CONTRAST


@given(one=colours, other=colours)
def test_contrast_has_no_sides(one, other):
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21.001


def test_luminance_is_that_of_the_standard():
    assert luminance("#000") == 0
    assert luminance("#fff") == pytest.approx(1)
    assert contrast("#ffffff", "#767676") == pytest.approx(4.54, abs=0.005)
    assert contrast("#000", "#fff") == pytest.approx(21)


def test_a_contrast_that_no_colour_has():
    with pytest.raises(ValueError, match="no colour has a contrast of 8"):
        readable("#123456", "#808080", 8)


def test_the_accent_colours_links_in_light_and_dark(make_issue, paper, links):
    html = renderer(accent="#e0a000").render(make_issue(paper), links).html
    assert f".ink a {{ color: {readable('#e0a000', LIGHT)}; }}" in html
    assert f".ink a {{ color: {readable('#e0a000', DARK)} !important; }}" in html
    assert "border-top:4px solid #e0a000" in html


@pytest.mark.parametrize("accent", ["red", "#12", "#12345g", "#1234", "1d4f91", "#1d4f91;", "url(x)"])
def test_an_accent_is_a_colour(accent):
    with pytest.raises(ValueError, match="a colour as CSS writes it, such as #1d4f91"):
        config.Brand(accent=accent)


def test_a_logo_stands_for_the_name_and_is_fetched_from_nowhere(make_issue, paper, links, logo):
    made = renderer(logo=logo, logo_width=120)
    html = made.render(make_issue(paper), links).html
    [picture] = Outline(html).attributes("img")
    assert picture["src"] == f"cid:{made.logo.cid}"
    assert picture["alt"] == "Papers & more"
    assert picture["width"] == "120"
    assert made.logo.content == PNG
    assert made.logo.kind == "png"
    assert html.count("<h1") == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is no PNG, JPEG or GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no PNG, JPEG or GIF"),
        (PNG + b"\x00" * LARGEST_LOGO, "has more than 50 KB"),
    ],
)
def test_a_logo_that_cannot_be_used_is_told_at_the_start(tmp_path, content, complaint):
    file = tmp_path / "logo"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RenderingError, match=f"^The logo .*{complaint}"):
        brand_of(config.Brand(logo=Path("logo")), tmp_path)


@pytest.mark.parametrize(("magic", "kind"), [(b"\xff\xd8\xff\xe0", "jpeg"), (b"GIF89a", "gif"), (PNG, "png")])
def test_a_logo_is_what_its_bytes_say(tmp_path, magic, kind):
    (tmp_path / "logo.bin").write_bytes(magic)
    assert brand_of(config.Brand(logo=Path("logo.bin")), tmp_path).logo.kind == kind


def test_plain_is_text_alone(make_issue, paper, links, logo):
    made = renderer("plain", logo=logo)
    rendered = made.render(make_issue(paper), links)
    assert rendered.html_parts == []
    assert rendered.html == ""
    assert made.logo is None
    assert rendered.text == renderer().render(make_issue(paper), links).text


def test_compact_is_lower_and_says_the_same(make_issue, paper, links):
    wide, tight = (renderer(look).render(make_issue(paper), links) for look in ("comfortable", "compact"))
    assert Outline(wide.html).words == Outline(tight.html).words
    assert tight.text == wide.text
    assert LOOKS["compact"].space < LOOKS["comfortable"].space


@pytest.mark.parametrize("look", config.Rendering.model_fields["look"].annotation.__args__)
def test_no_look_has_letters_too_small_or_links_too_low(look):
    sizes = LOOKS[look]
    for letters, line in (sizes.name, sizes.title, sizes.text, sizes.small):
        assert letters >= 14
        assert 1.2 <= line / letters <= 1.7
    # WCAG 2.2, 2.5.8.
    assert sizes.small[1] + 2 * sizes.tap >= 24


def block(language="en", **more):
    """Return the HTML and the text of one paper, given what `more` says beyond the usual."""
    paper = SimpleNamespace(
        title="A title", direction="ltr", url="https://x.example/", searched=False, authors="Ada", organization="",
        facts=("5 votes",), summary="A summary.", summary_direction="ltr", links=(("PDF", "https://x.example/pdf"),),
        named=(), machine_written=False,
    )  # fmt: skip
    press = Press(
        Templates((resources.templates(),)),
        str.encode,
        {"look": LOOKS["comfortable"], "brand": brand_of(config.Brand())},
    )
    vars(paper).update(more.pop("paper", {}))
    values = {
        "language": resolve(language), "paper": paper, "position": 3, "reason": "Popular right now",
        "form": "full", "more": "", "less": "", "save": "", "both": "", **more,
    }  # fmt: skip
    return tuple(
        b"".join(press.pieces(name, resolve(language), values, frozenset()).parts).decode()
        for name in (PAPER, PAPER_TEXT)
    )


@pytest.mark.parametrize(
    ("form", "shown"),
    [("full", "Ada|5 votes|A summary.|PDF"), ("short", "Ada|5 votes|PDF"), ("line", "")],
)
def test_a_paper_is_told_in_full_in_short_or_in_a_line(form, shown):
    for body in (Outline(block(form=form)[0]).words, block(form=form)[1]):
        assert "3. A title" in body
        assert "Popular right now" in body
        said = [words for words in ("Ada", "5 votes", "A summary.", "PDF") if words in body]
        assert "|".join(said) == shown


def test_more_and_less_are_links_of_the_readers_own_where_there_are_any():
    html, text = block(more="https://n.example/m", less="https://n.example/l")
    assert [found["href"] for found in Outline(html).attributes("a")][-2:] == [
        "https://n.example/m",
        "https://n.example/l",
    ]
    saving = Outline(block(more="https://n.example/m", less="https://n.example/l", save="https://n.example/s")[0])
    assert [found["href"] for found in saving.attributes("a")][-1] == "https://n.example/s"
    assert "   More like this:\n   https://n.example/m\n   Less like this:\n   https://n.example/l\n" in text
    text = block(more="https://n.example/m", less="https://n.example/l", both="https://n.example/m")[1]
    assert text.endswith(
        "   PDF: https://x.example/pdf\n   More or less like this, save it, seen it:\n   https://n.example/m\n\n\n"
    )
    assert "More like this" not in "".join(block(more="", less="")) + "".join(block())


def test_what_a_machine_wrote_says_so():
    for body in block(paper={"machine_written": True}):
        assert "This summary was written by a machine." in body
    assert "machine" not in "".join(block())


def test_a_paper_without_links_has_no_empty_line_for_them():
    assert not re.search(r"<p[^>]*>\s*</p>", block(paper={"links": ()})[0])
