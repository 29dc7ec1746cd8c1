"""What stands around the papers in every mail of one edition: header, editor's note, footer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from urllib.parse import quote

from newsletter import config
from newsletter.errors import RenderingError
from newsletter.rendering import note
from newsletter.rendering.bidi import alone
from newsletter.rendering.language import Language
from newsletter.rendering.links import PAGES
from newsletter.rendering.press import Press
from newsletter.rendering.slots import Pieces, slot
from newsletter.rendering.templates import ISSUE_TEXT, SHELL, safe

SHELLS_KEPT = 64
NOTES_KEPT = 16

_SLOTS = frozenset({"papers", "subject", "preheader", "email", "unsubscribe", *PAGES})


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """What stands before and behind the papers in every mail of one edition with so many papers and these links.

    It is a `kept.Part`.
    """

    html: tuple[Pieces, Pieces]
    text: tuple[Pieces, Pieces]
    key: str
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def pieces(self) -> tuple[Pieces, ...]:
        """How it stands in the mail: HTML before and behind the papers, then text."""
        return *self.html, *self.text


class Shells:
    """Renders shells, and keeps the last ones."""

    def __init__(self, press: Press, newsletter: config.Newsletter) -> None:
        self._press = press
        self._newsletter = newsletter
        self.note = lru_cache(maxsize=NOTES_KEPT)(note.to_html)
        self.note_text = lru_cache(maxsize=NOTES_KEPT)(note.to_text)
        self.of = lru_cache(maxsize=SHELLS_KEPT)(self.render)

    def render(
        self, language: Language, day: date, markdown: str, count: int, given: tuple[str, ...], edition: int = 0
    ) -> Shell:
        """Return a new shell; `given` are the names of the pages that there are links to, `edition` is its number."""
        newsletter = self._newsletter
        contact = newsletter.reply_to or newsletter.from_address
        values = {
            "language": language,
            "name": newsletter.name,
            "postal_address": alone(newsletter.postal_address, language.direction),
            "contact": contact,
            "contact_link": f"mailto:{quote(contact, safe='@+')}",  # RFC 6068 section 2
            "date": language.long_date(day),
            "count": count,
            **{name: slot(name) for name in _SLOTS.difference(PAGES)},
            # A template may ask whether there is such a page, so an absent one is empty.
            **{name: slot(name) if name in given else "" for name in PAGES},
        }
        html = self._press.pieces(SHELL, language, values | {"note": safe(self.note(markdown))}, _SLOTS)
        text = self._press.pieces(ISSUE_TEXT, language, values | {"note": self.note_text(markdown)}, _SLOTS)
        for pieces in (html, text):
            for name in ("papers", "unsubscribe"):
                if name not in pieces.slots:
                    raise RenderingError(
                        f"The templates of the mail print no {name}.",
                        next_step="Take {{ " + name + " }} into the template of your own.",
                    )
        return Shell(html.parted("papers"), text.parted("papers"), shell_key(language, count, given, edition))


def shell_key(language: Language, count: int, given: tuple[str, ...], edition: int) -> str:
    """Return by what a shell is told from all others of one sending; an edition has one note at a time."""
    return " ".join(("shell", str(edition), language.code, str(count), *given))
