"""Papers as they stand in every mail of one language: rendered once, and found again by the paper itself."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from newsletter.models import Paper
from newsletter.rendering.fit import FULL
from newsletter.rendering.hosts import Hosts
from newsletter.rendering.language import Language
from newsletter.rendering.links import Ends, leads_to_pages
from newsletter.rendering.paper import Entry, entry
from newsletter.rendering.press import Press
from newsletter.rendering.prose import cut
from newsletter.rendering.slots import Fill, Pieces, filler, slot
from newsletter.rendering.templates import PAPER, PAPER_TEXT

SUBJECT = 60
PAPERS_KEPT = 2048

# A reader's own values in a paper, in the order in which they are given to fill it.
OWN = ("position", "reason", "more", "less", "mark")

_SLOTS = frozenset(OWN)
_END = re.compile(r"[^\s<>\"\\\x00-\x20\x7f]*")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A paper as it stands in every mail of one language, once it is given the values of `OWN`.

    `subject` is its title as a subject, `size` is how many bytes of its HTML are nobody's own, and `places` how many
    values stand between them; `key`, `pieces` and `words` are those of a `kept.Part`.
    """

    paper: Paper
    html: Fill
    text: Fill
    entry: Entry
    subject: str
    size: int
    places: int
    key: str
    pieces: tuple[Pieces, Pieces]

    @classmethod
    def of(cls, paper: Paper, shown: Entry, subject: str, key: str, html: Pieces, text: Pieces) -> "Block":
        """Return the block of these pieces."""
        size, fill = sum(map(len, html.parts)), filler(html, OWN)
        return cls(paper, fill, filler(text, OWN), shown, subject, size, len(html.slots), key, (html, text))

    @property
    def words(self) -> Mapping[str, str]:
        """What subjects and preheaders are made of."""
        return {"title": self.entry.title, "summary": self.entry.summary, "subject": self.subject}


class Blocks:
    """Renders papers.

    `search_url` has `{title}` where the title of a paper belongs that has no address, `characters` is about how long a
    summary is, `tidy` makes the TeX of titles and abstracts readable, and `hosts` says where links may lead.
    """

    def __init__(
        self, press: Press, *, search_url: str, characters: int, tidy: Callable[[str], str], hosts: Hosts
    ) -> None:
        self._press = press
        self._search_url = search_url
        self._characters = characters
        self._tidy = tidy
        self._hosts = hosts
        # By language, form and ends. Papers are told apart as objects: to compare what stands in them takes longer than
        # all the rest.
        self._kept: dict[tuple[str, str, Ends | None], dict[int, Block]] = {}

    def of(self, paper: Paper, language: Language, ends: Ends | None = None, form: str = FULL) -> Block:
        """Return the block of a paper; raises RenderingError for a wrong template.

        `ends` are those of the links to say something of it, or None if there are none.
        """
        kept = self._kept.setdefault((language.code, form, ends), {})
        block = kept.get(id(paper))
        if block is None:
            if len(kept) >= PAPERS_KEPT:
                del kept[next(iter(kept))]
            # It keeps its paper, so no other can come to have that id.
            block = kept[id(paper)] = self.render(paper, language, ends, form)
        return block

    def kept(self, language: Language, ends: Ends | None, form: str = FULL) -> Mapping[int, Block]:
        """Return the blocks that `of` would find, by the `id` of their papers."""
        return self._kept.setdefault((language.code, form, ends), {})

    def entry(self, paper: Paper, language: Language) -> Entry:
        """Return what is shown of a paper."""
        return entry(
            paper,
            language,
            search_url=self._search_url,
            characters=self._characters,
            tidy=self._tidy,
            hosts=self._hosts,
        )

    def render(self, paper: Paper, language: Language, ends: Ends | None = None, form: str = FULL) -> Block:
        """Return a new block of a paper."""
        shown = self.entry(paper, language)
        more = less = save = Markup()
        if ends is not None:
            more, less = _link("more", ends.more), _link("less", ends.less)
            # It begins alike, so that a mail has one value less to make.
            save = _link("more", ends.save) if ends.save else save
        values = {
            "language": language,
            "paper": shown,
            "form": form,
            "position": slot("position"),
            "reason": slot("reason"),
            "more": more,
            "less": less,
            "save": save,
            "both": more if leads_to_pages(ends) else "",
        }
        html = self._press.pieces(PAPER, language, values, _SLOTS)
        text = self._press.pieces(PAPER_TEXT, language, values, _SLOTS)
        key = block_key(paper, language, ends, form)
        return Block.of(paper, shown, cut(shown.title, SUBJECT), key, html, text)


def block_key(paper: Paper, language: Language, ends: Ends | None, form: str) -> str:
    """Return by what the block of a paper is told from all others of one sending."""
    return f"paper {paper.id} {language.code} {form}{'' if ends is None else ' linked'}"


def _link(begin: str, end: str) -> Markup:
    if not _END.fullmatch(end):
        raise ValueError("a link for feedback has an end that no link has")
    return slot(begin) + slot("mark") + escape(end)
