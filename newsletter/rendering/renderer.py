"""From an issue to the two bodies of a mail: what readers share is rendered once, what is their own is filled in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import escape

from newsletter import config
from newsletter.errors import RenderingError
from newsletter.models import (
    NOTHING_BESIDE,
    SECTIONS,
    Issue,
    Notice,
    Paper,
    Pick,
    Reason,
    Recipient,
    Revision,
    Told,
)
from newsletter.rendering.asides import NOTHING, Asides, Both, begins
from newsletter.rendering.blocks import SUBJECT, Block, Blocks
from newsletter.rendering.fit import FORMS, LEFT_OUT, SHOWN, fit
from newsletter.rendering.hosts import Hosts
from newsletter.rendering.kept import Part
from newsletter.rendering.language import Language, resolve
from newsletter.rendering.links import PAGES, Ends, Links
from newsletter.rendering.look import LOOKS, Brand, Logo, brand_of
from newsletter.rendering.notice import SHARED, Notices
from newsletter.rendering.press import Press
from newsletter.rendering.prose import clean, cut, wrap
from newsletter.rendering.reasons import reason_sentence
from newsletter.rendering.shell import Shells
from newsletter.rendering.templates import Templates

PREHEADER = 140
COLUMNS = 72
INDENT = 3

REASONS_KEPT = 4096
SUBJECTS_KEPT = 256

_NOTHING = (b"", b"")
_NO_HEADINGS: Mapping[int, Both] = {}


class Rendered(NamedTuple):
    """A mail without its headers.

    The bodies are in parts, as they stand in the mail; what many mails share is the same object in all of them. There
    are no `html_parts` where the look is text alone.
    `language` is the tag of the language that it is in. `subject` and `preheader` are one line each, without control
    characters. `shared` are the parts that it was made of beside the reader's own values and reasons, `own` those that
    are of one reader alone.
    """

    language: str
    subject: str
    preheader: str
    html_parts: list[bytes]
    text_parts: list[bytes]
    decode: Callable[[bytes], str]
    shared: Sequence[Part] = ()
    own: Sequence[Part] = ()

    @property
    def html(self) -> str:
        """The HTML body."""
        return self.decode(b"".join(self.html_parts))

    @property
    def text(self) -> str:
        """The plain-text body."""
        return self.decode(b"".join(self.text_parts))


class Sources(NamedTuple):
    """Where the parts of a mail come from."""

    blocks: Blocks
    asides: Asides
    shells: Shells
    notices: Notices


class Renderer:
    """Renders issues.

    `templates` is the folder of the built-in templates; those of the same name under `overrides` stand before them,
    by default the folder that the settings name, seen from the working folder. `search_url` has `{title}` where the
    title of a paper belongs that has no address. `brand` is by default that of settings that say nothing of it. `tidy`
    makes the TeX of titles and abstracts readable, and `encode` is what a piece of a body becomes in a mail, and
    `decode` makes pieces in a row readable again. `limit` is how many bytes the HTML may have as it stands in the mail.
    `logo` is the picture that the HTML shows, if any. Raises RenderingError for a wrong template.
    """

    def __init__(
        self,
        newsletter: config.Newsletter,
        rendering: config.Rendering,
        *,
        templates: Path,
        search_url: str,
        overrides: Path | None = None,
        brand: Brand | None = None,
        tidy: Callable[[str], str] = str,
        encode: Callable[[str], bytes] = str.encode,
        decode: Callable[[bytes], str] = bytes.decode,
        limit: int = SHOWN,
    ) -> None:
        overrides = overrides or rendering.templates
        if overrides is not None and not overrides.is_dir():
            raise RenderingError(
                f"The folder {overrides} of your own templates is not there.",
                next_step="Make it, or take rendering.templates out of the settings.",
            )
        self.templates = Templates((overrides, templates) if overrides is not None else (templates,))
        look, brand = LOOKS[rendering.look], brand or brand_of(config.Brand())
        press = Press(self.templates, encode, {"look": look, "brand": brand})
        blocks = Blocks(
            press,
            search_url=search_url,
            characters=rendering.abstract_characters,
            tidy=tidy,
            hosts=Hosts(rendering.link_hosts),
        )
        asides = Asides(press, newsletter, blocks.entry, tidy)
        sources = Sources(blocks, asides, Shells(press, newsletter), Notices(press, newsletter, encode))
        logo = brand.logo if look.html else None
        self._furnish(
            newsletter, sources, html=look.html, logo=logo, tidy=tidy, encode=encode, decode=decode, limit=limit
        )
        self._try_out()

    def _furnish(
        self,
        newsletter: config.Newsletter,
        sources: Sources,
        *,
        html: bool,
        logo: Logo | None,
        tidy: Callable[[str], str],
        encode: Callable[[str], bytes],
        decode: Callable[[bytes], str],
        limit: int,
    ) -> None:
        """Take what mail is put together from; `html` tells whether there is an HTML part, `logo` is what it shows."""
        self._newsletter = newsletter
        self._blocks, self._asides, self._shells, self._notices = sources
        self._html = html
        self.logo = logo
        self._tidy = tidy
        self._encode = encode
        self._decode = decode
        self._limit = limit
        # A position is shorter, and a mark is no longer.
        self._longest_reason = 16
        self._reason = lru_cache(maxsize=REASONS_KEPT)(self._render_reason)
        self._position = lru_cache(maxsize=256)(lambda position: encode(str(position)))
        # Many readers have one subject.
        self._both = lru_cache(maxsize=SUBJECTS_KEPT)(self._render_both)

    def render(self, issue: Issue, links: Links) -> Rendered:
        """Return the mail of an issue; raises ValueError for a link that is none."""
        picks, edition, beside = issue.picks, issue.edition, issue.beside
        language = resolve(issue.recipient.language)
        ends = links.feedback.ends
        kept, block_of = self._blocks.kept(language, ends), self._blocks.of
        blocks = [kept.get(id(paper)) or block_of(paper, language, ends) for _, paper, _, _ in picks]
        subject, preheader = self._lines(blocks)
        own = self._links(links)
        own["subject"] = self._both(subject)
        own["preheader"] = self._render_both(preheader)
        own["email"] = self._render_both(clean(issue.recipient.email))
        told = revised = NOTHING
        own_parts: Sequence[Part] = ()
        if beside is not NOTHING_BESIDE:
            told, revised = self._asides.told(beside.told, language), self._asides.revised(beside.revised, language)
            own_parts = () if told is NOTHING else (told,)
        headings = self._headings(issue, language)
        marks = self._marks(issue, links)
        html_papers, text_papers = self._papers(picks, blocks, marks, headings, language, own)
        shell = self._shells.of(language, edition.date, edition.note, len(blocks), links.given, edition.id)
        shared: list[Part] = [*blocks, shell]
        shared += headings.values()
        if revised is not NOTHING:
            shared.append(revised)
        html_before, html_behind = (part.filled_from(own, 0) for part in shell.html)
        html_parts = [*html_before, *told.html, *html_papers, *revised.html, *html_behind]
        around = _size((*html_before, *told.html, *revised.html, *html_behind))
        if self._html and around + self._at_most(blocks, headings, own) > self._limit < _size(html_parts):
            room = self._limit - _size(html_parts) + _size(html_papers)
            html_papers = self._fitted(issue, links, headings, room, shared)
            html_parts = [*html_before, *told.html, *html_papers, *revised.html, *html_behind]
        text_before, text_behind = (part.filled_from(own, 1) for part in shell.text)
        return Rendered(
            language=language.code,
            subject=subject,
            preheader=preheader,
            html_parts=html_parts if self._html else [],
            text_parts=[*text_before, *told.text, *text_papers, *revised.text, *text_behind],
            decode=self._decode,
            shared=shared,
            own=own_parts,
        )

    def notice(self, kind: Notice, recipient: Recipient, links: Links, values: Mapping[str, Any]) -> Rendered:
        """Return a mail that is no issue; raises ValueError for a link that is none.

        `values` are what `notice.Notices.body` takes as said, and `action`, a link or nothing.
        """
        language = resolve(recipient.language)
        own = links.checked()
        if action := values.get("action", ""):
            try:
                own["action"] = Links(action).checked()["unsubscribe"]
            except ValueError as error:
                raise ValueError("action is no http, https or mailto link") from error
        said = {name: value for name, value in values.items() if name != "action"}
        body = self._notices.body(kind, recipient, language, own, said)
        return Rendered(
            language=language.code,
            subject=body.subject,
            preheader=body.preheader,
            html_parts=body.html if self._html else [],
            text_parts=body.text,
            decode=self._decode,
            shared=(body.made,) if kind in SHARED else (),
            own=() if kind in SHARED else (body.made,),
        )

    def note(self, markdown: str) -> str:
        """Return safe HTML of an editor's note in Markdown."""
        return self._shells.note(markdown)

    def note_text(self, markdown: str) -> str:
        """Return the same note as plain text."""
        return self._shells.note_text(markdown)

    def _render_both(self, text: str) -> tuple[bytes, bytes]:
        """Return a value as it stands in HTML, and in plain text."""
        plain = self._encode(text)
        return (self._encode(str(escape(text))) if _has_markup(text) else plain), plain

    def _papers(
        self,
        picks: Sequence[Pick],
        blocks: Sequence[Block],
        marks: Sequence[bytes],
        headings: Mapping[int, Both],
        language: Language,
        own: Mapping[str, tuple[bytes, bytes]],
    ) -> tuple[list[bytes], list[bytes]]:
        """Return the papers of a mail in full, in HTML and in plain text."""
        (html_more, text_more), (html_less, text_less) = own.get("more", _NOTHING), own.get("less", _NOTHING)
        htmls: list[bytes] = []
        texts: list[bytes] = []
        code, position_of, reason_of = language.code, self._position, self._reason
        for (position, _, reason, _), block, mark in zip(picks, blocks, marks, strict=True):
            if headings and position in headings:
                htmls += headings[position].html
                texts += headings[position].text
            number = position_of(position)
            html_reason, text_reason = reason_of(reason, code)
            htmls += block.html(number, html_reason, html_more, html_less, mark)
            texts += block.text(number, text_reason, text_more, text_less, mark)
        return htmls, texts

    def _marks(self, issue: Issue, links: Links) -> list[bytes]:
        """Return the marks of the papers of a mail as they stand in it, empty where nothing is said of them."""
        feedback = links.feedback
        if not feedback.more:
            return [b""] * len(issue.picks)
        if len(feedback.marks) != len(issue.picks):
            raise ValueError("for links of feedback each paper has a mark")
        return [self._encode(mark) for mark in feedback.marks]

    def _links(self, links: Links) -> dict[str, tuple[bytes, bytes]]:
        """Return the links as they stand in a mail, by their names; raises ValueError for one that is none."""
        checked = links.checked()
        more, less = checked.get("more"), checked.pop("less", None)
        own = {name: self._render_both(link) for name, link in checked.items()}
        if less is not None:
            # Most begin alike.
            own["less"] = own["more"] if less == more else self._render_both(less)
        return own

    def _at_most(
        self, blocks: Sequence[Block], headings: Mapping[int, Both], own: Mapping[str, tuple[bytes, bytes]]
    ) -> int:
        """Return a size that the papers of a mail have at most; to count their parts one by one takes a tenth of it."""
        longest = max(self._longest_reason, len(own.get("more", _NOTHING)[0]), len(own.get("less", _NOTHING)[0]))
        above = _size(part for heading in headings.values() for part in heading.html) if headings else 0
        return above + sum([block.size + block.places * longest for block in blocks])

    def _headings(self, issue: Issue, language: Language) -> Mapping[int, Both]:
        """Return the headings by the position of the paper that each stands before; with one section there is none."""
        begun = begins(issue)
        if not begun:
            return _NO_HEADINGS
        since = issue.beside.missed.since if issue.beside.missed is not None else None
        return {issue.picks[at].position: self._asides.heading(section, since, language) for at, section in begun}

    def _fitted(
        self, issue: Issue, links: Links, headings: Mapping[int, Both], room: int, looked_at: list[Part]
    ) -> list[bytes]:
        """Return the papers of a mail in HTML so that they take `room` bytes at most, with what stands for the rest.

        What it chooses from is added to `looked_at`.
        """
        language = resolve(issue.recipient.language)
        more, less = (self._render_both(link)[0] for link in links.feedback[:2])
        in_forms: list[dict[str, tuple[bytes, ...]]] = []
        for pick, mark in zip(issue.picks, self._marks(issue, links), strict=True):
            heading = headings.get(pick.position, NOTHING).html
            values = (self._position(pick.position), self._reason(pick.reason, language.code)[0], more, less, mark)
            forms = {form: self._blocks.of(pick.paper, language, links.feedback.ends, form) for form in FORMS}
            looked_at += forms.values()
            in_forms.append({form: (*heading, *block.html(*values)) for form, block in forms.items()})
        web = self._render_both(links.web)[0]

        def rest(count: int) -> list[bytes]:
            line = self._asides.rest(count, language, web=bool(links.web))
            looked_at.append(line)
            return line.filled(web)

        sizes = [tuple(_size(paper[form]) for form in FORMS) for paper in in_forms]
        chosen = fit(sizes, room, lambda count: _size(rest(count)))
        fitted = [part for paper, form in zip(in_forms, chosen, strict=True) if form for part in paper[form]]
        return [*fitted, *rest(chosen.count(LEFT_OUT))] if LEFT_OUT in chosen else fitted

    def _lines(self, blocks: list[Block]) -> tuple[str, str]:
        """Return the subject and the preheader: the first title, and the next ones."""
        if not blocks:
            return cut(clean(self._newsletter.name), SUBJECT), ""
        preheader = blocks[0].entry.summary
        if len(blocks) > 1:
            preheader = blocks[1].entry.title
            for following in blocks[2:]:
                if len(preheader) >= PREHEADER:
                    break
                preheader += " · " + following.entry.title
        return blocks[0].subject, cut(preheader, PREHEADER)

    def _render_reason(self, reason: Reason, language: str) -> tuple[bytes, bytes]:
        if reason.kind == "like":
            reason = reason._replace(subject=self._tidy(reason.subject))
        sentence = reason_sentence(reason, language)
        html = self._encode(str(escape(sentence)))
        self._longest_reason = max(self._longest_reason, len(html))
        return (
            html,
            self._encode(wrap(sentence, COLUMNS, first=INDENT, indent=INDENT)),
        )

    def _try_out(self) -> None:
        """Render one paper of every kind, so that a wrong template is told at the start and not at night."""
        language = resolve(self._newsletter.language)
        day = date(2000, 1, 1)
        full = Paper(
            title="A title", abstract="A summary.", arxiv_id="2000.00001", authors=("A", "B", "C", "D", "E"),
            organization="A place", votes=1, stars=1, published_on=day, source="A source",
        )  # fmt: skip
        revised = (Revision(full, 2),)
        told = (Told("more", "A title", 0, 1),)
        for paper in (full, Paper(title="A title")):
            for form in FORMS:
                for ends in (None, Ends("", ""), Ends("/more", "/less", "/saved")):
                    self._blocks.render(paper, language, ends, form)
        for markdown, given in (("", ()), ("A note.", PAGES)):
            self._shells.render(language, day, markdown, 1, given)
            self._asides.render_rest(2, language, web=bool(given))
        for section in SECTIONS:
            self._asides.render_heading(section, day, language)
        self._asides.told(told, language)
        self._asides.revised(revised, language)
        self._notices.try_out(language)


def _has_markup(text: str) -> bool:
    # A pattern takes as long for each character as this does for the whole.
    return "&" in text or "<" in text or ">" in text or '"' in text or "'" in text


def _size(parts: Iterable[bytes]) -> int:
    return sum(map(len, parts))
