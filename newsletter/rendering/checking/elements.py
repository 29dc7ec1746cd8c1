"""MJML's elements: what may stand in each, which attributes it takes, and what a value may be; knows no template.

The facts are those of the components of MJML 4 (documentation.mjml.io) as their validator has them; where npm's mjml is
at hand, a test compares them with its own definitions.
"""

from typing import NamedTuple


class Element(NamedTuple):
    """An element: whether it holds `html` and no elements of MJML, what may stand in it, and its attributes by kind.

    A kind is `text`, `number`, `colour`, `words` with those that are allowed, or `length` (one), `lengths` (one to
    four) and `signed` (one, also negative) with their units; the unit `times` is a bare number.
    """

    html: bool
    children: frozenset[str]
    attributes: dict[str, str]


# Names for what many have.
_GROUPS = {
    "PADDING": "padding padding-top padding-right padding-bottom padding-left",
    "BORDER": "border border-top border-right border-bottom border-left",
    "FONT": "color font-family font-size font-style font-weight text-decoration",
    "LETTERS": "letter-spacing line-height text-transform",
    "BACKGROUND": "background-color background-url background-position",
    "ICONS": "icon-align icon-width icon-height icon-position icon-wrapped-url icon-wrapped-alt icon-unwrapped-url "
    "icon-unwrapped-alt",
    "CONTENT": "mj-accordion mj-button mj-carousel mj-divider mj-image mj-navbar mj-raw mj-social mj-spacer mj-table "
    "mj-text",
}

# An element, what may stand in it (or HTML), and its attributes. Of mj-attributes, `mjml` says what may stand in it.
_TABLE = """
mjml | mj-head mj-body mj-raw | owa lang dir
mj-head | mj-attributes mj-breakpoint mj-font mj-html-attributes mj-preview mj-raw mj-style mj-title |
mj-attributes | |
mj-html-attributes | mj-selector |
mj-selector | mj-html-attribute | path
mj-html-attribute | HTML | name
mj-breakpoint | HTML | width
mj-font | | name href
mj-preview | HTML |
mj-style | HTML | inline
mj-title | HTML |
mj-raw | HTML | position
mj-body | mj-hero mj-raw mj-section mj-wrapper | width background-color id
mj-wrapper | mj-hero mj-raw mj-section | BACKGROUND background-repeat background-size background-position-x
  background-position-y BORDER border-radius direction full-width gutter PADDING text-align text-padding gap
mj-section | mj-column mj-group mj-raw | BACKGROUND background-repeat background-size background-position-x
  background-position-y BORDER border-radius direction full-width gutter PADDING text-align text-padding
mj-group | mj-column mj-raw | background-color direction vertical-align width
mj-column | CONTENT | background-color BORDER border-radius direction inner-background-color inner-border
  inner-border-top inner-border-right inner-border-bottom inner-border-left inner-border-radius PADDING vertical-align
  width
mj-hero | CONTENT | mode height BACKGROUND background-width background-height border-radius inner-background-color
  inner-padding inner-padding-top inner-padding-right inner-padding-bottom inner-padding-left PADDING vertical-align
mj-text | HTML | align background-color container-background-color FONT LETTERS height PADDING vertical-align
mj-button | HTML | align background-color container-background-color BORDER border-radius FONT LETTERS height href
  inner-padding name PADDING rel target text-align title vertical-align width
mj-table | HTML | align border cellpadding cellspacing color container-background-color font-family font-size
  font-weight line-height PADDING role table-layout vertical-align width
mj-image | | align alt BORDER border-radius container-background-color fluid-on-mobile font-size height href
  max-height name PADDING rel sizes src srcset target title usemap width
mj-divider | | align border-color border-style border-width container-background-color PADDING width
mj-spacer | | BORDER container-background-color height PADDING
mj-social | mj-raw mj-social-element | align border border-radius container-background-color FONT icon-height
  icon-padding icon-size inner-padding line-height mode PADDING table-layout text-padding vertical-align
mj-social-element | HTML | align alt background-color border border-radius FONT href icon-height icon-padding
  icon-position icon-size line-height name PADDING rel sizes src srcset target text-padding title vertical-align
mj-navbar | mj-navbar-link mj-raw | align base-url hamburger ico-align ico-close ico-color ico-font-family
  ico-font-size ico-line-height ico-open ico-padding ico-padding-top ico-padding-right ico-padding-bottom
  ico-padding-left ico-text-decoration ico-text-transform PADDING
mj-navbar-link | HTML | FONT LETTERS href name PADDING rel target
mj-accordion | mj-accordion-element mj-raw | border container-background-color font-family ICONS PADDING
mj-accordion-element | mj-accordion-text mj-accordion-title mj-raw | background-color border font-family ICONS
mj-accordion-title | HTML | background-color color font-family font-size font-weight PADDING
mj-accordion-text | HTML | background-color color font-family font-size font-weight letter-spacing line-height PADDING
mj-carousel | mj-carousel-image | align border-radius container-background-color icon-width left-icon PADDING
  right-icon tb-border tb-border-radius tb-hover-border-color tb-selected-border-color tb-width thumbnails
mj-carousel-image | HTML | alt border-radius href rel src target tb-border tb-border-radius thumbnails-src title
"""

# Whatever is not named here, and does not end in `color`, is any text.
_KINDS = {
    "lengths px %": "padding inner-padding icon-padding text-padding ico-padding",
    "length px %": (
        "padding-top padding-right padding-bottom padding-left inner-padding-top inner-padding-right "
        "inner-padding-bottom inner-padding-left ico-padding-top ico-padding-right ico-padding-bottom "
        "ico-padding-left icon-width icon-height icon-size ico-font-size width height max-height background-width "
        "background-height gutter tb-width"
    ),
    "length px": "font-size border-width gap",
    "length px % times": "line-height ico-line-height",
    "signed px em": "letter-spacing",
    "number": "cellpadding cellspacing",
    "words left center right": "align ico-align text-align",
    "words top middle bottom": "vertical-align icon-align",
    "words ltr rtl": "direction dir",
    "words left right": "icon-position",
    "words repeat no-repeat": "background-repeat",
    "words full-width false": "full-width",
    "words true false": "fluid-on-mobile",
    "words file-start": "position",
}

_OWN_KINDS = {
    ("mj-body", "width"): "length px",
    ("mj-breakpoint", "width"): "length px",
    ("mj-image", "width"): "length px",
    ("mj-image", "height"): "length px auto",
    ("mj-table", "width"): "length px % auto",
    ("mj-text", "align"): "words left center right justify",
    ("mj-table", "role"): "words none presentation",
    ("mj-table", "table-layout"): "words auto fixed initial inherit",
    ("mj-social", "table-layout"): "words auto fixed",
    ("mj-social", "mode"): "words horizontal vertical",
    ("mj-carousel", "thumbnails"): "words visible hidden supported",
}

_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}


def _kind(element: str, attribute: str) -> str:
    if attribute.endswith("color"):
        return "colour"
    return _OWN_KINDS.get((element, attribute)) or _KIND_OF.get(attribute, "text")


def _elements() -> dict[str, Element]:
    found = {}
    for row in _TABLE.replace("\n  ", " ").strip().split("\n"):
        name, children, attributes = (_words(cell) for cell in row.split("|"))
        found[name[0]] = Element(
            html=children == ["HTML"],
            children=frozenset(children) - {"HTML"},
            attributes={attribute: _kind(name[0], attribute) for attribute in attributes},
        )
    return found


def _words(cell: str) -> list[str]:
    return [name for word in cell.split() for name in _GROUPS.get(word, word).split()]


ELEMENTS = _elements()

# Every element takes these, and these stand for others: they have no place and attributes of their own.
EVERYWHERE = {"css-class": "text", "mj-class": "text"}
STANDING_IN = frozenset({"mj-all", "mj-class", "mj-include"})

# What has to stand in an element for anything to be seen.
NEEDED = {
    "mjml": ("mj-body",),
    "mj-body": ("mj-section", "mj-wrapper", "mj-hero"),
    "mj-section": ("mj-column", "mj-group"),
    "mj-wrapper": ("mj-section", "mj-hero"),
    "mj-group": ("mj-column",),
}

# The colour names of CSS (CSS Color 4, sections 6.1 to 6.3, and `inherit`).
_COLOURS = """
aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet brown burlywood
cadetblue chartreuse chocolate coral cornflowerblue cornsilk crimson cyan darkblue darkcyan darkgoldenrod darkgray
darkgreen darkgrey darkkhaki darkmagenta darkolivegreen darkorange darkorchid darkred darksalmon darkseagreen
darkslateblue darkslategray darkslategrey darkturquoise darkviolet deeppink deepskyblue dimgray dimgrey dodgerblue
firebrick floralwhite forestgreen fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew
hotpink indianred indigo inherit ivory khaki lavender lavenderblush lawngreen lemonchiffon lightblue lightcoral
lightcyan lightgoldenrodyellow lightgray lightgreen lightgrey lightpink lightsalmon lightseagreen lightskyblue
lightslategray lightslategrey lightsteelblue lightyellow lime limegreen linen magenta maroon mediumaquamarine
mediumblue mediumorchid mediumpurple mediumseagreen mediumslateblue mediumspringgreen mediumturquoise
mediumvioletred midnightblue mintcream mistyrose moccasin navajowhite navy oldlace olive olivedrab orange orangered
orchid palegoldenrod palegreen paleturquoise palevioletred papayawhip peachpuff peru pink plum powderblue purple
rebeccapurple red rosybrown royalblue saddlebrown salmon sandybrown seagreen seashell sienna silver skyblue
slateblue slategray slategrey snow springgreen steelblue tan teal thistle tomato transparent turquoise violet wheat
white whitesmoke yellow yellowgreen
"""
COLOURS = frozenset(_COLOURS.split())

# The elements of HTML that may stand in a mail (HTML, section 4, with those of before that mail still uses).
_HTML = """
a abbr address area article aside b bdi bdo big blockquote body br caption center cite code col colgroup data dd del
details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 head header hgroup hr html i img ins kbd
li link main map mark menu meta nav ol p picture pre q rp rt ruby s samp section small source span strike strong
style sub summary sup table tbody td tfoot th thead time title tr tt u ul var wbr
"""
HTML = frozenset(_HTML.split())
VOID = frozenset({"area", "br", "col", "hr", "img", "link", "meta", "source", "wbr"})
