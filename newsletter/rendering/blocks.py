"""Papers as they stand in every mail of one language: rendered once, and found again by the paper itself."""

from collections.abc import Callable
from dataclasses import dataclass

from newsletter.models import Paper
from newsletter.rendering.language import Language
from newsletter.rendering.paper import Entry, entry
from newsletter.rendering.press import Press
from newsletter.rendering.prose import cut
from newsletter.rendering.slots import Pieces, slot
from newsletter.rendering.templates import PAPER, PAPER_TEXT

SUBJECT = 60
PAPERS_KEPT = 1024

_SLOTS = frozenset({"position", "reason"})


@dataclass(frozen=True, slots=True)
class Block:
    """A paper as it stands in every mail of one language; `subject` is its title as a subject."""

    paper: Paper
    html: Pieces
    text: Pieces
    entry: Entry
    subject: str


class Blocks:
    """Renders papers.

    `search_url` has `{title}` where the title of a paper belongs that has no address, `characters` is about how long a
    summary is, and `tidy` makes the TeX of titles and abstracts readable.
    """

    def __init__(self, press: Press, *, search_url: str, characters: int, tidy: Callable[[str], str]) -> None:
        self._press = press
        self._search_url = search_url
        self._characters = characters
        self._tidy = tidy
        self._kept: dict[tuple[int, str], Block] = {}

    def of(self, paper: Paper, language: Language) -> Block:
        """Return the block of a paper; raises RenderingError for a wrong template."""
        # Papers are told apart as objects: to compare what stands in them takes longer than all the rest.
        name = (id(paper), language.code)
        block = self._kept.get(name)
        if block is None:
            if len(self._kept) >= PAPERS_KEPT:
                del self._kept[next(iter(self._kept))]
            # It keeps its paper, so no other can come to have that id.
            block = self._kept[name] = self.render(paper, language)
        return block

    def render(self, paper: Paper, language: Language) -> Block:
        """Return a new block of a paper."""
        shown = entry(paper, language, search_url=self._search_url, characters=self._characters, tidy=self._tidy)
        values = {"language": language, "paper": shown, "position": slot("position"), "reason": slot("reason")}
        return Block(
            paper=paper,
            html=self._press.pieces(PAPER, language, values, _SLOTS),
            text=self._press.pieces(PAPER_TEXT, language, values, _SLOTS),
            entry=shown,
            subject=cut(shown.title, SUBJECT),
        )
