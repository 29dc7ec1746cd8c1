"""Vectors are made once for each paper and text; another model or dimension is never mixed in."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model import PANICKING, WIDTH, WORDS, tiny, write
from newsroom import TODAY, Newsroom
from structlog.testing import capture_logs

from newsletter.models import Paper
from newsletter.pipeline import vectors as acts
from newsletter.ranking import embedding
from newsletter.store import papers as paper_rows


class Letters:
    """A model that counts letters and remembers what it read; what a real one makes of a text is tested elsewhere."""

    def __init__(self, name: str = "letters 1", dimensions: int = 4) -> None:
        self.name, self.dimensions = name, dimensions
        self.read: list[str] = []

    def encode(self, texts: Sequence[str]) -> Any:
        self.read += texts
        counts = np.array([[1 + text.count(chr(97 + at)) for at in range(self.dimensions)] for text in texts])
        return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


async def of(room: Newsroom, model: Letters) -> tuple[list[Paper], np.ndarray]:  # type: ignore[type-arg]
    async with room.database.connect() as connection:
        archive = await paper_rows.archive(connection, 100)
    found = await acts.vectors(room.database, model, archive)
    return archive, found.of(archive)


async def test_a_text_is_read_once(room: Newsroom) -> None:
    await room.take_in(Paper(title="Adapters", abstract="abba"), Paper(title="Proteins", abstract="acdc"))
    model = Letters()
    _, first = await of(room, model)
    assert sorted(model.read) == ["Adapters. abba", "Proteins. acdc"]
    again = Letters()
    archive, second = await of(room, again)
    assert again.read == []
    assert np.array_equal(first, second)
    assert np.allclose(second, Letters().encode([acts.text(paper) for paper in archive]), atol=1e-3)


async def test_a_changed_abstract_and_another_model_are_read_anew(room: Newsroom) -> None:
    await room.take_in(Paper(title="Adapters", abstract="abba"), Paper(title="Proteins", abstract="acdc"))
    await of(room, Letters())
    await room.say("UPDATE papers SET abstract = 'ddd' WHERE title = 'Adapters'")
    revised = Letters()
    await of(room, revised)
    assert revised.read == ["Adapters. ddd"]
    for other in (Letters("letters 2"), Letters("letters 2", dimensions=3)):
        _, rows = await of(room, other)
        assert len(other.read) == 2
        assert rows.shape == (2, other.dimensions)


async def test_what_one_run_leaves_the_next_one_makes(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "MOST", 2)
    await room.take_in(*(Paper(title=f"{word} paper") for word in ("One", "Two", "Three")))
    archive, rows = await of(room, Letters())
    assert (np.linalg.norm(rows, axis=1) > 0.9).tolist() == [True, True, False]
    later = Letters()
    await of(room, later)
    assert later.read == [archive[2].title]


async def test_the_model_of_the_settings_is_used(room: Newsroom, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers", reason="the extra embeddings is not installed")
    found = [Paper(title=f"{word} {number}", abstract=f"a {word}") for word in WORDS[4:] for number in range(3)]
    await room.take_in(*found)
    light = await room.app.ranker()
    room.set("ranking", model=tiny(tmp_path / "model"))
    ranker = await room.app.ranker()
    async with room.database.connect() as connection:
        kept_papers = await paper_rows.archive(connection, 100)
    profile = ranker.profile(["protein"])
    assert not np.array_equal(ranker.score([profile], kept_papers), light.score([profile], kept_papers))
    (kept,) = {(row.model, row.dimensions) for row in await room.rows("SELECT model, dimensions FROM vectors")}
    assert kept == (embedding.Embedding(tmp_path / "model").name, WIDTH)


async def test_a_folder_that_is_called_otherwise_makes_no_vector_anew_and_an_old_name_all_of_them_once(
    room: Newsroom, tmp_path: Path
) -> None:
    pytest.importorskip("tokenizers", reason="the extra embeddings is not installed")
    await room.take_in(*(Paper(title=f"{word} paper") for word in WORDS[4:8]))

    async def made(folder: Path) -> list[str]:
        room.set("ranking", model=folder)
        with capture_logs() as logs:
            await room.app.ranker()
        return [f"{one['papers']} made" for one in logs if one["event"] == "vectors made"]

    assert await made(tiny(tmp_path / "model")) == ["4 made"]
    assert await made((tmp_path / "model").rename(tmp_path / "renamed")) == []
    await room.say("UPDATE vectors SET model = 'model 0123456789ab'")
    assert await made(tmp_path / "renamed") == ["4 made"]
    assert await made(tmp_path / "renamed") == []


async def test_a_model_that_is_missing_is_told_and_costs_nobody_their_mail(room: Newsroom, tmp_path: Path) -> None:
    await room.take_in(Paper(title="Adapters", abstract="abba"))
    room.set("ranking", model=tmp_path / "nowhere")
    with capture_logs() as logs:
        ranker = await room.app.ranker()
    [told] = [one for one in logs if "problem" in one]
    assert "there is no such folder" in told["problem"]
    assert told["next_step"]
    assert ranker.matches("adapters") == 1


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("tokenizer.json", {"post_processor": PANICKING}),
        ("config.json", {"hidden_size": "x"}),
        ("config.json", {"hidden_size": 10**30}),
    ],
)
async def test_a_model_that_fails_in_whatever_way_costs_nobody_their_mail(
    room: Newsroom, tmp_path: Path, file: str, said: dict[str, object]
) -> None:
    pytest.importorskip("tokenizers", reason="the extra embeddings is not installed")
    await room.take_in(Paper(title="Adapters", abstract="abba"))
    folder = tiny(tmp_path / "model")
    write(folder / file, {**json.loads((folder / file).read_text()), **said})
    room.set("ranking", model=folder)
    with capture_logs() as logs:
        ranker = await room.app.ranker()
    [told] = [one for one in logs if "problem" in one]
    assert "cannot be used" in told["problem"]
    assert ranker.matches("adapters") == 1


# Papers that come in after the model was learned


@pytest.fixture
async def lettered(small_room: Newsroom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Newsroom:
    """A newsletter whose model counts letters."""
    monkeypatch.setattr(embedding, "Embedding", lambda _folder: Letters(dimensions=26))
    small_room.set("ranking", model=tmp_path)
    found = [Paper(title=f"{word} {number}", abstract=f"a {word}") for word in WORDS[4:] for number in range(3)]
    await small_room.take_in(*found)
    return small_room


async def test_a_paper_that_came_in_after_the_model_was_learned_has_its_vector_used(lettered: Newsroom) -> None:
    room = lettered
    ada = await room.subscribe("ada", "protein")
    await room.app.composer(kept=True)
    new = Paper(title="Zzyzx", abstract="protein folds of proteins")
    await room.take_in(new)
    composer = await room.app.composer(kept=True)
    kept = composer.chooser
    asked = await composer.asked([ada], TODAY)
    place = next(at for at, paper in enumerate(asked.papers) if paper.title == new.title)
    assert kept.unplaced(asked.papers) == []
    fresh = (await room.app.composer()).chooser
    light = room.app.blank_ranker()
    async with room.database.connect() as connection:
        light.fit(await paper_rows.archive(connection, 100))
    scores = [float(ranker.score(asked.profiles, asked.papers)[0, place]) for ranker in (kept, fresh, light)]
    assert scores[0] != scores[2]
    assert len(await room.rows("SELECT paper_id FROM vectors")) == len(asked.papers)


async def test_a_paper_whose_text_changed_is_placed_anew_at_the_next_tick(lettered: Newsroom) -> None:
    room = lettered
    ada = await room.subscribe("ada", "protein")
    before = await (await room.app.composer(kept=True)).asked([ada], TODAY)
    changed = next(paper for paper in before.papers if "video" in paper.title)
    await room.say("UPDATE papers SET abstract = 'protein folds of proteins' WHERE id = :number", number=changed.id)
    composer = await room.app.composer(kept=True)
    kept = composer.chooser
    assert kept.unplaced(before.papers) == []
    [read] = await room.rows("SELECT numbers FROM vectors WHERE paper_id = :number", number=changed.id)
    asked = await composer.asked([ada], TODAY)
    [made] = await room.rows("SELECT numbers FROM vectors WHERE paper_id = :number", number=changed.id)
    assert made.numbers != read.numbers
    [revised] = [paper for paper in asked.papers if paper.id == changed.id]
    assert kept.unplaced(asked.papers) == []
    assert kept.unplaced([changed]) == [changed]
    [row] = kept._learned.meaning._vectors.of([revised])
    assert np.array_equal(row, np.frombuffer(made.numbers, "<f2").astype(np.float32))


async def test_an_old_paper_that_is_liked_after_the_model_was_learned_has_its_vector_used(lettered: Newsroom) -> None:
    room = lettered
    ada = await room.subscribe("ada")
    composer = await room.app.composer(kept=True)
    old = Paper(title="Of old", abstract="protein")
    await room.take_in(old)
    await room.say("UPDATE papers SET first_seen_at = '2020-01-01 00:00:00.000000' WHERE title = 'Of old'")
    await room.say(
        "INSERT INTO feedback (subscriber_id, paper_id, verdict, at) "
        "SELECT :who, id, 'more', '2026-03-01 09:00:00.000000' FROM papers WHERE title = 'Of old'",
        who=ada.id,
    )
    asked = await composer.asked([ada], TODAY)
    [(liked, _)] = asked.profiles[0].likes
    assert liked.title == "Of old"
    assert liked.title not in {paper.title for paper in asked.papers}
    assert composer.chooser.unplaced([liked]) == []


async def test_without_a_model_no_vector_is_asked_for(small_room: Newsroom) -> None:
    await small_room.take_in(Paper(title="Adapters", abstract="abba"))
    ranker = await small_room.app.ranker()
    assert ranker.unplaced([Paper(title="New")]) == []
    words = await small_room.app.ranker(only_words=True)
    assert words.matches("adapters") == 1


async def test_a_replay_makes_vectors_and_keeps_none(lettered: Newsroom) -> None:
    room = lettered
    placing = room.app.placing(kept=False)
    async with room.database.connect() as connection:
        archive = await paper_rows.archive(connection, 100)
    found = await placing.of_archive(archive)
    assert found is not None
    assert found.of(archive).any(axis=1).all()
    assert await room.rows("SELECT paper_id FROM vectors") == []
