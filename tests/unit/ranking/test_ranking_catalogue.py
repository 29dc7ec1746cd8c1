"""The catalogue of topics: what it reads, what it refuses, what a topic stands for."""

import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.errors import NewsletterError
from newsletter.ranking import Catalogue, CatalogueError

from ranking_library import CATALOGUE  # isort: skip


def topic(slug: str, name: str = "A name", parent: str = "") -> str:
    return f'[[topic]]\nslug = "{slug}"\nname = "{name}"\nparent = "{parent}"\n'


def test_topics_are_found_by_slug_and_by_name() -> None:
    for name in ("low-rank-adaptation", "Low-Rank Adaptation", "low rank adaptations"):
        entry = CATALOGUE.find(name)
        assert entry is not None
        assert entry.slug == "low-rank-adaptation"
    assert CATALOGUE.find("LoRA") is None
    assert CATALOGUE.find("") is None
    assert len(CATALOGUE) == 4


def test_a_parent_includes_its_children_at_a_lower_weight() -> None:
    expressions = dict(CATALOGUE.expressions(CATALOGUE["fine-tuning"]))
    assert expressions["instruction", "tuning"] == 1.0
    assert 0 < expressions["lora",] < 1.0
    assert ("instruction", "tuning") not in dict(CATALOGUE.expressions(CATALOGUE["low-rank-adaptation"]))


def test_bytes_are_read_too() -> None:
    assert list(Catalogue.load(topic("one").encode())) == ["one"]
    assert list(Catalogue.load("")) == []


def test_all_faults_are_told_at_once() -> None:
    text = (
        topic("one")
        + topic("one")
        + topic("two", parent="nowhere")
        + topic("three", parent="four")
        + topic("four", parent="three")
        + topic("five", parent="five")
    )
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load(text)
    message = caught.value.message
    for part in ("one is there 2 times", "nowhere", "three under four under three", "five under five"):
        assert part in message
    assert message.startswith("The catalogue of topics has 4 faults: ")
    assert caught.value.next_step


def test_faults_of_the_fields_are_told_with_doubles() -> None:
    text = topic("one") + topic("one") + topic("Not A Slug") + '[[topic]]\nslug = "x"\nnmae = "A name"\n'
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load(text)
    for part in ("topic 3 slug", "topic 4 name", "topic 4 nmae", "one is there 2 times"):
        assert part in caught.value.message


@pytest.mark.parametrize("text", ["[[topic", b"\xff\xfe", "topic = 3", "other = 1"])
def test_what_is_no_catalogue_is_refused_in_one_sentence(text: str | bytes) -> None:
    with pytest.raises(NewsletterError) as caught:
        Catalogue.load(text)
    assert "\n" not in caught.value.message


def test_the_catalogue_of_the_seeds_can_be_read() -> None:
    file = Path(__file__).resolve().parents[3] / "seeds" / "topics.toml"
    catalogue = Catalogue.load(file.read_bytes())
    assert all(catalogue.expressions(entry) for entry in catalogue.values())


def test_neither_catalogue_nor_profile_brings_numpy() -> None:
    code = "import sys, newsletter.ranking; newsletter.ranking.Profile(); assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
