"""Files that are written, come or go are noticed; what editors leave beside them is not."""

import os
from pathlib import Path

import pytest

from newsletter.web.preview.watching import changed, changes, stamps


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "paper.j2").write_text("one")
    (tmp_path / "style.css").write_text("two")
    return tmp_path


def test_a_folder_is_seen_whole_and_a_file_alone(folder: Path) -> None:
    assert set(stamps([folder])) == {folder / "email" / "paper.j2", folder / "style.css"}
    assert set(stamps([folder / "style.css"])) == {folder / "style.css"}
    assert stamps([folder / "none", folder / "none" / "deeper"]) == {}


@pytest.mark.parametrize(
    "name", [".paper.j2.swp", "paper.j2~", "#paper.j2#", ".git/index", "__pycache__/x.pyc", "x.tmp"]
)
def test_what_editors_leave_is_passed_over(folder: Path, name: str) -> None:
    before = stamps([folder])
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("x")
    assert changed(before, stamps([folder])) == set()


def test_written_come_and_gone_are_changes(folder: Path) -> None:
    before = stamps([folder])
    assert changed(before, stamps([folder])) == set()
    (folder / "style.css").unlink()
    (folder / "email" / "new.j2").write_text("three")
    (folder / "email" / "paper.j2").write_text("longer than one")
    assert changed(before, stamps([folder])) == {
        folder / "style.css",
        folder / "email" / "new.j2",
        folder / "email" / "paper.j2",
    }


def test_a_file_of_the_same_length_and_time_in_the_place_of_another_is_a_change(folder: Path) -> None:
    file, other = folder / "style.css", folder / "other.css"
    other.write_text("owt")
    told = file.stat()
    os.utime(other, ns=(told.st_atime_ns, told.st_mtime_ns))
    before = stamps([file])
    other.replace(file)
    assert changed(before, stamps([file])) == {file}


def test_a_file_that_leads_nowhere_is_not_there(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "nowhere")
    assert folder / "link" not in stamps([folder])


async def test_each_change_is_told_once_and_in_folders_that_are_named_later(folder: Path) -> None:
    later = folder.parent / f"{folder.name}-later"
    watched = [folder]
    going = changes(lambda: tuple(watched), seconds=0)
    turns = 0

    def paths() -> tuple[Path, ...]:
        nonlocal turns
        turns += 1
        if turns == 3:
            (folder / "style.css").write_text("changed by now")
        if turns == 6:
            later.mkdir()
            (later / "own.j2").write_text("x")
            watched.append(later)
        return tuple(watched)

    going = changes(paths, seconds=0)
    assert await anext(going) == {folder / "style.css"}
    assert await anext(going) == {later / "own.j2"}
    await going.aclose()
