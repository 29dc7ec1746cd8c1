"""What a reader writes when they answer a mail of ours, as wishes: a small grammar in English and German.

It knows no reader, no day and no paper: numbers are places in that mail, days are as they were written.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from newsletter.delivery.until import When, day_at, length_at

# Wishes stand in the first lines; and one mail asks for so much at most.
_MOST_LINES = 8
_MOST_ASKS = 40
_LONGEST = 400
_MOST_WORDS = 6
_LONGEST_WORDS = 80
_MOST_UNKNOWN = 3

Verb = Literal[
    "more", "less", "saved", "seen", "more of", "less of", "mute", "hear", "pause", "resume", "cadence", "papers"
]
Whom = Literal["", "author", "word"]


class Ask(NamedTuple):
    """One wish.

    `number` is the place of a paper, or how many papers; `words` a topic, a name, or a cadence as settings have it (a
    `weekly` without a day leaves the day as it is). To mute or hear again is about an author, a word, or, where `whom`
    is empty, either. A pause without `until` has no end.
    """

    verb: Verb
    number: int = 0
    words: str = ""
    until: When | None = None
    whom: Whom = ""


class Reply(NamedTuple):
    """What a mail asks for; `unknown` are pieces of the lines with wishes that were not understood, the first few.

    `tags` are what the links of mails have to prove whose they are, each once; `marks` are those of their papers, with
    the tag of each.
    """

    asks: tuple[Ask, ...] = ()
    unknown: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()


NOTHING = Reply()

_Found = tuple[list[Ask], int] | None

# A tag of `tokens.Signer`, with what stands behind it; as the links of a mail write it, that is the mark of a paper.
_TAG = re.compile(r"\b([0-9a-f]{1,16}-[0-9a-f]{16})(?:-([\w-]*)|(?!\w))", re.IGNORECASE)
_MARK = re.compile(r"([1-9][0-9]{0,2})-[0-9a-f]{8}", re.IGNORECASE)
_LIKE_PLUS = dict.fromkeys(map(ord, "\u2795\ufe62\U0001f44d"), "+")
_LIKE_MINUS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2796\ufe58\ufe63\U0001f44e"), "-")
# What chooses how a character is shown: variants, and the colours of thumbs.
_UNSHOWN = dict.fromkeys([0xFE0E, 0xFE0F, 0x200B, 0x2060, 0xFEFF, *range(0x1F3FB, 0x1F400)])
_SIGNS = {**_LIKE_PLUS, **_LIKE_MINUS, **_UNSHOWN}


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_BETWEEN = _pattern(
    r"(?:[\s,;.!?:()]|[-*•](?=\s+(?:\D|\d+\s+(?:papers?|artikel|arbeiten)\b))|(?:and|und|&|then|dann|also|auch)(?=[\s,]))*"
)
_PIECE_ENDS = _pattern(r"[,;!?()]|\.(?=\s|$)|\s(?:and|und)\s")
_POLITE = _pattern(
    r"(?:please|bitte|pls|(?:many\s+)?thanks?(?:\s+you)?(?:\s+(?:very|so)\s+much|\s+a\s+lot)?(?:\s+for\s+[^,;.!?]{0,60})?|thx|"
    r"(?:vielen\s+|herzlichen\s+)?dank(?:e(?:\s+schön)?)?(?:\s+für\s+[^,;.!?]{0,60})?|cheers|ok(?:ay)?|hi|hello|hallo|hey|yes|ja|"
    r"(?:best|kind|warm)(?:\s+(?:regards|wishes))?|regards|(?:viele|liebe|beste|schöne)\s+grüße|mit\s+freundlichen\s+grüßen|"
    r"lg|vg|mfg|gruß)(?=$|[\s,;.!?:)])"
)
_ENDS = _pattern(r"\s*(?:$|[,;.!?)]|(?:and|und|&)\s)")

_N = r"#?(?P<number>\d{1,3})(?![\w%]|[.:]\d|-\d\d)"
_NO_COUNT = r"(?!\s+(?:papers?|artikel|arbeiten|days?|tage?n?|weeks?|wochen?|months?|monaten?|times|more|mehr)\b)"
_SIGNED = _pattern(rf"(?P<sign>[+-])\s?{_N}{_NO_COUNT}")
_NUMBER_ALONE = _pattern(rf"{_N}{_NO_COUNT}")
_NUMBERED = _pattern(
    r"(?:(?P<more>more|mehr|plus)|(?P<less>less|fewer|weniger|minus)|(?P<saved>saved?|keep|merken?)|"
    r"(?P<seen>seen|read|had|gesehen|gelesen|kenne))(?:\s+(?:like|of|wie|von|ich))?\s*:?\s*"
    rf"(?:(?:papers?|no\.?|number|nr\.?|nummer|artikel)\s*)?{_N}{_NO_COUNT}"
)
_ABOUT = _pattern(
    r"(?:(?P<more>more|mehr)|(?P<less>less|fewer|weniger))\s*:?\s+(?:(?:of|on|about|from|von|über|zu|zum\s+thema)\s+)?"
)
_MUTE = _pattern(
    r"(?:(?P<mute>mute|hide|stumm(?:schalten)?|ausblenden)|(?P<hear>unmute|einblenden))\s*:?\s+"
    r"(?:(?:the\s+)?(?:(?P<author>authors?|autor(?:in)?|autoren)|(?P<word>words?|wort|wörter))\s*:?\s+)?"
)
_RESUME = _pattern(
    r"(?:resume|unpause|continue|(?:end|stop)\s+(?:the\s+|my\s+)?(?:pause|break)|pause\s+(?:beenden|aufheben|ende|over|off)|"
    r"fortsetzen|weitermachen|weiter)(?![\w-])"
)
_PAUSE = _pattern(
    r"(?:(?:take|make|mach(?:e|t)?)\s+)?(?:an?\s+|eine\s+)?(?:pause|break|pausieren|pausiere|unterbrechen)(?![\w-])"
    r"(?:\s+(?:my\s+|the\s+|meine?\s+|das\s+|die\s+|den\s+)?(?:subscription|mails?|e-?mails?|newsletter|abo))?"
)
_UNTIL = _pattern(r"\s*,?\s*(?:until|till|'?til|bis(?:\s+zum|\s+zur|\s+einschließlich)?)\s+")
_FOR = _pattern(r"\s*,?\s*(?:for|für)\s+")
_SPACE = _pattern(r"\s*")
_DAY_NAMES = {
    "mon": "mon", "tue": "tue", "wed": "wed", "thu": "thu", "fri": "fri", "sat": "sat", "sun": "sun",
    "die": "tue", "mit": "wed", "don": "thu", "fre": "fri", "sam": "sat", "son": "sun",
}  # fmt: skip
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:mon|diens|donners|frei|sams|sonn)tags?|mittwochs?"
_CADENCE = _pattern(
    r"(?:(?P<daily>daily|every\s+day|täglich|taeglich|jeden\s+tag)|"
    r"(?P<weekdays>(?:on\s+)?(?:weekdays|workdays|working\s+days)|werktags|werktäglich|an\s+werktagen|"
    r"(?:from\s+)?monday\s+(?:to|till?|through|-)\s*friday|(?:von\s+)?montag\s+(?:bis|-)\s*freitag)|"
    rf"(?:weekly|wöchentlich|every\s+week|once\s+a\s+week|jede\s+woche|einmal\s+(?:die|pro)\s+woche)"
    rf"(?:\s*,?\s*:?\s*(?:on\s+|am\s+|every\s+|jeden\s+)?(?P<on>{_DAY}|(?:mon|tue|wed|thu|fri|sat|sun)))?|"
    rf"(?:every|jeden)\s+(?P<each>{_DAY}))(?![\w-])"
)
_PAPERS = _pattern(
    r"(?:(?:at\s+most|max(?:imum|imal)?\.?|up\s+to|only|just|nur|höchstens)\s+)?(?P<number>\d{1,3})\s+"
    r"(?:papers?|artikel|arbeiten)"
    r"(?:\s+(?:a|an|per|each|every|pro|je|am|im)\s+(?:day|mail|e-?mail|issue|time|tag|ausgabe|mal))?(?![\w-])"
)

_KEYWORDS = _pattern(
    r"[+-]\s?\d|(?:more|less|fewer|mehr|weniger|mute|unmute|hide|stumm|stummschalten|ausblenden|einblenden|pause|break|"
    r"pausieren|pausiere|resume|save|saved|keep|seen|merken|merke|gesehen|gelesen|daily|weekly|weekdays|täglich|"
    r"wöchentlich|werktags)(?=$|[\s,;.!?])"
)
# Of a topic. A sentence of prose that begins as a wish does has one of these.
_WORD = re.compile(r"[^\W_][\w'’&/.+#-]*")
_ADDRESS = re.compile(r"\.[^\W\d_]{2}|//|@")
_PROSE = frozenset(
    """
    a an the this that these those it its is are was were be been being you your yours i me my we our us they them
    he she to than then often frequently frequent times time paper papers mail mails email emails e-mail issue
    issues one ones stuff thing things article articles like such later soon again so too much many no not info
    information details here there what which who when how why or but if from can could would should will do does
    did have has had newsletter das die der dem den des ein eine einen einem einer es ist sind war ich mich mir sie
    wir uns ihr euch davon dazu als oft öfter häufig häufiger mal arbeiten artikel dies diese dieses dieser diesen
    solche sowas oder aber wenn nicht kein keine kann wäre würde bitte please wie man
    """.split()  # noqa: SIM905 - quotes would hide the words
)


def read(lines: Iterable[str], subject: str = "") -> Reply:
    """Return what the lines that somebody wrote ask for, or, where they ask for nothing, a subject.

    A subject counts only if all of it is understood, and names no topic: most are those of the mail that is answered.
    """
    asks: list[Ask] = []
    unknown: list[str] = []
    proofs: dict[tuple[str, str], None] = {}
    written = [plain(line) for line in lines]
    for line in [line for line in written if line][:_MOST_LINES]:
        found, left = _line(_untagged(line, proofs))
        asks += found
        if found:
            unknown += left
    if not asks:
        found, left = _line(_untagged(plain(subject), proofs))
        if left or any(ask.verb in ("more of", "less of", "mute", "hear") for ask in found):
            return NOTHING
        asks = found
    if not asks:
        return NOTHING
    tags = dict.fromkeys(tag for tag, _ in proofs)
    marks = tuple(proof for proof in proofs if proof[1])
    return Reply(tuple(asks[:_MOST_ASKS]), tuple(map(_shown, unknown[:_MOST_UNKNOWN])), tuple(tags), marks)


def plain(line: str) -> str:
    """Return a line with plain signs and spaces, as the grammar reads it."""
    # NFKC knows the wide plus, and one character of it may become many.
    return " ".join(unicodedata.normalize("NFKC", line[:_LONGEST].translate(_SIGNS))[:_LONGEST].split())


def _untagged(line: str, proofs: dict[tuple[str, str], None]) -> str:
    """Return a line with the place of a paper in place of each tag with its mark, and nothing for one without."""

    def bare(found: re.Match[str]) -> str:
        mark = _MARK.fullmatch(found[2] or "")
        proofs[found[1].lower(), mark[0].lower() if mark else ""] = None
        return mark[1] if mark else ""

    return " ".join(_TAG.sub(bare, line).split())


def _line(line: str) -> tuple[list[Ask], list[str]]:
    """Return the wishes of a line, and the pieces of it that are none, without what is polite."""
    asks: list[Ask] = []
    unknown: list[str] = []
    at = _after(_BETWEEN, line, 0)
    while at < len(line):
        if polite := _POLITE.match(line, at):
            end = polite.end()
        elif (found := _wish(line, at, asks, free=not unknown)) is not None:
            asks += found[0]
            end = found[1]
        else:
            ends = _PIECE_ENDS.search(line, at)
            end = max(at + 1, ends.start() if ends else len(line))
            unknown.append(line[at:end])
        at = _after(_BETWEEN, line, end)
    return asks, unknown


def _after(pattern: re.Pattern[str], line: str, at: int) -> int:
    found = pattern.match(line, at)
    return found.end() if found else at


def _wish(line: str, at: int, before: Sequence[Ask], *, free: bool) -> _Found:
    """Return the wish at a place of a line, if it ends where one can; free words only where all before it is known."""
    rules = (*_RULES, *(_FREE if free else ()))
    for rule in rules:
        found = rule(line, at)
        if found is not None and _may_end(line, found[1]):
            return found
    if before and before[-1].verb in ("more", "less", "saved", "seen") and (also := _NUMBER_ALONE.match(line, at)):
        return ([before[-1]._replace(number=int(also["number"]))], also.end()) if _may_end(line, also.end()) else None
    return None


def _may_end(line: str, at: int) -> bool:
    if _ENDS.match(line, at):
        return True
    after = _after(_SPACE, line, at)
    return bool(_KEYWORDS.match(line, after) or _POLITE.match(line, after))


def _signed(line: str, at: int) -> _Found:
    found = _SIGNED.match(line, at)
    if found is None:
        return None
    return [Ask("more" if found["sign"] == "+" else "less", int(found["number"]))], found.end()


def _numbered(line: str, at: int) -> _Found:
    found = _NUMBERED.match(line, at)
    if found is None:
        return None
    verbs: tuple[Verb, ...] = ("more", "less", "saved", "seen")
    ask, end = Ask(next(verb for verb in verbs if found[verb]), int(found["number"])), found.end()
    asks = [ask]
    while also := _NUMBER_ALONE.match(line, _after(_SPACE, line, end)):
        asks.append(ask._replace(number=int(also["number"])))
        end = also.end()
    return asks, end


def _resumes(line: str, at: int) -> _Found:
    found = _RESUME.match(line, at)
    return None if found is None else ([Ask("resume")], found.end())


def _pauses(line: str, at: int) -> _Found:
    found = _PAUSE.match(line, at)
    if found is None:
        return None
    end = found.end()
    if until := _UNTIL.match(line, end):
        ends = day_at(line, until.end())
    elif lasts := _FOR.match(line, end):
        ends = length_at(line, lasts.end())
    else:
        after = _after(_SPACE, line, end)
        ends = length_at(line, after) or day_at(line, after)
        if ends is None:
            return [Ask("pause")], end
    # One that ends nobody knows when is none.
    return None if ends is None else ([Ask("pause", until=ends[0])], ends[1])


def _cadence(line: str, at: int) -> _Found:
    found = _CADENCE.match(line, at)
    if found is None:
        return None
    if found["daily"] or found["weekdays"]:
        return [Ask("cadence", words="daily" if found["daily"] else "weekdays")], found.end()
    day = found["on"] or found["each"]
    return [Ask("cadence", words=f"weekly:{_DAY_NAMES.get(day[:3].lower(), 'mon')}" if day else "weekly")], found.end()


def _papers(line: str, at: int) -> _Found:
    found = _PAPERS.match(line, at)
    return None if found is None else ([Ask("papers", int(found["number"]))], found.end())


def _about(line: str, at: int) -> _Found:
    found = _ABOUT.match(line, at)
    if found is None or (words := _words(line, found.end(), _PROSE)) is None:
        return None
    return [Ask("more of" if found["more"] else "less of", words=words[0])], words[1]


def _mutes(line: str, at: int) -> _Found:
    found = _MUTE.match(line, at)
    if found is None or (words := _words(line, found.end(), _PROSE)) is None:
        return None
    whom: Whom = "author" if found["author"] else "word" if found["word"] else ""
    return [Ask("mute" if found["mute"] else "hear", words=words[0], whom=whom)], words[1]


_Rule = Callable[[str, int], _Found]
_RULES: tuple[_Rule, ...] = (_papers, _signed, _numbered, _resumes, _pauses, _cadence)
_FREE: tuple[_Rule, ...] = (_about, _mutes)


def _words(line: str, at: int, none_of: frozenset[str]) -> tuple[str, int] | None:
    """Return the few words from a place to the end of a piece, or to the next wish; None if they are prose."""
    words: list[str] = []
    end = at
    while found := _WORD.match(line, at):
        if _KEYWORDS.match(line, at) or _POLITE.match(line, at):
            break
        # A full stop ends a sentence, but not an initial.
        word = found[0].rstrip(".'’/-") if len(found[0]) > 2 else found[0]
        if word.lower() in none_of or _ADDRESS.search(word) or len(words) == _MOST_WORDS:
            return None
        words.append(word)
        end = at + len(word)
        at = _after(_SPACE, line, end)
        if at == end:
            break
    while words and words[-1].lower() in ("and", "und"):
        end -= len(words.pop()) + 1
    text = " ".join(words)
    if not any(character.isalpha() for character in text) or len(text) > _LONGEST_WORDS:
        return None
    return text, end


def _shown(piece: str) -> str:
    """Return a piece as it may be told to the address of its writer, who may be somebody else: without addresses."""
    words = ("…" if _ADDRESS.search(word) else word for word in piece.split())
    text = "".join(character for character in " ".join(words) if character.isprintable())
    return text if len(text) <= 40 else f"{text[:39].rstrip()}…"
