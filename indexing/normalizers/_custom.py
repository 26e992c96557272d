"""Masks of a collection's own, as data: `{"base": "text", "masks": [{"pattern", "replacement"}]}`.

Patterns are RE2's (https://github.com/google/re2/wiki/Syntax), matched within a line (`^` and `$`
are its ends), in order, on what the base has made; the replacement is taken literally. Normalising
twice need not be normalising once: that is up to the masks ("a" to "aa" never ends).

No pattern can hang the service: RE2 searches once in linear time, programs are bounded, and since
all searches of a text together could still be quadratic, a text is worked on in blocks of whole
lines. A line longer than a block is cut, and a match across the cut is missed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexing.errors import InvalidInput
from indexing.records import JSON

if TYPE_CHECKING:
    from indexing.normalizers import Normalizer

MAX_MASKS = 32
MAX_LENGTH = 1_000
"""Longest pattern and longest replacement, in characters."""

MAX_PROGRAM_BYTES = 1 << 20
"""What a compiled pattern may take; bounds the time per character, which {1000} can multiply."""

BLOCK = 4_096
"""Characters worked on at once."""

REPLACEMENT = "<masked>"
_PROBES = ("", "a", "a b", "1\n\nb.")


@dataclass(frozen=True, slots=True)
class Masked:
    """A normalizer with masks after it."""

    name: str
    base: Normalizer
    masks: tuple[tuple[Any, str], ...]

    @classmethod
    def from_setting(cls, base: Normalizer, setting: Mapping[str, JSON]) -> Masked:
        """From the setting in its canonical form; raises InvalidInput for a pattern that can't be used."""
        text = json.dumps(setting["masks"], sort_keys=True, ensure_ascii=False)
        digest = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]
        masks = tuple(
            (_compiled(mask["pattern"], f"observation_normalizer.masks.{index}.pattern"), mask["replacement"])
            for index, mask in enumerate(setting["masks"])
        )
        return cls(f"{base.name}+masks/1:{digest}", base, masks)

    def __call__(self, observation: str) -> str:
        text = self.base(observation).encode(errors="replace").decode()
        for pattern, replacement in self.masks:
            text = "".join(_masked(block, pattern, replacement) for block in _blocks(text))
        return text


def _blocks(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > BLOCK:
        end = text.rfind("\n", start, start + BLOCK) + 1 or start + BLOCK
        yield text[start:end]
        start = end
    yield text[start:]


def _masked(block: str, pattern: Any, replacement: str) -> str:
    masked: str = pattern.sub(lambda match: replacement if match[0] else "", block)
    return masked


def _compiled(pattern: str, field: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PROGRAM_BYTES
    options.never_capture = True
    options.never_nl = True
    try:
        compiled = re2.compile(f"(?m){pattern}", options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise InvalidInput(f"not a pattern of RE2: {reason}", field) from None
    if any(match[0] == "" for probe in _PROBES for match in compiled.finditer(probe)):
        raise InvalidInput("matches the empty string; make it match at least one character", field)
    return compiled


def describe_masks(setting: Mapping[str, JSON], field: str) -> list[dict[str, str]]:
    """The masks with their defaults written out; raises InvalidInput with the field's path."""
    for key in setting:
        if key not in ("base", "masks"):
            raise InvalidInput(f'unknown field {str(key)[:80]!r}; there are "base" and "masks"', field)
    masks = setting.get("masks")
    if not isinstance(masks, list | tuple) or len(masks) > MAX_MASKS:
        raise InvalidInput(f"must be a list of at most {MAX_MASKS} masks", f"{field}.masks")
    return [_described(mask, f"{field}.masks.{index}") for index, mask in enumerate(masks)]


def _described(mask: JSON, field: str) -> dict[str, str]:
    mask = (
        {key: value for key, value in mask.items() if value is not None}
        if isinstance(mask, Mapping)
        else None
    )
    if mask is None or not set(mask) <= {"pattern", "replacement"}:
        raise InvalidInput('must be an object with "pattern" and, if wanted, "replacement"', field)
    return {
        "pattern": _text(mask.get("pattern"), 1, f"{field}.pattern"),
        "replacement": _text(mask.get("replacement", REPLACEMENT), 0, f"{field}.replacement"),
    }


def _text(value: JSON, shortest: int, field: str) -> str:
    if not isinstance(value, str) or not shortest <= len(value) <= MAX_LENGTH:
        raise InvalidInput(f"must be text of {shortest} to {MAX_LENGTH} characters", field)
    return value
