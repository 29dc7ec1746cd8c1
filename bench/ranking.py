"""Adapters that put `newsletter.ranking.Ranker` under `../shared/bench/ranking/evaluate.py`.

PYTHONPATH=bench:. .venv/bin/python ../shared/bench/ranking/evaluate.py ranking:Light --data papers-a --use likes
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy.typing as npt

from newsletter.models import Paper
from newsletter.ranking import Ranker


class LightAlone:
    """Each reader alone: the ranker learns from the archive, not from what readers have in common."""

    shares_likes = False

    def fit(
        self, archive: Sequence[dict[str, Any]], likes: Sequence[Sequence[int]], topics: Sequence[list[str]]
    ) -> None:
        """Fit the ranker and keep what readers liked and asked for."""
        self.papers = [_paper(document) for document in archive]
        self.likes = [[self.papers[position] for position in liked] for liked in likes]
        self.topics = topics
        self.ranker = Ranker()
        self.ranker.fit(self.papers, self.likes if self.shares_likes else ())

    def score(self, new_papers: Sequence[dict[str, Any]], readers: Iterable[int]) -> npt.NDArray[Any]:
        """Return scores, (readers, new papers)."""
        profiles = [self.ranker.profile(topics=self.topics[reader], likes=self.likes[reader]) for reader in readers]
        return self.ranker.score(profiles, [_paper(document) for document in new_papers])


class Light(LightAlone):
    """All readers' likes as well, for what they have in common."""

    shares_likes = True


def _paper(document: dict[str, Any]) -> Paper:
    return Paper(id=document["id"], title="", abstract=document["text"])
