"""Nothing that a source sends makes parsing raise, or cost more than in proportion to its size."""

import random
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.feeds import parse
from newsletter.models import ParsedFeed

TODAY = date(2026, 11, 21)
FORBIDDEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")

SNIPPETS = [
    b"<rss><channel><item><title>", b"<feed xmlns='http://www.w3.org/2005/Atom'><entry>", b"</entry>", b"<item>",
    b"<![CDATA[", b"]]>", b"<!DOCTYPE x [", b"<!ENTITY a 'b'>", b"&a;", b"&#0;", b"&#xD800;", b"<dc:creator>",
    b'[{"paper": {"title": "', b'"}}]', b'{"data": [', b'\\ud800', b"1e999", b"9" * 5000, b"[" * 2000, b"null",
    b"Subscribe", b"\n\n", b"Aug 20\n", b"byAK and the research community\n", b"A Title\n", b"It is so. " * 30,
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"https://github.com/", b"$", b"\\", b"{", b"}", b"''",
]  # fmt: skip


def check(parsed: ParsedFeed) -> None:
    for paper in parsed.papers:
        assert paper.title.strip()
        assert len(paper.title) <= 1000
        assert len(paper.abstract) <= 20_000
        for text in (paper.title, paper.abstract, paper.summary, paper.organization, *paper.authors, *paper.keywords):
            assert not FORBIDDEN.search(text)
        for address in (paper.url, *(link.url for link in paper.links)):
            assert address is None or re.fullmatch(r"https?://[^\s<>\"'`{}\\]+", address, re.IGNORECASE)
        assert min(paper.votes, paper.comments, paper.stars) >= 0
    for problem in parsed.problems:
        assert problem.where
        assert problem.what.endswith(".")
    parsed.model_dump_json()


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    check(parse(data, name="x", today=TODAY))


@given(st.lists(st.sampled_from(SNIPPETS) | st.binary(max_size=12), max_size=14))
@settings(max_examples=300)
def test_any_mixture_of_what_layouts_are_made_of(pieces: list[bytes]) -> None:
    check(parse(b"".join(pieces), today=TODAY))


@given(st.dates(date(1, 1, 1), date(9999, 12, 31)), st.sampled_from(["Feb 29", "Jan 1", "Dec 31", "Aug 20, 0001"]))
def test_any_today(today: date, line: str) -> None:
    body = f"new\n\nSubscribe\n\n{line}\n\nA Title\n\nIt is an abstract of a paper, as it is written.\n"
    parsed = parse(body.encode(), today=today)
    check(parsed)
    assert [paper.title for paper in parsed.papers] == ["A Title"]
    assert parsed.published_on is None or parsed.published_on <= today


SAMPLES = [
    "seeds/002_fbcb165bff193549.txt",
    "seeds/003_fecd3dfae968e59c.txt",
    "feeds/hf-daily-papers/2026-07-15.json",
    "feeds/arxiv/cs.AI-2025-08-20.atom",
]


@pytest.mark.parametrize("sample", SAMPLES)
@given(seed=st.integers(0, 2**32), snippet=st.sampled_from(SNIPPETS) | st.binary(min_size=1, max_size=8))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_real_samples_with_damage(shared: Path, sample: str, seed: int, snippet: bytes) -> None:
    data = (shared / sample).read_bytes()[:40_000]
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice([0, 0, 1, 10, 3000]))
        data = data[:start] + chance.choice([snippet, b"", data[end : end + 50]]) + data[end:]
    check(parse(data, name=sample, today=TODAY))


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-be", "cp1252", "utf-32"])
def test_another_encoding_changes_no_paper(shared: Path, sample: str, encoding: str) -> None:
    text = (shared / sample).read_text(encoding="utf-8").replace("encoding='UTF-8'", f"encoding='{encoding}'")
    text = text.encode("latin-1", "ignore").decode("latin-1")
    expected = parse(text.replace(f" encoding='{encoding}'", "").encode(), today=TODAY).papers
    assert parse(text.encode(encoding), today=TODAY).papers == expected
    assert expected


def test_other_formats_are_named() -> None:
    for data, name in ((b"\x1f\x8b\x08\x00rest", "gzip"), (b"PK\x03\x04rest", "zip"), (b"%PDF-1.7\n", "PDF")):
        parsed = parse(data, today=TODAY)
        assert parsed.layout == "unknown"
        assert name in parsed.problems[0].what
    for data in (b"", b"\n \n", b"\x00" * 50):
        assert "empty" in parse(data, today=TODAY).problems[0].what


def test_problems_are_counted_beyond_a_limit() -> None:
    parsed = parse(b"new\nSubscribe\n" + b"A title and nothing else\n" * 3000, today=TODAY)
    assert parsed.papers == ()
    assert len(parsed.problems) == 501
    assert "2500 more" in parsed.problems[-1].what


# Each would take hours, or all memory, in a parser that goes back and forth; megabytes, as they are sent.
HOSTILE = {
    "one line": b"new\nSubscribe\n" + b"a" * 50_000_000,
    "a line of addresses": b"new\nSubscribe\n" + b"http://" * 3_000_000,
    "many lines": b"new\nSubscribe\n" + b"a\n" * 10_000_000,
    "nested lists": b"[" * 20_000_000,
    "nested objects": b'[{"a":' * 4_000_000,
    "lists that fail late": b"[" + b'{"x":[{},' * 2_000_000,
    "texts without an end": b"[" + b'{"summary":"a},{' * 1_000_000,
    "opened tags": b"<rss><channel>" + b"<item>" * 2_000_000,
    "nested tags": b"<rss><channel>" + b"<a>" * 8_000_000,
    "bare signs": b"<rss><channel><item><title>" + b"<" * 10_000_000,
    "a doctype": b"<!DOCTYPE " + b"a [" * 5_000_000 + b"<rss>",
    "an attribute": b"<rss><channel><item x='" + b"a" * 20_000_000,
    "comments": b"<rss><channel><item><description>" + b"&lt;!--&lt;a " * 1_000_000,
    "bytes that fit no encoding": b"\xff" * 10_000_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_ends_and_is_named(case: str) -> None:
    parsed = parse(HOSTILE[case], today=TODAY)
    check(parsed)
    assert parsed.problems


def test_a_line_of_fifty_megabytes_takes_a_few_times_its_size() -> None:
    program = """
import resource
from datetime import date
from newsletter.feeds import parse
data = b"new\\nSubscribe\\n" + b"a b" * 17_000_000
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert parse(data, today=date(2026, 11, 21)).problems
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / len(data))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert float(run.stdout) < 6
