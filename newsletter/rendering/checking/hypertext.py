"""HTML as a mail may have it: attributes, the properties of a `style`, links, pictures; knows no template."""

import re
from collections.abc import Iterator
from html import unescape

from newsletter.rendering.checking.elements import HTML
from newsletter.rendering.checking.markup import MARK, Attribute, Tag
from newsletter.rendering.checking.values import nearest

# Where a link of a mail may lead (RFC 9110 section 4.2, RFC 6068, RFC 3966).
_SCHEMES = ("http", "https", "mailto", "tel")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_LEADING = frozenset({"a", "area", "mj-button", "mj-image", "mj-navbar-link", "mj-social-element", "mj-carousel-image"})
_PICTURES = frozenset({"img", "mj-image", "mj-carousel-image"})

# HTML, section 3.2.6, with WAI-ARIA and the namespaces of Outlook.
_COMMON = "class id style title dir lang role hidden tabindex accesskey translate"
_EVERYWHERE = frozenset(_COMMON.split())
_FREE = ("aria-", "data-", "xml:", "xmlns")

# HTML, section 4 and (of before, which mail still uses) section 16.2.
_CELLS = "align valign width height bgcolor background bordercolor"
_OF = {
    "a": "href target rel name type hreflang referrerpolicy",
    "area": "href target rel alt coords shape",
    "blockquote": "cite",
    "body": "bgcolor background text link vlink alink leftmargin topmargin marginwidth marginheight",
    "br": "clear",
    "caption": "align",
    "col": f"span {_CELLS}",
    "colgroup": f"span {_CELLS}",
    "data": "value",
    "del": "cite datetime",
    "div": "align",
    "font": "color face size",
    "h1": "align",
    "h2": "align",
    "h3": "align",
    "h4": "align",
    "h5": "align",
    "h6": "align",
    "hr": "align color noshade size width",
    "img": "src srcset sizes alt width height border align hspace vspace usemap ismap name loading decoding",
    "ins": "cite datetime",
    "li": "value type",
    "link": "href rel type media sizes hreflang",
    "map": "name",
    "meta": "name content charset http-equiv property",
    "ol": "start type reversed compact",
    "p": "align",
    "pre": "width",
    "q": "cite",
    "source": "src srcset sizes media type width height",
    "style": "type media",
    "table": f"{_CELLS} border cellpadding cellspacing frame rules summary",
    "tbody": _CELLS,
    "td": f"{_CELLS} colspan rowspan headers scope abbr axis nowrap",
    "tfoot": _CELLS,
    "th": f"{_CELLS} colspan rowspan headers scope abbr axis nowrap",
    "thead": _CELLS,
    "time": "datetime",
    "tr": _CELLS,
    "ul": "type compact",
}

_SIDES = ("top", "right", "bottom", "left")
_SIDED = [f"{one}-{side}" for one in ("border", "margin", "padding") for side in _SIDES]
_BORDERS = [f"border-{side}-{one}" for side in _SIDES for one in ("color", "style", "width")]
# The properties of CSS that mail programs know something of (CSS Snapshot 2023).
_NAMES = """
    align-content align-items align-self all animation appearance aspect-ratio background background-attachment
    background-blend-mode background-clip background-color background-image background-origin background-position
    background-repeat background-size block-size border border-block border-block-end border-block-start
    border-bottom-left-radius border-bottom-right-radius border-collapse border-color border-image border-inline
    border-inline-end border-inline-start border-radius border-spacing border-style border-top-left-radius
    border-top-right-radius border-width bottom box-shadow box-sizing break-after break-before break-inside
    caption-side caret-color clear clip clip-path color color-scheme column-count column-gap column-rule column-span
    column-width columns contain content counter-increment counter-reset cursor direction display empty-cells filter
    flex flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap float font font-display font-family
    font-feature-settings font-kerning font-size font-size-adjust font-stretch font-style font-variant
    font-variant-caps font-variant-ligatures font-variant-numeric font-variation-settings font-weight gap grid
    grid-area grid-auto-columns grid-auto-flow grid-auto-rows grid-column grid-column-gap grid-row grid-row-gap
    grid-template grid-template-areas grid-template-columns grid-template-rows hanging-punctuation height hyphens
    inline-size inset inset-block inset-inline justify-content justify-items justify-self left letter-spacing
    line-break line-height list-style list-style-image list-style-position list-style-type margin margin-block
    margin-inline margin-inline-end margin-inline-start mask max-height max-width min-height min-width mix-blend-mode
    object-fit object-position opacity order orphans outline outline-color outline-offset outline-style outline-width
    overflow overflow-wrap overflow-x overflow-y padding padding-block padding-inline padding-inline-end
    padding-inline-start page-break-after page-break-before page-break-inside perspective pointer-events position
    quotes resize right rotate row-gap scale tab-size table-layout text-align text-align-last text-decoration
    text-decoration-color text-decoration-line text-decoration-style text-decoration-thickness text-indent
    text-justify text-orientation text-overflow text-shadow text-size-adjust text-transform text-underline-offset
    text-underline-position text-wrap top transform transform-origin transition translate unicode-bidi user-select
    vertical-align visibility white-space widows width will-change word-break word-spacing word-wrap writing-mode
    z-index zoom
"""
_CSS = frozenset([*_NAMES.split(), *_SIDED, *_BORDERS])
_DECLARATIONS = re.compile(r"(?:[^;\"'(]|\"[^\"]*\"|'[^']*'|\([^)]*\)|[\"'(])+")


def wrong(tag: Tag) -> Iterator[tuple[int, str, str]]:
    """Yield what is wrong in a tag of HTML or MJML beside what MJML says of its own: line, sentence, what was meant."""
    name = tag.name.lower()
    unknown = list(_unknown(tag)) if name in HTML else []
    yield from unknown
    given = {attribute.name.lower(): attribute for attribute in tag.attributes}
    for attribute in tag.attributes:
        if attribute.name.lower() == "style":
            yield from _style(attribute, tag)
    link = given.get("href")
    if name in _LEADING and link is not None:
        if sentence := leads_wrong(link.value or ""):
            yield link.line, f"`href` of <{tag.name}> {sentence}", ""
    elif name == "a" and not unknown and not given.keys() & {"name", "id"}:
        yield tag.line, "<a> has no `href`, so that it leads nowhere", ""
    if name in _PICTURES and "alt" not in given:
        yield tag.line, f"<{tag.name}> has no `alt` for those who do not see it", 'alt=""'


def leads_wrong(address: str) -> str:
    """Return what is wrong with the address of a link, or nothing; where Jinja stands in it is a MARK."""
    # As browsers read it (URL Standard, section 4.4).
    plain = re.sub(r"[\x00-\x20]", "", unescape(address)).lower()
    if plain in ("", "#"):
        return "is empty, so that it leads nowhere"
    scheme = _SCHEME.match(plain)
    if scheme is not None and scheme[1] not in _SCHEMES:
        return f"is {scheme[1]}:, which no mail program follows"
    if scheme is None and MARK not in plain and not plain.startswith("#"):
        return f"is {address!r}, which is no whole address"
    return ""


def _unknown(tag: Tag) -> Iterator[tuple[int, str, str]]:
    known = _EVERYWHERE | set(_OF.get(tag.name.lower(), "").split())
    for attribute in tag.attributes:
        name = attribute.name.lower()
        if name not in known and not name.startswith(_FREE):
            yield attribute.line, f"<{tag.name}> takes no `{attribute.name}`", nearest(name, known)


def _style(attribute: Attribute, tag: Tag) -> Iterator[tuple[int, str, str]]:
    for declaration in _DECLARATIONS.findall(unescape(attribute.value or "")):
        name, colon, _ = declaration.strip(f" \t\r\n{MARK}").partition(":")
        name = name.strip().lower()
        if MARK in name or name.startswith(("-", "mso-")) or not name:
            continue
        if not colon and MARK in declaration:
            continue
        if not colon:
            yield attribute.line, f"`style` of <{tag.name}> has {name!r} without a value", ""
        elif name not in _CSS:
            yield attribute.line, f"CSS knows no `{name}`, which stands in `style` of <{tag.name}>", nearest(name, _CSS)
