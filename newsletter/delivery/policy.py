"""What a server's refusal means, and when to try again: pure decisions over codes, words and times."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from newsletter.delivery.fullness import FULL

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
    recorded as deferred: the reader can do nothing for it, and is not to lose their mail over it. `suppress` says that
    the address is dead, and must not be tried again.
    """

    result: Literal["deferred", "rejected"]
    about: About
    stop: bool = False
    suppress: bool = False


class Rule(NamedTuple):
    """What an enhanced code says, by subject and detail: whom it is about, and whether it ends the address."""

    codes: str
    about: About
    dead: bool
    source: str


# RFC 4954 section 6, and 538 of RFC 2554: without a login that it takes, the server takes nothing.
LOGIN_CODES = frozenset({530, 534, 535, 538})

# Enhanced codes by subject and detail, the first match counts. None of RFC 3463 says "you send too much", so that
# servers use several. What is dead is suppressed, unless the words say that a person lives there (`WORDS_SPARED`).
ENHANCED: tuple[Rule, ...] = (
    Rule(r"1\.1", "reader", True, "RFC 3463 section 3.2: the mailbox does not exist"),
    Rule(r"1\.2", "reader", True, "RFC 3463 section 3.2: the domain does not exist, or takes no mail"),
    Rule(r"1\.3", "reader", True, "RFC 3463 section 3.2: no mailbox can have that name"),
    Rule(r"1\.6", "reader", True, "RFC 3463 section 3.2: the mailbox has moved, and nobody knows where to"),
    Rule(r"1\.10", "reader", True, "RFC 7505 section 4.1: the domain says that it takes no mail (null MX)"),
    Rule(r"1\.7|1\.8", "us", False, "RFC 3463 section 3.2: bad sender's address, by syntax or by system"),
    Rule(r"1\..*", "reader", False, "RFC 3463 section 3.2: another fault of the address, such as two that fit it"),
    Rule(r"2\.1", "reader", True, "RFC 3463 section 3.3: the mailbox is disabled; in use for its rates as well"),
    Rule(r"2\.3", "us", False, "RFC 3463 section 3.3: the message is longer than that mailbox takes"),
    Rule(r"2\.2", "reader", False, "RFC 3463 section 3.3: the mailbox is full"),
    Rule(r"2\..*", "reader", False, "RFC 3463 section 3.3: another fault of the mailbox, such as a list without end"),
    Rule(r"3\..*", "us", False, "RFC 3463 section 3.4: the server's own state, or a message too big for it"),
    Rule(r"4\.5", "us", False, "RFC 3463 section 3.5: congestion; in use for a sender's daily quota"),
    Rule(r"4\..*", "reader", False, "RFC 3463 section 3.5: no route to the reader's server, or no answer for days"),
    Rule(r"5\..*", "us", False, "RFC 3463 section 3.6: a command, its arguments, or too many recipients (5.3)"),
    Rule(r"6\..*", "us", False, "RFC 3463 section 3.7: the content cannot be taken or converted"),
    Rule(r"7\..*", "us", False, "RFC 3463 section 3.8, RFC 7372: policy, authentication, signatures, reputation"),
)

# RFC 6531 section 4.3: the way to that mailbox takes no international addresses; some servers say so at MAIL already.
INTERNATIONAL = frozenset({"6.7", "6.9"})

# X.0.0 says nothing (RFC 3463 section 3.1), and X.5.0 nothing that counts beside words about the mailbox of a RCPT.
_UNSAID = "0.0"
_UNSAID_OF_RCPT = "5.0"

# Where a server gave no enhanced code, or one that says nothing, its words count.
WORDS_ABOUT_US = re.compile(
    r"block|black\s?list|deny|denied|polic|spam|junk|reputation|relay|quota|\brate\b|limit|too many|authenti|"
    r"dmarc|dkim|\bspf\b|not allowed|not permitted|unsolicited|content|virus|reverse dns|\bptr\b",
    re.IGNORECASE,
)
_NO_ACCOUNT = r"\b(user|recipient|addressee)\S* (doesn.?t|does not) have an? (\S+ )?account\b"
# A mailbox that is over its quota is the reader's, though the word is also used for senders.
WORDS_ABOUT_READER = re.compile(
    r"mailbox|user (is )?unknown|unknown user|no such|does not exist|recipient.*full|" + _NO_ACCOUNT + "|"
    # Of "this account" alone a relay may speak as well that means ours.
    r"message to \S+ cannot be delivered\. this account",
    re.IGNORECASE,
)

# What is said of whoever sends counts more than a code: many servers give one of the mailbox's to a quota of ours.
WORDS_ABOUT_OURS = re.compile(
    # How much we may send.
    r"(mails|messages|recipients|defers|failures)\W+per (second|minute|hour|day|month)|exceeded the max (e-?)?mails|"
    r"\b(mail|message|sending) rate\b|\b(hourly|daily|weekly|monthly|sending|submission|outgoing|outbound|relay) "
    r"((e-?)?mail |message |sending |recipient |rate ){0,2}(limit|quota|allowance)|\bsubmission\W?(exception|quota)|"
    r"submissionquota|unusual sending|"
    # Who we are.
    r"smtp auth|auth\w+ (is )?(required|needed|first)|log ?(in|on) (first|required)|(please|must) (log ?(in|on)|auth)|"
    r"not (logged in|authenticated)|message submission|sendasdenied|rcpthosts|"
    # Whether we may still send, and paid for it.
    r"\b(your|sender'?s?) ((e-?)?mail |user |smtp |sending )?account\b|"
    r"\bsending\b.{0,40}\b(disabled|suspended|blocked|not allowed|forbidden)|non-?payment|unpaid|"
    r"\b(insufficient|no|not enough|out of) credits?\b|\b(your|monthly|free) plan\b",
    re.IGNORECASE,
)
# Of an account and no more a server may speak that means the one that we log in with.
_ACCOUNT_OF_NOBODY = re.compile(
    r"(?<!user )(?<!recipient )(?<!mail )(?<!recipient's )(?<!user's )(?<!their )\baccount "
    r"((is|was|has been|temporarily|currently) ){0,2}(disabled|suspended|locked|blocked|terminated|on hold)",
    re.IGNORECASE,
)
# The codes by which it is the address all the same, whatever else the words say.
_OF_THE_ADDRESS = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10"})

# Servers check the return path as late as RCPT, and say of it what they say of readers: a mailbox that is not there.
WORDS_ABOUT_SENDER = re.compile(
    r"sender (address )?(was )?(rejected|refused|denied|unknown|verif|not found|invalid)|sender verif|"
    r"verification failed for|(invalid|unknown|bad) (envelope )?sender|return[- ]?path|mail from",
    re.IGNORECASE,
)

# Somebody lives there: the mailbox is full, gets too much at once, or has a filter that took offence.
WORDS_ALIVE = re.compile(
    r"\bfull\b|\bfilled\b|capacity|\bvoll\b|quota|storage|exceed|over (its |the )?limit|\brates?\b|rate.?limit|"
    r"too (many|much|fast|quickly)|\bfilter(s|ed|ing)?\b|spam|junk|polic|block|content|reputation|black\s?list|"
    r"temporar|\blater\b",
    re.IGNORECASE,
)
# Beside a code that says that the mailbox is gone, talk of policies and blocks is advice to whoever wrote.
WORDS_SPARED = re.compile(
    r"\bfull\b|\bfilled\b|capacity|\bvoll\b|quota|exceed|over (its |the )?limit|\brates?\b|rate.?limit|"
    r"too (many|much|fast|quickly)|\bfilter(s|ed|ing)?\b|spam|junk|temporar",
    re.IGNORECASE,
)
# A mailbox that is full, in any language; a limit of sizes is no more the end of an address.
_FULL = re.compile("|".join((*FULL, r"size limit", r"\b(pleine|llen[oa]|pien[oa])\b")), re.IGNORECASE)
# Addresses, links and quoted names are full of words that are none.
_NAMES = re.compile(r"\S+@\S+|https?://\S+|\"[^\"]{1,64}\"|'[^']{1,64}'")
# What servers without an enhanced code say of a mailbox that is not there.
WORDS_DEAD = re.compile(
    r"(user|recipient|mailbox|address|account)( name)?( is| was)? (unknown|not found|disabled|inactive|invalid)|"
    r"(unknown|invalid|no such) (local )?(user|recipient|mailbox|address|account)|"
    r"(does not|doesn't|doesnt) exist|no mailbox|not a (valid|known) (user|mailbox|recipient)|user not found|"
    + _NO_ACCOUNT,
    re.IGNORECASE,
)

# RFC 5321 section 4.2.3, for a refused RCPT whose words say nothing: 550, 551, 553 name the mailbox, 552 its storage.
# RFC 7504 section 4: 556 says that the domain takes no mail.
MAILBOX_CODES = frozenset({550, 551, 552, 553, 556})
# Those whose words may say that the mailbox is not there.
DEAD_CODES = frozenset({550, 551, 553, 554})

_ENHANCED = re.compile(r"([245])\.([0-9]{1,3}\.[0-9]{1,3})(?!\S)[ \t]*")
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
    text = " ".join(lines)
    if not text.isprintable():
        text = _UNPRINTABLE.sub(" ", text)
    return Reply(code, enhanced, text.strip()[:_LONGEST_TEXT])


def about(stage: Stage, reply: Reply) -> About:
    """Tell whom a refusal is about: the reader and their mailbox, or us."""
    detail = reply.enhanced.partition(".")[2]
    if detail in INTERNATIONAL:
        return "reader"
    if stage == "mail" or reply.code in LOGIN_CODES or WORDS_ABOUT_SENDER.search(reply.text):
        return "us"
    if detail not in _OF_THE_ADDRESS and WORDS_ABOUT_OURS.search(_NAMES.sub(" ", reply.text)):
        return "us"
    if detail == _UNSAID_OF_RCPT and stage == "rcpt" and WORDS_ABOUT_READER.search(reply.text):
        return "reader"
    if detail and detail != _UNSAID:
        rule = rule_for(reply.enhanced)
        return rule.about if rule is not None else "us"
    if WORDS_ABOUT_READER.search(reply.text):
        return "reader"
    if stage == "data" or WORDS_ABOUT_US.search(reply.text) or _ACCOUNT_OF_NOBODY.search(reply.text):
        return "us"
    return "reader" if reply.code in MAILBOX_CODES else "us"


def rule_for(enhanced: str) -> Rule | None:
    """Return what an enhanced code such as 5.1.1 says; None for one that is not known."""
    detail = enhanced.partition(".")[2]
    return next((rule for rule in ENHANCED if re.fullmatch(rule.codes, detail)), None)


def dead(stage: Stage, reply: Reply) -> bool:
    """Tell whether a refusal for good of RCPT or of the message says that the address is no more."""
    if stage == "mail":
        return False
    rule = rule_for(reply.enhanced)
    if rule is not None and rule.dead:
        words = _NAMES.sub(" ", reply.text)
        return WORDS_SPARED.search(words) is None and _FULL.search(words) is None
    if _alive(reply.text):
        return False
    # x.0.0, 5.1.0 and 5.2.0 name no fault (RFC 3463 sections 3.1 to 3.3), so the words do.
    vague = reply.enhanced in ("", "5.0.0", "5.1.0", "5.2.0")
    if stage != "rcpt" or not vague:
        return False
    return reply.code == 556 or (reply.code in DEAD_CODES and WORDS_DEAD.search(reply.text) is not None)


def judge(stage: Stage, reply: Reply) -> Verdict:
    """Return what follows from a refusal of MAIL, of RCPT, or of DATA and the body."""
    whom = about(stage, reply)
    if reply.temporary:
        return Verdict("deferred", whom)
    # RFC 1870 section 6.1: the size is that of one message, and another try would not make it smaller.
    too_big = reply.enhanced in ("5.2.3", "5.3.4") or (stage == "mail" and reply.code == 552)
    if whom == "reader" or too_big:
        return Verdict("rejected", whom, suppress=whom == "reader" and dead(stage, reply))
    # The sender is the same for all.
    return Verdict("deferred", whom, stop=stage == "mail" or reply.code in LOGIN_CODES)


def weigh(kind: str, status: str, words: str) -> Literal["dead", "counts", "nothing"]:
    """Return what a bounce that came back says of an address: dead, one more that counts, or nothing at all.

    A `kind` of hard is believed unless its words or a code about policy speak against it. What is about us says
    nothing, however often it comes: a server that blocks this newsletter for a week would take it from all its readers.
    """
    if WORDS_ABOUT_SENDER.search(words):
        return "nothing"
    if kind == "hard" and not status.startswith(("4.7.", "5.7.")):
        return "counts" if _alive(words) else "dead"
    return "nothing" if about("rcpt", Reply(550, status, words)) == "us" else "counts"


def _alive(words: str) -> bool:
    plain = _NAMES.sub(" ", words)
    return WORDS_ALIVE.search(plain) is not None or _FULL.search(plain) is not None


def next_pause(attempts: int, first: float, longest: float, chance: random.Random) -> float:
    """Return how many seconds to wait after so many attempts: doubling from `first`, never above `longest`.

    Up to a quarter is added by chance, or at the longest up to a fifth taken off, so that what failed together does not
    come back together.
    """
    doubled = first * 2.0 ** min(max(attempts - 1, 0), 60)
    return min(longest, doubled * 1.25) * chance.uniform(0.8, 1.0)


def give_up(queued_at: datetime, now: datetime, give_up_after: float) -> bool:
    """Tell whether a temporary failure has lasted so long, in seconds, that it is final (RFC 5321 section 4.5.4.1)."""
    return now - queued_at >= timedelta(seconds=give_up_after)


def reconnect_pause(failures: int, pauses: Sequence[float], chance: random.Random) -> float:
    """Return how many seconds to wait before a new connection after so many failures in a row."""
    return pauses[min(failures, len(pauses)) - 1] * chance.uniform(0.75, 1.25)
