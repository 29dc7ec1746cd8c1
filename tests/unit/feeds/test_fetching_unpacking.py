"""Bodies are unpacked within a limit, in whatever parts they come."""

import contextlib
import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.fetching.unpacking import DamagedError, TooLargeError, unpacker

PACKED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
}


def unpacked(coding: str, parts: list[bytes], largest: int) -> bytes:
    unpacking = unpacker(coding, largest)
    assert unpacking is not None
    for part in parts:
        unpacking.feed(part)
    return unpacking.end()


@given(st.sampled_from(sorted(PACKED)), st.binary(max_size=500), st.lists(st.integers(1, 40), min_size=1))
def test_in_whatever_parts_it_comes_it_is_the_same(coding: str, data: bytes, sizes: list[int]) -> None:
    whole = PACKED[coding](data)
    parts, place = [], 0
    while place < len(whole):
        size = sizes[len(parts) % len(sizes)]
        parts.append(whole[place : place + size])
        place += size
    assert unpacked(coding, parts, 500) == data


@given(st.sampled_from(["gzip", "deflate", "identity"]), st.lists(st.binary(max_size=50), max_size=5))
def test_whatever_comes_it_is_unpacked_or_refused(coding: str, parts: list[bytes]) -> None:
    with contextlib.suppress(DamagedError, TooLargeError):
        assert len(unpacked(coding, parts, 100)) <= 100


@pytest.mark.parametrize("coding", sorted(PACKED))
def test_the_limit_is_exact(coding: str) -> None:
    assert len(unpacked(coding, [PACKED[coding](bytes(1000))], 1000)) == 1000
    with pytest.raises(TooLargeError):
        unpacked(coding, [PACKED[coding](bytes(1001))], 1000)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_takes_no_more_room_than_the_limit(coding: str) -> None:
    bomb = PACKED[coding](bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            unpacked(coding, [bomb], 1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress"])
def test_what_was_not_asked_for_is_not_unpacked(coding: str) -> None:
    assert unpacker(coding, 100) is None
