"""Whatever stands in the files of a model folder, it gives unit vectors or is told to be of no use in one sentence."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model import PANICKING, tiny, with_onnx, write

from newsletter.errors import ModelError
from newsletter.ranking import embedding
from newsletter.ranking.embedding import Embedding

FILES = (
    "config.json",
    "tokenizer.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "tokenizer_config.json",
    "config_sentence_transformers.json",
)
TEXTS = ["a protein", "", "b " * 50, "\ud800 蛋白质"]
GONE = object()
NUMBERS = (0, -1, 1, 3, 10**6, 10**30, 0.5, -2.5, float("nan"), float("inf"))
ODD = (GONE, None, True, False, *NUMBERS, "", "x", "8", "a" * 3000, [], {}, [1], {"a": 1}, [[]], [{}], PANICKING)


@pytest.fixture(autouse=True)
def needs_the_extra() -> None:
    pytest.importorskip("tokenizers", reason="the extra embeddings is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("models") / "model")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all values in a value of JSON."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return None if odd is GONE else odd
    value = copy.deepcopy(value)
    at = value
    for key in path[:-1]:
        at = at[key]
    if odd is GONE:
        del at[path[-1]]
    else:
        at[path[-1]] = odd
    return value


def tried(folder: Path) -> str:
    """Return what is told of a folder, nothing if it gives vectors as it says."""
    try:
        model = Embedding(folder)
        vectors = model.encode(TEXTS)
        dimensions = model.dimensions
    except ModelError as error:
        told = error
    else:
        assert vectors.shape == (len(TEXTS), dimensions)
        lengths = np.linalg.norm(vectors, axis=1)
        assert np.all(np.isclose(lengths, 1, atol=1e-4) | (lengths == 0))
        return ""
    assert told.next_step
    assert "\n" not in told.message
    return told.message


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_any_value_in_the_main_files_gives_vectors_or_a_sentence(tmp_path: Path, name: str, odd: object) -> None:
    folder = tiny(tmp_path / "model")
    known = json.loads((folder / name).read_text())
    for path in places(known):
        if len(path) < 3:
            write(folder / name, changed(known, path, odd))
            tried(folder)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_file_gives_vectors_or_a_sentence(folder: Path, data: st.DataObject) -> None:
    file = folder / data.draw(st.sampled_from(FILES))
    before = file.read_bytes() if file.is_file() else None
    settings_ = json.loads(before) if before else {"prompts": {"a": "b"}, "model_max_length": 4}
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(list(places(settings_))))
        settings_ = changed(settings_, path, data.draw(st.sampled_from(ODD)))
    try:
        write(file, settings_)
        tried(folder)
    finally:
        file.unlink() if before is None else file.write_bytes(before)
    assert tried(folder) == ""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["config.json", "tokenizer.json", "modules.json"]), cut=st.integers(0, 900), junk=st.binary()
)
def test_files_cut_short_or_overwritten_are_told(folder: Path, name: str, cut: int, junk: bytes) -> None:
    file = folder / name
    before = file.read_bytes()
    try:
        file.write_bytes(before[:cut] + junk)
        tried(folder)
    finally:
        file.write_bytes(before)


def test_a_tokenizer_that_panics_is_told(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "model")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    write(folder / "tokenizer.json", {**tokenizer, "post_processor": PANICKING})
    assert "cannot be used" in tried(folder)


@pytest.mark.parametrize("name", ["hidden_size", "num_attention_heads", "num_hidden_layers"])
@pytest.mark.parametrize("size", ["x", "8", -8, 0, True, 8.0, float("nan"), float("inf"), 10**30, [8], {"a": 8}])
def test_a_size_that_is_none_is_named(tmp_path: Path, name: str, size: object) -> None:
    folder = tiny(tmp_path / "model")
    write(folder / "config.json", {**json.loads((folder / "config.json").read_text()), name: size})
    assert f"for {name}, which must be a whole number" in tried(folder)


@pytest.mark.parametrize("limit", ["many", True, -5, 0.5, float("nan"), [16], {"a": 1}])
def test_a_length_of_texts_that_is_none_is_told(tmp_path: Path, limit: object) -> None:
    folder = tiny(tmp_path / "model")
    write(folder / "sentence_bert_config.json", {"max_seq_length": limit})
    assert "tokens, which must be a number from 1" in tried(folder)


@pytest.mark.parametrize("limit", [1e30, 10**30, float("inf"), 16.0, None, 0])
def test_no_limit_of_texts_as_tokenizers_write_it_is_fine(tmp_path: Path, limit: object) -> None:
    folder = tiny(tmp_path / "model")
    write(folder / "tokenizer_config.json", {"model_max_length": limit})
    assert tried(folder) == ""


@pytest.mark.parametrize("file", ["config.json", "sentence_bert_config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("said", [[], ["hidden_size"], "x", 1, None, True])
def test_what_holds_no_settings_is_told_by_its_name(tmp_path: Path, file: str, said: object) -> None:
    folder = tiny(tmp_path / "model")
    write(folder / file, said)
    assert f"{file} holds no settings" in tried(folder)


def test_an_encoder_that_gives_no_vector_a_text_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="the extra embeddings is not installed")
    folder = with_onnx(tiny(tmp_path / "model"))
    monkeypatch.setattr(embedding._Onnx, "__call__", lambda self, tokens, mask, kinds: np.zeros(tokens.shape[:2] * 2))
    assert "cannot be used" in tried(folder)


def test_what_is_no_fault_of_the_folder_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Embedding(tiny(tmp_path / "model"))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(embedding, "_runtime", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.encode(TEXTS)
