"""Mail once more as it went out: joined from the parts that were kept, whatever templates and papers are like now."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from newsletter import config
from newsletter.models import Notice, Paper, Revision, Section, Told
from newsletter.rendering.asides import (
    NOTHING,
    TOLD_KEY,
    Asides,
    Both,
    Rest,
    heading_key,
    rest_key,
    revised_key,
)
from newsletter.rendering.blocks import Block, Blocks, block_key
from newsletter.rendering.fit import FULL, SHOWN
from newsletter.rendering.kept import Kept
from newsletter.rendering.language import Language
from newsletter.rendering.links import Ends
from newsletter.rendering.look import Logo
from newsletter.rendering.notice import Made, Notices, notice_key
from newsletter.rendering.notice import Told as Said
from newsletter.rendering.paper import Entry
from newsletter.rendering.renderer import Renderer, Sources
from newsletter.rendering.shell import Shell, Shells, shell_key

Parts = Mapping[str, Kept]


class Reprint(Renderer):
    """Renders what was rendered before, out of `parts` by their keys; raises KeyError where one is not among them.

    `html` tells whether there was an HTML part, `logo` is the picture that it showed. The rest is as for a renderer. No
    template is read.
    """

    def __init__(
        self,
        parts: Parts,
        newsletter: config.Newsletter,
        *,
        html: bool,
        logo: Logo | None,
        tidy: Callable[[str], str],
        encode: Callable[[str], bytes],
        decode: Callable[[bytes], str],
        limit: int = SHOWN,
    ) -> None:
        sources = Sources(_Blocks(parts), _Asides(parts), _Shells(parts), _Notices(parts, encode))
        self._furnish(newsletter, sources, html=html, logo=logo, tidy=tidy, encode=encode, decode=decode, limit=limit)


class _Blocks(Blocks):
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def of(self, paper: Paper, language: Language, ends: Ends | None = None, form: str = FULL) -> Block:
        key = block_key(paper, language, ends, form)
        (html, text), words = self._parts[key]
        shown = Entry(words["title"], "", "", False, "", "", (), words["summary"], "", ())
        return Block.of(paper, shown, words["subject"], key, html, text)

    def kept(self, language: Language, ends: Ends | None, form: str = FULL) -> Mapping[int, Block]:
        return {}


class _Shells(Shells):
    def __init__(self, parts: Parts) -> None:
        def of(
            language: Language, day: date, markdown: str, count: int, given: tuple[str, ...], edition: int = 0
        ) -> Shell:
            key = shell_key(language, count, given, edition)
            if key not in parts:
                # Of mail from before there was a link to it as a page.
                key = shell_key(language, count, tuple(name for name in given if name != "web"), edition)
            html_before, html_behind, text_before, text_behind = parts[key].pieces
            return Shell((html_before, html_behind), (text_before, text_behind), key)

        self.of = of  # type: ignore[assignment]


class _Asides(Asides):
    def __init__(self, parts: Parts) -> None:
        def of(section: Section, since: date | None, language: Language) -> Both:
            return _both(parts, heading_key(section, since, language))

        def rest(count: int, language: Language, *, web: bool) -> Rest:
            key = rest_key(count, language, web=web)
            if key not in parts:
                key = rest_key(count, language, web=False)
            return Rest((parts[key].pieces[0],), key)

        self._parts = parts
        self.heading = of  # type: ignore[assignment]
        self.rest = rest  # type: ignore[assignment]

    def told(self, told: Sequence[Told], language: Language) -> Both:
        return _both(self._parts, TOLD_KEY) if told else NOTHING

    def revised(self, revised: Sequence[Revision], language: Language) -> Both:
        return _both(self._parts, revised_key(revised, language)) if revised else NOTHING


class _Notices(Notices):
    def __init__(self, parts: Parts, encode: Callable[[str], bytes]) -> None:
        self._parts = parts
        self._encode = encode

    def made(
        self, kind: Notice, language: Language, told: Said, given: tuple[str, ...], own: Mapping[str, str]
    ) -> Made:
        key = notice_key(kind, language, told, given)
        (html, text), words = self._parts[key]
        return Made(words["subject"], words["preheader"], html, text, key)


def _both(parts: Parts, key: str) -> Both:
    html, text = parts[key].pieces
    return Both(html.parts, text.parts, key)
