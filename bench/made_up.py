# ruff: noqa: SIM905 - lists of words read better as text
"""Made-up papers, readers and choices for measures: always the same ones for a seed; knows no database."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from newsletter.models import Link, Paper, Reason, Topic

TOPICS = (
    "agents",
    "retrieval-augmented-generation",
    "low-rank-adaptation",
    "image-generation",
    "reinforcement learning",
    "speech recognition",
    "evaluation",
    "protein structure",
    "graph neural networks",
    "robot manipulation",
    "time series",
    "machine translation",
)
_ADJECTIVES = (
    "sparse robust adaptive hierarchical multimodal contrastive causal efficient scalable latent recurrent"
    " self-supervised low-rank compositional probabilistic equivariant federated interpretable long-context"
).split()
_NOUNS = (
    "attention alignment diffusion retrieval distillation quantization reasoning planning segmentation translation"
    " adaptation generation calibration memory pruning tokenization exploration inference optimization supervision"
).split()
_THINGS = (
    "transformers policies encoders agents embeddings benchmarks graphs kernels adapters rewards trajectories"
    " captions proteins robots corpora speakers sensors queries experts prompts"
).split()
_VERBS = "improves reduces explains matches replaces predicts preserves stabilises reveals accelerates".split()
_NAMES = (
    "Ångström Berg Cole Dahl Eck Fischer García Haddad Ito Jansen Kowalski Laurent Müller Nakamura Okafor Petrov"
    " Quispe Rossi Silva Tanaka Ueda Varga Wang Xu Yılmaz Zhang"
).split()
NOTE = """## From the editor

Welcome to the **evaluation week**: read *slowly*, and tell us what you miss.

""" + "\n".join(
    f"* [**{adjective.capitalize()} {noun}**](https://hub.example.org/topics/{number})"
    for number, (adjective, noun) in enumerate(zip(_ADJECTIVES[:12], _NOUNS[:12], strict=True))
)
_PLACES = ("Institute of Noise", "University of Somewhere", "Open Lab", "Northern Polytechnic", "")


class Choice(NamedTuple):
    """What one reader gets: the number of a paper, and why."""

    paper: int
    score: float
    reason: Reason


class Reader(NamedTuple):
    """One reader: a number from 1, an address, what they asked for, and their choices in order."""

    number: int
    email: str
    topics: tuple[Topic, ...]
    choices: tuple[Choice, ...]


def papers(count: int, *, seed: int = 1, now: datetime | None = None) -> list[Paper]:
    """Return papers with titles of about 80 characters and abstracts of about 1,300."""
    chance = random.Random(seed)
    now = now or datetime.now(UTC)
    return [_paper(chance, number, now) for number in range(1, count + 1)]


def readers(count: int, known: list[Paper], *, issue: int = 10, seed: int = 2) -> Iterator[Reader]:
    """Yield readers, each with an order of `issue` of the papers that is their own."""
    chance = random.Random(seed)
    words = [tuple(sorted({word.lower() for word in paper.title.split() if len(word) > 6}))[:3] for paper in known]
    # One value for a reason that many readers share, as it is one row of words to the renderer.
    likes = [Reason(kind="like", subject=paper.title) for paper in known]
    shown = {
        (topic, place): Reason(kind="topic", subject=topic, words=words[place])
        for topic in TOPICS
        for place in range(len(known))
    }
    popular = Reason(kind="popular")
    for number in range(1, count + 1):
        topics = chance.sample(TOPICS, 3)
        choices = []
        for place in chance.sample(range(len(known)), issue):
            kind = chance.random()
            if kind < 0.7:
                reason = shown[topics[int(kind * 4)], place]
            elif kind < 0.95:
                reason = likes[int(chance.random() * len(known))]
            else:
                reason = popular
            choices.append(Choice(place, round(0.2 + chance.random() / 2, 4), reason))
        yield Reader(
            number, f"reader{number}@example.org", tuple(Topic(name=topic) for topic in topics), tuple(choices)
        )


def _paper(chance: random.Random, number: int, now: datetime) -> Paper:
    title = (
        f"{chance.choice(_ADJECTIVES)} {chance.choice(_NOUNS)} for {chance.choice(_ADJECTIVES)}"
        f" {chance.choice(_THINGS)}: how {chance.choice(_ADJECTIVES)} {chance.choice(_NOUNS)} {chance.choice(_VERBS)}"
        f" {chance.choice(_THINGS)} ({number})"
    )
    arxiv_id = f"2611.{number:05d}"
    return Paper(
        title=title[0].upper() + title[1:],
        abstract=" ".join(_sentence(chance) for _ in range(12)),
        arxiv_id=arxiv_id,
        url=f"https://hub.example.org/{arxiv_id}",
        links=(
            Link(kind="paper", url=f"https://open.example.org/{arxiv_id}"),
            Link(kind="code", url=f"https://code.example.org/p{number}"),
            Link(kind="project", url=f"https://p{number}.example.org/"),
        ),
        authors=tuple(f"{chance.choice('ABCDEFGH')}. {chance.choice(_NAMES)}" for _ in range(chance.randint(2, 9))),
        organization=chance.choice(_PLACES),
        keywords=(chance.choice(TOPICS),),
        source="Daily papers",
        published_on=_day(now, number),
        votes=int(chance.paretovariate(1.0)),
        stars=int(chance.paretovariate(0.7)),
        first_seen_at=now - timedelta(minutes=number),
    )


def _day(now: datetime, number: int) -> date:
    return now.date() - timedelta(days=number % 5)


def _sentence(chance: random.Random) -> str:
    return (
        f"We show that {chance.choice(_ADJECTIVES)} {chance.choice(_NOUNS)} {chance.choice(_VERBS)}"
        f" {chance.choice(_ADJECTIVES)} {chance.choice(_THINGS)} by {chance.randint(2, 97)} % on"
        f" {chance.choice(_ADJECTIVES)} {chance.choice(_THINGS)}."
    )
