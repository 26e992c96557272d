"""Who acts in closed loop, and what is said of a model that can't."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.actors import likely
from indexing.errors import InvalidInput


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "no such file"), (b"weights", "no GGUF file"), (b"GGUF\x03\x00\x00\x00cut", "can't be read")],
    ids=["missing", "else", "cut"],
)
def test_what_holds_no_model_is_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=says):
        likely(path)
