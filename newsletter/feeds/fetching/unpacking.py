"""Unpacks a body while it comes in, within a limit: a few bytes can stand for gigabytes."""

import zlib
from typing import Protocol

# What is asked for in Accept-Encoding; only what is here is unpacked.
CODINGS = "gzip, deflate"
# Members without content cost time all the same.
_MOST_MEMBERS = 4_096


class TooLargeError(Exception):
    """There is more than the limit."""


class DamagedError(Exception):
    """It is not what it says that it is."""


class Unpacker(Protocol):
    """Takes a body in parts."""

    def feed(self, part: bytes) -> None:
        """Take the next part; raises TooLargeError or DamagedError."""

    def end(self) -> bytes:
        """Return the whole; raises DamagedError where it broke off."""


def unpacker(coding: str, largest: int) -> Unpacker | None:
    """Return what unpacks a Content-Encoding (RFC 9110 section 8.4) up to `largest` bytes, or None if nothing does."""
    match coding.strip().lower():
        case "" | "identity":
            return _Plain(largest)
        # 16 for the header of gzip (RFC 1952).
        case "gzip" | "x-gzip":
            return _Packed(largest, 16 + zlib.MAX_WBITS)
        case "deflate":
            return _Deflated(largest)
        case _:
            return None


class _Plain:
    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._data = bytearray()

    def feed(self, part: bytes) -> None:
        self._data += part
        if len(self._data) > self._largest:
            raise TooLargeError

    def end(self) -> bytes:
        return bytes(self._data)


class _Packed:
    """One member of gzip after the other (RFC 1952 section 2.2), or one stream of zlib (RFC 1950)."""

    def __init__(self, largest: int, window: int) -> None:
        self._largest = largest
        self._window = window
        self._data = bytearray()
        self._member = zlib.decompressobj(window)
        self._members = 0

    def feed(self, part: bytes) -> None:
        while part:
            if self._member.eof:
                if self._window <= zlib.MAX_WBITS or not part.strip(b"\0"):
                    # What stands behind the end, padding most often, is nobody's.
                    return
                self._members += 1
                if self._members > _MOST_MEMBERS:
                    raise TooLargeError
                self._member = zlib.decompressobj(self._window)
            try:
                self._data += self._member.decompress(part, self._largest + 1 - len(self._data))
            except zlib.error as error:
                raise DamagedError from error
            if len(self._data) > self._largest:
                raise TooLargeError
            part = self._member.unused_data

    def end(self) -> bytes:
        if not self._member.eof:
            raise DamagedError
        return bytes(self._data)


class _Deflated:
    """The coding `deflate` is zlib's format; some servers send the bare one (RFC 9110 section 8.4.1.2)."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._first = b""
        self._inner: _Packed | None = None

    def feed(self, part: bytes) -> None:
        if self._inner is None:
            self._first += part
            if len(self._first) < 2:
                return
            # RFC 1950 section 2.2: the method is 8, and both bytes together are a multiple of 31.
            zlibs = self._first[0] & 15 == 8 and int.from_bytes(self._first[:2], "big") % 31 == 0
            self._inner = _Packed(self._largest, zlib.MAX_WBITS if zlibs else -zlib.MAX_WBITS)
            part = self._first
        self._inner.feed(part)

    def end(self) -> bytes:
        if self._inner is None:
            raise DamagedError
        return self._inner.end()
