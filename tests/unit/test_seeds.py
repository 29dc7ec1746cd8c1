"""The sample pages are whole, varied and our own; the catalogue of topics is sound and speaks of what is published."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from newsletter import feeds
from newsletter.models import Paper, ParsedFeed
from newsletter.resources import seeds

TODAY = date(2026, 11, 21)

PAGES = {
    "daily-papers-1.txt": (34, date(2026, 11, 20)),
    "daily-papers-2.txt": (32, date(2026, 11, 13)),
    "daily-papers-3.txt": (32, None),
    "daily-papers-4.txt": (35, date(2026, 10, 30)),
}

# What the text of the site does to mathematics, quotation marks and links.
HABITS = [
    "n times n",
    "sim10times",
    "O(n^2)",
    r"\%",
    r"\textgreater",
    r"T\"ulu",
    "``soft''",
    " leq ",
    "LoRA.",
    "gptq .",
    "qlora).",
    "LongLoRA{https://github.com/dvlab-research/LongLoRA}.",
    r"\url{https://",
    "“A is B”",
]

ADDRESS = re.compile(r"https?://\S+")
WORD = re.compile(r"[^\W_]+")


def page(name: str) -> ParsedFeed:
    return feeds.parse((seeds() / name).read_bytes(), name=name, today=TODAY)


def text_of(name: str) -> str:
    return (seeds() / name).read_text(encoding="utf-8")


def sample_papers() -> list[Paper]:
    return list({paper.title: paper for name in PAGES for paper in page(name).papers}.values())


def catalogue() -> list[dict[str, Any]]:
    with (seeds() / "topics.toml").open("rb") as file:
        topics: list[dict[str, Any]] = tomllib.load(file)["topic"]
    return topics


def words(text: str) -> list[str]:
    """Words without case and plural, addresses left out."""
    found = (word.lower() for word in WORD.findall(ADDRESS.sub(" ", text)))
    return [w[:-1] if len(w) > 3 and w.endswith("s") and not w.endswith(("ss", "us", "is")) else w for w in found]


def line(text: str) -> str:
    return f" {' '.join(words(text))} "


def speaks_of(topic: dict[str, Any], text: str) -> bool:
    """Tell whether a text, as `line` gives it, holds a word or a phrase of the topic."""
    return any(line(term) in text for term in topic["words"] + topic["phrases"])


def published(shared: Path) -> Iterator[str]:
    for path in sorted((shared / "seeds").glob("*.txt")):
        yield from path.read_text(encoding="utf-8").splitlines()
    for path in sorted((shared / "feeds" / "hf-daily-papers").glob("*.json")):
        for entry in json.loads(path.read_text(encoding="utf-8")):
            yield f"{entry['title']} {entry['paper'].get('summary', '')}"


def test_these_are_all_the_pages() -> None:
    assert {path.name for path in seeds().glob("*.txt")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_whole_and_without_a_problem(name: str) -> None:
    entries, published_on = PAGES[name]
    parsed = page(name)
    assert parsed.layout == "page"
    assert parsed.problems == ()
    assert len(parsed.papers) == entries
    assert parsed.published_on == published_on


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_no_paper_twice(name: str) -> None:
    assert [title for title, times in Counter(p.title for p in page(name).papers).items() if times > 1] == []


def test_there_are_enough_papers_and_some_stand_on_two_pages() -> None:
    pages_of: dict[str, set[str]] = {}
    for name in PAGES:
        for paper in page(name).papers:
            pages_of.setdefault(paper.title, set()).add(paper.abstract)
    entries = Counter(paper.title for name in PAGES for paper in page(name).papers)
    assert len(entries) == 120
    assert sum(times == 2 for times in entries.values()) == 13
    assert [title for title, summaries in pages_of.items() if len(summaries) > 1] == []


def test_both_layouts_are_there() -> None:
    glued = [name for name in PAGES if re.search(r"^Subscribe\S", text_of(name), re.MULTILINE)]
    assert glued == ["daily-papers-3.txt"]
    assert "\n\n" not in text_of(glued[0])
    assert all(text_of(name).startswith("new\n\n") for name in PAGES if name not in glued)


@pytest.mark.parametrize("habit", HABITS)
def test_the_pages_have_the_habits_of_the_site(habit: str) -> None:
    assert any(habit in text_of(name) for name in PAGES)


@pytest.mark.parametrize("sign", [":", "?", "&", "<", "!", "ü", "π", "“"])
def test_a_title_keeps_its_signs(sign: str) -> None:
    assert any(sign in paper.title for paper in sample_papers())


def test_a_summary_has_one_to_three_sentences() -> None:
    for paper in sample_papers():
        prose = ADDRESS.sub("", paper.abstract)
        sentences = [s for s in re.split(r"(?<=[.?!])\s+(?=[^a-z])", prose) if len(s.split()) > 4]
        assert 1 <= len(sentences) <= 3, paper.title
        assert 150 <= len(paper.abstract) <= 400, paper.title


def test_nothing_is_copied_from_the_real_pages(shared: Path) -> None:
    def runs(text: str) -> set[tuple[str, ...]]:
        found = words(text)
        return {tuple(found[at : at + 8]) for at in range(len(found) - 7)}

    ours = set().union(*(runs(paper.abstract) for paper in sample_papers()))
    theirs = set().union(*(runs(row) for row in published(shared)))
    assert ours
    assert theirs
    assert ours & theirs == set()


def test_the_catalogue_is_large_and_its_slugs_are_unique() -> None:
    slugs = [topic["slug"] for topic in catalogue()]
    assert len(slugs) >= 100
    assert [slug for slug, times in Counter(slugs).items() if times > 1] == []
    assert [slug for slug in slugs if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)] == []


def test_every_topic_has_its_keys_and_says_something() -> None:
    for topic in catalogue():
        assert set(topic) == {"slug", "name", "words", "phrases", "parent"}
        assert topic["name"].strip() == topic["name"] != ""
        assert [word for word in topic["words"] if len(words(word)) != 1] == [], topic["slug"]
        assert [phrase for phrase in topic["phrases"] if len(words(phrase)) < 2] == [], topic["slug"]
        terms = [line(term) for term in topic["words"] + topic["phrases"]]
        assert len(terms) >= 4, topic["slug"]
        assert [term for term, times in Counter(terms).items() if times > 1] == [], topic["slug"]


def test_parents_exist_and_make_no_cycle() -> None:
    parents = {topic["slug"]: topic["parent"] for topic in catalogue()}
    for slug in parents:
        above = [slug]
        while parent := parents[above[-1]]:
            assert parent in parents, slug
            assert parent not in above, slug
            above.append(parent)


def test_every_topic_speaks_of_a_paper(shared: Path) -> None:
    texts = [line(f"{paper.title} {paper.abstract}") for paper in sample_papers()]
    texts += [line(row) for row in published(shared)]
    silent = [topic["slug"] for topic in catalogue() if not any(speaks_of(topic, text) for text in texts)]
    assert silent == []


def test_the_sample_pages_serve_readers_of_different_topics() -> None:
    topics = {topic["slug"]: topic for topic in catalogue()}
    papers = sample_papers()

    def about(*slugs: str) -> set[str]:
        return {
            paper.title
            for paper in papers
            if any(speaks_of(topics[slug], line(f"{paper.title} {paper.abstract}")) for slug in slugs)
        }

    readers = [
        about("low-rank-adaptation", "parameter-efficient-fine-tuning", "quantization"),
        about("reinforcement-learning", "agents"),
        about("image-generation", "video-generation", "diffusion-models"),
        about("information-retrieval", "retrieval-augmented-generation"),
    ]
    assert min(len(titles) for titles in readers) >= 10
    for titles in readers:
        others = set().union(*(other for other in readers if other is not titles))
        assert len(titles - others) >= 0.75 * len(titles)


def test_the_sample_pages_touch_most_topics() -> None:
    texts = [line(f"{paper.title} {paper.abstract}") for paper in sample_papers()]
    touched = [topic["slug"] for topic in catalogue() if any(speaks_of(topic, text) for text in texts)]
    assert len(touched) >= 80
