"""What templates were compiled to in this process, by their text; a text that was changed is compiled anew."""

import jinja2
from jinja2.bccache import Bucket

KEPT = 256


class Codes(jinja2.BytecodeCache):
    """Code of templates for environments of one kind: what they were compiled to hangs on name, file and text alone.

    Each tick of a run and each look at a page begins with new environments, and to compile their templates takes longer
    than to write the mail of a hundred readers.
    """

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], object] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the code of a text that was compiled before."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))  # type: ignore[assignment]

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep code; the oldest makes room."""
        if len(self._codes) >= KEPT:
            self._codes.pop(next(iter(self._codes)), None)
        self._codes[bucket.key, bucket.checksum] = bucket.code
