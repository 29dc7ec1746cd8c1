"""A sentence-transformers model, by which texts become unit vectors; knows no papers and no database."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from newsletter.errors import ModelError
from newsletter.ranking.bert import Bert, read_safetensors
from newsletter.ranking.model_folder import ONNX_FILES, Layout, digest_of, layout_of

Floats = npt.NDArray[np.float32]

# What a library written in Rust raises where it fails in a way that its makers did not think of; no Exception.
PANIC = "PanicException"
INSTALL = "Install the newsletter with its extra `embeddings`."
# Tokens that are computed at once, padding included; what bounds the memory.
TOKENS = 4096
TEXTS = 512
Encoder = Callable[..., Floats]
T = TypeVar("T")


class Runtime(Protocol):
    """What makes vectors of texts, not yet of length 1."""

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return vectors, (texts, dimensions)."""
        ...


class Embedding:
    """Turns texts into unit vectors by a model that somebody else trained.

    Sentence embeddings as of Reimers and Gurevych (Sentence-BERT, EMNLP 2019). With an ONNX file the folder runs on
    onnxruntime, with the weights of a BERT on numpy, and whatever else it holds on torch.
    """

    def __init__(self, folder: Path) -> None:
        """Read the folder; the model itself is loaded at the first text. Raises ModelError."""
        self._layout = _guarded(folder, lambda: layout_of(folder))
        # What its folder says that a vector has; 0: nothing.
        self._stated = _guarded(folder, lambda: self._layout.dimensions if self._layout.plain else 0)
        self.name = _guarded(folder, lambda: digest_of(folder))
        self._runtime: Runtime | None = None

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has; raises ModelError where the model has to be loaded for it and cannot be."""
        return self._stated or int(self.encode(["word"]).shape[1])

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return vectors of length 1, float32 (texts, dimensions); one without a word is zeros. Raises ModelError.

        Of a long text the model reads the beginning, as much as it was made for.
        """
        if self._runtime is None:
            self._runtime = _guarded(self._layout.folder, lambda: _runtime(self._layout))
        runtime = self._runtime
        found = [np.zeros((0, 0), np.float32)]
        for start in range(0, len(texts), TEXTS):
            part = [self._layout.text(text) for text in texts[start : start + TEXTS]]
            found.append(_guarded(self._layout.folder, partial(self._encoded, runtime, part)))
        return np.concatenate(found[1:]) if len(found) > 1 else found[0]

    def _encoded(self, runtime: Runtime, texts: Sequence[str]) -> Floats:
        """Return the vectors of texts, of length 1; raises ValueError for what is none."""
        vectors = runtime(texts)
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise ValueError("it does not give one vector a text")
        if self._stated not in (0, vectors.shape[1]):
            raise ValueError(f"it gives {vectors.shape[1]} numbers a text, not {self._stated}")
        if not np.isfinite(vectors).all():
            raise ValueError("it gives what is no number")
        vectors[[not text for text in texts]] = 0
        return _unit(vectors)


class _Light:
    """Tokens by tokenizers, hidden states by an encoder, and their mean or the first of them."""

    def __init__(self, layout: Layout, encoder: Encoder) -> None:
        tokenizers = _package("tokenizers")
        self._tokenizer = tokenizers.Tokenizer.from_file(str(layout.folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(layout.longest)
        self._tokenizer.no_padding()
        self._padding = int(layout.config.get("pad_token_id") or 0)
        self._pooling = layout.pooling
        self._encoder = encoder

    def __call__(self, texts: Sequence[str]) -> Floats:
        read = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(read)), key=lambda at: len(read[at].ids))
        vectors: dict[int, Floats] = {}
        for places in _batches(order, [len(one.ids) for one in read]):
            vectors.update(zip(places, self._pooled([read[at] for at in places]), strict=True))
        return np.stack([vectors[at] for at in range(len(read))])

    def _pooled(self, read: Sequence[Any]) -> Floats:
        shape = (len(read), max(len(one.ids) for one in read))
        tokens, mask = np.full(shape, self._padding, np.int64), np.zeros(shape, np.int64)
        kinds = np.zeros(shape, np.int64)
        for row, one in enumerate(read):
            tokens[row, : len(one.ids)], mask[row, : len(one.ids)] = one.ids, 1
            kinds[row, : len(one.ids)] = one.type_ids
        hidden = self._encoder(tokens, mask, kinds)
        if hidden.ndim == 2:
            return hidden
        if self._pooling == "cls":
            return np.asarray(hidden[:, 0], np.float32)
        counted = mask[:, :, None].astype(np.float32)
        return np.asarray((hidden * counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1), np.float32)


class _Onnx:
    """The hidden states that an ONNX file gives."""

    def __init__(self, file: Path) -> None:
        self._session = _package("onnxruntime").InferenceSession(str(file), providers=["CPUExecutionProvider"])
        self._inputs = [wanted.name for wanted in self._session.get_inputs()]
        given = [output.name for output in self._session.get_outputs()]
        self._output = next((name for name in ("last_hidden_state", "token_embeddings") if name in given), given[0])

    def __call__(self, tokens: Any, mask: Any, kinds: Any) -> Floats:
        given = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": kinds}
        found = self._session.run([self._output], {name: given[name] for name in self._inputs})
        return np.asarray(found[0], np.float32)


class _Torch:
    """Whatever sentence-transformers makes of the folder."""

    def __init__(self, folder: Path) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ModuleNotFoundError as error:
            raise ModelError(
                f"The model in {folder} has no ONNX file and is no plain BERT, so it runs on torch, which is missing.",
                next_step="Install sentence-transformers, or add the model's onnx/model.onnx to the folder.",
            ) from error
        self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def __call__(self, texts: Sequence[str]) -> Floats:
        vectors = self._model.encode(list(texts), batch_size=16, convert_to_numpy=True, show_progress_bar=False)
        return np.array(vectors, np.float32)


def _runtime(layout: Layout) -> Runtime:
    """Return the lightest runtime on which the folder works."""
    if layout.plain:
        for name in ONNX_FILES:
            if (layout.folder / name).is_file():
                return _Light(layout, _Onnx(layout.folder / name))
        weights = layout.folder / "model.safetensors"
        if weights.is_file() and Bert.fits(layout.config):
            return _Light(layout, Bert(layout.config, read_safetensors(weights)))
    return _Torch(layout.folder)


def _batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield places of texts, sorted by length, in batches of few tokens."""
    batch: list[int] = []
    for at in order:
        if batch and (len(batch) + 1) * lengths[at] > TOKENS:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


def _package(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise ModelError(f"Embeddings need the package {name}, which is missing.", next_step=INSTALL) from error


def _guarded(folder: Path, act: Callable[[], T]) -> T:
    """Do something with the folder; whatever goes wrong in it and its libraries is told in one sentence."""
    try:
        if not folder.is_dir():
            raise _broken(folder, "there is no such folder")
        return act()
    except ModelError:
        raise
    except FileNotFoundError as error:
        raise _broken(folder, f"{Path(str(error.filename)).name} is missing") from error
    except BaseException as error:  # the libraries raise their own, some of them plain Exception
        if not isinstance(error, Exception) and type(error).__name__ != PANIC:
            raise
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise _broken(folder, reason) from error


def _broken(folder: Path, reason: str) -> ModelError:
    return ModelError(
        f"The model in {folder} cannot be used: {reason.rstrip('.')}.",
        next_step="Set ranking.model to a folder as sentence-transformers saves it, or leave it empty.",
    )
