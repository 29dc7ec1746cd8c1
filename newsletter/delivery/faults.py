"""Failures that an address asks for, so that a server can play them; reads words, and opens no connection."""

import re
from typing import Literal, NamedTuple, cast

from newsletter.errors import NewsletterError

Step = Literal["mail", "rcpt", "data", "body"]
Way = Literal["refuse", "close", "cut", "late", "mute", "twice", "garbage", "lines", "bounce", "complain", "away"]

# What servers say along with a status.
_SAID = {
    "5.1.1": "There is nobody of that name here",
    "5.2.1": "That mailbox is disabled",
    "5.2.2": "That mailbox is full",
    "4.2.2": "That mailbox is full",
    "4.2.1": "That mailbox gets too much at once",
    "5.7.1": "This newsletter is not welcome here",
    "4.7.1": "Come back later, this server does not know you yet",
    "4.7.0": "Too much mail from you for now",
    "5.3.4": "That message is too big for this server",
    "4.3.1": "The disk is full",
}


class Word(NamedTuple):
    """One word of the grammar as people read it: its form, an example, and what it does."""

    form: str
    example: str
    meaning: str


WORDS = (
    Word(
        "STEP-CODE[-STATUS]",
        "rcpt-550-5.1.1",
        "refused at that step; 421 closes as well, and 5xx at mail refuses the newsletter, so the run ends",
    ),
    Word("lines[-STEP[-CODE[-STATUS]]]", "lines-rcpt-452", "the answer has three lines"),
    Word("close-STEP", "close-rcpt", "the connection is closed in place of the answer; at body in the middle of it"),
    Word("close-reply", "close-reply", "the message is taken, and the connection closed before the answer"),
    Word("slow-SECONDS[-STEP]", "slow-2", "the answer comes late"),
    Word("mute[-STEP]", "mute", "the answer never comes"),
    Word("twice[-STEP]", "twice", "the answer comes twice"),
    Word("garbage[-STEP]", "garbage", "the answer is no SMTP"),
    Word("bounce[-STATUS]", "bounce-5.1.1", "taken, and a report comes back"),
    Word("complain", "complain", "taken, and reported as unwanted"),
    Word("away", "away", "taken, and answered by a machine"),
)
# What an answer of three lines goes on with.
MORE_LINES = ("This line is the second", "and this one the last")
STEPS = (
    "STEP is mail, rcpt, data or body, and body where it is left out; CODE is 4xx or 5xx, and STATUS begins as it does."
)


class Fault(NamedTuple):
    """What happens to a message, and where: `answer` has the lines of a refusal, with their codes."""

    way: Way
    step: Step = "body"
    answer: tuple[str, ...] = ()
    seconds: float = 0
    status: str = ""

    @property
    def closes(self) -> bool:
        """Tell whether the connection ends with the answer (RFC 5321 section 3.8)."""
        return bool(self.answer) and self.answer[0].startswith("421")


class UnknownWordError(NewsletterError):
    """An address asks for a failure that does not exist."""


_STEP = "(?P<step>mail|rcpt|data|body)"
_STATUS = r"(?:-(?P<status>[45]\.\d{1,3}\.\d{1,3}))?"
_REFUSAL = re.compile(rf"(?P<lines>lines-)?{_STEP}-(?P<code>[45]\d\d){_STATUS}")
_ODD = re.compile(rf"(?P<way>mute|twice|garbage|lines)(?:-{_STEP})?")
_LATE = re.compile(rf"slow-(?P<seconds>\d{{1,3}}(?:\.\d+)?)(?:-{_STEP})?")
_CUT = re.compile(rf"close-{_STEP}")
_REPORT = re.compile(rf"(?P<way>bounce){_STATUS}|complain|away")
_FIRST = frozenset(re.split(r"\W", word.example)[0] for word in WORDS) | {"mail", "data", "body"}


def asked_by(address: str) -> Fault | None:
    """Return the failure that an address asks for: by its tag (`ada+mute@`), else by its whole local part (`mute@`).

    None where it asks for none. Raises UnknownWordError for a tag that is no word, and for a local part that begins
    like a word and is none.
    """
    local = address.rpartition("@")[0].lower()
    name, _, tag = local.rpartition("+")
    word = tag if name else local
    fault = _read(word)
    if fault is None and (name or word.partition("-")[0] in _FIRST):
        raise UnknownWordError(
            f"No failure is called {word[:60]}; there are {', '.join(one.form for one in WORDS)}. {STEPS}"
        )
    return fault


def _read(word: str) -> Fault | None:
    if found := _REFUSAL.fullmatch(word):
        return _refusal(found)
    if found := _ODD.fullmatch(word):
        return Fault(cast("Way", found["way"]), _step(found))
    if found := _LATE.fullmatch(word):
        return Fault("late", _step(found), seconds=float(found["seconds"]))
    if found := _CUT.fullmatch(word):
        return Fault("cut", _step(found))
    if word == "close-reply":
        return Fault("close")
    if found := _REPORT.fullmatch(word):
        return Fault(cast("Way", word.partition("-")[0]), status=found["status"] or "5.1.1")
    return None


def _refusal(found: re.Match[str]) -> Fault | None:
    code, status = found["code"], found["status"] or ""
    # RFC 3463 section 2: the class of the status is that of the code.
    if status and status[0] != code[0]:
        return None
    words = [said(status, code)]
    if found["lines"]:
        words = [f"{words[0]}.", *MORE_LINES]
    # RFC 5321 section 4.2.1: a hyphen in all lines but the last; RFC 2034 section 4: the status in each.
    marks = ["-"] * (len(words) - 1) + [" "]
    answer = tuple(f"{code}{mark}{f'{status} {text}'.lstrip()}" for mark, text in zip(marks, words, strict=True))
    return Fault("refuse", _step(found), answer)


def _step(found: re.Match[str]) -> Step:
    return cast("Step", found["step"] or "body")


def said(status: str, code: str) -> str:
    """Return what a server might say along with a status of RFC 3463 or, where it has none of its own, a code."""
    if status in _SAID:
        return _SAID[status]
    return "Come back later" if code.startswith("4") else "Refused, as this address asks for"
