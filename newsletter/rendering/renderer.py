"""From an issue to the two bodies of a mail: what readers share is rendered once, what is their own is filled in."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import escape

from newsletter import config
from newsletter.errors import RenderingError
from newsletter.models import Issue, Notice, Paper, Reason, Recipient
from newsletter.rendering.blocks import SUBJECT, Block, Blocks
from newsletter.rendering.language import resolve
from newsletter.rendering.look import LOOKS, Brand, brand_of
from newsletter.rendering.notice import Notices
from newsletter.rendering.press import Press
from newsletter.rendering.prose import clean, cut, wrap
from newsletter.rendering.reasons import reason_sentence
from newsletter.rendering.shell import PAGES, Shells
from newsletter.rendering.slots import Pieces
from newsletter.rendering.templates import Templates

PREHEADER = 140
COLUMNS = 72
INDENT = 3

REASONS_KEPT = 4096
SUBJECTS_KEPT = 256

_IN_ORDER = ("position", "reason")
_MARKUP = re.compile("[&<>\"']")
_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>\"\\\x00-\x20\x7f]+")


# What each mail has is a tuple: a dataclass that nobody can change takes several times as long to make.


class Links(NamedTuple):
    """The addresses that are one reader's own: http, https or mailto; all but `unsubscribe` may be empty.

    `settings` and `pause` lead to the reader's pages, `web` to the mail as a page.
    """

    unsubscribe: str
    settings: str = ""
    pause: str = ""
    web: str = ""

    @property
    def given(self) -> tuple[str, ...]:
        """The names of those beside `unsubscribe` that are there."""
        _, *pages = self
        return tuple([name for name, link in zip(PAGES, pages, strict=True) if link]) if any(pages) else ()


class Rendered(NamedTuple):
    """A mail without its headers.

    The bodies are in parts, as they stand in the mail; what many mails share is the same object in all of them. There
    are no `html_parts` where the look is text alone.
    `language` is the tag of the language that it is in. `subject` and `preheader` are one line each, without control
    characters.
    """

    language: str
    subject: str
    preheader: str
    html_parts: list[bytes]
    text_parts: list[bytes]
    decode: Callable[[bytes], str]

    @property
    def html(self) -> str:
        """The HTML body."""
        return self.decode(b"".join(self.html_parts))

    @property
    def text(self) -> str:
        """The plain-text body."""
        return self.decode(b"".join(self.text_parts))


class Renderer:
    """Renders issues.

    `templates` is the folder of the built-in templates; those of the same name under `overrides` stand before them,
    by default the folder that the settings name, seen from the working folder. `search_url` has `{title}` where the
    title of a paper belongs that has no address. `brand` is by default that of settings that say nothing of it. `tidy`
    makes the TeX of titles and abstracts readable, and `encode` is what a piece of a body becomes in a mail, and
    `decode` makes pieces in a row readable again. `logo` is the picture that the HTML shows, if any. Raises
    RenderingError for a wrong template.
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
    ) -> None:
        self._newsletter = newsletter
        self._tidy = tidy
        self._encode = encode
        self._decode = decode
        overrides = overrides or rendering.templates
        if overrides is not None and not overrides.is_dir():
            raise RenderingError(
                f"The folder {overrides} of your own templates is not there.",
                next_step="Make it, or take rendering.templates out of the settings.",
            )
        look, brand = LOOKS[rendering.look], brand or brand_of(config.Brand())
        press = Press(
            Templates((overrides, templates) if overrides is not None else (templates,)),
            encode,
            {"look": look, "brand": brand},
        )
        self.logo = brand.logo if look.html else None
        self._html = look.html
        self._blocks = Blocks(press, search_url=search_url, characters=rendering.abstract_characters, tidy=tidy)
        self._shells = Shells(press, newsletter)
        self._notices = Notices(press, newsletter, encode)
        self._reason = lru_cache(maxsize=REASONS_KEPT)(self._render_reason)
        self._position = lru_cache(maxsize=256)(lambda position: encode(str(position)))
        # Many readers have one subject.
        self._both = lru_cache(maxsize=SUBJECTS_KEPT)(self._render_both)
        self._try_out()

    def render(self, issue: Issue, links: Links) -> Rendered:
        """Return the mail of an issue; raises ValueError for a link that is none."""
        reader, edition = issue.recipient, issue.edition
        language = resolve(reader.language)
        blocks = [self._blocks.of(pick.paper, language) for pick in issue.picks]
        subject, preheader = self._lines(blocks)
        given = links.given
        for name in ("unsubscribe", *given):
            if not _LINK.fullmatch(getattr(links, name)):
                raise ValueError(f"{name} is no http, https or mailto link")
        shell = self._shells.of(language, edition.date, edition.note, len(blocks), given)
        own = {
            "subject": self._both(subject),
            "preheader": self._render_both(preheader),
            "email": self._render_both(clean(reader.email)),
            "unsubscribe": self._render_both(links.unsubscribe),
        }
        for name in given:
            own[name] = self._render_both(getattr(links, name))
        html_papers: list[bytes] = []
        text_papers: list[bytes] = []
        for pick, block in zip(issue.picks, blocks, strict=True):
            number = self._position(pick.position)
            html_reason, text_reason = self._reason(pick.reason, language.code)
            if block.html.slots == block.text.slots == _IN_ORDER:
                # As nearly every paper has them.
                before, between, behind = block.html.parts
                html_papers += (before, number, between, html_reason, behind)
                before, between, behind = block.text.parts
                text_papers += (before, number, between, text_reason, behind)
            else:
                html_papers += block.html.filled({"position": number, "reason": html_reason})
                text_papers += block.text.filled({"position": number, "reason": text_reason})
        return Rendered(
            language=language.code,
            subject=subject,
            preheader=preheader,
            html_parts=(
                _around(shell.html, {name: html for name, (html, _) in own.items()}, html_papers) if self._html else []
            ),
            text_parts=_around(shell.text, {name: text for name, (_, text) in own.items()}, text_papers),
            decode=self._decode,
        )

    def notice(self, kind: Notice, recipient: Recipient, links: Links, values: Mapping[str, Any]) -> Rendered:
        """Return a mail that is no issue; raises ValueError for a link that is none.

        `values` are what `notice.Notices.body` takes as said, and `action`, a link or nothing.
        """
        language = resolve(recipient.language)
        own = links._asdict() | {"action": values.get("action", "")}
        for name, link in own.items():
            if link and not _LINK.fullmatch(link):
                raise ValueError(f"{name} is no http, https or mailto link")
        said = {name: value for name, value in values.items() if name != "action"}
        body = self._notices.body(kind, recipient, language, own, said)
        return Rendered(
            language=language.code,
            subject=body.subject,
            preheader=body.preheader,
            html_parts=body.html if self._html else [],
            text_parts=body.text,
            decode=self._decode,
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
        return (self._encode(str(escape(text))) if _MARKUP.search(text) else plain), plain

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
        return (
            self._encode(str(escape(sentence))),
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
        for paper in (full, Paper(title="A title")):
            self._blocks.render(paper, language)
        for markdown, given in (("", ()), ("A note.", PAGES)):
            self._shells.render(language, day, markdown, 1, given)
        self._notices.try_out(language)


def _around(shell: tuple[Pieces, Pieces], own: dict[str, bytes], papers: list[bytes]) -> list[bytes]:
    before, behind = shell
    return [*before.filled(own), *papers, *behind.filled(own)]
