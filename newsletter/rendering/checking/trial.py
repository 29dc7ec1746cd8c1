"""A mail that nobody gets, made with the templates that are checked: what it would fetch, and what it fails to show.

A template may hide from any reading of its source what it comes to print; so it is filled, and what came of it is read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from markupsafe import Markup

from newsletter.rendering.checking import fetches, hypertext
from newsletter.rendering.checking.seen import seen
from newsletter.rendering.fit import FORMS
from newsletter.rendering.links import PAGES
from newsletter.rendering.look import Logo
from newsletter.rendering.paper import Entry
from newsletter.rendering.templates import (
    ISSUE_TEXT,
    PAPER,
    PAPER_TEXT,
    SHELL,
    Templates,
    notice_html,
    notice_text,
)

# Nobody can have it (RFC 2606 section 2).
_HOST = "https://papers.invalid/"
_LINKS = ("unsubscribe", "action", "more", "less", "save", "both", *PAGES)
_TITLE, _WHY = "Trialtitle", "Trialreason"
_TO_READERS = frozenset(
    {
        SHELL,
        ISSUE_TEXT,
        *(name(kind) for kind in ("welcome", "known", "nothing") for name in (notice_html, notice_text)),
    }
)
_MAILS = _TO_READERS | {
    name(kind) for kind in ("confirmation", "goodbye", "link", "answer") for name in (notice_html, notice_text)
}


class Found(NamedTuple):
    """What is wrong: in which template, where that stands in it (a piece of text), a sentence, and what was meant.

    `lacks` is the name that the template has to print and does not.
    """

    template: str
    at: str
    sentence: str
    meant: str = ""
    lacks: str = ""


def run(templates: Templates) -> Iterator[Found]:
    """Yield what is wrong in what the templates come to print; raises RenderingError for one that cannot be filled."""
    for name, given in list(templates.given.items()):
        if not name.startswith(("email/", "text/")):
            continue
        environment = templates.environment(given["language"])
        environment.globals.update({key: given[key] for key in ("look", "brand") if key in given})
        for values in _variants(name, given):
            printed = templates.render(environment, name, values)
            yield from _html(name, printed, values) if name.startswith("email/") else _text(name, printed, values)


def _variants(name: str, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a template is filled with: with all that a mail may have, and with as little as it may have."""
    own = {key: value for key, value in given.items() if key not in _LINKS}
    own |= {key: value for key, value in _OWN.items() if key in given}
    papers = _papers(given["paper"]) if "paper" in given else (None,)
    for paper in papers:
        for form in FORMS if "form" in given else ("",):
            for full in (True, False):
                values = {**own, **_links(given, full=full)}
                if paper is not None:
                    values["paper"] = paper
                if form:
                    values["form"] = form
                if full and "note" in given:
                    values["note"] = Markup("<p>A note.</p>") if name.startswith("email/") else "A note."
                if full and "brand" in given and given["brand"].logo is None:
                    values["brand"] = replace(given["brand"], logo=Logo(b"", "png", 120))
                yield values


_OWN = {
    "position": "1",
    "reason": _WHY,
    "email": "reader@papers.invalid",
    "subject": "A subject",
    "preheader": "What follows",
    "papers": "",
}


def _links(given: Mapping[str, Any], *, full: bool) -> dict[str, str]:
    always = {"unsubscribe", "action"}
    return {key: _HOST + key if full or key in always else "" for key in _LINKS if key in given}


def _papers(entry: Entry) -> tuple[Entry, Entry]:
    entry = replace(entry, title=_TITLE, url=f"{_HOST}paper")
    shown = (("Code", f"{_HOST}code"),)
    full = replace(
        entry, authors="A, B", organization="A place", facts=("1 vote",), summary="A summary.",
        links=shown, named=shown, searched=True, machine_written=True,
    )  # fmt: skip
    return full, replace(entry, authors="", organization="", facts=(), summary="", links=(), named=())


def _html(name: str, html: str, values: Mapping[str, Any]) -> Iterator[Found]:
    for one in fetches.in_html(html):
        yield Found(name, one.found, f"in the mail that it makes, {one.sentence}")
    mail = seen(html)
    for link in mail.links:
        if sentence := hypertext.leads_wrong(link):
            yield Found(name, link, f"in the mail that it makes, a link {sentence}")
    if name in _TO_READERS and f"{_HOST}unsubscribe" not in mail.shown:
        told = "no link that is shown leads to `unsubscribe`; every mail has to have one"
        yield Found(name, "{{ unsubscribe", told, '<a href="{{ unsubscribe }}">', "unsubscribe")
    yield from _lacking(name, mail.words, values, PAPER)


def _text(name: str, text: str, values: Mapping[str, Any]) -> Iterator[Found]:
    if name in _TO_READERS and f"{_HOST}unsubscribe" not in text.split():
        told = "the address of `unsubscribe` does not stand by itself; every mail has to have it"
        yield Found(name, "{{ unsubscribe", told, "{{ unsubscribe }}", "unsubscribe")
    yield from _lacking(name, text, values, PAPER_TEXT)


def _lacking(name: str, words: str, values: Mapping[str, Any], paper: str) -> Iterator[Found]:
    """Yield what is not among the words that somebody reads."""
    said = _plain(words)
    form = f" in the form {values['form']!r}" if "form" in values else ""
    if name == paper and _plain(_TITLE) not in said:
        yield Found(name, "paper.title", f"a paper{form} does not show its title", "{{ paper.title }}", "paper.title")
    if name == paper and _plain(_WHY) not in said:
        yield Found(name, "reason", f"a paper{form} does not say why it is there", "{{ reason }}", "reason")
    address = values.get("postal_address") or ""
    if name in _MAILS and _plain(address) not in said:
        told = "the postal address of the settings is not shown"
        yield Found(name, "postal_address", told, "{{ postal_address }}", "postal_address")


def _plain(words: str) -> str:
    return "".join(words.split()).casefold()
