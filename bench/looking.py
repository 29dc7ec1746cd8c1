"""What came over the wire, by reader and by body; it knows no server and no record."""

import binascii
import re
from collections import Counter
from hashlib import blake2b

_BOUNDARY = re.compile(rb'boundary="([^"]+)"')
# Where the text part names a paper: its place, and its title up to the end of the line.
_PLACED = re.compile(rb"^\d+\. .*$", re.MULTILINE)


class Seen:
    """Counts messages, and keeps of each no more than whom it went to and digests.

    Two bodies are different if they differ without their boundaries, which are made of the Message-ID; two orders are,
    if the text parts name other papers, or in another order.
    """

    def __init__(self) -> None:
        self._messages: Counter[str] = Counter()
        self._bodies: set[bytes] = set()
        self._orders: set[bytes] = set()
        self._sizes: Counter[str] = Counter(all=0, headers=0, text=0, html=0)

    def add(self, recipient: str, content: bytes) -> None:
        """Take a message as it came, with the dots that SMTP adds; one that has not two bodies counts as all empty."""
        self._messages[recipient] += 1
        boundary = _BOUNDARY.search(content)
        parts = content.split(b"--" + boundary[1]) if boundary else []
        head, text, html, _ = parts if len(parts) == 4 else (content, b"", b"", b"")
        self._bodies.add(_digest(text + html))
        self._orders.add(_digest(b"\n".join(_PLACED.findall(binascii.a2b_qp(text)))))
        self._sizes.update(all=len(content), headers=len(head), text=len(text), html=len(html))

    def figures(self) -> dict[str, int]:
        """Return how many messages, readers, different bodies and orders came, and the mean bytes of a message."""
        messages = self._messages.total()
        means = {name: total // max(1, messages) for name, total in self._sizes.items()}
        counts = {"messages": messages, "readers": len(self._messages)}
        return {**counts, "bodies": len(self._bodies), "orders": len(self._orders), **means}


def _digest(octets: bytes) -> bytes:
    return blake2b(octets, digest_size=16).digest()
