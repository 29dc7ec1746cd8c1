"""Bodies that once broke the parsers, or came near it, are parsed again; `bench/fuzz.py` finds and keeps them."""

import re
from pathlib import Path

import pytest
from outside import ROOT, load

from newsletter.feeds import sources

FUZZ = load(ROOT / "bench" / "fuzz.py")
FUZZED = sorted((Path(__file__).parent / "fuzzed").glob("*.bin"))


@pytest.mark.parametrize("file", FUZZED, ids=[file.stem for file in FUZZED])
def test_what_was_found_once_stays_mended(file: Path) -> None:
    assert FUZZ.fault(file.read_bytes()) == ""


def test_what_breaks_the_parser_is_found_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    real = FUZZ.parsing._parse

    def breaks(data: bytes, *rest: object) -> object:
        if b"BAD" in data:
            raise IndexError("out of range")
        return real(data, *rest)

    monkeypatch.setattr(FUZZ.parsing, "_parse", breaks)
    what = FUZZ.fault(b"<rss>" + b"x" * 50 + b"BAD" + b"y" * 50)
    assert what == "IndexError: out of range"
    assert FUZZ.smaller(b"<rss>" + b"x" * 50 + b"BAD" + b"y" * 50, what) == b"BAD"
    assert FUZZ.fault(b"<rss>") == ""


def test_the_page_of_sources_names_what_can_be_added() -> None:
    page = (ROOT / "docs" / "sources.md").read_text()
    added = re.findall(r"^ +newsletter feeds add (?:--\S+ )*(\S+)", page, re.MULTILINE)
    assert len(added) > 3
    for location in added:
        assert location.startswith("@") or sources.is_address(location)
