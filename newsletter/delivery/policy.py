"""What a server's refusal means, and when to try again: pure decisions over codes, words and times."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Stage = Literal["mail", "rcpt", "data"]
About = Literal["reader", "us"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered: its code, the enhanced code of RFC 3463 (empty where it gave none), and its words."""

    code: int
    enhanced: str
    text: str

    @property
    def temporary(self) -> bool:
        """Tell whether it asks to try later (RFC 5321 section 4.2.1)."""
        return 400 <= self.code < 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to make of a refusal.

    `stop` says that the next message would be refused as this one was. A refusal for good that is `about` us is
    recorded as deferred: the reader can do nothing for it, and is not to lose their mail over it.
    """

    result: Literal["deferred", "rejected"]
    about: About
    stop: bool = False


# RFC 4954 section 6, and 538 of RFC 2554: without a login that it takes, the server takes nothing.
LOGIN_CODES = frozenset({530, 534, 535, 538})

# Enhanced codes by subject and detail, the first match counts. None of RFC 3463 says "you send too much", so that
# servers use several.
ENHANCED: tuple[tuple[str, About, str], ...] = (
    (r"1\.7|1\.8", "us", "RFC 3463 section 3.2: bad sender's address, by syntax or by system"),
    (r"1\..*", "reader", "RFC 3463 section 3.2: mailbox or its domain does not exist, moved; RFC 7505: no mail there"),
    (r"2\.3", "us", "RFC 3463 section 3.3: the message is longer than that mailbox takes"),
    (r"2\..*", "reader", "RFC 3463 section 3.3: mailbox disabled, full, or a list that does not expand"),
    (r"3\..*", "us", "RFC 3463 section 3.4: the server's own state, or a message too big for it"),
    (r"4\.5", "us", "RFC 3463 section 3.5: congestion; in use for a sender's daily quota"),
    (r"4\..*", "reader", "RFC 3463 section 3.5: no route to the reader's server, or it did not answer for days"),
    (r"5\..*", "us", "RFC 3463 section 3.6: a command, its arguments, or too many recipients (5.3)"),
    (r"6\..*", "us", "RFC 3463 section 3.7: the content cannot be taken or converted"),
    (r"7\..*", "us", "RFC 3463 section 3.8 and RFC 7372: policy, authentication, signatures, reputation"),
)

# RFC 6531 section 4.3: the way to that mailbox takes no international addresses; some servers say so at MAIL already.
INTERNATIONAL = frozenset({"6.7", "6.9"})

# Where a server gave no enhanced code, or one that says nothing (x.0.0), its words count.
WORDS_ABOUT_US = re.compile(
    r"block|black\s?list|deny|denied|polic|spam|junk|reputation|relay|quota|\brate\b|limit|too many|authenti|"
    r"dmarc|dkim|\bspf\b|not allowed|not permitted|unsolicited|content|virus|reverse dns|\bptr\b",
    re.IGNORECASE,
)
# A mailbox that is over its quota is the reader's, though the word is also used for senders.
WORDS_ABOUT_READER = re.compile(
    r"mailbox|user (is )?unknown|unknown user|no such|does not exist|recipient.*full", re.IGNORECASE
)

# RFC 5321 section 4.2.3, for a refused RCPT whose words say nothing: 550, 551, 553 name the mailbox, 552 its storage.
MAILBOX_CODES = frozenset({550, 551, 552, 553})

_ENHANCED = re.compile(r"([245])\.(\d{1,3}\.\d{1,3})(?!\S)[ \t]*")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_LONGEST_TEXT = 500


def read(code: int, message: str) -> Reply:
    """Return a reply with its enhanced code taken out of its words.

    `message` has the lines of the reply without their codes. An enhanced code stands first in each line (RFC 2034
    section 4), and its class is that of the code, else it is not believed.
    """
    enhanced = ""
    lines = []
    for line in message.splitlines():
        found = _ENHANCED.match(line)
        if found and found[1] == str(code)[:1]:
            enhanced = enhanced or f"{found[1]}.{found[2]}"
            line = line[found.end() :]
        lines.append(line)
    return Reply(code, enhanced, _UNPRINTABLE.sub(" ", " ".join(lines)).strip()[:_LONGEST_TEXT])


def about(stage: Stage, reply: Reply) -> About:
    """Tell whom a refusal is about: the reader and their mailbox, or us."""
    detail = reply.enhanced.partition(".")[2]
    if detail in INTERNATIONAL:
        return "reader"
    if stage == "mail" or reply.code in LOGIN_CODES:
        return "us"
    if detail and detail != "0.0":
        return next((whom for pattern, whom, _ in ENHANCED if re.fullmatch(pattern, detail)), "us")
    if WORDS_ABOUT_READER.search(reply.text):
        return "reader"
    if stage == "data" or WORDS_ABOUT_US.search(reply.text):
        return "us"
    return "reader" if reply.code in MAILBOX_CODES else "us"


def judge(stage: Stage, reply: Reply) -> Verdict:
    """Return what follows from a refusal of MAIL, of RCPT, or of DATA and the body."""
    whom = about(stage, reply)
    if reply.temporary:
        return Verdict("deferred", whom)
    # RFC 1870 section 6.1: the size is that of one message, and another try would not make it smaller.
    too_big = reply.enhanced in ("5.2.3", "5.3.4") or (stage == "mail" and reply.code == 552)
    if whom == "reader" or too_big:
        return Verdict("rejected", whom)
    # The sender is the same for all.
    return Verdict("deferred", whom, stop=stage == "mail" or reply.code in LOGIN_CODES)


def next_pause(attempts: int, first: float, longest: float, chance: random.Random) -> float:
    """Return how many seconds to wait after so many attempts: doubling from `first`, never above `longest`.

    Up to a quarter is added by chance, so that what failed together does not come back together.
    """
    doubled = first * 2.0 ** min(max(attempts - 1, 0), 60)
    return min(longest, doubled * chance.uniform(1.0, 1.25))


def give_up(queued_at: datetime, now: datetime, give_up_after: float) -> bool:
    """Tell whether a temporary failure has lasted so long, in seconds, that it is final (RFC 5321 section 4.5.4.1)."""
    return now - queued_at >= timedelta(seconds=give_up_after)


def reconnect_pause(failures: int, pauses: Sequence[float], chance: random.Random) -> float:
    """Return how many seconds to wait before a new connection after so many failures in a row."""
    return pauses[min(failures, len(pauses)) - 1] * chance.uniform(0.75, 1.25)
