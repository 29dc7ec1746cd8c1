"""Two made-up languages that show faults of a layout before a translator does.

`en-XA` is English with accents, longer by a third and in brackets, so that a word that is not translated, or cut, is
seen; `ar-XB` is the same from right to left. The tags are those that Android and ICU use for it.
"""

import re
from gettext import NullTranslations

_KEPT = re.compile(r"(%\(\w+\)s|<[^>]*>|&#?\w+;)")
_ACCENTED = str.maketrans("AaCcEeGgIiLlNnOoRrSsTtUuYyZz", "ÅåÇçÉéĞğÎîĻļÑñÖöŔŕŠšŢţÛûÝýŽž")
# Right-to-left override and its end: letters of any alphabet then run as Hebrew and Arabic do.
_OVERRIDE, _END = "\u202e", "\u202c"


class Pseudo(NullTranslations):
    """Translates into a made-up language; `mirrored` is from right to left."""

    def __init__(self, *, mirrored: bool) -> None:
        super().__init__()
        self._mirrored = mirrored

    def gettext(self, message: str) -> str:
        """Return the message in that language; places, tags and entities stay."""
        if self._mirrored:
            return "".join(
                part if _KEPT.fullmatch(part) or not part.strip() else f"{_OVERRIDE}{part}{_END}"
                for part in _KEPT.split(message)
            )
        accented = "".join(
            part if _KEPT.fullmatch(part) else part.translate(_ACCENTED) for part in _KEPT.split(message)
        )
        return f"[{accented}{'·' * (len(message) // 3)}]"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return the form for a number, as English has them."""
        return self.gettext(msgid1 if n == 1 else msgid2)

    ugettext = gettext
    ungettext = ngettext


PSEUDO = {"en-XA": Pseudo(mirrored=False), "ar-XB": Pseudo(mirrored=True)}
