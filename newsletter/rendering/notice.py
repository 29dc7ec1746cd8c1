"""Mails that are no issue: welcome, confirmation, goodbye, answers, and that there is nothing today."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, NamedTuple, get_args
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel.dates import format_time, get_day_names
from markupsafe import escape

from newsletter import config
from newsletter.bounds import WEEKDAYS
from newsletter.models import Notice, Recipient
from newsletter.rendering.answer import answer
from newsletter.rendering.bidi import alone, listed
from newsletter.rendering.language import Language
from newsletter.rendering.links import PAGES
from newsletter.rendering.press import Press
from newsletter.rendering.prose import clean, cut
from newsletter.rendering.slots import Pieces, slot
from newsletter.rendering.templates import notice_html, notice_text

KINDS: tuple[Notice, ...] = get_args(Notice)

# To people who are on no list: nothing in these mails may ask them to unsubscribe.
ONCE: frozenset[Notice] = frozenset({"confirmation", "goodbye", "link", "answer"})

# What says nothing of one person but in places that are filled.
SHARED: frozenset[Notice] = frozenset({"nothing"})

TOPICS = 12
LONGEST_TOPIC = 80
NOTICES_KEPT = 64

_OWN = ("email", "unsubscribe", "action", *PAGES)

Told = tuple[tuple[str, Hashable], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A notice as it was rendered; it is a `kept.Part`."""

    subject: str
    preheader: str
    html: Pieces
    text: Pieces
    key: str

    @property
    def pieces(self) -> tuple[Pieces, Pieces]:
        """How it stands in the mail."""
        return self.html, self.text

    @property
    def words(self) -> Mapping[str, str]:
        """What else the mail takes from it."""
        return {"subject": self.subject, "preheader": self.preheader}


class Body(NamedTuple):
    """A notice: its subject, its line for the list of mails, and its parts as they stand in a mail."""

    subject: str
    preheader: str
    html: list[bytes]
    text: list[bytes]
    made: Made


class Notices:
    """Renders notices; what readers share is rendered once. `encode` is what a piece of a body becomes in a mail."""

    def __init__(self, press: Press, newsletter: config.Newsletter, encode: Callable[[str], bytes]) -> None:
        self._press = press
        self._newsletter = newsletter
        self._encode = encode
        self._shared = lru_cache(maxsize=NOTICES_KEPT)(self._render)

    def body(
        self, kind: Notice, recipient: Recipient, language: Language, links: Mapping[str, str], said: Mapping[str, Any]
    ) -> Body:
        """Return a notice; raises RenderingError for a wrong template.

        `links` are the reader's own: `unsubscribe`, the pages that there are, and `action`, which is what a
        confirmation or a goodbye leads to. `said` has `day` (an ISO date) and what that kind tells: welcome `cadence`,
        `hour`, `timezone`, `first` (an ISO date), `at_once` and `topics`; confirmation and known `at` (an ISO moment)
        and `timezone`, and `moves`, the masked address of who wants their mail here; goodbye `moved`, that of where it
        goes from now on; answer what `answer.answer` takes, the whole `subject`, and
        `by_page` if a page did it; nothing `cause`, as a ranker calls
        it, and `looked_at`, a number of papers.
        """
        own = {"email": clean(recipient.email)} | {name: link for name, link in links.items() if link}
        told: Told = tuple(sorted((name, tuple(one) if isinstance(one, list) else one) for name, one in said.items()))
        given = tuple(name for name in _OWN if name in own)
        # An address within a sentence is folded with it, so it has to be there.
        made = self.made(kind, language, told, given, own)
        return Body(
            made.subject,
            made.preheader,
            made.html.filled({name: self._encode(str(escape(value))) for name, value in own.items()}),
            made.text.filled({name: self._encode(value) for name, value in own.items()}),
            made,
        )

    def made(
        self, kind: Notice, language: Language, told: Told, given: tuple[str, ...], own: Mapping[str, str]
    ) -> Made:
        """Return a notice that is to be filled with a reader's `own` values; `given` are their names."""
        if kind in ONCE:
            return self._render(kind, language, told, given, own)
        return self._shared(kind, language, told, given)

    def try_out(self, language: Language) -> None:
        """Render each once, so that a wrong template is told at the start and not at night."""
        day = {"day": "2000-01-01"}
        said: dict[Notice, dict[str, Any]] = {
            "welcome": {**day, "cadence": "daily", "hour": 7, "timezone": "UTC", "topics": ("A topic",)},
            "confirmation": {**day, "at": "2000-01-01T00:00:00+00:00", "timezone": "UTC"},
            "goodbye": day,
            "link": day,
            "known": {**day, "at": "2000-01-01T00:00:00+00:00", "timezone": "UTC"},
            "answer": {**day, "done": ("more 1",)},
            "nothing": {**day, "cause": "no papers", "looked_at": 1},
        }
        links = dict.fromkeys(("unsubscribe", "action"), "https://papers.example.org")
        for kind in KINDS:
            self.body(kind, Recipient(0, "reader@example.org", language.code), language, links, said[kind])

    def _render(
        self,
        kind: Notice,
        language: Language,
        told: Told,
        given: tuple[str, ...],
        own: Mapping[str, str] | None = None,
    ) -> Made:
        newsletter, said = self._newsletter, dict(told)
        contact = newsletter.reply_to or newsletter.from_address
        subject, preheader = _lines(kind, clean(newsletter.name), language, said)
        values = {
            "language": language,
            "name": newsletter.name,
            "postal_address": alone(newsletter.postal_address, language.direction),
            "contact": contact,
            "contact_link": f"mailto:{quote(contact, safe='@+')}",  # RFC 6068 section 2
            "subject": subject,
            "preheader": preheader,
            "note": "",
            # A header of the operator's own may print it.
            "count": 0,
            "date": language.long_date(date.fromisoformat(str(said["day"]))),
            **dict.fromkeys(PAGES, ""),
            **{name: slot(name) if own is None else own[name] for name in given},
            "moves": "",
            "moved": "",
            **_sentences(kind, said, language),
            **({"once": True} if kind in ONCE else {}),
            "by_mail": "action" in given and own is not None and own["action"].startswith("mailto:"),
        }
        slots = frozenset(given) if own is None else frozenset()
        return Made(
            subject,
            preheader,
            self._press.pieces(notice_html(kind), language, values, slots),
            self._press.pieces(notice_text(kind), language, values, slots),
            notice_key(kind, language, told, given),
        )


def notice_key(kind: Notice, language: Language, told: Told, given: tuple[str, ...]) -> str:
    """Return by what a notice is told from all others of one sending; what is one person's own is alone in its mail."""
    return f"notice {kind} {language.code} {told} {given}" if kind in SHARED else "notice"


def _lines(kind: Notice, name: str, language: Language, said: Mapping[str, Any]) -> tuple[str, str]:
    """Return the subject and what stands beside it in a list of mails.

    To people who are on no list nothing is hidden, as a preheader is: filters of spam take it for a sign. What they
    see there are the first words of the mail.
    """
    gettext = language.gettext
    if kind == "answer" and not said.get("by_page"):
        return clean(str(said.get("subject", ""))) or f"Re: {name}", ""
    subject, preheader = {
        "welcome": (gettext("Welcome to %(name)s"), gettext("What comes when, and how to change it.")),
        "confirmation": (gettext("Please confirm: %(name)s"), ""),
        "goodbye": (gettext("You are unsubscribed: %(name)s"), ""),
        "link": (gettext("Your link: %(name)s"), ""),
        "answer": (gettext("You are on a break: %(name)s"), ""),
        "known": (gettext("You are subscribed already: %(name)s"), gettext("Nothing has changed.")),
        "nothing": (gettext("No paper for you today: %(name)s"), gettext("Why that is, and what you can do.")),
    }[kind]
    if kind == "goodbye" and said.get("moved"):
        subject = gettext("Your mail goes to another address: %(name)s")
    return subject % {"name": name}, preheader


def _sentences(kind: Notice, said: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Return what a notice tells, in words of the language."""
    if kind == "welcome":
        first = said.get("first")
        return {
            "rhythm": rhythm(said["cadence"], said["hour"], said["timezone"], language),
            "first": language.long_date(date.fromisoformat(first)) if first else "",
            "at_once": bool(said.get("at_once")),
            "topics": _topics(said["topics"], language),
        }
    if kind in ("confirmation", "known"):
        at = datetime.fromisoformat(said["at"]).astimezone(ZoneInfo(said["timezone"]))
        hour = format_time(at.time(), "short", locale=language.locale)
        return {
            "asked_on": language.long_date(at.date()),
            "asked_at": f"{hour} ({said['timezone']})",
            "moves": said.get("moves", ""),
        }
    if kind == "goodbye":
        return {"moved": said.get("moved", "")}
    if kind == "answer":
        return {"line": answer(said, language), "by_page": bool(said.get("by_page"))}
    if kind == "nothing":
        return {"cause": _cause(said["cause"], language), "looked_at": said["looked_at"]}
    return {}


def rhythm(cadence: str, hour: int, timezone: str, language: Language) -> str:
    """Return when mail comes, as a sentence."""
    day = WEEKDAYS.index(cadence.partition(":")[2]) if cadence.startswith("weekly:") else 0
    values = {
        "weekday": get_day_names("wide", locale=language.locale)[day],
        "hour": format_time(time(hour), "short", locale=language.locale),
        "timezone": timezone,
    }
    gettext = language.gettext
    if cadence == "daily":
        return gettext("New papers come every day at %(hour)s (%(timezone)s).") % values
    if cadence == "weekdays":
        return gettext("New papers come from Monday to Friday at %(hour)s (%(timezone)s).") % values
    return gettext("New papers come every %(weekday)s at %(hour)s (%(timezone)s).") % values


def _topics(names: tuple[str, ...], language: Language) -> str:
    shown = [cut(clean(name), LONGEST_TOPIC) for name in names[:TOPICS]]
    return listed(shown + ["…"] * (len(names) > TOPICS), language.direction)


def _cause(cause: str, language: Language) -> str:
    gettext = language.gettext
    return {
        "no papers": gettext("No new paper has come in."),
        "received": gettext("You have had all that came in lately."),
        "muted": gettext("What you have not had yet has words or authors that you muted."),
    }.get(cause, gettext("Nothing that you have not had yet fits your topics well enough."))
