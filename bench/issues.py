"""What choosing does to an issue, on real reading lists: how alike its papers are, what the bars let through, and what
a place outside the topics brings.

PYTHONPATH=bench:. .venv/bin/python bench/issues.py --bench ../shared/bench/ranking --folds 0 --users 1000

The new papers of a fold, shuffled into issues of `--size`, are chosen from by `Ranker.choose` for everyone who kept
one of them. nDCG@10 is that of the order that a reader gets. `alike` is the mean cosine of TF-IDF of two papers of an
issue, `tags` the mean share of tags that they have in common: the ranker knows neither. The other readers of a paper
stand in for votes. The days of a real feed are one issue for each topic of the catalogue.
"""

import argparse
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from newsletter import resources
from newsletter.feeds import parse
from newsletter.models import Paper
from newsletter.ranking import Catalogue, Profile, Ranker, selection
from newsletter.ranking.selection import Chosen

K = 10
# As the settings have it by default.
LEAST = 0.02
Array = npt.NDArray[Any]
DISCOUNT = 1 / np.log2(np.arange(2, K + 2))


class Issue(NamedTuple):
    """The papers of a day, who kept one of them, and which, (readers, papers)."""

    at: Array
    papers: list[Paper]
    who: Array
    kept: Array


class Fold:
    """A fitted ranker, its readers, and issues of papers that are new to it."""

    def __init__(self, measure: Any, number: int, use: str, users: int, size: int) -> None:
        """Split papers-a as the measure does, and fit on all but this fold."""
        likes, papers, fold = measure.load("papers-a")
        new, archive = np.flatnonzero(fold // 2 == number), np.flatnonzero(fold // 2 != number)
        known, truth = likes[:, archive].tocsr(), likes[:, new].tocsr()
        readers = np.flatnonzero((np.diff(truth.indptr) > 0) & (np.diff(known.indptr) > 0))
        readers = np.sort(np.random.default_rng(1).permutation(readers)[:users])
        # A reader's own like is among the votes, so they must not speak here.
        self.ranker = Ranker(popularity=0)
        votes = np.asarray(likes.sum(axis=0)).ravel().astype(int)
        made = [
            Paper(id=at, title="", abstract=measure.text_of(paper), votes=int(votes[at]))
            for at, paper in enumerate(papers)
        ]
        stored = [made[at] for at in archive]
        lists = [
            [stored[at] for at in known.indices[known.indptr[r] : known.indptr[r + 1]]] for r in range(known.shape[0])
        ]
        self.ranker.fit(stored, lists if use == "likes" else ())
        topics = measure.explicit_topics(known, [papers[at]["tags"] for at in archive])
        self.profiles = [
            self.ranker.profile(likes=lists[reader]) if use == "likes" else self.ranker.profile(topics[reader])
            for reader in readers
        ]
        self.truth = truth[readers].toarray().astype(bool)
        self.new, self.size, self.made = new, size, made
        self.tags = [frozenset(paper["tags"]) for paper in papers]
        rows = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(paper.abstract for paper in made)
        self.rows = rows[new]

    def issues(self) -> Iterator[Issue]:
        """Yield the issues; the votes of a paper are those of all readers."""
        order = np.random.default_rng(self.size).permutation(len(self.new))
        for start in range(0, len(order) - self.size + 1, self.size):
            at = order[start : start + self.size]
            who = np.flatnonzero(self.truth[:, at].any(1))
            if len(who):
                yield Issue(at, [self.made[self.new[one]] for one in at], who, self.truth[np.ix_(who, at)])

    def chosen(
        self, change: Callable[[Profile], Profile] = lambda profile: profile
    ) -> Iterator[tuple[Issue, list[Chosen]]]:
        """Yield each issue with what everyone gets from it."""
        for issue in self.issues():
            yield issue, self.ranker.choose([change(self.profiles[who]) for who in issue.who], issue.papers, K)

    def alike(self, places: Array) -> tuple[float, float]:
        """Return the mean cosine and the mean share of common tags of pairs of new papers."""
        cosines = (self.rows[places] @ self.rows[places].T).toarray()
        upper = np.triu_indices(len(places), 1)
        tags = [self.tags[self.new[place]] for place in places]
        shared = [len(tags[a] & tags[b]) / (len(tags[a] | tags[b]) or 1) for a, b in zip(*upper, strict=True)]
        return float(cosines[upper].mean()), float(np.mean(shared))


def diversity(fold: Fold, weights: list[float]) -> None:
    """Print how alike the papers of an issue are for several weights, and what that costs."""
    for weight in weights:
        selection.DIVERSITY = weight
        gains, alike = [], []
        for issue, found in fold.chosen():
            for row, one in enumerate(found):
                places = [place for place, _ in one.picks]
                kept = issue.kept[row]
                ideal = DISCOUNT[: min(K, int(kept.sum()))].sum()
                gains.append((kept[places] * DISCOUNT[: len(places)]).sum() / ideal)
                if len(places) == K:
                    alike.append(fold.alike(issue.at[places]))
        cosine, tags = np.mean(alike, axis=0)
        print(f"diversity {weight:4.2f}  nDCG@10 {np.mean(gains):.4f}  alike {cosine:.4f}  tags {tags:.4f}", flush=True)


def bars(fold: Fold) -> None:
    """Print how many papers each bar lets through, and how many of them were kept."""
    for bar in ("few", "normal", "many"):
        shown = hits = kept = empty = issues = 0
        for issue, found in fold.chosen(lambda profile: replace(profile, bar=bar)):  # noqa: B023
            for row, one in enumerate(found):
                places = [place for place, _ in one.picks]
                issues, shown, empty = issues + 1, shown + len(places), empty + (not places)
                hits, kept = hits + int(issue.kept[row][places].sum()), kept + int(issue.kept[row].sum())
        print(
            f"bar {bar:7s} papers {shown / issues:5.2f}  of them kept {hits / max(1, shown):.4f}"
            f"  of the kept shown {hits / kept:.4f}  empty {empty / issues:.4f}",
            flush=True,
        )


def outside(fold: Fold) -> None:
    """Print how often what could stand in the place outside the topics was kept, beside the last pick and chance."""
    chance = np.random.default_rng(0)
    hits: dict[str, list[bool]] = {}
    for issue in fold.issues():
        scores = fold.ranker.score([fold.profiles[who] for who in issue.who], issue.papers)
        votes = np.array([paper.votes for paper in issue.papers], float)
        for row in range(len(scores)):
            fits = scores[row] >= LEAST
            off = np.flatnonzero(~fits)
            if len(off) < 5 or fits.sum() < selection.LEAST_FOR_OUTSIDE:
                continue
            kept = issue.kept[row]
            others = np.log1p(votes - kept)[off]
            closeness = scores[row][off]
            span = max(float(np.ptp(closeness)), 1e-6)
            near = (closeness - closeness.min()) / span
            picks = {
                "the last pick": np.argsort(-scores[row])[: min(K, fits.sum())][-1],
                "chance": chance.choice(off),
                "most votes": off[np.argmax(others)],
                "nearest": off[np.argmax(closeness)],
                "votes among the nearer half": off[np.argmax(np.where(near >= np.median(near), others, -1))],
                "votes among the nearest tenth": off[np.argmax(np.where(near >= np.quantile(near, 0.9), others, -1))],
                "votes times nearness": off[np.argmax(others * near)],
            }
            for name, place in picks.items():
                hits.setdefault(name, []).append(bool(kept[place]))
    for name, found in hits.items():
        print(f"outside by {name:28s} kept {np.mean(found):.4f} of {len(found):,}", flush=True)


def feed(folder: Path, weights: list[float]) -> None:
    """Print how alike the papers of an issue are that a real feed has, for each topic of the catalogue."""
    files = sorted(folder.glob("*.json"))
    if not files:
        print(f"Skipped: there are no days of a feed in {folder}.")
        return
    read = [one for file in files for one in parse(file.read_bytes(), name=file.name, today=date(2026, 8, 1)).papers]
    papers = [paper.model_copy(update={"id": number}) for number, paper in enumerate(read)]
    rows = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(paper.abstract for paper in papers)
    catalogue = Catalogue.load((resources.seeds() / "topics.toml").read_bytes())
    ranker = Ranker(catalogue, popularity=0)
    ranker.fit(papers)
    profiles = [ranker.profile([slug]) for slug in catalogue]
    window = papers[-300:]
    scores = ranker.score(profiles, window)
    for weight in weights:
        selection.DIVERSITY = weight
        alike, worst, lost = [], [], []
        for row, one in enumerate(ranker.choose(profiles, window, K)):
            if len(one.picks) < K - 1:
                continue
            places = [place for place, _ in one.picks]
            cosines = (rows[[place + len(papers) - 300 for place in places]] @ rows[-300:][places].T).toarray()
            upper = cosines[np.triu_indices(len(places), 1)]
            alike.append(upper.mean())
            worst.append(upper.max())
            lost.append(1 - scores[row][places].sum() / np.sort(scores[row])[-len(places) :].sum())
        print(
            f"diversity {weight:4.2f}  alike {np.mean(alike):.4f}  nearest pair {np.mean(worst):.4f}"
            f"  score given up {np.mean(lost):.4f}  topics {len(alike)}",
            flush=True,
        )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=Path("../shared/bench/ranking"))
    parser.add_argument("--feed", type=Path, default=Path("../shared/feeds/hf-daily-papers"))
    parser.add_argument("--folds", default="0")
    parser.add_argument("--use", choices=["likes", "topics"], default="likes")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--size", type=int, default=75)
    parser.add_argument("--diversity", default="0,0.1,0.2,0.3,0.5")
    options = parser.parse_args()
    weights = [float(weight) for weight in options.diversity.split(",")]
    default = selection.DIVERSITY
    feed(options.feed, weights)
    if not (options.bench / "evaluate.py").is_file():
        parser.exit(0, f"Skipped: the reading lists are not in {options.bench}.\n")
    spec = importlib.util.spec_from_file_location("evaluate", options.bench / "evaluate.py")
    assert spec is not None
    assert spec.loader is not None
    measure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(measure)
    for number in map(int, options.folds.split(",")):
        fold = Fold(measure, number, options.use, options.users, options.size)
        diversity(fold, weights)
        selection.DIVERSITY = default
        bars(fold)
        outside(fold)


if __name__ == "__main__":
    main()
