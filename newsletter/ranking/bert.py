"""A BERT encoder on numpy alone, for folders that bring weights and no ONNX file; knows no words and no papers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import erf

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

HEADER = 8
SHUT = np.float32(-1e9)


class Bert:
    """The encoder of Devlin and others (BERT, NAACL 2019), as its weights and config.json describe it."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Floats]) -> None:
        """Take the settings of config.json and the tensors of model.safetensors; raises KeyError if one is missing."""
        prefix = "" if "embeddings.word_embeddings.weight" in weights else "bert."
        self._weights = {name.removeprefix(prefix): tensor for name, tensor in weights.items()}
        self._heads = int(config["num_attention_heads"])
        self._layers = int(config["num_hidden_layers"])
        self._least = float(config.get("layer_norm_eps", 1e-12))
        self.positions = len(self._weights["embeddings.position_embeddings.weight"])
        self._layer_weights = [self._layer(number) for number in range(self._layers)]

    @staticmethod
    def fits(config: Mapping[str, Any]) -> bool:
        """Tell whether a config.json describes what this module computes."""
        return (
            config.get("model_type") == "bert"
            and config.get("hidden_act") == "gelu"
            and config.get("position_embedding_type", "absolute") == "absolute"
        )

    def __call__(self, tokens: Ints, mask: Ints, kinds: Ints) -> Floats:
        """Return the last hidden states, (texts, tokens, dimensions), of texts of token ids, (texts, tokens)."""
        weights = self._weights
        hidden = (
            weights["embeddings.word_embeddings.weight"][tokens]
            + weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
            + weights["embeddings.token_type_embeddings.weight"][kinds]
        )
        hidden = self._norm(hidden, "embeddings.LayerNorm")
        shut = np.where(mask[:, None, None, :] > 0, np.float32(0), SHUT)
        for number, layer in enumerate(self._layer_weights):
            name = f"encoder.layer.{number}"
            mixed = self._attention(hidden, shut, layer) @ layer["mix"] + layer["mix_bias"]
            hidden = self._norm(hidden + mixed, f"{name}.attention.output.LayerNorm")
            wide = _gelu(hidden @ layer["wide"] + layer["wide_bias"])
            hidden = self._norm(hidden + (wide @ layer["narrow"] + layer["narrow_bias"]), f"{name}.output.LayerNorm")
        return hidden

    def _layer(self, number: int) -> dict[str, Floats]:
        """Return the matrices of a layer as they are multiplied: queries, keys and values side by side."""
        weights, name = self._weights, f"encoder.layer.{number}"
        parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        return {
            "ask": np.concatenate([weights[f"{part}.weight"] for part in parts]).T,
            "ask_bias": np.concatenate([weights[f"{part}.bias"] for part in parts]),
            "mix": weights[f"{name}.attention.output.dense.weight"].T,
            "mix_bias": weights[f"{name}.attention.output.dense.bias"],
            "wide": weights[f"{name}.intermediate.dense.weight"].T,
            "wide_bias": weights[f"{name}.intermediate.dense.bias"],
            "narrow": weights[f"{name}.output.dense.weight"].T,
            "narrow_bias": weights[f"{name}.output.dense.bias"],
        }

    def _attention(self, hidden: Floats, shut: Floats, layer: Mapping[str, Floats]) -> Floats:
        texts, tokens, width = hidden.shape
        asked = (hidden @ layer["ask"] + layer["ask_bias"]).reshape(texts, tokens, 3, self._heads, width // self._heads)
        query, key, value = asked.transpose(2, 0, 3, 1, 4)
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(width // self._heads)) + shut
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        seen: Floats = (scores @ value).transpose(0, 2, 1, 3).reshape(texts, tokens, width)
        return seen

    def _norm(self, hidden: Floats, name: str) -> Floats:
        hidden = hidden - hidden.mean(axis=-1, keepdims=True)
        hidden /= np.sqrt((hidden**2).mean(axis=-1, keepdims=True) + self._least)
        normed: Floats = hidden * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return normed


def read_safetensors(path: Path) -> dict[str, Floats]:
    """Return the floating tensors of a safetensors file; raises ValueError or OSError for what is none.

    The format: eight bytes with the length of a JSON header, the header, then the tensors little-endian at the offsets
    that the header gives (the safetensors repository, "Format").
    """
    data = np.memmap(path, np.uint8, mode="r")
    length = int.from_bytes(data[:HEADER].tobytes(), "little")
    header = json.loads(data[HEADER : HEADER + length].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] not in _READERS:
            continue
        start, end = (HEADER + length + at for at in entry["data_offsets"])
        tensors[name] = _READERS[entry["dtype"]](data[start:end]).reshape(entry["shape"])
    return tensors


def _bfloat(raw: npt.NDArray[np.uint8]) -> Floats:
    return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)


_READERS: dict[str, Any] = {
    "F32": lambda raw: np.array(raw).view("<f4"),
    "F16": lambda raw: np.array(raw).view("<f2").astype(np.float32),
    "BF16": lambda raw: _bfloat(np.array(raw)),
}


def _gelu(values: Floats) -> Floats:
    # Hendrycks and Gimpel, Gaussian Error Linear Units, 2016, section 2.
    return np.asarray(values * (erf(values / np.float32(np.sqrt(2))) + 1) / 2, np.float32)
