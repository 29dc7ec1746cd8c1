"""Reports in running text, as mail servers wrote them before RFC 3464 and some still do: who, and the words on each.

One reader for all families: the lines before the returned message, the addresses in them by the places where such
reports put them, and for each the lines that follow. Judges nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newsletter.delivery.bounces import address, tongues
from newsletter.delivery.bounces.mime import Mail, words

_MOST_TEXT = 200_000
_MOST_LINES = 2_000
_LONGEST_LINE = 1_000
_MOST_ADDRESSES = 100
_BLOCK = 14

# Where the returned message begins.
_CUT = re.compile(
    r"^[\s>*|#=_-]*(original (message|mail|e-?mail)( headers?| text)?( as)?( follows| below)?[\s:.=|_-]*$|"
    r"(the )?(unsent|returned|undelivered|original|message) (message|text|headers?|mail|contents?)\b.{0,40}\bfollows?|"
    r"message (text |headers? |header )?follows?|below (this line )?is (a copy of )?the |this is a copy of |"
    r"included is a copy of |(the )?header of the original|original mail as follows|begin(ning of)? (original|"
    r"returned)|"
    r"(the )?(body|text|header)s? of (your|the) (original )?message|message contents? follows?|here is (a|your) copy|"
    r"the (first|original) \d* ?(lines|message) (of|is|was|follows)|returned message|start of (the )?(returned|"
    r"original))",
    re.IGNORECASE,
)
_HEADER = re.compile(r"^[\s>|]{0,6}(received:\s+(from|by|\()|return-path:\s*<|delivered-to:\s)", re.IGNORECASE)
_HEADER_LINE = re.compile(
    r"^(received|from|to|subject|date|message-id|return-path|mime-version|content-type|delivered-to)\s?:", re.IGNORECASE
)

# What tells that somebody's server speaks.
_FROM = re.compile(
    r"mailer[-_ .]?daemon|postmaster|mail[-_ .]?deliver|delivery[-_ .]?(sub)?system|mdaemon|mail[-_ .]?admin|"
    r"mail ?system|"
    r"no-?reply|bounce|mmdf|interscan|mail server|daemon|system administrator|microsoft exchange|administrator",
    re.IGNORECASE,
)
_SERVER = re.compile(r"mailer[-_ .]?daemon|postmaster|mail[-_ .]?deliver|delivery", re.IGNORECASE)
_SUBJECT = re.compile(
    r"undeliver|deliver(y|ed|ing)?\b.{0,30}(fail|error|status|problem|report|notif|unsuccess|impossible|delay)|"
    r"(fail|unable|error|problem|not|non|couldn't|could not)\w*\b.{0,40}deliver|returned (to|mail|message|e-?mail)|"
    r"failure (notice|delivery)|(mail|message|e-?mail)\b.{0,20}(fail|error|return|reject|bounced|problem|delay)|"
    r"returning (to|message)|non remis|unzustellbar|échec|non[- ]?deliver|rejected|nondeliverable|user unknown|"
    r"message status|bounce|dsn:|there was an error sending|loop alert|配信|エラー|не доставлено|warning: could not|"
    r"mail ?failure|" + tongues.CAME_BACK,
    re.IGNORECASE,
)
_BODY = re.compile(
    r"could ?n[o']t be (delivered|sent)|(cannot|can't|can not|was not|wasn't|not be|un)(be )? ?deliver|"
    r"unable to (deliver|reach)|"
    r"undeliver|able to deliver|(delivery|delevery) (to the following|has failed|failed|of the following|"
    r"failure|failures|attempt|error|"
    r"was aborted|for the following)|permanent(ly)? (error|fatal|failed|failure)|did not reach|not reach the following|"
    r"returned (message|mail|to sender|below|permanent)|rejected by|transcript of session|(error|trouble|"
    r"problem) (occurred )?"
    r"(while|sending|delivering|attempting|in delivering|with delivery)|following (address|recipient)|"
    r"failed (address|recipient)|fatal errors|"
    r"delivery errors|mail system|qmail-send|responded with failure|said: [45]|remote host said|"
    r"did not like our|duplicated message-id|is delayed|could not send|no valid recipients|did not accept|not accepted|"
    r"couldn't deliver|wasn't delivered|配信でき|届け|送信でき|送れません|could not be reached|impossible de|non remis|"
    r"message was rejected|mail was rejected|user unknown|the following reason|konnte nicht|nicht zugestellt|"
    r"не может быть|\b[45]\d\d[ -]#?[45]\.\d{1,3}\.\d{1,3}\b|" + tongues.NOT_DELIVERED,
    re.IGNORECASE,
)
_SURE = re.compile(
    r"could not be delivered to: ?<|this is the qmail-send program|sorry to have to inform you|"
    r"this message was created automatically by mail delivery|transcript of session follows|"
    r"-----the following addresses had|the following addresses had (permanent|delivery)|unable to deliver message to",
    re.IGNORECASE,
)
_AUTOMATIC = re.compile(
    r"auto(matic|mated)?[- _]?(reply|response|responder|antwort)|out of (the )?office|vacation|on (annual )?leave|"
    r"away from|" + tongues.AWAY + r"|ticket|\[#\d+\]|request received|"
    r"case \d|confirm your|verify your|challenge|whitelist|on holiday|read:|gelesen:|lu\xa0?:",
    re.IGNORECASE,
)
_DELAYED = re.compile(
    r"this is a warning( message)? only|warning message only|you do not need to resend|still (being retried|"
    r"undelivered)|"
    r"will (be retried|keep trying|continue to|try again)|not yet been delivered|delivery .{0,20}(has been )?delayed|"
    r"is delayed for|delayed for more than|temporary failure report|no action is required on your part",
    re.IGNORECASE,
)
_GIVEN_UP = re.compile(
    r"i'?m not going to try|permanent (error|failure)|failed permanently|has failed|gave up|given up|giving up|"
    r"no (further|more) (delivery )?attempts|could not be delivered to|undeliverable",
    re.IGNORECASE,
)

# Where an address stands: at the start of its line, after a label, after a word of failing.
_LED = re.compile(r"^[\s>*•#|-]{0,12}[\"'<(\[]{0,2}" + address.ADDRESS.pattern + r"(.?)")
_BRACKETED = re.compile(r"^\s{0,8}[^\s<>:@]{1,64}@[^\s<>:@]{1,200} <" + address.ADDRESS.pattern + r">:")
_ACCUSED = re.compile(r"\s{0,8}<[^\s<>]{1,300}>(:| \()")
# One line of a transcript tells of one address.
_TRANSCRIBED = re.compile(r"\s{0,4}[45]\d\d( \S+)? <?\S{1,120}@\S{1,200}\.\.\. \S")
_LABELLED = re.compile(
    r"\b(rcpt to|recipients?|recipient address(es)?|failed recipients?|to|user|mailbox|address(es)?|original address|"
    r"deliver(y|ed|ing)?( (this|your|the))?( (mail|message|e-?mail))?( failed)? (to|for)|(sent|reach|message|"
    r"mail) (to|for)|"
    r"errors?|宛先|account|undeliverable to|failed for|[45]\d\d( #?[45]\.\d\.\d+)?)\s?[:=]?\s{0,4}[\"'<(]{0,2}"
    r"(?=[^\s<>@]{1,64}@)",
    re.IGNORECASE,
)
_NOT_THEIRS = re.compile(
    r"\b(from|sender|return-path|message-id|mail from|reply-to|contact|help|assist\w*|question\w*|postmaster|"
    r"reporting-mta|"
    r"envelope-from|received|references|cc|subject|by mail|please (send|e?-?mail|forward)|mailto:abuse)\b[^@]{0,60}$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the text says of one address: the words at it, and the whole text."""

    address: str
    words: str
    context: str
    delayed: bool


def readable(mail: Mail) -> list[str]:
    """Return the lines that a report says itself, without the message that it returns."""
    return list(_lines(mail))


def automatic(mail: Mail) -> bool:
    """Tell whether a mail is a person's program answering: vacation, ticket, challenge (RFC 3834 section 5)."""
    subject = words(mail.first("subject"))
    # Servers mark their reports so as well, and say so by their name and their null return path.
    if _SUBJECT.search(subject) and _FROM.search(words(mail.first("from"))):
        return False
    marked = mail.first("auto-submitted").strip().lower().startswith(("auto-replied", "auto-notified"))
    precedence = mail.first("precedence").strip().lower() in ("auto_reply", "auto-reply")
    named = any(name in mail.fields for name in ("x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply-from"))
    if named or precedence or _AUTOMATIC.search(subject):
        return True
    return marked and not _SERVER.search(words(mail.first("from"))) and not mail.first("x-failed-recipients")


def told(mail: Mail) -> list[Told]:
    """Return what a report in running text says of each address, or nothing where the mail is no report."""
    lines = readable(mail)
    text = "\n".join(lines)
    if automatic(mail) or not _is_report(mail, text):
        return []
    subject = words(mail.first("subject"))
    delayed = bool(_DELAYED.search(f"{subject}\n{text}")) and not _GIVEN_UP.search(text)
    found = _addresses(mail, lines)
    # With several addresses, the words at one say nothing of another.
    first = (
        next((n for n, line in enumerate(lines) if any(one in line for one in found)), 0) if len(found) > 1 else None
    )
    context = "\n".join([subject, *lines[:first]])
    return [Told(one, at(lines, one, found), context, delayed) for one in found[:_MOST_ADDRESSES]]


def at(lines: Sequence[str], one: str, others: Sequence[str]) -> str:
    """Return the lines that speak of an address: those that name it, and what follows up to another of them."""
    key, rest = one.casefold(), [other.casefold() for other in others if other.casefold() != one.casefold()]
    lowered = [line.casefold() for line in lines]
    taken: list[int] = []
    for start, line in enumerate(lowered):
        if key not in line or (taken and start <= taken[-1]):
            continue
        for number in range(start, min(start + _BLOCK, len(lines))):
            if number > start and any(other in lowered[number] for other in rest):
                break
            taken.append(number)
            if _TRANSCRIBED.match(line) and not "".join(lines[number + 1 : number + 2])[:1].isspace():
                break
        if len(taken) > 4 * _BLOCK:
            break
    return "\n".join(lines[number] for number in taken).strip()


def _is_report(mail: Mail, text: str) -> bool:
    head = text[:20_000]
    if head.lstrip().startswith("{"):
        return False
    sender = f"{words(mail.first('from'))} {'mailer-daemon' if mail.first('return-path').strip() == '<>' else ''}"
    signs = [
        bool(_FROM.search(sender)) or not mail.first("from"),
        bool(_SUBJECT.search(words(mail.first("subject")))),
        bool(_BODY.search(head)),
        bool(mail.first("x-failed-recipients")),
    ]
    return bool(_SURE.search(head)) or sum(signs) >= 2


def _lines(mail: Mail) -> Iterator[str]:
    plain = [part.text for part in mail.parts if part.type == "text/plain"]
    texts = [text for text in plain if text.strip()] or [unmarked(p.text) for p in mail.parts if p.type == "text/html"]
    count = 0
    for position, text in enumerate(texts[:3]):
        if position and _is_original(text):
            return
        for line in (whole[:_LONGEST_LINE] for whole in text[:_MOST_TEXT].splitlines()):
            if _CUT.match(line) or _HEADER.match(line):
                if count:
                    return
                continue
            count += 1
            if count > _MOST_LINES:
                return
            yield line


def _is_original(text: str) -> bool:
    # A returned message in a part that does not say so starts with its header.
    return sum(bool(_HEADER_LINE.match(line)) for line in text.lstrip().splitlines()[:8]) >= 2


def unmarked(markup: str) -> str:
    """Return the text of HTML, roughly: without tags, styles and scripts."""
    pieces = re.split(r"<(?:style|script)\b", markup[:_MOST_TEXT], flags=re.IGNORECASE)
    kept = pieces[:1] + [
        re.split(r"</(?:style|script)", piece, maxsplit=1, flags=re.IGNORECASE)[-1] for piece in pieces[1:]
    ]
    broken = re.sub(r"<(?:br|/p|/div|/tr|/li|p|div)\b[^<>]{0,500}>", "\n", "".join(kept), flags=re.IGNORECASE)
    bare = re.sub(r"<[^<>]{0,2000}>", " ", broken)
    for entity, sign in (
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&nbsp;", " "),
        ("&quot;", '"'),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ):
        bare = bare.replace(entity, sign)
    return bare


def _addresses(mail: Mail, lines: Sequence[str]) -> list[str]:
    ours = address.find(f"{mail.first('from')} {mail.first('to')} {mail.first('delivered-to')}"[:4_000])
    text = "\n".join(lines).casefold()
    failed = address.find(mail.first("x-failed-recipients")[:8_000])
    named = [one for one in failed if one.casefold() in text]
    for found in (
        named,
        _unlike(_led(lines), ours),
        failed,
        _unlike(_labelled(lines), ours),
        _unlike(_any(lines), ours),
    ):
        if found:
            return found
    # Nothing but the sender's own address, which may be the one that failed; else the returned message tells.
    mentioned = _unlike(_led(lines), []) or _unlike(_labelled(lines), [])
    return mentioned or _unlike(_of_original(mail), ours)[:1] or _of_original(mail)[:1]


def _unlike(found: Iterator[str] | list[str], ours: Sequence[str]) -> list[str]:
    return [one for one in dict.fromkeys(found) if not address.same(one, ours)]


def _led(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        match = _BRACKETED.match(line) or _LED.match(line)
        # Who is named so is not merely somebody to ask.
        if match and (_ACCUSED.match(line) or not address.ROLE.match(match[1])):
            yield address.clean(match[1], match[2])


def _labelled(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        for label in _LABELLED.finditer(line):
            match = address.ADDRESS.match(line, label.end())
            near = line[max(0, label.start() - 60) : label.start()]
            if match and not address.ROLE.match(match[1]) and not _NOT_THEIRS.search(near):
                yield address.clean(match[1], match[2])


def _any(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        for match in address.ADDRESS.finditer(line):
            near = line[max(0, match.start() - 80) : match.start()]
            if not address.ROLE.match(match[1]) and not _NOT_THEIRS.search(near):
                yield address.clean(match[1], match[2])


def _of_original(mail: Mail) -> list[str]:
    for part in reversed(mail.parts):
        if part.type not in ("message/rfc822", "text/rfc822-headers", "text/plain"):
            continue
        recipients: list[str] = []
        for line in part.text[:60_000].splitlines():
            lowered = line[:_LONGEST_LINE].strip().lower()
            if lowered.startswith(
                ("to:", "x-envelope-to:", "envelope-to:", "x-original-to:", "delivered-to:", "for <")
            ):
                recipients += address.find(line[:_LONGEST_LINE])
        if recipients:
            return recipients
    return []
