"""Whether what a search found is the work that was looked for; knows no service and no record.

A wrong yes leads readers to another paper, a wrong no leaves them a search: what is in doubt is refused.
"""

import re
from typing import NamedTuple

from newsletter.feeds import tex
from newsletter.feeds.identity import folded
from newsletter.models import Paper

# Of 1.25 million pairs of different papers the most alike share 12 % of the runs of three words of their abstracts,
# what two sources tell of one paper nearly all (docs/decisions/0022-looking-up.md).
SOME = 0.4
MOST = 0.5
RUN = 3
FEWEST_RUNS = 20
# A title alone, with nothing beside it to compare, says enough from so many words on.
FEWEST_WORDS = 5
# So many words of a title tell something without its subtitle.
FEWEST_WITHOUT_SUBTITLE = 3
_LONGEST = 2_000

_DASHES = re.compile("[\u2010-\u2015\u2212]")
_MINUS = re.compile(r"(?<![\w-])-(?=\.?\d)")
_SILENT = re.compile(r"['’‘`^_{}$\\]")
_WORD = re.compile(r"[^\W_]+(?:\.\d+)*(?:-[^\W_]+(?:\.\d+)*)*|[+*#=<>?±≤≥→←]")
_SUBTITLE = re.compile(r":\s+|\s+[-\u2010-\u2015\u2212]{1,3}\s+")
# A subtitle with one of these tells of another work than its title does.
_ANOTHER = re.compile(
    r"\d|\b(?:i{1,3}|iv|vi{0,3}|part|volume|vol|chapter|reply|response|comments?|erratum|errata|corrigendum|correction|"
    r"retraction|addendum|supplement\w*|appendix|revisited|reloaded|extended|extension|continued|sequel|follow|summary|"
    r"tutorial|poster|demo|abstract|slides|thesis|not|without|second|third|new|more|again|beyond|improved)\b"
)

# British to American, whole words; what is not sure for all words of a form is listed word by word.
_OUR = "behavi|col|fav|flav|harb|hon|hum|lab|neighb|rum|tum|vap|vig|arm|endeav|savi|od|parl|glam|splend|demean|ferv"
_DOUBLED = (
    "model|label|travel|tunnel|signal|channel|level|cancel|fuel|total|marshal|counsel|funnel|kernel|panel|pixel|equal|"
    "dial|trial|spiral|initial|distil|jewel|swivel|shovel"
)
_AMERICAN = {
    rf"((?:mis|un|re|dis|multi|bi|tri|full)?(?:{_OUR}))our(\w*)": r"\1or\2",
    r"(\w{3,}i)s(ations?|ing|ed|ers?|es?|able|ability)": r"\1z\2",
    r"(\w*(?:anal|paral|catal|hydrol|dial|electrol)y)s(e[ds]?|ers?|ing)": r"\1z\2",
    rf"((?:un|re|pre|mis|multi|bi|tri)?(?:{_DOUBLED}))l(ed|ing|ers?|ations?)": r"\1\2",
    r"(\w*(?:cent|fib|lit|theat|calib|lust|spect|met|meag|somb))re(s?)": r"\1er\2",
    r"(\w*(?:cent|fib|met))red": r"\1ered",
    r"centring": "centering",
    r"(def|off|pret)ence(s?)": r"\1ense\2",
    r"(un)?licence([ds]?)": r"\1license\2",
    r"practis(e[ds]?|ing)": r"practic\1",
    r"(catal|dial|anal|monol|epil|prol)ogue(s?)": r"\1og\2",
    r"programme(s?)": r"program\1",
    r"arte(fact\w*)": r"arti\1",
    r"(\w*)grey(\w*)": r"\1gray\2",
    r"sceptic(\w*)": r"skeptic\1",
    r"judgement(\w*)": r"judgment\1",
    r"ageing": "aging",
    r"paedia(\w+)": r"pedia\1",
    r"(\w*)aemia(\w*)": r"\1emia\2",
    r"haem(\w{2,})": r"hem\1",
    r"anaesth(\w+)": r"anesth\1",
    r"foet(us|uses|al)": r"fet\1",
    r"oe(soph\w+|strogen\w*|dema\w*)": r"e\1",
    r"(\w*)sulph(\w+)": r"\1sulf\2",
    r"aluminium": "aluminum",
    r"(to|after|for|back|down|up)wards": r"\1ward",
}
_SPELLINGS = tuple((re.compile(british), american) for british, american in _AMERICAN.items())


class Match(NamedTuple):
    """How sure it is that two accounts are of one work; the greater, the surer.

    `exact` tells that their titles are of the same words; `alike` is the share of the abstracts that is the same, and
    `authors` of the authors; None where one of the two has none.
    """

    exact: bool
    alike: float | None
    authors: float | None

    @property
    def told(self) -> bool:
        """Whether anything beside the title was compared."""
        return self.alike is not None or self.authors is not None

    @property
    def worth(self) -> tuple[float, bool, float]:
        """What the better of two matches has more of."""
        return self.alike or 0.0, self.exact, self.authors or 0.0


def match(wanted: Paper, found: Paper) -> Match | None:
    """Return how a find fits what was looked for, or None where it may be another work.

    Titles of the same words (case, punctuation, TeX, hyphens and British spelling aside) need authors or an abstract
    that do not speak against it; where what is looked for has neither, a title long enough will do. Titles that differ
    by spaces, signs, or one subtitle that only one of them has, need authors or an abstract that say the same.
    """
    exact = _forms(wanted.title).same(_forms(found.title))
    if not exact and not _near(wanted.title, found.title):
        return None
    made = Match(exact, alike(wanted.abstract, found.abstract), same_authors(wanted.authors, found.authors))
    if made.alike is not None and made.alike < SOME:
        return None
    if made.authors is not None and made.authors <= MOST:
        return None
    if not exact:
        # The same people write a sequel, and a subtitle may be all that tells it: their names are not enough where the
        # abstracts can be compared.
        sure = made.alike >= MOST if made.alike is not None else made.authors == 1.0
        return made if sure else None
    if made.told:
        return made
    nothing_known = not wanted.abstract and not wanted.authors
    return made if nothing_known and len(_forms(wanted.title).apart) >= FEWEST_WORDS else None


def alike(one: str, other: str) -> float | None:
    """Return which share of the runs of three words of the shorter text the other has; None for too short a text."""
    both = _runs(one), _runs(other)
    fewest = min(map(len, both))
    return len(both[0] & both[1]) / fewest if fewest >= FEWEST_RUNS else None


def same_authors(ours: tuple[str, ...], theirs: tuple[str, ...]) -> float | None:
    """Return the share of names that two lists have in common; None if one has none.

    An initial stands for a first name, and `Last, First` is `First Last`.
    """
    both = {_name(name) for name in ours} - {("", "")}, {_name(name) for name in theirs} - {("", "")}
    if not all(both):
        return None
    return len(both[0] & both[1]) / max(map(len, both))


class _Forms(NamedTuple):
    """The words of a title with hyphens taken for spaces, and without them."""

    apart: tuple[str, ...]
    joined: tuple[str, ...]

    def same(self, other: "_Forms") -> bool:
        return bool(self.apart) and (self.apart == other.apart or self.joined == other.joined)


def words(title: str) -> tuple[str, ...]:
    """Return the words of a title as a search wants them: folded, without signs."""
    return tuple(re.findall(r"[^\W_]+", folded(title[:_LONGEST])))


def _forms(title: str) -> _Forms:
    text = tex.explicit(title[:_LONGEST]).replace("≠", " unequal ").replace("≈", " about ")
    text = _DASHES.sub("-", folded(text)).replace("&", " and ")
    text = _MINUS.sub(" minus ", _SILENT.sub("", text))
    found = [[_american(part) for part in word.split("-")] for word in _WORD.findall(text)]
    return _Forms(tuple(part for parts in found for part in parts), tuple("".join(parts) for parts in found))


def _american(word: str) -> str:
    for british, american in _SPELLINGS:
        if found := british.fullmatch(word):
            return found.expand(american)
    return word


def _near(one: str, other: str) -> bool:
    """Tell whether titles differ by spaces and signs alone, or by a subtitle that one of them has."""
    mine, theirs = _forms(one), _forms(other)
    if _letters(mine) == _letters(theirs) != "":
        return True
    return _without_subtitle(one, theirs) or _without_subtitle(other, mine)


def _without_subtitle(title: str, whole: _Forms) -> bool:
    parts = _SUBTITLE.split(title[:_LONGEST], maxsplit=1)
    if len(parts) < 2 or _ANOTHER.search(folded(parts[1])):
        return False
    main = _forms(parts[0])
    return len(main.apart) >= FEWEST_WITHOUT_SUBTITLE and main.same(whole)


def _letters(forms: _Forms) -> str:
    return "".join(character for character in "".join(forms.apart) if character.isalnum() or character == ".")


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    found = re.findall(r"[^\W_]+", folded(text[:20_000]))
    return frozenset(tuple(found[at : at + RUN]) for at in range(len(found) - RUN + 1))


def _name(name: str) -> tuple[str, str]:
    """Return a family name and the first letter of the first name."""
    last, comma, first = name.partition(",")
    parts = re.findall(r"[^\W_]+", folded(f"{first} {last}" if comma else name))
    return (parts[-1], parts[0][:1]) if parts else ("", "")
