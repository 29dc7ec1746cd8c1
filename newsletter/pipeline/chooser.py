"""What choosing asks of a ranker, and the words for what a ranker answers; it chooses nothing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from newsletter.bounds import Bar
from newsletter.models import Paper, Reason, Topic
from newsletter.pipeline import vectors

if TYPE_CHECKING:
    from newsletter.ranking.weighing import Weighed

# Why somebody gets nothing, by what a ranker calls it.
CAUSES = {
    "no papers": "there are no new papers",
    "received": "they have had all of them",
    "muted": "what they have not had is muted",
    "no match": "what they have not had does not fit well enough",
}


def came_at(paper: Paper) -> datetime | None:
    """Return from when on a paper could be chosen; what came late counts as seen before that."""
    return paper.first_seen_at and max(paper.first_seen_at, paper.taken_at or paper.first_seen_at)


def there_by(paper: Paper, moment: datetime) -> bool:
    """Tell whether a paper could be chosen at a moment."""
    came = came_at(paper)
    return came is not None and came <= moment


class Chosen(Protocol):
    """What a ranker chose for one person."""

    @property
    def picks(self) -> Sequence[tuple[int, float]]:
        """Places and scores, best first."""
        ...

    @property
    def outside(self) -> tuple[int, float] | None:
        """One more from outside their topics, or None."""
        ...

    @property
    def cause(self) -> str:
        """Where there is nothing, one of `CAUSES`."""
        ...


class Chooser(vectors.Placed, Protocol):
    """What choosing needs of a ranker, and telling why; what a profile is, is the ranker's own affair."""

    def profile(
        self,
        topics: Iterable[Topic] = (),
        likes: Iterable[tuple[Paper, date]] = (),
        dislikes: Iterable[tuple[Paper, date]] = (),
        muted: Iterable[str] = (),
        *,
        authors: Iterable[str] = (),
        muted_authors: Iterable[str] = (),
        own: Mapping[int, str] | None = None,
        today: date | None = None,
        papers: int | None = None,
        minutes: int | None = None,
        bar: Bar = "normal",
    ) -> Any:
        """Return what is known of a person."""
        ...

    def choose(
        self,
        profiles: Sequence[Any],
        papers: Sequence[Paper],
        k: int,
        *,
        received: Sequence[Collection[int]] = (),
        today: date | None = None,
    ) -> Sequence[Chosen]:
        """Return for each profile the places of its best papers; `k` is for those who asked for no number."""
        ...

    def top(
        self,
        profiles: Sequence[Any],
        papers: Sequence[Paper],
        k: int,
        *,
        received: Sequence[Collection[int]] = (),
        today: date | None = None,
    ) -> Sequence[Sequence[tuple[int, float]]]:
        """Return for each profile the places of its best papers with their scores, and nothing from outside."""
        ...

    def weigh(
        self,
        profile: Any,
        papers: Sequence[Paper],
        k: int,
        *,
        received: Collection[int] = (),
        today: date | None = None,
    ) -> "Weighed":
        """Return what `choose` goes by for one profile."""
        ...

    def reasons(self, profile: Any, papers: Sequence[Paper]) -> Sequence[Reason]:
        """Return why each of some papers suits a profile."""
        ...
