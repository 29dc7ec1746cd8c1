"""What a report means for an address, hard or soft, by the tables of words and codes; knows no format of reports.

Hard takes a reader's mail away, so it needs words or a code that say plainly that the address is dead. What contradicts
itself is soft: an address that is dead keeps bouncing, and soft ones are counted.
"""

import re
from typing import Literal

from newsletter.delivery.bounces.phrases import WORDS

Told = tuple[Literal["hard", "soft"], str]
SOFT: Told = ("soft", "")
HARD: Told = ("hard", "")

_WORDS = tuple((row.kind, row.cause, re.compile("|".join(row.phrases))) for row in WORDS)

# Where the words say nothing, the code counts (RFC 3463, and the registry of RFC 5248). All others are soft.
CODES: tuple[tuple[str, str], ...] = (
    (r"5\.1\.1", "RFC 3463 section 3.2: bad destination mailbox address"),
    (r"5\.1\.2", "RFC 3463 section 3.2: bad destination system address"),
    (r"5\.1\.3", "RFC 3463 section 3.2: bad destination mailbox address syntax"),
    (r"5\.1\.6", "RFC 3463 section 3.2: destination mailbox has moved, no forwarding address"),
    (r"5\.1\.10", "RFC 7505 section 4.2: recipient address has null MX"),
)
_HARD_CODE = re.compile("|".join(code for code, _ in CODES))

# Words of a dead address under one of these are a contradiction: temporary, full, too big, broken, or a policy. 5.2.0
# with them after DATA is how carriers refuse what their customer does not want.
_NEVER_HARD = re.compile(r"4\..*|5\.1\.[78]|5\.2\.[02-4]|5\.3\.[1-9]|5\.4\.[1356]|5\.4\.7|5\.[67]\.\d+")
_AFTER_DATA = re.compile(
    r"in reply to (end of )?data|after (end of )?data|>>> data|end of message|\(data\)|after pipelined"
)
_AT_SENDER = re.compile(r"in reply to mail from|after mail from|>>> mail from|after (initial )?connect|refused to talk")

STATUS = re.compile(r"(?<![\d.\w])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![\d.]*\d)")
_CODE_BEFORE = re.compile(r"(?<![\d.])([45]\d\d)[ -]#?([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![\d.]*\d)")
_REPLY = re.compile(r"(?<![\d.:/-])([45]\d\d)[ -]")
# Advice to people, which says what may be, not what is.
_UNSURE = re.compile(r"\b(may|might) (not|have|be)\b|possibl|perhaps|il se peut|vielleicht|es posible|pode|可能")
_ADDRESS_CODE = re.compile(r"5\.1\.\d{1,2}")
_AT_RECIPIENT = re.compile(
    r"rcpt|recipient command|in local recipient table|in virtual|in relay recipient|does not like recipient|"
    r"address not found|the address couldn't be found"
)
# With PIPELINING, DATA is refused because no recipient was left, not for what is in it.
_NONE_LEFT = re.compile(r"no valid recipients|5\.1\.1 \S+?\.{3} user unknown")
# The words of the system that keeps the mailboxes itself.
_FIRST_HAND = re.compile(
    r"(?<!\d\d\d )unknown user: \S+@|directory|address book|ディレクトリ|recipient name is not recogni|"
    r"does(n't| not) have an? (\S+ ){0,3}account|no longer on server|at the organization"
)
# So says, whenever it is asked, who knows all names under which it gives accounts.
_OWN_ACCOUNTS = re.compile(r"\buser does(n't| not) have an? (\S+ )?account")
# Addresses, links and hosts are full of words that are none.
_NAMES = re.compile(
    r"unknown address error|\brfc822;|[^\s<>:\"'()]{1,80}@[^\s<>:\"'()]{1,120}|<>|https?://\S{1,300}|"
    r"\b[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\.[a-z]{2,}\b\.?"
)
_LONGEST = 2_000


def folded(text: str) -> str:
    """Return text in lower case, in one line, with straight apostrophes, and cut."""
    return " ".join(text[: 2 * _LONGEST].lower().replace("’", "'").split())[:_LONGEST]


def status(field: str, text: str) -> str:
    """Return the most telling code of RFC 3463: that of a Status field, or of the words where it is a generic one."""
    given = STATUS.search(field)
    said = _CODE_BEFORE.search(text) or STATUS.search(text)
    told = said[said.lastindex or 1] if said else ""
    if given and (not told or not given[1].endswith(".0.0")):
        return given[1]
    return told or (given[1] if given else "")


def by_words(text: str) -> Told | None:
    """Return the kind and the cause that words tell, or None where they say nothing; `text` is folded."""
    return next(((kind, cause) for kind, cause, pattern in _WORDS if pattern.search(text)), None)


def judge(code: str, text: str, context: str = "") -> Literal["hard", "soft"]:
    """Return hard or soft from a code (RFC 3463, or empty), the words on an address, and words on the whole report.

    The context is asked where the words say nothing; it may make a hard one soft, never a soft one hard.
    """
    said, around = _plain(text), _plain(context)
    # The server that wrote the report may have made up a code of its own for another that it was told.
    told = _CODE_BEFORE.search(said)
    if any(_NEVER_HARD.fullmatch(one) for one in (code, told[2] if told else "")) or _AT_SENDER.search(said):
        return "soft"
    reply = _REPLY.search(said)
    if not code and reply and reply[1].startswith("4"):
        return "soft"
    dead = _HARD_CODE.fullmatch(code) is not None
    # What the other server answered tells more than what is said around it.
    answer = said[reply.start() :] if reply else said
    wider = SOFT if _UNSURE.search(around) and not dead else by_words(around)
    verdict, cause = by_words(answer) or by_words(said) or wider or (HARD if dead else SOFT)
    coded = _ADDRESS_CODE.fullmatch(code)
    if verdict == "hard" and not coded and not _believed(folded(f"{text} {context}"), cause):
        return "soft"
    full = by_words(around) == ("soft", "full")
    return "soft" if full else verdict


def _plain(text: str) -> str:
    return " ".join(_NAMES.sub(" ", folded(text)).split())


def _believed(words: str, cause: str) -> bool:
    """Tell whether an address is dead that no code calls so.

    Some receivers answer "user unknown" to a content that they do not want, after DATA or with no word on when. So it
    is believed at RCPT, and of the system that keeps the mailboxes.
    """
    if _OWN_ACCOUNTS.search(words):
        return True
    if _AFTER_DATA.search(words) and not _NONE_LEFT.search(words):
        return False
    return cause != "unknown" or any(sure.search(words) for sure in (_AT_RECIPIENT, _NONE_LEFT, _FIRST_HAND))
