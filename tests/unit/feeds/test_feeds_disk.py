"""Files and folders, within limits."""

import os
from pathlib import Path

import pytest

from newsletter.errors import FeedError
from newsletter.feeds.disk import everything, files, read


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "b.txt").write_bytes(b"two")
    (tmp_path / "a.txt").write_bytes(b"one")
    (tmp_path / "below" / "c.txt").write_bytes(b"three")
    (tmp_path / ".hidden").write_bytes(b"no")
    assert everything(tmp_path / "a.txt", largest=100) == ([("a.txt", b"one")], [])
    assert [data for _, data in everything(tmp_path, largest=100)[0]] == [b"one", b"two", b"three"]
    assert [path.name for path in files(tmp_path)] == ["a.txt", "b.txt", "c.txt"]


def test_hidden_folders_are_left_out_and_a_hidden_one_that_is_named_is_not(tmp_path: Path) -> None:
    watched = tmp_path / ".papers"
    for name in (".stversions/old.rss", "below/.trash/deep/older.rss", "below/new.rss"):
        (watched / name).parent.mkdir(parents=True, exist_ok=True)
        (watched / name).write_bytes(b"x")
    assert [path.name for path in files(watched)] == ["new.rss"]


def test_a_large_file_of_a_folder_costs_no_other(tmp_path: Path) -> None:
    for name, size in (("a", 10), ("b", 500), ("c", 20)):
        (tmp_path / name).write_bytes(b"x" * size)
    bodies, problems = everything(tmp_path, largest=100)
    assert [name for name, _ in bodies] == ["a", "c"]
    assert [problem.where for problem in problems] == ["b"]


def test_what_cannot_be_read_from_disk_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 101)
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("large", "larger than 100"),
        ("pipe", "no plain file"),
        ("missing", "no file"),
        ("a\0b", "path"),
    ):
        with pytest.raises(FeedError, match=words):
            everything(tmp_path / name, largest=100)
    with pytest.raises(FeedError, match="no plain file"):
        read(Path("/dev/zero"), largest=100)
