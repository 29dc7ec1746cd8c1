"""A folder with a sentence-transformers model, by which texts become unit vectors; knows no papers and no database."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from newsletter.errors import ModelError
from newsletter.ranking.bert import Bert, read_safetensors

Floats = npt.NDArray[np.float32]

ONNX_FILES = ("model.onnx", "onnx/model.onnx")
TORCH_FILES = ("model.safetensors", "pytorch_model.bin")
# Settings, tokenizers and their vocabularies end so.
SETTINGS = (".json", ".txt", ".model")
INSTALL = "Install the newsletter with its extra `embeddings`."
# Tokens that are computed at once, padding included; what bounds the memory.
TOKENS = 4096
TEXTS = 512
# A token is hardly ever longer, so that the rest of a very long text need not be read.
CHARACTERS = 24
LONGEST = 512

Encoder = Callable[..., Floats]
T = TypeVar("T")


class Runtime(Protocol):
    """What makes vectors of texts, not yet of length 1."""

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return vectors, (texts, dimensions)."""
        ...


@dataclass(frozen=True)
class Layout:
    """What the files of a model folder say about how its texts are read and their tokens summed up."""

    folder: Path
    config: dict[str, Any]
    kinds: tuple[str, ...]
    pooling: str
    longest: int
    lower: bool
    prompt: str

    @property
    def plain(self) -> bool:
        """Tell whether tokens are summed up as we can do without torch."""
        return (
            self.kinds in (("Transformer", "Pooling"), ("Transformer", "Pooling", "Normalize"))
            and self.pooling in ("mean", "cls")
            and (self.folder / "tokenizer.json").is_file()
        )

    def text(self, text: str) -> str:
        """Return a text as the model is given it: one line, cut where the model would cut it anyway."""
        line = " ".join((self.prompt + text[: 2 * self.longest * CHARACTERS]).split())[: self.longest * CHARACTERS]
        line = line.encode("utf-8", "replace").decode("utf-8")
        return line.lower() if self.lower else line


class Embedding:
    """Turns texts into unit vectors by a model that somebody else trained.

    Sentence embeddings as of Reimers and Gurevych (Sentence-BERT, EMNLP 2019). With an ONNX file the folder runs on
    onnxruntime, with the weights of a BERT on numpy, and whatever else it holds on torch.
    """

    def __init__(self, folder: Path) -> None:
        """Read the folder; the model itself is loaded at the first text. Raises ModelError."""
        self._layout = _guarded(folder, lambda: _layout(folder))
        self.name = _guarded(folder, lambda: _name(folder))
        self._runtime: Runtime | None = None

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has; raises ModelError where the model has to be loaded for it and cannot be."""
        return self._stated or int(self.encode(["word"]).shape[1])

    @property
    def _stated(self) -> int:
        """How many numbers its folder says that a vector has; 0: nothing."""
        return int(self._layout.config.get("hidden_size") or 0) if self._layout.plain else 0

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
            vectors = _guarded(self._layout.folder, partial(runtime, part))
            if self._stated not in (0, vectors.shape[1]):
                raise _broken(self._layout.folder, f"it gives {vectors.shape[1]} numbers a text, not {self._stated}")
            if not np.isfinite(vectors).all():
                raise _broken(self._layout.folder, "it gives what is no number")
            vectors[[not text for text in part]] = 0
            found.append(_unit(vectors))
        return np.concatenate(found[1:]) if len(found) > 1 else found[0]


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


def _layout(folder: Path) -> Layout:
    modules = _json(folder / "modules.json")
    kinds = tuple(str(module["type"]).rpartition(".")[2] for module in modules)
    paths = {kind: folder / str(module.get("path", "")) for kind, module in zip(kinds, modules, strict=True)}
    config = _json(folder / "config.json")
    reading = _json(folder / "sentence_bert_config.json", {})
    tokenizer = _json(folder / "tokenizer_config.json", {})
    prompts = _json(folder / "config_sentence_transformers.json", {})
    limits = (reading.get("max_seq_length"), tokenizer.get("model_max_length"), config.get("max_position_embeddings"))
    return Layout(
        folder=folder,
        config=config,
        kinds=kinds,
        pooling=_pooling(_json(paths["Pooling"] / "config.json")) if "Pooling" in paths else "",
        longest=int(min([LONGEST, *(limit for limit in limits if limit)])),
        lower=bool(reading.get("do_lower_case")),
        prompt=str((prompts.get("prompts") or {}).get(prompts.get("default_prompt_name") or "", "")),
    )


def _pooling(config: dict[str, Any]) -> str:
    chosen = [name for name, value in config.items() if name.startswith("pooling_mode_") and value is True]
    names = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    return "+".join(names.get(name, name) for name in chosen) or str(config.get("pooling_mode", ""))


def _name(folder: Path) -> str:
    """Return a digest of the files that decide what the model makes of a text, whatever the folder is called.

    These are the first weights, and the settings and vocabularies beside them and in the folders of its modules.
    """
    weights = [folder / name for name in (*ONNX_FILES, *TORCH_FILES) if (folder / name).is_file()][:1]
    if not weights:
        raise ValueError("it has no weights, such as model.onnx or model.safetensors")
    parts = {folder / str(module.get("path", "")) for module in _json(folder / "modules.json")}
    read = {file for part in parts for file in part.glob("*") if file.suffix in SETTINGS and file.is_file()}
    own = {part / name for part in parts - {folder} for name in TORCH_FILES if (part / name).is_file()}
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(read | own | set(weights)):
        # What follows is told apart from what came before by its name and its length.
        digest.update(f"{file.relative_to(folder).as_posix()} {file.stat().st_size}\n".encode())
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _json(file: Path, default: Any = None) -> Any:
    if default is not None and not file.is_file():
        return default
    return json.loads(file.read_text("utf-8"))


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
    except Exception as error:  # the libraries raise their own, some of them plain Exception
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise _broken(folder, reason) from error


def _broken(folder: Path, reason: str) -> ModelError:
    return ModelError(
        f"The model in {folder} cannot be used: {reason.rstrip('.')}.",
        next_step="Set ranking.model to a folder as sentence-transformers saves it, or leave it empty.",
    )
