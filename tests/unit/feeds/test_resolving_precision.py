"""Real titles are looked up among decoys, other works of the same title or nearly so; none may be taken for them."""

import contextlib
import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from decoys import decoys, respelled
from scholars import Scholars, Work

from newsletter import feeds
from newsletter.feeds import resolving
from newsletter.models import Paper

# All of the titles take a minute: PRECISION_EVERY=1.
EVERY = int(os.environ.get("PRECISION_EVERY", "8"))
SEEDS = Path(__file__).resolve().parents[3] / "seeds"
TODAY = date(2026, 11, 22)


def _read(files: Iterator[Path] | list[Path]) -> list[Paper]:
    found: dict[str, Paper] = {}
    for file in sorted(files):
        for paper in feeds.parse(file.read_bytes(), name=file.name, today=TODAY).papers:
            found.setdefault(feeds.title_key(paper.title), paper)
    return list(found.values())


def _measured(papers: list[Paper]) -> Counter[str]:
    """Look every paper up at every service, with and without the work itself in the catalogue, and count what came."""
    chance = random.Random(17)
    abstracts = [paper.abstract for paper in papers if len(paper.abstract) > 200]
    right: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    with contextlib.closing(Scholars()) as server:
        for number, paper in enumerate(papers):
            server.add(decoys(paper, number, chance, abstracts))
            there = number % 3
            keys = (f"2601.{number:05}", f"10.7777/{number}")
            right[paper.title] = set(keys) if there else set()
            if there:
                title = respelled(paper.title, chance)
                server.add([Work(keys[0], title, paper.abstract, paper.authors)])
                server.add([Work(keys[1], title, paper.abstract if there == 1 else "", paper.authors)])
        for paper in papers:
            wanted = Paper(title=paper.title, abstract=paper.abstract)
            for service in resolving.NAMES:
                question = resolving.question(service, paper.title, bases=server.bases)
                asked = {name: values[0] for name, values in parse_qs(urlsplit(question.url).query).items()}
                answer = resolving.answer(service, server.body(service, asked), today=TODAY)
                find = resolving.chosen(wanted, answer.papers)
                there = "there" if right[paper.title] else "away"
                if find is None:
                    counts[f"{service} {there} none"] += 1
                elif (find.paper.arxiv_id or find.paper.doi) in right[paper.title]:
                    counts[f"{service} {there} right"] += 1
                else:
                    counts["wrong"] += 1
                    counts[f"wrong: {paper.title} | {find.paper.title} | {find.match}"] += 1
    return counts


def _hold(counts: Counter[str]) -> None:
    assert not counts["wrong"], [what for what in counts if what.startswith("wrong:")][:5]
    for service in ("arxiv", "hub"):
        found, missed = counts[f"{service} there right"], counts[f"{service} there none"]
        assert found > 20 * missed, counts
    assert counts["crossref there right"] > counts["crossref there none"] * 0.5, counts


def test_no_decoy_is_taken_for_a_paper_of_the_sample_pages() -> None:
    _hold(_measured(_read(list(SEEDS.glob("*.txt")))))


def test_no_decoy_is_taken_for_any_real_title(shared: Path) -> None:
    papers = _read([*(shared / "seeds").glob("*.txt"), *(shared / "feeds" / "hf-daily-papers").glob("*.json")])
    counts = _measured(papers[::EVERY])
    print(len(papers[::EVERY]), sorted(counts.items()))
    _hold(counts)
