"""What people install: the source archive, the wheel that is built from it, and a paper newsletter made with it.

Both are built anew, or taken from the folder that NEWSLETTER_TEST_DIST names.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = r"paper_newsletter-[^-/]+"


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program that knows nothing of this checkout, and return what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NEWSLETTER_", "PYTHON"))}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one source archive and one wheel."""
    if given := os.environ.get("NEWSLETTER_TEST_DIST"):
        return ROOT / given
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """The one wheel."""
    (file,) = dist.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def in_wheel(wheel: Path) -> set[str]:
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


@pytest.fixture(scope="module")
def in_sdist(dist: Path) -> set[str]:
    """The names of the files in the source archive, without the folder that all of them are in."""
    (file,) = dist.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
    assert all(re.match(rf"{NAME}/", name) for name in names)
    return {name.partition("/")[2] for name in names}


@pytest.fixture(scope="module")
def sources() -> set[str]:
    """What git has of this checkout, with what is new in it, and without what is ignored."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a checkout of git, to know what is ignored")
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return {name for name in listed if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment elsewhere that has the wheel, and the libraries of this one."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=folder.parent)
    # A folder that a .pth names is searched last, and its own .pth, the one of this checkout, is not read.
    (site,) = folder.glob("lib/python3.*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin"


def test_the_wheel_has_every_part_of_the_program(in_wheel: set[str]) -> None:
    parts = {
        "newsletter/__main__.py",
        "newsletter/py.typed",
        "newsletter/store/migrations/env.py",
        "newsletter/store/migrations/versions/0001_*.py",
        "newsletter/rendering/locales/en/LC_MESSAGES/newsletter.po",
        "newsletter/_data/templates/email/*.mjml.j2",
        "newsletter/_data/templates/text/*.txt.j2",
        "newsletter/_data/templates/web/*.html.j2",
        "newsletter/_data/templates/web/style.css",
        "newsletter/_data/seeds/topics.toml",
        "newsletter/_data/seeds/*.txt",
        "paper_newsletter-*.dist-info/entry_points.txt",
    }
    assert {part for part in parts if not any(PurePosixPath(name).match(part) for name in in_wheel)} == set()


def test_the_wheel_has_what_git_has_and_nothing_else(in_wheel: set[str], sources: set[str]) -> None:
    packed = {re.sub(r"^newsletter/_data/", "", name) for name in in_wheel if ".dist-info/" not in name}
    assert packed == {name for name in sources if name.startswith(("newsletter/", "templates/", "seeds/"))}


def test_the_source_archive_has_nothing_that_git_ignores(in_sdist: set[str], sources: set[str]) -> None:
    assert in_sdist - sources == {"PKG-INFO"}
    folders = ("newsletter/", "templates/", "seeds/", "tests/", "docs/", "bench/", "locks/")
    assert {name for name in sources - in_sdist if name.startswith(folders)} == set()
    assert {"Makefile", "README.md", "pyproject.toml", "config.example.toml"} <= in_sdist


def test_nothing_of_this_machine_is_packed(in_wheel: set[str], in_sdist: set[str]) -> None:
    strays = re.compile(r"(^|/)(__pycache__|\.venv|\.hypothesis|outbox|demo|config\.toml)(/|$)|\.(pyc|db|eml)$")
    tests_carry_mail = {name for name in in_sdist if name.startswith("tests/")}
    assert [name for name in sorted(in_wheel | in_sdist - tests_carry_mail) if strays.search(name)] == []


def test_the_program_is_the_one_in_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = (
        "import newsletter, newsletter.resources as r; print(newsletter.__file__, r.templates(), r.seeds(), sep='\\n')"
    )
    for place in run(installed / "python", "-c", code, cwd=tmp_path).splitlines():
        assert Path(place).is_relative_to(installed.parent)


def test_it_makes_a_preview_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    newsletter = installed / "newsletter"
    run(newsletter, "demo", "--dir", "demo", cwd=tmp_path)
    there = (newsletter, "--config", "demo/config.toml")
    people = [json.loads(line) for line in run(*there, "subscribers", "list", "--json", cwd=tmp_path).splitlines()]
    papers = [json.loads(line) for line in run(*there, "papers", "list", "--json", cwd=tmp_path).splitlines()]
    assert people
    run(*there, "preview", people[0]["email"], "--out", "preview.html", cwd=tmp_path)
    page = (tmp_path / "preview.html").read_text("utf-8")
    assert [paper["title"] for paper in papers if paper["title"] in page]
