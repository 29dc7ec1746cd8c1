"""What two topics are worth beside five: figures of real readers by topics alone.

PYTHONPATH=. .venv/bin/python bench/few_topics.py [--data papers-a] [--folds 0,1,2] [--readers 0] [--counts 1,2,3,5]

A reader's topics are those of `evaluate.py`, the most characteristic first; of these the first ones are kept. Only
readers with five topics count, so that every line is about the same people.
"""

import argparse
import importlib
import sys
from pathlib import Path

import numpy as np
from ranking import LightAlone

MEASURES = Path(__file__).resolve().parents[2] / "shared" / "bench" / "ranking"
FIVE = 5
FIGURES = ("recall@100", "ndcg@20", "issue ndcg@10")


def measured(data: str, fold: int, readers: int, counts: list[int]) -> dict[int, dict[str, float]]:
    """Return the figures by the number of topics that readers name."""
    sys.path.insert(0, str(MEASURES))
    evaluate = importlib.import_module("evaluate")
    likes, papers, folds = evaluate.load(data)
    new, archive = np.flatnonzero(folds // 2 == fold), np.flatnonzero(folds // 2 != fold)
    known, truth = likes[:, archive].tocsr(), likes[:, new].tocsr()
    topics = evaluate.explicit_topics(known, [papers[at]["tags"] for at in archive])
    who = [
        at
        for at in np.flatnonzero((np.diff(truth.indptr) > 0) & (np.diff(known.indptr) > 0))
        if len(topics[at]) == FIVE
    ]
    if readers:
        who = sorted(np.random.default_rng(1).permutation(who)[:readers].tolist())
    documents = [{"id": at, "text": evaluate.text_of(paper)} for at, paper in enumerate(papers)]
    adapter = LightAlone()
    adapter.fit([documents[at] for at in archive], [[] for _ in topics], topics)
    found = {}
    for count in counts:
        adapter.topics = [some[:count] for some in topics]
        scores = np.asarray(adapter.score([documents[at] for at in new], who), np.float32)
        found[count] = evaluate.measure(scores, truth[who])
    return found


def main() -> None:
    """Print the mean of the folds, and each number of topics as a part of five."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="papers-a", choices=["papers-t", "papers-a"])
    parser.add_argument("--folds", default="0,1,2")
    parser.add_argument("--readers", type=int, default=0, help="a sample of them, for a quick look")
    parser.add_argument("--counts", default="1,2,3,5")
    options = parser.parse_args()
    counts = sorted({*map(int, options.counts.split(",")), FIVE})
    folds = [measured(options.data, int(fold), options.readers, counts) for fold in options.folds.split(",")]
    for count in counts:
        means = {key: np.mean([fold[count][key] for fold in folds]) for key in FIGURES}
        parts = {key: means[key] / np.mean([fold[FIVE][key] for fold in folds]) for key in FIGURES}
        print(f"{count} topics: " + ", ".join(f"{key} {means[key]:.4f} ({parts[key]:.0%} of five)" for key in FIGURES))


if __name__ == "__main__":
    main()
