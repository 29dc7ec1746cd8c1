"""A mail as screens show it, for people who look at it: light or dark whatever theirs is, its pictures inside."""

import re
from collections.abc import Mapping
from typing import Literal

from markupsafe import escape

from newsletter.rendering.language import Language

Scheme = Literal["light", "dark"]

_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)")
# Conditions that are always and never so (Media Queries level 4, section 4.1).
_ALWAYS, _NEVER = "(min-width:0)", "(max-width:-1px)"
_DECLARED = re.compile(r"""(color-scheme\s*(?::|"\s+content=")\s*)light dark\b""")
_HEAD = re.compile(r"<head\b[^>]*>")
_PICTURE = re.compile(r"""(["'(])cid:([^"')\s]+)""")
# Nothing is fetched. A link leads to a new page, which a frame in a sandbox may not open. Phones show no scroll bar.
_WITHIN = (
    '<meta http-equiv="Content-Security-Policy" '
    """content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">"""
    '<base target="_blank"><style>html{scrollbar-width:none}</style>'
)


def on_screen(html: str, scheme: Scheme, pictures: Mapping[str, str]) -> str:
    """Return a page that is the HTML as a mail program shows it that prefers a scheme.

    A frame cannot be told what to prefer, so the conditions of style sheets are answered here. `pictures` are the
    addresses that stand in for those of the message, by Content-ID.
    """
    html = _SCHEME.sub(lambda found: _ALWAYS if found[1] == scheme else _NEVER, html)
    html = _DECLARED.sub(lambda found: found[1] + scheme, html)
    html = with_pictures(html, pictures)
    return _HEAD.sub(lambda found: found[0] + _WITHIN, html, count=1)


def in_frame(html: str, pictures: Mapping[str, str]) -> str:
    """Return a page that is the HTML within another page, light or dark as the reader has it."""
    return _HEAD.sub(lambda found: found[0] + _WITHIN, with_pictures(html, pictures), count=1)


def text_in_frame(text: str, title: str, language: Language) -> str:
    """Return a page that is a mail of text alone within another page, light or dark as the reader has it."""
    return (
        f'<!doctype html><html lang="{language.code}" dir="{language.direction}"><head>{_WITHIN}<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><title>{escape(title)}</title><style>body{{margin:0;padding:18px}}'
        "pre{margin:0;font:15px/23px ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;"
        f"overflow-wrap:anywhere}}</style></head><body><main><pre>{escape(text)}</pre></main></body></html>"
    )


def with_pictures(html: str, pictures: Mapping[str, str]) -> str:
    """Return the HTML with the pictures of its message in it."""
    return _PICTURE.sub(lambda found: found[1] + pictures.get(found[2], f"cid:{found[2]}"), html)
