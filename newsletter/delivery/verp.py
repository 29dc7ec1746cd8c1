"""The return path of each delivery, and whose report came back to it; knows nothing of what a report says.

VERP (variable envelope return path): every message has a return path of its own, so that a report is understood by the
address it comes to, whatever its sender wrote into it. A signature keeps strangers from making such addresses.
"""

import re
from collections.abc import Iterator

from newsletter.tokens import Signer, TokenError

PURPOSE = "bounce"

# Some servers lower the case of a local part, some prefix it (as BATV does), some put `=` for the delimiter.
_TAGGED = re.compile(r"[+=-]([0-9a-f]{1,16}-[0-9a-f]{16})$", re.IGNORECASE)
_QUOTED = re.compile(rb"[+=-]([0-9A-Fa-f]{1,16}-[0-9A-Fa-f]{16})@")
_MOST_QUOTED = 50


class ReturnPath:
    """Makes return paths and reads them.

    `address` is that of the mailbox, which may be a sub-address itself (`me+bounces@example.org`); `delimiter` is what
    stands before the tag.
    """

    def __init__(self, address: str, signer: Signer, delimiter: str = "+") -> None:
        self._local, _, self._domain = address.rpartition("@")
        self._signer = signer
        self._delimiter = delimiter

    def of(self, delivery_id: int) -> str:
        """Return the return path of a delivery."""
        return f"{self._local}{self._delimiter}{self._signer.tag(PURPOSE, delivery_id)}@{self._domain}"


def delivery_of(address: str, signer: Signer) -> int | None:
    """Return the id of the delivery whose return path this is; None for any other, or one that was not made here."""
    found = _TAGGED.search(address.strip().strip("<>").rpartition("@")[0])
    return None if found is None else _read(found[1], signer)


def deliveries_quoted(content: bytes, signer: Signer) -> Iterator[int]:
    """Return the ids of deliveries whose return path stands in a mail, in their order, each once.

    Who quotes one has seen the message: a complaint comes to another address, and holds the head of what it is about.
    """
    seen = set()
    for place, found in enumerate(_QUOTED.finditer(content)):
        if place == _MOST_QUOTED:
            return
        number = _read(found[1].decode(), signer)
        if number is not None and number not in seen:
            seen.add(number)
            yield number


def _read(tag: str, signer: Signer) -> int | None:
    try:
        return signer.read_tag(PURPOSE, tag)
    except TokenError:
        return None
