"""What stands between and beside the papers of a mail: headings of sections, what came of feedback, revisions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from newsletter import config
from newsletter.models import SECTION_OF, Issue, Paper, Revision, Section, Told
from newsletter.rendering.bidi import listed
from newsletter.rendering.language import Language
from newsletter.rendering.paper import Entry
from newsletter.rendering.press import Press
from newsletter.rendering.reasons import told_sentence
from newsletter.rendering.slots import Pieces, slot
from newsletter.rendering.templates import REST, REVISED, REVISED_TEXT, SECTION, SECTION_TEXT, TOLD, TOLD_TEXT

KEPT = 256

_WEB = frozenset({"web"})


class Heading(NamedTuple):
    """The head of a section; `lead` says more of it, or is empty."""

    title: str
    lead: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Both:
    """A part as it stands in the HTML, and in the plain text; it is a `kept.Part`."""

    html: tuple[bytes, ...] = ()
    text: tuple[bytes, ...] = ()
    key: str = ""
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def pieces(self) -> tuple[Pieces, ...]:
        """How it stands in the mail."""
        return Pieces(self.html, ()), Pieces(self.text, ())


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """What stands for papers that had no room, in the HTML alone; it is a `kept.Part`."""

    pieces: tuple[Pieces]
    key: str
    words: Mapping[str, str] = field(default_factory=dict)

    def filled(self, web: bytes) -> list[bytes]:
        """Return its parts with the address of the reader's own page."""
        return self.pieces[0].filled({"web": web})


NOTHING = Both()


@dataclass(frozen=True, slots=True)
class Revised:
    """A paper of which there is a new version, as it is shown."""

    title: str
    direction: str
    url: str
    version: int


class Asides:
    """Renders them; `shown` tells what is shown of a paper, and `tidy` makes the TeX of titles readable."""

    def __init__(
        self,
        press: Press,
        newsletter: config.Newsletter,
        shown: Callable[[Paper, Language], Entry],
        tidy: Callable[[str], str],
    ) -> None:
        self._press = press
        self._contact = newsletter.reply_to or newsletter.from_address
        self._shown = shown
        self._tidy = tidy
        self.heading = lru_cache(maxsize=KEPT)(self.render_heading)
        self.rest = lru_cache(maxsize=KEPT)(self.render_rest)

    def render_heading(self, section: Section, since: date | None, language: Language) -> Both:
        """Return the head of a section; `since` is the first of the days that were missed."""
        values = {"section": heading(section, since, language)}
        return self._both(SECTION, SECTION_TEXT, language, values, heading_key(section, since, language))

    def told(self, told: Sequence[Told], language: Language) -> Both:
        """Return the line about the last feedback, or nothing."""
        if not told:
            return NOTHING
        tidied = [one._replace(title=self._tidy(one.title)) for one in told]
        line = listed((told_sentence(one, language.code) for one in tidied), language.direction, " ")
        return self._both(TOLD, TOLD_TEXT, language, {"told": line}, TOLD_KEY)

    def revised(self, revised: Sequence[Revision], language: Language) -> Both:
        """Return the lines about papers of which there is a new version, or nothing."""
        if not revised:
            return NOTHING
        shown = [(self._shown(one.paper, language), one.version) for one in revised]
        values = {"revised": [Revised(paper.title, paper.direction, paper.url, version) for paper, version in shown]}
        return self._both(REVISED, REVISED_TEXT, language, values, revised_key(revised, language))

    def render_rest(self, count: int, language: Language, *, web: bool) -> Rest:
        """Return what stands for papers that had no room; with `web`, a slot for the reader's own page is in it."""
        values = {"rest": count, "web": slot("web") if web else "", "contact": self._contact}
        pieces = self._press.pieces(REST, language, _common(language, values), _WEB)
        return Rest((pieces,), rest_key(count, language, web=web))

    def _both(self, html: str, text: str, language: Language, values: dict[str, Any], key: str) -> Both:
        given = _common(language, values)
        return Both(
            self._press.pieces(html, language, given, frozenset()).parts,
            self._press.pieces(text, language, given, frozenset()).parts,
            key,
        )


# What came of a reader's feedback is theirs alone: a mail has one such line.
TOLD_KEY = "told"


def heading_key(section: Section, since: date | None, language: Language) -> str:
    """Return by what the head of a section is told from all others of one sending."""
    return f"section {section} {since} {language.code}"


def revised_key(revised: Sequence[Revision], language: Language) -> str:
    """Return by what the lines about these revisions are told from all others of one sending."""
    return f"revised {language.code} {' '.join(f'{one.paper.id}v{one.version}' for one in revised)}"


def rest_key(count: int, language: Language, *, web: bool) -> str:
    """Return by what the line about papers that had no room is told from all others of one sending."""
    return f"rest {count} {language.code}{' linked' if web else ''}"


_FOR_YOU = {kind for kind, section in SECTION_OF.items() if section == "you"}


def begins(issue: Issue) -> list[tuple[int, Section]]:
    """Return the sections of an issue, each with the index of its first paper, or nothing if no heading helps.

    That is so where all papers would stand under one. Papers of older issues may not be in the order of sections: these
    have no headings either.
    """
    missed = issue.beside.missed
    if missed is None and {reason.kind for _, _, reason, _ in issue.picks} <= _FOR_YOU:
        return []
    sections = [SECTION_OF[reason.kind] for _, _, reason, _ in issue.picks]
    if missed is not None:
        section: Section = "best" if missed.best else "late" if missed.late else "missed"
        # By their positions: some may be missing.
        for at, pick in enumerate(issue.picks):
            if missed.first <= pick.position <= missed.last:
                sections[at] = section
    if {"popular", "new"} <= set(sections):
        sections = ["both" if one in ("popular", "new") else one for one in sections]
    different = len(set(sections))
    # What is late has its day said even where nothing else is there, and so has the best of a pause.
    if different < 2 and sections[:1] not in (["late"], ["best"]):
        return []
    found = [(at, one) for at, one in enumerate(sections) if at == 0 or one != sections[at - 1]]
    return found if len(found) == different else []


def heading(section: Section, since: date | None, language: Language) -> Heading:
    """Return the words above a section."""
    gettext = language.gettext
    if section in ("missed", "best"):
        lead = gettext("What came in since %(date)s") % {"date": language.short_date(since)} if since else ""
        title = gettext("From the days you missed") if section == "missed" else gettext("The best that you missed")
        return Heading(title, lead)
    if section == "late":
        lead = gettext("What came late, from %(date)s on") % {"date": language.short_date(since)} if since else ""
        return Heading(gettext("From earlier days"), lead)
    if section == "both":
        return Heading(gettext("Popular and new"))
    if section in ("popular", "new"):
        return Heading(gettext("Popular with everybody") if section == "popular" else gettext("New papers"))
    return Heading(gettext("Something different") if section == "outside" else gettext("For you"))


def _common(language: Language, values: dict[str, Any]) -> dict[str, Any]:
    return {"language": language, **values}
