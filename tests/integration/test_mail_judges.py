"""What programs that nobody here wrote say of every mail: of every look and kind, in every language."""

import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from judging import ask, folder
from letters import letters, pages
from mjml import mjml2html

from newsletter import resources
from newsletter.rendering.checking.elements import COLOURS, ELEMENTS, EVERYWHERE
from newsletter.rendering.checking.values import right
from newsletter.rendering.templates import ISSUE, NOTICES, Templates

if TYPE_CHECKING:
    from gallery import Mail

EMPTY = "<mjml><mj-body><mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>"

# Every mail has these, since a mail has no regions of a page.
OF_EVERY_MAIL = {"region", "landmark-one-main"}

# MJML writes these for Outlook.
OF_MJML = re.compile(r"xmlns:|mso-|supported-color-schemes")

MJML_KINDS = {"string": "text", "color": "colour", "integer": "number", "boolean": "words true false"}


def ours(kind: str) -> tuple[str, frozenset[str]]:
    """Return a kind of npm's mjml as the table of ours has it."""
    if kind in MJML_KINDS:
        name, *allowed = MJML_KINDS[kind].split()
    elif found := re.fullmatch(r"enum\((.*)\)", kind):
        name, allowed = "words", [word for word in found[1].split(",") if word]
    else:
        found = re.fullmatch(r"(unit|unitWithNegative)\((.*)\)(\{1,4\})?", kind)
        assert found is not None, kind
        name = "signed" if found[1] != "unit" else "lengths" if found[3] else "length"
        allowed = [unit or "times" for unit in found[2].split(",")]
    return name, frozenset(allowed)


def test_the_table_of_elements_is_that_of_mjml() -> None:
    told = ask("mjml.mjs", "definitions")
    for name, theirs in told["components"].items():
        element = ELEMENTS[name]
        kinds = {attribute: kind.split() for attribute, kind in element.attributes.items()}
        assert {at: (kind, frozenset(allowed)) for at, (kind, *allowed) in kinds.items()} == {
            attribute: ours(kind) for attribute, kind in theirs["attributes"].items()
        }, name
        assert element.html == theirs["html"], name
        if name != "mj-attributes":
            assert element.children == set(theirs["children"]), name
    # Those without a component, which its parser knows by itself.
    assert ELEMENTS.keys() - told["components"].keys() == {"mjml", "mj-selector", "mj-html-attribute"}
    assert ELEMENTS["mjml"].children == set(told["mjml"])


@pytest.mark.parametrize(
    ("attribute", "values"),
    [
        ("color", [*sorted(COLOURS), "gren", "#fff", "#ffff", "#123456", "rgb(1, 2, 3)", "rgba(1,2,3,0.5)", "Red", ""]),
        (
            "padding",
            ["0", "1px", "1px 2px", "1 px", "1px  2px", "1px 2px 3px 4px", "1px 1px 1px 1px 1px", "1em", "50%"],
        ),
        ("font-size", ["16px", "16", "1.5px", "16 px", "120%", "-1px", "0"]),
        ("line-height", ["1.5", "24px", "150%", "1em", "x"]),
        ("letter-spacing", ["-1px", "0.5em", "1%", "0"]),
        ("align", ["left", "justify", "Left", "start"]),
    ],
)
def test_values_are_right_where_they_are_for_mjml(attribute: str, values: list[str]) -> None:
    sources = [EMPTY.replace("<mj-text>", f'<mj-text {attribute}="{value}">') for value in values]
    answers = ask("mjml.mjs", "validate", given=sources)
    kind = {**ELEMENTS["mj-text"].attributes, **EVERYWHERE}[attribute]
    assert {value: right(kind, value) for value in values} == {
        value: not answer["faults"] for value, answer in zip(values, answers, strict=True)
    }


def test_mjml_in_strict_mode_has_no_word_against_the_templates() -> None:
    templates = Templates((resources.templates(),))
    sources = [templates._expanded(name) for name in (ISSUE, *(f"email/{notice}.mjml.j2" for notice in NOTICES))]
    [wrong, *answers] = ask(
        "mjml.mjs", "validate", given=[EMPTY.replace("<mj-text>", '<mj-text paddng="0">'), *sources]
    )
    assert [fault["message"] for fault in wrong["faults"]] == ["Attribute paddng is illegal"]
    assert [answer["faults"] for answer in answers] == [[]] * len(sources)
    assert "{{ unsubscribe }}" in answers[0]["html"]


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Any]:
    """What html-validate and doiuse-email say of each mail, and of an empty one."""
    mails = pages()
    # With a title and a preheader: what MJML itself makes of these is no choice of ours.
    empty = EMPTY.replace("<mj-body>", "<mj-head><mj-title>x</mj-title><mj-preview>x</mj-preview></mj-head><mj-body>")
    said = ask("html.mjs", given=[mjml2html(empty, fonts={}), *(mail.rendered.html for mail in mails)])
    return dict(zip(["empty", *(mail.name for mail in mails)], said, strict=True))


def test_html_validate_finds_nothing(verdicts: dict[str, Any]) -> None:
    assert {name: said["faults"] for name, said in verdicts.items() if said["faults"]} == {}


def test_no_client_lacks_what_an_empty_mail_does_not_use(verdicts: dict[str, Any]) -> None:
    known = set(verdicts["empty"]["unsupported"])
    assert known
    beyond = {name: found for name, said in verdicts.items() if (found := set(said["unsupported"]) - known)}
    # Without pages of ours, readers leave by mail.
    by_mail = {mail.name: {"mailto: links"} for mail in pages() if mail.kind == "by-mail"}
    assert beyond == by_mail


def test_the_nu_checker_finds_nothing(tmp_path: Path) -> None:
    if shutil.which("java") is None:
        pytest.skip("needs Java (Debian package default-jre-headless), which is not here")
    for mail in pages():
        (tmp_path / f"{mail.name}.html").write_text(mail.rendered.html, encoding="utf-8")
    (tmp_path / "wrong.html").write_text("<!doctype html><p><b>x</p>", encoding="utf-8")
    jar = folder() / "node_modules/vnu-jar/build/dist/vnu.jar"
    done = subprocess.run(
        ["java", "-jar", jar, "--format", "json", "--errors-only", *sorted(tmp_path.glob("*.html"))],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    told = [(Path(each["url"]).stem, each["message"]) for each in json.loads(done.stderr)["messages"]]
    assert {name for name, message in told if not OF_MJML.search(message)} == {"wrong"}, told


def test_axe_finds_nothing_in_a_browser() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Chromium (Debian package chromium), which is not here")
    from playwright.sync_api import sync_playwright

    axe = (folder() / "node_modules/axe-core/axe.min.js").read_text("utf-8")
    found: dict[str, Any] = {}
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=chromium) as browser:
        page = browser.new_page()
        asked: list[str] = []
        page.route("**/*", lambda route: (asked.append(route.request.url), route.abort()))
        for mail in in_one_language():
            page.set_content(mail.rendered.html)
            page.evaluate(axe)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                for width in (375, 700):
                    page.set_viewport_size({"width": width, "height": 900})
                    wrong = page.evaluate(AXE)
                    if wrong := [one for one in wrong if one not in OF_EVERY_MAIL]:
                        found[f"{mail.name} {scheme} {width}"] = wrong
        page.set_content("<html><body><img src=x><a href=x></a></body></html>")
        page.evaluate(axe)
        assert {"image-alt", "link-name", "html-has-lang"} <= set(page.evaluate(AXE))
    assert found == {}
    # That of the page that is wrong on purpose.
    assert [url for url in asked if not url.endswith("x")] == []


AXE = """async () => {
  const found = await axe.run(document, {
    resultTypes: ['violations'],
    rules: {'color-contrast-enhanced': {enabled: true}},
    runOnly: ['wcag2a', 'wcag2aa', 'wcag2aaa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  })
  return found.violations.map(each => each.id)
}"""


def in_one_language() -> "list[Mail]":
    """Return the mails in English, and one of every other language, which a browser is slow to show."""
    shown = {mail.name: mail for mail in pages() if mail.language == "en" or mail.kind == "note"}
    return list(shown.values())


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A key to sign with, and its record for the DNS."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path_factory.mktemp("key") / "s1.pem"
    file.write_bytes(
        made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public = made.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return file, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def test_signatures_are_verified_and_messages_are_parsed_strictly(key: tuple[Path, bytes]) -> None:
    file, record = key
    letters()
    gallery = sys.modules["gallery"]
    with tempfile.TemporaryDirectory() as folder:
        signed = gallery.mails(Path(folder), key=file, languages=("en",))
    for mail in signed:
        assert dkim.verify(mail.content, dnsfunc=lambda name, timeout=5: record), mail.name
    for mail in (*signed, *letters()):
        message = message_from_bytes(mail.content, policy=default.clone(raise_on_defect=True))
        assert [part.defects for part in message.walk()] == [[] for _ in message.walk()]
        assert all(not getattr(value, "defects", ()) for value in message.values())
        lines = mail.content.split(b"\r\n")
        assert max(map(len, lines)) <= 998  # RFC 5322 section 2.1.1
        assert mail.content.isascii()
        plain = message.get_body(("plain",))
        assert plain is not None
        # The transport's line ends are no part of the words.
        assert plain.get_content().replace("\r\n", "\n").strip() == mail.rendered.text.strip()


def test_a_mail_of_ten_papers_is_small() -> None:
    sizes = {mail.name: len(mail.rendered.html.encode()) for mail in pages()}
    assert all(size < 60_000 for name, size in sizes.items() if "-ten-" in name)
    assert max(sizes.values()) < 102 * 1024
