"""All that ranking knows of a person, as a small frozen value that outlives any archive; knows no arrays."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from newsletter.models import Bar, Paper, Topic
from newsletter.ranking.text import author_key, muted_phrase

# After so many days a like or a dislike counts half.
HALF_LIFE = 180.0
# More of them than so many, the newest kept, change nothing that a reader would notice.
MOST_LIKES = 300

Liked = Paper | tuple[Paper, date]
Wanted = str | Topic | tuple[str, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """What one person asked for, liked, disliked and muted.

    `topics` are names with weights from -1 to 1; `likes` and `dislikes` are papers with weights from 0 to 1 by age.
    `authors` are the names as written by the form in which they are compared; what is muted is in that form only.
    `papers` and `minutes` are how much they want at most, None for no wish, and `bar` how well it must fit.
    """

    topics: tuple[tuple[str, float], ...] = ()
    likes: tuple[tuple[Paper, float], ...] = ()
    dislikes: tuple[tuple[Paper, float], ...] = ()
    muted: tuple[str, ...] = ()
    authors: tuple[tuple[str, str], ...] = ()
    muted_authors: tuple[str, ...] = ()
    papers: int | None = None
    minutes: int | None = None
    bar: Bar = "normal"

    @property
    def has_wishes(self) -> bool:
        """Tell whether anything is known that they want; without, they get what is popular."""
        return bool(self.likes or self.authors) or any(weight > 0 for _, weight in self.topics)


def make_profile(
    topics: Iterable[Wanted] = (),
    likes: Iterable[Liked] = (),
    dislikes: Iterable[Liked] = (),
    muted: Iterable[str] = (),
    *,
    authors: Iterable[str] = (),
    muted_authors: Iterable[str] = (),
    today: date | None = None,
    papers: int | None = None,
    minutes: int | None = None,
    bar: Bar = "normal",
) -> Profile:
    """Return the profile of a person.

    Topics are slugs or free words, with a weight from -1 to 1 or without; likes and dislikes are papers, or papers with
    the day on which they were judged, which count half after `HALF_LIFE` days before `today`. Empty words and weights
    of 0 are left out; of a topic or a paper named twice the last counts.
    """
    return Profile(
        topics=_topics(topics),
        likes=_aged(likes, today),
        dislikes=_aged(dislikes, today),
        muted=tuple(sorted({phrase for word in muted if (phrase := muted_phrase(word))})),
        authors=tuple({key: name for name in authors if (key := author_key(name))}.items()),
        muted_authors=tuple(sorted({key for name in muted_authors if (key := author_key(name))})),
        papers=papers,
        minutes=minutes,
        bar=bar,
    )


def paper_key(paper: Paper) -> object:
    """Return what tells a paper from others: its id, or its text until the store gave it one."""
    return paper.id if paper.id is not None else (paper.title, paper.abstract)


def _topics(given: Iterable[Wanted]) -> tuple[tuple[str, float], ...]:
    weights: dict[str, float] = {}
    for topic in given:
        if isinstance(topic, str):
            name, weight = topic, 1.0
        elif isinstance(topic, Topic):
            name, weight = topic.name, topic.weight
        else:
            name, weight = topic
        if not -1 <= weight <= 1:
            raise ValueError(f"the weight of the topic {name} is {weight}; it must be from -1 to 1")
        weights[" ".join(name.split())] = float(weight)
    return tuple((name, weight) for name, weight in weights.items() if name and weight)


def _aged(given: Iterable[Liked], today: date | None) -> tuple[tuple[Paper, float], ...]:
    papers: dict[object, tuple[Paper, float]] = {}
    for liked in given:
        paper, day = (liked, None) if isinstance(liked, Paper) else liked
        age = max(0, (today - day).days) if today is not None and day is not None else 0
        papers[paper_key(paper)] = (paper, 0.5 ** (age / HALF_LIFE))
    newest_first = sorted(papers.values(), key=lambda pair: -pair[1])
    return tuple(newest_first[:MOST_LIKES])
