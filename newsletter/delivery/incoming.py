"""What a mail that came in says of itself: to whom it came, from whom, what it asks for; decides nothing."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.utils import getaddresses, parsedate_to_datetime
from typing import Literal, NamedTuple

from newsletter.delivery import replies
from newsletter.delivery.bounces import mime
from newsletter.delivery.bounces.mime import Mail
from newsletter.delivery.own_words import own_lines
from newsletter.delivery.replies import Reply

# A report larger than this holds an attachment that nobody sent; it is left where it is, and told.
LARGEST = 10_000_000


class Arrival(NamedTuple):
    """One mail that came in.

    `name` tells people where it is. `content` is None for one of more than LARGEST bytes. `recipient` is that of the
    envelope, where it is known.
    """

    name: str
    content: bytes | None
    recipient: str = ""


class Wish(NamedTuple):
    """What a reader asks for, and with what proof; `confirm` is the word of somebody who is about to be one.

    More and less have the `mark` of a paper in the mail of the token. A pause ends on the day `until`, as it is
    written, or after so many `days`; with neither it has no end.
    """

    verb: Literal["more", "less", "pause", "resume", "confirm"]
    token: str
    mark: str = ""
    until: str = ""
    days: int | None = None


class Incoming(NamedTuple):
    """What a mail says of itself.

    `recipients` are all addresses that it may have come to, the surest first. `leaving` says that it asks to
    unsubscribe, `token` with what proof; `wish` is what else it asks for. `automatic` tells that no person wrote it.
    `quoted` are the Message-IDs in it but its own. `digest` is equal for all copies of it. `reply` is what its writer
    wrote as an answer to a mail of ours, `answers` the Message-IDs that it says to answer, the nearest first; `written`
    is its Date, and `subject` has no prefix of programs.
    """

    recipients: tuple[str, ...]
    sender: str
    leaving: bool
    token: str
    automatic: bool
    quoted: tuple[str, ...]
    digest: str
    wish: Wish | None = None
    reply: Reply = replies.NOTHING
    answers: tuple[str, ...] = ()
    message_id: str = ""
    subject: str = ""
    written: datetime | None = None


# What servers note of the envelope (RFC 5321 has no field for it), then what the writer had in mind.
_RECIPIENTS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To", "Cc")

# All that programs put before a subject when they answer or forward, in the languages of Outlook.
_PREFIX = r"(?:(?:re|aw|antw|sv|vs|ref|rif|res|odp|fwd?|wg|tr|rv|vb)\s*(?:\[\d+\])?\s*[:\uff1a]\s*)*"
_PREFIXES = re.compile(_PREFIX, re.IGNORECASE)
# What people write who were not led by a link: a whole line, in their own language.
_GOING = (
    r"(?:please\s+)?(?:unsubscribe|remove\s+me)(?:\s+(?:me|request|please)){0,2}"
    r"(?:\s+from\s+(?:(?:this|the|your)\s+)?(?:mailing\s?)?(?:list|newsletter))?|"
    r"(?:bitte\s+)?(?:(?:den\s+|diesen\s+)?newsletter\s+)?(?:abmelden|abbestellen|austragen|abmeldung|abbestellung)|"
    r"(?:se\s+|me\s+)?d[ée]s(?:abonner|abonnement|inscription|inscrire|abonnez-moi|inscrivez-moi)|"
    r"(?:dar(?:me|se)\s+de\s+)?baja|cancelar\s+(?:la\s+|a\s+)?(?:suscripci[óo]n|subscrição|assinatura|inscrição)|"
    r"disiscri(?:vimi|zione|vermi)|cancellami|afmelden|uitschrijven|avregistrera|avprenumerera|afmeld|frameld|avmeld|"
    r"wypisz(?:\s+mnie)?|rezygnuj[eę]|odhlásit|leiratkozás|dezabonare|отпи(?:саться|шите(?:\s+меня)?)|відписатися|"
    r"abonelikten\s+çık|配信停止|購読解除|退订|退訂|取消订阅|取消訂閱|수신\s?거부|구독\s?취소"
)
_LEAVING = re.compile(rf"{_PREFIX}(?:unsubscribe\s+(?P<token>[A-Za-z0-9_.~-]{{8,400}})|{_GOING})[\s.!]*", re.IGNORECASE)

# A tag of `tokens.Signer`, and with the mark of a paper behind it.
_TAG = r"[0-9a-f]{1,16}-[0-9a-f]{16}"
_VERDICT = re.compile(
    rf"{_PREFIX}(?P<verb>more|less)\s+(?P<token>{_TAG})-(?P<mark>[1-9][0-9]{{0,2}}-[0-9a-f]{{8}})[\s.!]*", re.IGNORECASE
)
_RESUMING = re.compile(rf"{_PREFIX}resume\s+(?P<token>{_TAG})[\s.!]*", re.IGNORECASE)
_CONFIRMING = re.compile(rf"{_PREFIX}confirm\s+(?P<token>{_TAG})[\s.!]*", re.IGNORECASE)
_PAUSING = re.compile(
    rf"{_PREFIX}pause\s+(?P<token>{_TAG})"
    r"(?:\s+(?:until\s+)?(?P<until>\d{4}-\d\d-\d\d)|\s+(?:for\s+)?(?P<number>an?|one|\d{1,3})\s+(?P<unit>day|week|month)s?)?"
    r"[\s.!]*",
    re.IGNORECASE,
)
_DAYS = {"day": 1, "week": 7, "month": 30}

# Of printable ASCII, as every Message-ID is that was made here (RFC 5322 section 3.6.4).
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,250}@[!-;=?A-~]{1,250}>")
_MOST_QUOTED = 50

# The address parser takes time that grows with the square of a field, and anyone can write one.
_LONGEST_FIELD = 4_000
_MOST_FIELDS = 20

# What is the same in all copies of one mail: fields that are added on the way are left out.
_IDENTITY = ("Message-ID", "Date", "From", "To", "Subject")


def read(arrival: Arrival) -> Incoming:
    """Return what a mail says of itself; whatever the bytes are, something is returned.

    Like the parser of reports, it looks for it in the first 512 kB and 60 parts; the digest is of the whole mail.
    """
    content = (arrival.content or b"").replace(b"\r\n", b"\n")
    mail = mime.read(content)
    lines = (_subject(mail), _first_line(mail))
    asked = _LEAVING.fullmatch(lines[0]) or _LEAVING.fullmatch(lines[1])
    named = [arrival.recipient, *_addresses(mail, _RECIPIENTS)]
    subject = _PREFIXES.sub("", lines[0], count=1).strip()
    return Incoming(
        recipients=tuple(dict.fromkeys(filter(None, named))),
        sender=_sender(mail),
        leaving=asked is not None,
        token=(asked["token"] or "") if asked else "",
        automatic=_automatic(mail),
        quoted=tuple(_quoted(mail, content)),
        digest=_digest(mail, content),
        wish=_wish(lines[0]) or _wish(lines[1]),
        reply=replies.read(own_lines(mail), subject),
        answers=tuple(_answers(mail)),
        message_id=next(_ids(mail.first("message-id")), ""),
        subject=subject,
        written=_written(mail),
    )


def _wish(line: str) -> Wish | None:
    """Return what a whole line asks for, if that is a command."""
    if found := _VERDICT.fullmatch(line):
        verb: Literal["more", "less"] = "more" if found["verb"].lower() == "more" else "less"
        return Wish(verb, found["token"], found["mark"])
    if found := _RESUMING.fullmatch(line):
        return Wish("resume", found["token"])
    if found := _CONFIRMING.fullmatch(line):
        return Wish("confirm", found["token"])
    if found := _PAUSING.fullmatch(line):
        if found["unit"] is None:
            return Wish("pause", found["token"], until=found["until"] or "")
        number = int(found["number"]) if found["number"].isdigit() else 1
        return Wish("pause", found["token"], days=number * _DAYS[found["unit"].lower()])
    return None


def _subject(mail: Mail) -> str:
    return " ".join(mime.words(mail.first("subject")).split())


def _addresses(mail: Mail, names: Iterable[str]) -> list[str]:
    fields = [value[:_LONGEST_FIELD] for name in names for value in mail.fields.get(name.lower(), ())][:_MOST_FIELDS]
    try:
        return [address for _, address in getaddresses(fields) if "@" in address]
    except RecursionError:
        # Comments within comments.
        return []


def _sender(mail: Mail) -> str:
    found = _addresses(mail, ["From"])
    # RFC 5322 section 3.6.2 allows several; then nobody knows who asks.
    return found[0] if len(found) == 1 and found[0].isprintable() else ""


# What lists and programs that answer by themselves add; the last are those of before RFC 3834.
_OF_PROGRAMS = ("list-id", "x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply-from")
# Exchange and others begin the subject of an absence with this, in the languages of the mail.
_SAYS_SO = re.compile(
    r"auto(?:matic|mated)?[- _]?(?:reply|response|responder|antwort)\b|automatische antwort\b|out of (?:the )?office\b|"
    r"abwesenheit",
    re.IGNORECASE,
)


def _automatic(mail: Mail) -> bool:
    # RFC 3834 section 5; what older programs write; RFC 5321 section 4.5.5: a null return path.
    submitted = (mail.first("auto-submitted") or "no").partition(";")[0].strip().lower()
    return (
        submitted != "no"
        or mail.first("precedence").strip().lower() in ("bulk", "junk", "list", "auto_reply", "auto-reply")
        or any(name in mail.fields for name in _OF_PROGRAMS)
        or _SAYS_SO.match(_subject(mail)) is not None
        or mail.first("return-path").strip() == "<>"
    )


def _first_line(mail: Mail) -> str:
    text = next((part.text for part in mail.parts if part.type == "text/plain"), "")
    return " ".join(next(filter(str.strip, text.splitlines()), "").split())


def _quoted(mail: Mail, content: bytes) -> Iterator[str]:
    # The head of what came back most often stands in the open; some servers encode the part that it is in.
    texts = (content[: mime.MOST_BYTES].decode("ascii", "replace"), *(part.text for part in mail.parts))
    seen = {mail.first("message-id").strip()}
    for text in texts:
        for found in _MESSAGE_ID.finditer(text):
            if len(seen) > _MOST_QUOTED:
                return
            if found[0] not in seen:
                seen.add(found[0])
                yield found[0]


def _answers(mail: Mail) -> Iterator[str]:
    # RFC 5322 section 3.6.4: the last of References is the nearest.
    near = list(_ids(mail.first("in-reply-to")))
    far = list(_ids(mail.first("references")))
    yield from dict.fromkeys([*near, *reversed(far)][:_MOST_QUOTED])


def _ids(value: str) -> Iterator[str]:
    return (found[0] for found in _MESSAGE_ID.finditer(value))


def _written(mail: Mail) -> datetime | None:
    try:
        found = parsedate_to_datetime(mail.first("date")[:100])
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return found if found.tzinfo is not None else None


def _digest(mail: Mail, content: bytes) -> str:
    made = hashlib.sha256()
    for name in _IDENTITY:
        made.update(f"{name}: {mail.first(name.lower())}\n".encode("utf-8", "replace"))
    made.update(content.partition(b"\n\n")[2].rstrip())
    return made.hexdigest()
