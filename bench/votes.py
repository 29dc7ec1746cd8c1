"""How votes should speak for a paper, measured on real days of a feed.

PYTHONPATH=. .venv/bin/python bench/votes.py --feeds ../shared/feeds/hf-daily-papers

Each day was read once, so how votes of a paper grow cannot be seen in it, but for papers that stand on two days. What
can be measured: how much the day explains, how votes go with the age of a paper, how well a form of the votes goes with
the stars of its code and with comments (Spearman), and what a form loses where the papers of the newest day had only a
share of their votes so far.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

Array = npt.NDArray[Any]
WINDOW = 10


def raw(votes: Array, days: Array) -> Array:
    """Return the votes themselves."""
    return votes


def logarithm(votes: Array, days: Array) -> Array:
    """Return their logarithm."""
    return np.log1p(votes)


def of_the_day(votes: Array, days: Array) -> Array:
    """Return the share of the papers of the same day that have fewer."""
    found = np.zeros(len(votes))
    for day in np.unique(days):
        same = days == day
        found[same] = [(votes[same] < one).mean() + (votes[same] == one).mean() / 2 for one in votes[same]]
    return found


def less_the_day(share: float) -> Callable[[Array, Array], Array]:
    """Return their logarithm less a share of what the mean of the day is off the mean of all."""

    def form(votes: Array, days: Array) -> Array:
        logs = np.log1p(votes)
        found = logs.copy()
        for day in np.unique(days):
            same = days == day
            found[same] -= share * (logs[same].mean() - logs.mean())
        return found

    return form


FORMS = {
    "votes": raw,
    "log votes": logarithm,
    "log, half the day off": less_the_day(0.5),
    "log, the day off": less_the_day(1.0),
    "rank of the day": of_the_day,
}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=Path, default=Path("../shared/feeds/hf-daily-papers"))
    folder = parser.parse_args().feeds
    files = sorted(folder.glob("*.json"))
    if not files:
        parser.exit(0, f"Skipped: there are no days of a feed in {folder}.\n")
    listed = [(date.fromisoformat(file.stem), entry) for file in files for entry in json.loads(file.read_bytes())]
    votes = np.array([entry["paper"].get("upvotes") or 0 for _, entry in listed], float)
    days = np.array([day.toordinal() for day, _ in listed])
    print(f"{len(listed):,} papers of {len(files)} days; votes: median {np.median(votes):.0f}, most {votes.max():.0f}")
    _explain(votes, days, listed)
    _agree(votes, days, listed)
    _young(votes, days)


def _explain(votes: Array, days: Array, listed: list[tuple[date, Any]]) -> None:
    logs = np.log1p(votes)
    off = logs - logs.mean()
    between = sum((days == day).sum() * off[days == day].mean() ** 2 for day in np.unique(days))
    chance = (len(np.unique(days)) - 1) / (len(days) - 1)
    print(
        f"the day explains {between / (off**2).sum():.3f} of the variance of log votes; by chance it would {chance:.3f}"
    )
    age = np.array([(day - date.fromisoformat(entry["paper"]["publishedAt"][:10])).days for day, entry in listed])
    print(f"age at the day of the feed and votes: Spearman {spearmanr(age, votes)[0]:+.3f}")
    twice = defaultdict(list)
    for (day, entry), number in zip(listed, votes, strict=True):
        twice[entry["paper"]["id"]].append(f"{number:.0f} on {day}")
    for seen in (seen for seen in twice.values() if len(seen) > 1):
        print(f"on two days: {', '.join(seen)}")


def _agree(votes: Array, days: Array, listed: list[tuple[date, Any]]) -> None:
    stars = np.array([entry["paper"].get("githubStars") or 0 for _, entry in listed], float)
    coded = np.array([entry["paper"].get("githubStars") is not None for _, entry in listed])
    comments = np.array([entry.get("numComments") or 0 for _, entry in listed], float)
    for name, form in FORMS.items():
        value = form(votes, days)
        by_stars = [_rank(value[part], stars[part]) for part in _windows(days, coded)]
        by_comments = [_rank(value[part], comments[part]) for part in _windows(days, np.ones(len(days), bool))]
        print(f"{name:24s} stars {np.mean(by_stars):.3f}  comments {np.mean(by_comments):.3f}")


def _young(votes: Array, days: Array) -> None:
    chance = np.random.default_rng(0)
    for name, form in FORMS.items():
        found = []
        for share in (0.25, 0.5, 0.75, 1.0):
            agree = []
            for part in _windows(days, np.ones(len(days), bool)):
                now, when = votes[part].copy(), days[part]
                young = when == when.max()
                now[young] = chance.binomial(now[young].astype(int), share)
                agree.append(_rank(form(now, when), votes[part]))
            found.append(f"{share:.0%} {np.mean(agree):.3f}")
        print(f"{name:24s} where the newest day has so much of its votes: {'  '.join(found)}")


def _windows(days: Array, among: Array) -> list[Array]:
    """Return where the papers of each `WINDOW` days in a row stand, as many as an issue can choose from."""
    known = np.unique(days)
    return [
        np.flatnonzero(among & (days >= known[at]) & (days <= known[at + WINDOW - 1]))
        for at in range(len(known) - WINDOW + 1)
    ]


def _rank(one: Array, other: Array) -> float:
    return float(spearmanr(one, other)[0])


if __name__ == "__main__":
    main()
