"""Parse damaged feeds for a time: Hypothesis's inventions, and real files with what damage there is.

PYTHONPATH=. .venv/bin/python bench/fuzz.py --minutes 10 [--seed N] [--keep FOLDER]

What must hold: nothing is raised, what comes out keeps to the limits of papers, and the time stays in proportion to the
size. A body that breaks one of these is made as small as it goes and kept under tests/unit/feeds/fuzzed, where a test
parses it from then on. The last line has the figures.
"""

import argparse
import contextlib
import faulthandler
import hashlib
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from newsletter.feeds import parse, parsing, sources
from newsletter.feeds.text import Report
from newsletter.models import ParsedFeed

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
KEPT = ROOT / "tests" / "unit" / "feeds" / "fuzzed"
TODAY = date(2026, 11, 21)
FORBIDDEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
ADDRESS = re.compile(r"https?://[^\s<>\"'`{}\\]+", re.IGNORECASE)
# Seconds of the processor that a body may take, and for each of its megabytes.
LONGEST, LONGEST_PER_MB = 1.0, 10.0
# Real days have a megabyte; more of them are tried in parts.
LARGEST = 60_000
BATCH = 200

PIECES = [
    b"<rss version='2.0'><channel>", b"<feed xmlns='http://www.w3.org/2005/Atom'>", b"<rdf:RDF>", b"<item>", b"</item>",
    b"<entry>", b"</entry>", b"<title>", b"</title>", b"<link rel='next' href='", b"<![CDATA[", b"]]>", b"<!--", b"-->",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"&#0;", b"&#xD800;", b"&#99999999999;", b"&amp;", b"<dc:creator>",
    b"<dc:identifier>doi:10.1/", b"10.1101/2026.11.18.1v1", b"<ttl>", b"<skipDays><day>Sunday</day>", b"<ttl>-1</ttl>",
    b"<sy:updateFrequency>0</sy:updateFrequency>", b"<skipHours><hour>24</hour>", b"<arxiv:announce_type>replace",
    b'{"version": "https://jsonfeed.org/version/1.1", "items": [', b'[{"paper": {"title": "', b'"}}]', b"[{'a': None}]",
    b"{'status': 'success', 'data': [", b"True", b"None", b"null", b"1e999", b"9" * 5000, b"[" * 3000, b"{'a':" * 500,
    b"\\ud800", b"\\", b"'", b'"', b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc2\x9b", b"\n\n",
    b"new\nSubscribe\n", b"Aug 20\n", b"A Title\n", b"It is so. " * 40, b"https://github.com/", b"http://[", b"$", b"{",
    b"}", b"<p>", b"<p>Author(s): ", b"<link rel=alternate type=text/xml href=", b"xml:base='http://['", b"A, B., " * 9,
]  # fmt: skip


def check(parsed: ParsedFeed) -> None:
    """Raise AssertionError where a result does not keep to the limits."""
    for paper in (*parsed.papers, *parsed.updates):
        assert paper.title.strip(), "a paper without a title"
        assert len(paper.title) <= 1000, "a title too long"
        assert len(paper.abstract) <= 20_000, "an abstract too long"
        texts = (paper.title, paper.abstract, paper.summary, paper.organization, *paper.authors, *paper.keywords)
        assert not any(map(FORBIDDEN.search, texts)), "a control character"
        for address in (paper.url, *(link.url for link in paper.links)):
            assert address is None or ADDRESS.fullmatch(address), "an address that is none"
        assert paper.doi is None or (paper.doi.startswith("10.") and paper.doi.isprintable()), "a DOI that is none"
        assert min(paper.votes, paper.comments, paper.stars) >= 0, "a count below nothing"
    for problem in parsed.problems:
        assert problem.where, "a problem without a place"
        assert problem.what.endswith("."), "a problem that is no sentence"
        assert not FORBIDDEN.search(problem.what), "a control character in a problem"
    assert parsed.skip_days <= set(range(7)), "a day of no week"
    assert parsed.skip_hours <= set(range(24)), "an hour of no day"
    assert parsed.entries >= 0, "fewer entries than none"
    assert parsed.next_page is None or ADDRESS.fullmatch(parsed.next_page), "a next page that is none"
    parsed.model_dump_json()


def fault(data: bytes) -> str:
    """Return what a body breaks, or nothing."""
    begun = time.process_time()
    try:
        # Not `parse`, whose last resort would hide what is looked for here.
        report = Report("x")
        parsed = parsing._parse(data, TODAY, report, "https://papers.example.org/feed")
        check(parsed.model_copy(update={"problems": report.problems()}))
        check(parse(data, name="x", today=TODAY))
        sources.recognise("https://feed.example/", data, today=TODAY)
    except AssertionError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    taken = time.process_time() - begun
    return f"slow: {taken:.1f} s" if taken > LONGEST + LONGEST_PER_MB * len(data) / 1e6 else ""


def damaged(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """Return a body with one to five kinds of damage in it."""
    if len(data) > LARGEST:
        start = 0 if chance.random() < 0.7 else chance.randrange(len(data) - LARGEST)
        data = data[start : start + LARGEST]
    for _ in range(chance.randint(1, 5)):
        data = chance.choice(DAMAGES)(data, chance, others)
    return data


def _cut(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _hole(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.choice([1, 2, 10, 200, 5000]) :]


def _insert(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    piece = chance.choice(PIECES) if chance.random() < 0.8 else chance.randbytes(chance.randint(1, 20))
    return data[:at] + piece * chance.choice([1, 1, 1, 3, 50]) + data[at:]


def _flip(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    turned = bytearray(data)
    for _number in range(min(len(turned), chance.choice([1, 5, 50]))):
        turned[chance.randrange(len(turned))] = chance.randrange(256)
    return bytes(turned)


def _twice(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    part = data[at : at + chance.choice([20, 500, 5000])]
    return data[:at] + part * chance.choice([2, 2, 5]) + data[at:]


def _crossed(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    other = chance.choice(others)[:LARGEST]
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def _recoded(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    return data.decode("utf-8", "replace").encode(chance.choice(["utf-16", "utf-16-le", "utf-32", "utf-7"]), "replace")


def _swapped(data: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    found = list(re.finditer(rb"[\w:]{2,30}", data[:LARGEST]))
    if len(found) < 2:
        return data
    one, other = chance.choice(found).group(), chance.choice(found).group()
    return data.replace(one, other, chance.choice([1, 1, 1000]))


def _printed(data: bytes, _chance: random.Random, _others: list[bytes]) -> bytes:
    with contextlib.suppress(ValueError, RecursionError):
        return repr(json.loads(data)).encode("utf-8", "replace")
    return data


Damage = Callable[[bytes, random.Random, list[bytes]], bytes]
DAMAGES: list[Damage] = [_cut, _hole, _insert, _insert, _flip, _twice, _crossed, _recoded, _swapped, _printed]


def samples() -> list[bytes]:
    """Return real bodies: days of the hub, announcements, saved pages, and our own samples."""
    found = [file.read_bytes() for file in sorted((ROOT / "tests/unit/feeds/samples").iterdir())]
    if SHARED.is_dir():
        found += [file.read_bytes() for file in sorted((SHARED / "feeds/arxiv").glob("*.atom")) * 4]
        found += [file.read_bytes() for file in sorted((SHARED / "seeds").glob("*.txt"))]
        for file in sorted((SHARED / "feeds/hf-daily-papers").glob("*.json")):
            found += [file.read_bytes(), json.dumps(json.loads(file.read_bytes())[:3]).encode()]
    return found or [b""]


def smaller(data: bytes, what: str) -> bytes:
    """Return a part of a body that breaks the same, as small as halving and half a minute make it."""
    end = time.monotonic() + 30
    size = len(data) // 2
    while size and time.monotonic() < end:
        at = 0
        while at < len(data) and time.monotonic() < end:
            without = data[:at] + data[at + size :]
            if fault(without)[:30] == what[:30]:
                data = without
            else:
                at += size
        size //= 2
    return data


def invented(seed: int) -> Iterator[bytes]:
    """Yield bodies that Hypothesis makes of pieces and noise."""
    found: list[bytes] = []

    @settings(
        max_examples=BATCH,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=30))
    def collect(pieces: list[bytes]) -> None:
        found.append(b"".join(pieces))

    # A run of its own for each batch, which the seed decides.
    collect._hypothesis_internal_use_seed = seed  # type: ignore[attr-defined]
    collect()
    yield from found


def bodies(seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged bodies without an end, and what they are made of."""
    real = samples()
    chance = random.Random(seed)
    while True:
        for data in invented(chance.getrandbits(64)):
            yield "invented", data
        for _ in range(5 * BATCH):
            yield "real", damaged(chance.choice(real), chance, real)


def main() -> int:
    """Fuzz for a time and return 1 where something was found."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=1.0)
    options.add_argument("--seed", type=int, default=None, help="what decides every body; by default the time")
    options.add_argument("--keep", type=Path, default=KEPT, help="where what was found is kept")
    given_ = options.parse_args()
    seed = time.time_ns() if given_.seed is None else given_.seed
    faulthandler.enable()
    print(f"seed={seed}", flush=True)
    counts, layouts, faults = Counter[str](), Counter[str](), dict[str, int]()
    size, slowest = 0, 0.0
    end = time.monotonic() + given_.minutes * 60
    for kind, data in bodies(seed):
        begun = time.process_time()
        what = fault(data)
        slowest = max(slowest, time.process_time() - begun)
        counts[kind] += 1
        size += len(data)
        if counts.total() % 10 == 0:
            layouts[parse(data, today=TODAY).layout] += 1
        if what:
            same = re.sub(r"\d+", "", what)[:60]
            faults[same] = faults.get(same, 0) + 1
            if faults[same] <= 3:
                data = smaller(data, what)
                given_.keep.mkdir(parents=True, exist_ok=True)
                file = given_.keep / f"{hashlib.blake2b(data, digest_size=6).hexdigest()}.bin"
                file.write_bytes(data)
                print(f"{what} ({kind}, {len(data)} bytes, kept as {file})", flush=True)
        if time.monotonic() > end:
            break
    print("layouts, of every tenth: " + ", ".join(f"{name} {number}" for name, number in layouts.most_common()))
    print(
        f"bodies={counts.total()} invented={counts['invented']} real={counts['real']} megabytes={size / 1e6:.0f} "
        f"slowest={slowest:.2f}s cpu={time.process_time():.0f}s "
        f"faults={sum(faults.values())} kinds_of_fault={len(faults)}"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
