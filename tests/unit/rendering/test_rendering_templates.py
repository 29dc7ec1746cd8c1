"""Templates of the operator stand before the built-in ones, and a wrong one is named by file and line."""

import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.errors import RenderingError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("email", "text"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_an_own_part_takes_the_place_of_the_built_in_one(make_renderer, make_issue, paper, links, folder):
    (folder / "email" / "header.mjml.j2").write_text("<mj-text><h1>Our own {{ date }}</h1></mj-text>")
    (folder / "text" / "paper.txt.j2").write_text("{{ position }}. {{ paper.title }} ({{ reason }})\n")
    rendered = make_renderer(overrides=folder).render(make_issue(paper), links)
    assert "<h1>Our own Wednesday, July 22, 2026</h1>" in rendered.html
    assert "1. Adapters for α-stable noise (Matches low-rank adaptation: LoRA, word 1)\n" in rendered.text
    assert "Unsubscribe" in rendered.html


@pytest.mark.parametrize(
    ("name", "source", "complaint"),
    [
        ("email/header.mjml.j2", "<mj-text>\n{{ date }\n</mj-text>", r"header\.mjml\.j2, line 2 "),
        ("email/header.mjml.j2", "<mj-text>\n{{ dates }}\n</mj-text>", r"header\.mjml\.j2, line 2 .*'dates'"),
        ("email/paper.mjml.j2", "<mj-text>\n\n{{ paper.titel }}</mj-text>", r"paper\.mjml\.j2, line 3 .*titel"),
        ("email/header.mjml.j2", "\n<mj-txet>x</mj-txet>", r"header\.mjml\.j2, line 2 .*<mj-txet>.*<mj-text>"),
        ("email/header.mjml.j2", "<mj-text>x", r"MJML"),
        ("email/paper.mjml.j2", "<mj-text>\n{{ reason|upper }}</mj-text>", r"paper\.mjml\.j2 changes .*REASON"),
        ("email/header.mjml.j2", "<mj-text>{{ 1 / 0 }}</mj-text>", r"ZeroDivisionError"),
        ("email/header.mjml.j2", '<mj-include path="./header.mjml.j2" />', r"header.* includes itself"),
        ("email/header.mjml.j2", '<mj-include path="../../secret" />', r"no template"),
        ("email/issue.mjml.j2", "<mjml><mj-body></mj-body></mjml>", r"issue\.mjml\.j2 .*stands once"),
        ("email/footer.mjml.j2", "<mj-text>bye</mj-text>", r"print no unsubscribe"),
        ("text/issue.txt.j2", "{{ papers }}", r"print no unsubscribe"),
        ("text/issue.txt.j2", "{{ papers }}\n{% if x %}", r"issue\.txt\.j2, line 2 "),
        ("text/paper.txt.j2", "x\n{{ nothing }}", r"paper\.txt\.j2, line 2 .*'nothing'"),
        ("text/paper.txt.j2", "{% include 'none.j2' %}", r"none\.j2"),
    ],
)
def test_a_wrong_template_is_told_at_the_start(make_renderer, folder, name, source, complaint):
    (folder / name).write_text(source)
    with pytest.raises(RenderingError, match=complaint):
        make_renderer(overrides=folder)


def test_a_template_that_is_no_text(make_renderer, folder):
    (folder / "email" / "header.mjml.j2").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RenderingError, match=r"header\.mjml\.j2 is wrong: it is not UTF-8"):
        make_renderer(overrides=folder)


def test_a_folder_that_is_not_there(make_renderer, tmp_path):
    with pytest.raises(RenderingError, match="is not there"):
        make_renderer(overrides=tmp_path / "none")


def test_reasons_need_no_template_compiler():
    code = (
        "import sys; from newsletter.rendering import reason_sentence; "
        "assert not {'mjml', 'numpy', 'sqlalchemy', 'aiosmtplib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
