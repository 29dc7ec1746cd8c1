"""A model folder gives unit vectors, whatever the texts; and where it cannot, it is said in a sentence."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model import WIDTH, installed, tiny, with_onnx, write

from newsletter.errors import ModelError
from newsletter.ranking.embedding import Embedding


@pytest.fixture(scope="module")
def real() -> Embedding:
    return Embedding(installed())


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Embedding:
    pytest.importorskip("tokenizers", reason="the extra embeddings is not installed")
    return Embedding(tiny(tmp_path_factory.mktemp("models") / "small"))


def test_the_real_model_gives_the_similarities_that_its_makers_print(real: Embedding) -> None:
    # The first example of the card of all-MiniLM-L6-v2 on its public page.
    vectors = real.encode(["That is a happy person", "That is a happy dog", "Today is a sunny day"])
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors @ vectors[0], [1, 0.6945773, 0.2568760], atol=1e-4)


def test_the_real_model_reads_one_word_and_fifty_thousand(real: Embedding) -> None:
    long = "protein folding " * 25_000
    vectors = real.encode(["protein", long, long[:4000], "", "\ud800 \x00 蛋白质"])
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.allclose(lengths, [1, 1, 1, 0, 1], atol=1e-5)
    assert np.allclose(vectors[1], vectors[2], atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=40) | st.sampled_from(["paper", "protein folding", "a b c " * 40]), max_size=12))
def test_vectors_are_of_length_one_and_the_company_changes_nothing(small: Embedding, texts: list[str]) -> None:
    together = small.encode(texts)
    assert len(together) == len(texts)
    for text, vector in zip(texts, together, strict=True):
        alone = small.encode([text])[0]
        assert np.allclose(alone, vector, atol=1e-4)
        assert np.linalg.norm(vector) == pytest.approx(1.0 if "".join(text.split()) else 0.0, abs=1e-4)


def test_the_mean_and_the_first_token_differ(tmp_path: Path, small: Embedding) -> None:
    first = Embedding(tiny(tmp_path / "first", pooling="cls"))
    assert first.encode(["a b"]).shape == (1, WIDTH)
    assert not np.allclose(first.encode(["a b"]), small.encode(["a b"]), atol=1e-3)


def test_an_onnx_file_is_enough(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers", reason="the extra embeddings is not installed")
    pytest.importorskip("onnxruntime", reason="the extra embeddings is not installed")
    vectors = Embedding(with_onnx(tiny(tmp_path / "model"))).encode(["a b", "b a", "protein", "a " * 50])
    assert vectors.shape == (4, WIDTH)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[0], vectors[1], atol=1e-6)
    assert not np.allclose(vectors[0], vectors[2], atol=1e-2)


def test_a_model_is_known_by_what_is_in_its_files_wherever_they_lie(tmp_path: Path) -> None:
    name = Embedding(tiny(tmp_path / "model")).name
    moved = (tmp_path / "model").rename(tmp_path / "elsewhere")
    (moved / "README.md").write_text("It was moved.")
    assert Embedding(moved).name == name
    assert Embedding(tiny(tmp_path / "again")).name == name
    assert Embedding(tiny(tmp_path / "other weights", seed=1)).name != name


@pytest.mark.parametrize(
    "file",
    [
        "model.safetensors",
        "config.json",
        "modules.json",
        "sentence_bert_config.json",
        "tokenizer.json",
        "1_Pooling/config.json",
        "tokenizer_config.json",
        "vocab.txt",
        "2_Dense/model.safetensors",
    ],
)
def test_a_change_of_any_file_that_is_read_makes_another_model(tmp_path: Path, file: str) -> None:
    folder = tiny(tmp_path / "model")
    modules = json.loads((folder / "modules.json").read_text())
    dense = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    write(folder / "modules.json", [*modules, dense])
    (folder / "2_Dense").mkdir()
    names = [Embedding(folder).name]
    known = (folder / file).read_bytes() if (folder / file).is_file() else b"{}"
    # A blank more changes no JSON, and yet it need not be known what a blank does not change.
    for content in (known + b" ", known):
        (folder / file).write_bytes(content)
        names.append(Embedding(folder).name)
    assert names[1] not in (names[0], names[2])


def test_no_texts_give_no_vectors(small: Embedding) -> None:
    assert len(small.encode([])) == 0


def misstate(file: Path, **said: int) -> None:
    write(file, {**json.loads(file.read_text()), **said})


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (lambda folder: (folder / "modules.json").unlink(), "modules.json is missing"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be used"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x09"), "cannot be used"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "cannot be used"),
        (lambda folder: write(folder / "modules.json", {"what": 1}), "cannot be used"),
        (lambda folder: misstate(folder / "config.json", hidden_size=4), "cannot be used|numbers a text"),
    ],
)
def test_a_broken_folder_is_told_in_one_sentence(tmp_path: Path, breaks: object, said: str) -> None:
    pytest.importorskip("tokenizers", reason="the extra embeddings is not installed")
    folder = tiny(tmp_path / "model")
    breaks(folder)  # type: ignore[operator]
    with pytest.raises(ModelError, match=said) as caught:
        Embedding(folder).encode(["a"])
    assert caught.value.next_step
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such folder"):
        Embedding(tmp_path / "nowhere")


def test_other_models_ask_for_torch(tmp_path: Path) -> None:
    try:
        import sentence_transformers  # noqa: F401
    except ModuleNotFoundError:
        folder = tiny(tmp_path / "model")
        config = json.loads((folder / "config.json").read_text())
        write(folder / "config.json", {**config, "model_type": "mpnet"})
        with pytest.raises(ModelError, match="runs on torch, which is missing") as caught:
            Embedding(folder).encode(["a"])
        assert "sentence-transformers" in caught.value.next_step
    else:
        pytest.skip("sentence-transformers is installed")


def test_a_missing_package_is_told(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['tokenizers'] = None\n"
        "from pathlib import Path; from newsletter.errors import ModelError\n"
        "from newsletter.ranking.embedding import Embedding\n"
        "try: Embedding(Path(sys.argv[1])).encode(['a'])\n"
        "except ModelError as error: print(error)"
    )
    folder = tiny(tmp_path / "model")
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert "need the package tokenizers" in done.stdout
    assert "extra `embeddings`" in done.stdout
