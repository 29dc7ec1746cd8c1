"""`newsletter templates check`, as an operator and as a program call it."""

import json
import subprocess
from pathlib import Path

import warm

from newsletter import resources


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return warm.call(("templates", "check", *words), cwd=folder)


def test_right_templates(tmp_path):
    done = call(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" templates are right.\n")
    assert call(tmp_path, "--json").stdout == ""


def test_a_slip_has_its_place_and_what_was_meant(tmp_path):
    header = tmp_path / "mine" / "email" / "header.mjml.j2"
    header.parent.mkdir(parents=True)
    header.write_text('<mj-text>\n  {{ nmae }}</mj-text>\n<mj-text paddng="0">x</mj-text>\n')
    (tmp_path / "config.toml").write_text('[rendering]\ntemplates = "mine"\n')
    for words in ((), ("--templates", "mine"), ("--quiet",)):
        done = call(tmp_path, *words)
        assert done.returncode == 1
        assert done.stdout.splitlines() == [
            "mine/email/header.mjml.j2:2: `nmae` is not given here. Is name meant?",
            "mine/email/header.mjml.j2:3: <mj-text> takes no `paddng`. Is padding meant?",
        ]
        assert done.stderr == "The templates have 2 faults.\n"
    done = call(tmp_path, "--json")
    assert done.returncode == 1
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {
            "file": "mine/email/header.mjml.j2",
            "line": 2,
            "sentence": "`nmae` is not given here",
            "meant": "name",
        },
        {
            "file": "mine/email/header.mjml.j2",
            "line": 3,
            "sentence": "<mj-text> takes no `paddng`",
            "meant": "padding",
        },
    ]


def test_a_folder_that_is_not_there(tmp_path):
    done = call(tmp_path, "--templates", "none")
    assert done.returncode == 1
    assert "The folder none of your own templates is not there." in done.stderr


def program(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return warm.call(("templates", *words), cwd=folder)


def test_a_template_is_copied_once_and_listed_as_ones_own(tmp_path):
    (tmp_path / "config.toml").write_text("")
    done = program(tmp_path, "copy", "text/paper.txt.j2")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "templates/text/paper.txt.j2 is yours to change.",
        'It is used once the settings have templates = "templates" in [rendering].',
    ]
    copied = tmp_path / "templates" / "text" / "paper.txt.j2"
    assert copied.read_bytes() == (resources.templates() / "text" / "paper.txt.j2").read_bytes()
    copied.write_text("mine")
    again = program(tmp_path, "copy", "text/paper.txt.j2")
    assert (again.returncode, copied.read_text()) == (2, "mine")
    assert "is there already" in again.stderr
    (tmp_path / "config.toml").write_text('[rendering]\ntemplates = "templates"\n')
    listed = [json.loads(line) for line in program(tmp_path, "list", "--json").stdout.splitlines()]
    assert {one["name"]: one["own"] for one in listed if one["own"]} == {
        "text/paper.txt.j2": "templates/text/paper.txt.j2"
    }
    assert "email/issue.mjml.j2" in {one["name"] for one in listed}


def test_a_name_that_was_nearly_typed(tmp_path):
    for name, near in (("email/footr.mjml.j2", "email/footer.mjml.j2"), ("../config.toml", "")):
        done = program(tmp_path, "copy", name)
        assert done.returncode == 1
        assert "There is no template" in done.stderr
        assert near in done.stderr
    assert list(tmp_path.rglob("*")) == []
