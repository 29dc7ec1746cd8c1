"""The one line that answers what a reader asked for by mail, in their language."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from babel.dates import get_day_names
from babel.lists import format_list

from newsletter.bounds import WEEKDAYS
from newsletter.rendering.language import Language
from newsletter.rendering.prose import clean, cut

LONGEST = 80


def answer(said: Mapping[str, Any], language: Language) -> str:
    """Return the line.

    `said` has `done` and `undone`, what followed and what did not, each a word of what it is and the rest of it ("more
    2", "paused 2026-11-30"), and `unknown`, pieces that were not understood.
    """
    gettext = language.gettext
    done = _told(said.get("done", ()), language)
    undone = _told(said.get("undone", ()), language)
    unknown = [gettext("“%(words)s”") % {"words": _short(piece)} for piece in said.get("unknown", ())]
    sentences = [
        *([gettext("Done: %(what)s.") % {"what": ", ".join(done)}] if done else []),
        *([gettext("Not done: %(what)s.") % {"what": ", ".join(undone)}] if undone else []),
        *([gettext("Not understood: %(what)s.") % {"what": ", ".join(unknown)}] if unknown else []),
    ]
    return " ".join(sentences) or gettext("Nothing has changed.")


def _told(codes: Sequence[str], language: Language) -> list[str]:
    pairs = [(kind, rest) for kind, _, rest in (code.partition(" ") for code in codes)]
    return [_words(kind, [rest for _, rest in same], language) for kind, same in groupby(pairs, lambda pair: pair[0])]


def _words(kind: str, rests: Sequence[str], language: Language) -> str:
    """Return what is told of one kind, of all that stand in a row."""
    gettext, last = language.gettext, _short(rests[-1])
    what = format_list([_short(rest) for rest in rests], locale=language.locale)
    if kind in ("paused", "over"):
        day = language.long_date(date.fromisoformat(rests[-1]))
        return (gettext("paused until %(day)s") if kind == "paused" else gettext("%(day)s is over")) % {"day": day}
    if kind == "cadence":
        return _cadence(rests[-1], language)
    sentence = {
        "more": gettext("more like %(what)s"),
        "less": gettext("less like %(what)s"),
        "saved": gettext("saved %(what)s"),
        "seen": gettext("noted that you knew %(what)s"),
        "more-of": gettext("more of %(what)s"),
        "less-of": gettext("less of %(what)s"),
        "muted": gettext("muted %(what)s"),
        "heard": gettext("no longer muted %(what)s"),
        "stopped": gettext("paused until you resume"),
        "resumed": gettext("your pause is over"),
        "papers": gettext("papers in a mail at most: %(what)s"),
        "place": gettext("that mail has no paper %(what)s"),
        "old": gettext("that mail is too old to say anything of its papers"),
        "day": gettext("there is no such day"),
        "bounds": gettext("so many papers cannot be had: %(what)s"),
        "kept": gettext("this cannot be kept: %(what)s"),
    }[kind]
    return sentence % {"what": what if kind not in ("papers", "bounds") else last}


def _cadence(cadence: str, language: Language) -> str:
    gettext = language.gettext
    if cadence == "daily":
        return gettext("mail every day")
    if cadence == "weekdays":
        return gettext("mail from Monday to Friday")
    day = get_day_names("wide", locale=language.locale)[WEEKDAYS.index(cadence.partition(":")[2])]
    return gettext("mail every %(weekday)s") % {"weekday": day}


def _short(words: str) -> str:
    return cut(clean(words), LONGEST)
