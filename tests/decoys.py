"""Works that look like a given one and are others, and spellings of a title that are still that title."""

import random
import re
from collections.abc import Iterator

from scholars import Work

from newsletter.models import Paper

FIRST, LAST = ("Ada", "Bo", "Chen", "Dara", "Emil", "Fatou"), ("Quill", "Rowan", "Sato", "Tamm", "Umar", "Voss")

_SWAPS = {
    "language": "vision",
    "vision": "language",
    "large": "small",
    "with": "without",
    "supervised": "unsupervised",
    "learning": "unlearning",
    "training": "testing",
    "can": "cannot",
    "is": "is not",
    "are": "are not",
    "for": "beyond",
    "online": "offline",
    "efficient": "inefficient",
    "first": "second",
    "text": "image",
    "multi": "single",
    "open": "closed",
    "model": "models",
    "models": "model",
}
_ALSO_WRITTEN = {"iz": "is", "ization": "isation", "modeling": "modelling", "behavior": "behaviour"}


def decoys(paper: Paper, number: int, chance: random.Random, abstracts: list[str]) -> Iterator[Work]:
    """Yield other works with the title of a paper or one like it: at arXiv (and the hub), and with a DOI."""
    titles = [paper.title, *_alike(paper.title, chance)]
    for place, title in enumerate(titles):
        abstract = chance.choice(abstracts)
        while abstract == paper.abstract:
            abstract = chance.choice(abstracts)
        # The works of an author have abstracts that begin alike: half of these begin as the paper's does.
        if chance.random() < 0.5:
            words = paper.abstract.split()
            abstract = " ".join(words[: min(25, len(words) // 8)]) + " " + abstract
        names = tuple(f"{chance.choice(FIRST)} {chance.choice(LAST)} {number}{each}" for each in range(2))
        identifier = f"9{place % 10}{1 + place % 9:02}.{number:05}"
        yield Work(f"{identifier[0:2]}{identifier[2:4]}{identifier[4:]}", title, abstract, names)
        yield Work(f"10.5555/{number}.{place}", title, abstract if chance.random() < 0.5 else "", names)


def _alike(title: str, chance: random.Random) -> list[str]:
    words = title.split()
    at = chance.randrange(len(words))
    made = [
        f"{title}: Part II",
        f"{title}, Revisited",
        f"Comment on {title}",
        f"Reply to: {title}",
        f"{title} 2.0",
        f"{title}?",
        f"Towards {title}",
        f"Rethinking {title}",
        " ".join(words[:at] + words[at + 1 :]) or "Nothing",
        " ".join(reversed(words)),
        title.partition(":")[0],
        re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), title),
        " ".join(_SWAPS.get(word.lower(), word) for word in words),
    ]
    return [other for other in dict.fromkeys(made) if other and other != title]


def respelled(title: str, chance: random.Random) -> str:
    """Return a title as another source may have it."""
    for american, british in _ALSO_WRITTEN.items():
        if chance.random() < 0.5:
            title = re.sub(rf"(?<=\w\w\w\w){american}(?=\w)|\b{american}\b", british, title)
    if chance.random() < 0.3:
        title = re.sub(r"(?<=[a-z])-(?=[a-z])", chance.choice([" ", "-", "\u2010"]), title)
    if chance.random() < 0.3:
        title = title.replace("'", "’").replace(" - ", " — ")
    if chance.random() < 0.3:
        title = title.capitalize() if chance.random() < 0.5 else title.upper()
    if chance.random() < 0.2:
        title += "."
    return title
