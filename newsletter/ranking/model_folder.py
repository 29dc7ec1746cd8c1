"""What the files of a sentence-transformers folder say of its model; knows neither texts nor how a model runs."""

import hashlib
import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ONNX_FILES = ("model.onnx", "onnx/model.onnx")
TORCH_FILES = ("model.safetensors", "pytorch_model.bin")
# Settings, tokenizers and their vocabularies end so.
SETTINGS = (".json", ".txt", ".model")
# A token is hardly ever longer, so that the rest of a very long text need not be read.
CHARACTERS = 24
LONGEST = 512
# No model that sentence-transformers knows has so wide vectors, and so many layers or heads.
LARGEST = 65_536


@dataclass(frozen=True)
class Layout:
    """What the files of a model folder say about how its texts are read and their tokens summed up."""

    folder: Path
    config: dict[str, Any]
    dimensions: int
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


def layout_of(folder: Path) -> Layout:
    """Return what the files of a folder say; raises ValueError, KeyError or OSError for what is no such folder."""
    modules = _modules(folder)
    kinds = tuple(str(module["type"]).rpartition(".")[2] for module in modules)
    paths = {kind: folder / str(module.get("path", "")) for kind, module in zip(kinds, modules, strict=True)}
    config = _settings(folder / "config.json")
    reading = _settings(folder / "sentence_bert_config.json", {})
    tokenizer = _settings(folder / "tokenizer_config.json", {})
    prompts = _settings(folder / "config_sentence_transformers.json", {})
    for name in ("num_attention_heads", "num_hidden_layers"):
        _size(config, name)
    limits = (reading.get("max_seq_length"), tokenizer.get("model_max_length"), config.get("max_position_embeddings"))
    return Layout(
        folder=folder,
        config=config,
        dimensions=_size(config, "hidden_size"),
        kinds=kinds,
        pooling=_pooling(_settings(paths["Pooling"] / "config.json")) if "Pooling" in paths else "",
        longest=int(min([LONGEST, *(_tokens(limit) for limit in limits if limit)])),
        lower=bool(reading.get("do_lower_case")),
        prompt=str((prompts.get("prompts") or {}).get(prompts.get("default_prompt_name") or "", "")),
    )


def _pooling(config: dict[str, Any]) -> str:
    chosen = [name for name, value in config.items() if name.startswith("pooling_mode_") and value is True]
    names = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    return "+".join(names.get(name, name) for name in chosen) or str(config.get("pooling_mode", ""))


def digest_of(folder: Path) -> str:
    """Return a digest of the files that decide what the model makes of a text, whatever the folder is called.

    These are the first weights, and the settings and vocabularies beside them and in the folders of its modules.
    """
    weights = [folder / name for name in (*ONNX_FILES, *TORCH_FILES) if (folder / name).is_file()][:1]
    if not weights:
        raise ValueError("it has no weights, such as model.onnx or model.safetensors")
    parts = {folder / str(module.get("path", "")) for module in _modules(folder)}
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


def _modules(folder: Path) -> list[dict[str, Any]]:
    """Return what modules.json says of the parts of a model."""
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    if not isinstance(modules, list) or not all(isinstance(one, dict) and "type" in one for one in modules):
        raise ValueError("modules.json is no list of modules with their types")
    return modules


def _settings(file: Path, default: dict[str, Any] | None = None) -> dict[str, Any]:
    if default is not None and not file.is_file():
        return default
    found = json.loads(file.read_text("utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{file.name} holds no settings by their names")
    return found


def _size(config: dict[str, Any], name: str) -> int:
    """Return a size that config.json states, 0 for none; raises ValueError for what can be none."""
    said = config.get(name)
    if said is None:
        return 0
    if isinstance(said, bool) or not isinstance(said, int) or not 0 < said <= LARGEST:
        raise ValueError(
            f"config.json says {_brief(said)} for {name}, which must be a whole number from 1 to {LARGEST}"
        )
    return said


def _tokens(limit: Any) -> float:
    """Return how many tokens a text may have; some tokenizers say 1e30 for no limit."""
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit >= 1:
        raise ValueError(f"it reads texts of {_brief(limit)} tokens, which must be a number from 1")
    return limit


def _brief(said: Any) -> str:
    return textwrap.shorten(repr(said), 40, placeholder=" ...")
