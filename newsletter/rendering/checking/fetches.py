"""What a mail program would fetch when somebody opens a mail, which tells who reads it and when; knows no template."""

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from typing import NamedTuple

from newsletter.rendering.checking.markup import MARK

# RFC 2392: a part of the same mail; RFC 2397: what stands in the address itself.
_WITHIN = ("cid:", "data:")
# Whatever stands in these is fetched by somebody (HTML, section 4; VML for Outlook; MJML).
_ATTRIBUTES = (
    "src srcset imagesrcset background background-url poster data lowsrc dynsrc ping codebase classid archive "
    "xlink:href thumbnails-src icon-url icon-wrapped-url icon-unwrapped-url left-icon right-icon"
)
_FETCHED = frozenset(_ATTRIBUTES.split())
_FETCHED_HREF = frozenset({"mj-font", "link", "base", "image", "use", "v:fill", "v:imagedata", "v:image"})
# Without these, MJML takes pictures from a host of its own choice.
_OWN_PICTURES = {
    "mj-social-element": ("src",),
    "mj-carousel": ("left-icon", "right-icon"),
    "mj-accordion": ("icon-wrapped-url", "icon-unwrapped-url"),
}
# CSS Images 4 lets strings be addresses in all but the first of these.
_OF_CSS = re.compile(
    r"@import\b|\burl\(\s*[\"']?\s*(?P<address>[^\"')\s]*)|\b(?:image-set|image|src|cross-fade)\(|alphaimageloader",
    re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\(?:([0-9a-f]{1,6})[ \t\r\n\f]?|([^\n]))", re.IGNORECASE)
_REASON = (
    "a mail program would fetch it and so tell who reads; only what begins with cid: or data: travels with the mail"
)


class Fetch(NamedTuple):
    """Something that would be fetched: lines from the first on, a sentence, and what stands there."""

    lines: int
    sentence: str
    found: str


def in_tag(name: str, given: "dict[str, str]") -> Iterator[tuple[str, str]]:
    """Yield what a tag would have fetched: the attribute, or nothing for the tag itself, and a sentence.

    `given` are its attributes with their values, in which Jinja is a MARK.
    """
    tag = name.lower()
    if tag == "mj-font":
        yield "href" if "href" in given else "", "<mj-font> has every mail program fetch a letter from elsewhere"
        return
    if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
        yield "content", "<meta> that refreshes has a mail program fetch a page"
    for attribute, written in given.items():
        value = unescape(written)
        key = attribute.lower()
        if key in _FETCHED or (key == "href" and tag in _FETCHED_HREF):
            # Addresses in a row (HTML, section 4.8.4.2), where a comma within one of `data:` is not told from another.
            many = key.endswith("srcset")
            parts, right = (value.split(","), _WITHIN[:1]) if many else ([value], _WITHIN)
            if not all(part.strip().lower().startswith(right) for part in parts):
                yield attribute, f"`{attribute}` of <{name}> is {_shown(value)}: {_REASON}"
        else:
            for found in in_css(value) if key == "style" or "url(" in value.lower() else ():
                yield attribute, f"in `{attribute}` of <{name}>, {found.sentence}"
    for attribute in _OWN_PICTURES.get(tag, ()):
        if attribute not in given:
            yield "", f"<{name}> without `{attribute}` shows a picture that is fetched from elsewhere"


def in_css(css: str) -> Iterator[Fetch]:
    """Yield what CSS would have fetched."""
    plain = _ESCAPE.sub(_unescaped, css)
    for found in _OF_CSS.finditer(plain):
        address = found["address"]
        if address is None:
            sentence = f"{found[0].rstrip('(')} has something fetched from elsewhere when the mail is opened"
        elif address.lower().startswith((*_WITHIN, "#")):
            continue
        else:
            sentence = f"url() is {_shown(address)}: {_REASON}"
        yield Fetch(plain.count("\n", 0, found.start()), sentence, address or found[0])


def in_html(html: str) -> list[Fetch]:
    """Return what HTML would have fetched, also in what only Outlook reads."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found


def in_comment(words: str) -> list[Fetch]:
    """Return what a comment would have fetched: Outlook reads those with a condition, and browsers end some sooner."""
    if words.lstrip().lower().startswith("[if"):
        return in_html(words.partition(">")[2])
    # HTML, section 13.2.5.43 and the following.
    ends = [at for at in (words.find(">") + 1 if words.startswith((">", "->")) else 0, words.find("--!>") + 1) if at]
    return in_html(words[min(ends) :]) if ends else []


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Fetch] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: "list[tuple[str, str | None]]") -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_style = tag in ("style", "mj-style")
        for attribute, sentence in in_tag(tag, given):
            self.found.append(Fetch(self.getpos()[0] - 1, sentence, given.get(attribute, f"<{tag}")))

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        for one in in_css(data) if self._in_style else ():
            self.found.append(one._replace(lines=one.lines + self.getpos()[0] - 1))

    def handle_comment(self, data: str) -> None:
        for one in in_comment(data):
            self.found.append(one._replace(lines=one.lines + self.getpos()[0] - 1))

    def unknown_decl(self, data: str) -> None:
        # Outside of SVG and MathML a section of CDATA ends with the first > (HTML, section 13.2.5.42).
        self.handle_comment(f">{data.partition('>')[2]}")


def _unescaped(match: re.Match[str]) -> str:
    # CSS Syntax 3, section 4.3.7.
    if match[1]:
        code = int(match[1], 16)
        return chr(code) if 0 < code < 0x110000 else "\ufffd"
    return match[2]


def _shown(value: str) -> str:
    """Return a value as people wrote it, cut where it is long."""
    plain = " ".join(value.replace(MARK, "{{ … }}").split())
    return repr(plain if len(plain) <= 60 else plain[:59] + "…")
