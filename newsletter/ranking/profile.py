"""All that ranking knows of a person, as a small frozen value that outlives any archive; knows no arrays."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from newsletter.bounds import Bar
from newsletter.models import Paper, Topic
from newsletter.ranking.names import author_key
from newsletter.ranking.text import muted_phrases

# After so many days a like or a dislike counts half.
HALF_LIFE = 180.0
# More of them than so many, the newest kept, change nothing that a reader would notice.
MOST_LIKES = 300

Liked = Paper | tuple[Paper, date]
Wanted = str | Topic | tuple[str, float]
Judged = tuple[Paper, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """What one person asked for, liked, disliked and muted.

    `topics` are names with weights from -1 to 1; `likes` and `dislikes` are papers with weights from 0 to 1 by age.
    `authors` are the names as written by the form in which they are compared; what is muted is in that form only.
    `own` are the ids of papers that their own searches found, with the search; of papers that are not everybody's, they
    get no others.
    `papers` and `minutes` are how much they want at most, None for no wish, and `bar` how well it must fit.
    """

    topics: tuple[tuple[str, float], ...] = ()
    likes: tuple[tuple[Paper, float], ...] = ()
    dislikes: tuple[tuple[Paper, float], ...] = ()
    muted: tuple[str, ...] = ()
    authors: tuple[tuple[str, str], ...] = ()
    muted_authors: tuple[str, ...] = ()
    own: tuple[tuple[int, str], ...] = ()
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
    own: Mapping[int, str] | None = None,
    today: date | None = None,
    papers: int | None = None,
    minutes: int | None = None,
    bar: Bar = "normal",
) -> Profile:
    """Return the profile of a person.

    Topics are slugs or free words, with a weight from -1 to 1 or without; likes and dislikes are papers, or papers with
    the day on which they were judged, which count half after `HALF_LIFE` days before `today`. Empty words and weights
    of 0 are left out; of a topic or a paper named twice the last counts. Of a paper that was liked and disliked the
    later day counts, of one day and without days the dislike. Papers of one title are one paper.
    """
    liked, disliked = _aged(likes, today), _aged(dislikes, today)
    return Profile(
        topics=_topics(topics),
        likes=_newest(judged for key, judged in liked.items() if key not in disliked or judged[1] > disliked[key][1]),
        dislikes=_newest(judged for key, judged in disliked.items() if key not in liked or judged[1] >= liked[key][1]),
        muted=tuple(sorted({phrase for word in muted for phrase in muted_phrases(word)})),
        authors=tuple({key: name for name in authors if (key := author_key(name))}.items()),
        muted_authors=tuple(sorted({key for name in muted_authors if (key := author_key(name))})),
        own=tuple(sorted((own or {}).items())),
        papers=papers,
        minutes=minutes,
        bar=bar,
    )


def paper_key(paper: Paper) -> object:
    """Return what tells a paper from others: its id, or its text until the store gave it one."""
    return paper.id if paper.id is not None else (paper.title, paper.abstract)


def _topics(given: Iterable[Wanted]) -> tuple[tuple[str, float], ...]:
    wanted: dict[str, tuple[str, float]] = {}
    for topic in given:
        if isinstance(topic, str):
            name, weight = topic, 1.0
        elif isinstance(topic, Topic):
            name, weight = topic.name, topic.weight
        else:
            name, weight = topic
        if not -1 <= weight <= 1:
            raise ValueError(f"the weight of the topic {name} is {weight}; it must be from -1 to 1")
        name = " ".join(name.split())
        wanted[name.casefold()] = (name, float(weight))
    return tuple((name, weight) for name, weight in wanted.values() if name and weight)


def _aged(given: Iterable[Liked], today: date | None) -> dict[object, Judged]:
    """Return papers by what tells them apart for a reader, with their weights; the last of equal ones."""
    papers: dict[object, Judged] = {}
    for liked in given:
        paper, day = (liked, None) if isinstance(liked, Paper) else liked
        age = max(0, (today - day).days) if today is not None and day is not None else 0
        # A paper that came twice under two ids is still one; a reason that names its title must mean all of it.
        title = paper.title.strip().casefold()
        papers[title or paper_key(paper)] = (paper, 0.5 ** (age / HALF_LIFE))
    return papers


def _newest(judged: Iterable[Judged]) -> tuple[Judged, ...]:
    return tuple(sorted(judged, key=lambda pair: -pair[1])[:MOST_LIKES])
