"""What somebody wrote themselves in a mail that answers another: without what they quote, and without a signature."""

import html
import re
from collections.abc import Iterator, Sequence

from newsletter.delivery.bounces.mime import Mail, Part

# A wish stands at the top; what is longer is a letter.
_MOST_LINES = 400
_LONGEST_LINE = 400
_MOST_MARKUP = 200_000

# Who wrote what follows: "On Monday, Papers wrote:", "Am 22.11.26 um 8:00 schrieb Papers:", over up to three lines.
_OPENS = re.compile(r"(?:on|am|le|el)\b", re.IGNORECASE)
_WROTE = re.compile(r"(?:.{0,400}[\s>])?(?:wrote|schrieb)(?:[\s:].{0,200})?:", re.IGNORECASE)
_DIVIDES = re.compile(
    r"-{2,}\s*(?:original|forwarded|ursprüngliche|weitergeleitete|begin forwarded).{0,80}|_{10,}", re.IGNORECASE
)
# The head of what is answered, as Outlook writes it.
_HEAD = re.compile(r"\*?(?:from|von)\s?:\*?\s.{1,300}", re.IGNORECASE)
_HEAD_GOES_ON = re.compile(
    r"\*?(?:sent|date|to|subject|gesendet|datum|an|betreff)\s?:\*?(?:\s.{0,300})?", re.IGNORECASE
)
# RFC 3676 section 4.3, without the space that programs cut off; and what phones put below.
_SIGNATURE = re.compile(
    r"--|(?:sent from|sent with|get outlook|von meinem|gesendet (?:von|mit)|diese nachricht wurde)\b.{0,200}",
    re.IGNORECASE,
)

_UNSEEN = re.compile(r"<(head|style|script|title)\b", re.IGNORECASE)
_QUOTE_BEGINS = re.compile(
    r"<blockquote\b|<hr\b|<div[^<>]{0,400}(?:gmail_quote|moz-cite-prefix|divRplyFwdMsg|appendonsend|"
    r"border-top:\s?solid|protonmail_quote)",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h\d)\b[^<>]{0,400}>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")


def own_lines(mail: Mail) -> list[str]:
    """Return the lines that the writer of a mail added to what they answer, empty ones as such.

    They stand above what is quoted, or, where nothing does, below it. The plain part counts, else what HTML shows.
    """
    return unquoted(_text(mail))


def unquoted(text: str) -> list[str]:
    """Return the lines of a text that its writer added to what they answer, without spaces around and in a row."""
    lines = [" ".join(line[:_LONGEST_LINE].split()) for line in text.splitlines()[:_MOST_LINES]]
    begins = next((at for at in range(len(lines)) if _quote_begins(lines, at)), len(lines))
    above = _signed(lines[:begins])
    if any(above):
        return above
    quoted = [at for at, line in enumerate(lines) if line.startswith(">")]
    return _signed(lines[quoted[-1] + 1 :]) if quoted else []


def _quote_begins(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    if line.startswith(">") or _DIVIDES.fullmatch(line) or _wrote(line):
        return True
    if _HEAD.fullmatch(line):
        return any(_HEAD_GOES_ON.fullmatch(one) for one in lines[at + 1 : at + 4])
    return bool(_OPENS.match(line)) and any(_wrote(" ".join(lines[at : at + more])) for more in (2, 3))


def _wrote(line: str) -> bool:
    return line.endswith(":") and _WROTE.fullmatch(line) is not None


def _signed(lines: Sequence[str]) -> list[str]:
    end = next((at for at, line in enumerate(lines) if _SIGNATURE.fullmatch(line)), len(lines))
    return list(lines[:end])


def _text(mail: Mail) -> str:
    written = [part for part in mail.parts if not part.first("content-disposition").lower().startswith("attachment")]
    plain = next((part.text for part in written if part.type == "text/plain" and part.text.strip()), "")
    return plain or next((_shown(part) for part in written if part.type == "text/html"), "")


def _shown(part: Part) -> str:
    """Return what HTML shows, as far as a reply needs it: above the first quote, a line a block."""
    markup = part.text[:_MOST_MARKUP]
    if quote := _QUOTE_BEGINS.search(markup):
        markup = markup[: quote.start()]
    # A line end in HTML is a space.
    seen = _BREAK.sub("\n", " ".join("".join(_seen(markup)).split()))
    return html.unescape(_TAG.sub("", seen))


def _seen(markup: str) -> Iterator[str]:
    at = 0
    while found := _UNSEEN.search(markup, at):
        yield markup[at : found.start()]
        end = re.compile(f"</{found[1]}\\b", re.IGNORECASE).search(markup, found.end())
        if end is None:
            return
        at = end.start()
    yield markup[at:]
