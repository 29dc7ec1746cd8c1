"""Papers as entries of a BibTeX or a RIS file, for programs that keep literature; knows no reader and no page."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Literal
from urllib.parse import quote

from newsletter.models import Paper
from newsletter.rendering.paper import own_address
from newsletter.rendering.prose import clean

Form = Literal["bib", "ris"]

MEDIA_TYPES: dict[str, str] = {
    "bib": "application/x-bibtex; charset=utf-8",
    "ris": "application/x-research-info-systems; charset=utf-8",
}

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# BibTeX counts braces whatever stands before them, so that one alone would end the value: each has a name.
_TEX = str.maketrans(
    {
        "\\": r"{\textbackslash}",
        "{": r"{\textbraceleft}",
        "}": r"{\textbraceright}",
        "~": r"{\textasciitilde}",
        "^": r"{\textasciicircum}",
        **{sign: f"\\{sign}" for sign in "#$%&_"},
    }
)
# No person, so that no part of the name is a family's.
_GROUP = re.compile(
    r"\b(collaboration|consortium|team|group|project|working|committee|laborator(y|ies))\b", re.IGNORECASE
)
# What belongs to a family name and stands before it: `van Beethoven`, `de la Cruz`.
_PARTICLES = re.compile(
    "(a[lfp]|aus|bin|d[aeiou]|dal|das|dei|del|della|den|der|des|dos|e|el|las?|les?|los|te[nr]|van|vo[mn]|y|zu|zu[mr])-?"
)
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})
_SMALL_WORD = re.compile("an?|and|are|as|at|by|for|from|how|in|into|is|it|o[fnr]|the|to|via|what|when|with")


def written(papers: Iterable[Paper], form: Form, tidy: Callable[[str], str], taken: set[str]) -> Iterator[str]:
    """Yield papers as entries of a file; `tidy` makes TeX readable.

    `taken` holds the keys that the file has so far; those of the new entries are added.
    """
    for paper in papers:
        yield _bibtex(paper, tidy, taken) if form == "bib" else _ris(paper, tidy)


def _bibtex(paper: Paper, tidy: Callable[[str], str], taken: set[str]) -> str:
    def text(words: str) -> str:
        return clean(tidy(clean(words))).translate(_TEX)

    day = paper.published_on
    fields = {
        # The second braces keep its capitals in every style.
        "title": f"{{{text(paper.title)}}}",
        "author": " and ".join(filter(None, map(_bibtex_name, paper.authors))),
        "year": "" if day is None else str(day.year),
        "month": "" if day is None else _MONTHS[day.month - 1],
        "doi": _verbatim(paper.doi or ""),
        "eprint": _verbatim(paper.arxiv_id or ""),
        "archiveprefix": "arXiv" if paper.arxiv_id else "",
        "url": quote(own_address(paper), safe="%/:?#[]@!$&'()*+,;=~"),
        "keywords": ", ".join(filter(None, map(text, paper.keywords))),
        "abstract": text(paper.abstract),
    }
    # The names of months are words of all styles, and stand without braces.
    lines = [f"  {name} = {value if name == 'month' else f'{{{value}}}'}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{_key(paper, taken)},", *lines, "}", "", ""])


def _verbatim(value: str) -> str:
    """Return what is read as it stands, without escapes; nothing if it cannot stand so."""
    return value if re.fullmatch(r"[!-\[\]-z|~]+", value) and "%" not in value else ""


def _bibtex_name(name: str) -> str:
    plain = clean(name)
    escaped = plain.translate(_TEX)
    if not escaped:
        return ""
    strange = plain.count(",") > 1 or re.search(r"(^|\s)and(\s|$)|^others$|^,|,$", plain, re.IGNORECASE)
    return f"{{{escaped}}}" if strange or _GROUP.search(plain) else escaped


def _key(paper: Paper, taken: set[str]) -> str:
    """Return a key as people make them (`vaswani2017attention`), that no entry of the file has."""
    family = _plain(_parts(clean(paper.authors[0]))[0]) if paper.authors else ""
    words = [_plain(word) for word in clean(paper.title).split()]
    telling = next((word for word in words if word and not _SMALL_WORD.fullmatch(word)), "")
    year = "" if paper.published_on is None else str(paper.published_on.year)
    key = wanted = f"{family}{year}{telling}"[:60] or f"paper{paper.id or ''}"
    number = paper.id or 1
    while key in taken:
        key = f"{wanted}-{number}"
        number += 1
    taken.add(key)
    return key


def _plain(word: str) -> str:
    base = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in base if letter.isascii() and letter.isalnum())


def _parts(name: str) -> tuple[str, str, str]:
    """Return the family name with what belongs before it, the given names, and a suffix such as Jr."""
    if _GROUP.search(name):
        return name, "", ""
    if name.count(",") == 1:
        family, given = (part.strip() for part in name.split(","))
        return (family, given, "") if family else (given, "", "")
    words = name.replace(",", " ").split()
    suffix = words.pop() if len(words) > 2 and words[-1].casefold() in _SUFFIXES else ""
    first = len(words) - 1
    while first > 1 and _PARTICLES.fullmatch(words[first - 1].casefold()):
        first -= 1
    return " ".join(words[first:]), " ".join(words[:first]), suffix


def _ris(paper: Paper, tidy: Callable[[str], str]) -> str:
    def text(words: str) -> str:
        return clean(tidy(clean(words)))

    day = paper.published_on
    lines = [("TY", "UNPB" if paper.arxiv_id else "GEN"), ("TI", text(paper.title))]
    lines += [("AU", ", ".join(filter(None, _parts(clean(name))))) for name in paper.authors]
    lines += [
        ("PY", "" if day is None else str(day.year)),
        ("DA", "" if day is None else f"{day:%Y/%m/%d}/"),
        ("AB", text(paper.abstract)),
        *(("KW", text(word)) for word in paper.keywords),
        ("DO", clean(paper.doi or "")),
        ("PB", "arXiv" if paper.arxiv_id else ""),
        ("AN", f"arXiv:{clean(paper.arxiv_id)}" if paper.arxiv_id else ""),
        ("UR", own_address(paper)),
    ]
    # A line is a tag, two spaces, a hyphen, a space and a value without end of line; the file has CR LF.
    written = [f"{tag}  - {value}" for tag, value in lines if value]
    return "\r\n".join([*written, "ER  - ", "", ""])
