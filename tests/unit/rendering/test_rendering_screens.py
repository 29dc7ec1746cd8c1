"""A mail in a frame is light or dark as asked, holds its pictures and fetches nothing; words are read anew."""

import re
import shutil
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from newsletter import resources
from newsletter.config import Brand
from newsletter.rendering import language
from newsletter.rendering.look import CARD, GROUND, brand_of
from newsletter.rendering.screens import on_screen, with_pictures
from newsletter.rendering.viewer import Viewer

MAIL = """<html><head><meta name="color-scheme" content="light dark"><style>
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) { body { color: white } }
@media screen and ( prefers-color-scheme:light ) { body { color: black } }
</style></head><body><img src="cid:a@logo.invalid"><p>(prefers dark)</p></body></html>"""


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_conditions_are_answered(scheme, other):
    shown = on_screen(MAIL, scheme, {})
    assert "prefers-color-scheme" not in shown
    assert f'name="color-scheme" content="{scheme}"' in shown
    assert f"color-scheme: {scheme};" in shown
    dark = "(min-width:0)" if scheme == "dark" else "(max-width:-1px)"
    light = "(min-width:0)" if scheme == "light" else "(max-width:-1px)"
    assert f"@media {dark} {{ body {{ color: white" in shown
    assert f"@media screen and {light} {{ body {{ color: black" in shown
    assert "(prefers dark)" in shown


def test_a_picture_of_the_message_is_in_the_page_and_another_stays_unknown():
    assert 'src="data:x"' in with_pictures(MAIL, {"a@logo.invalid": "data:x"})
    assert with_pictures(MAIL, {"b@logo.invalid": "data:x"}) == MAIL


def test_the_page_in_a_frame_may_fetch_nothing():
    head = on_screen(MAIL, "light", {}).partition("</head>")[0]
    assert head.startswith('<html><head><meta http-equiv="Content-Security-Policy" content="default-src \'none\';')


def test_words_are_read_anew(tmp_path: Path, monkeypatch):
    shutil.copytree(language.CATALOGUES, tmp_path / "locales")
    monkeypatch.setattr(language, "CATALOGUES", tmp_path / "locales")
    language.forget()
    try:
        file = tmp_path / "locales" / "de" / "LC_MESSAGES" / "newsletter.po"
        before = language.resolve("de").gettext("Popular right now")
        file.write_text(file.read_text("utf-8").replace(before, "Jetzt gefragt"), "utf-8")
        assert language.resolve("de").gettext("Popular right now") == before
        language.forget()
        assert language.resolve("de").gettext("Popular right now") == "Jetzt gefragt"
    finally:
        language.forget()


def test_style_and_script_are_those_of_the_hashes():
    viewer = Viewer(resources.templates(), brand_of(Brand(accent="#a03050")))
    page = viewer.page("gallery", name="<b>", sheets=[])
    assert "&lt;b&gt;" in page
    assert viewer.style_hash != viewer.script_hash
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert viewer.style_hash == f"sha256-{b64encode(sha256(style[1].encode()).digest()).decode()}"


def test_pages_for_looking_at_mail_have_the_colours_of_the_brand():
    brand = brand_of(Brand(accent="#a03050"))
    style = Viewer(resources.templates(), brand).page("gallery", name="", sheets=[])
    for name, colour in (("link", brand.on_light), ("link", brand.on_dark), ("card", CARD[1]), ("ground", GROUND[0])):
        assert f"--{name}: {colour};" in style
    # Each colour that is named is given, in light and in dark.
    assert set(re.findall(r"var\((--\w+)\)", style)) <= set(re.findall(r"(--\w+):", style))
