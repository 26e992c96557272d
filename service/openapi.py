"""Writes openapi.yaml from the code; with `--check`, exits 1 where the file has drifted.

Run as `python -m service.openapi`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from service.app import create_app
from service.settings import Settings

FILE = Path(__file__).resolve().parents[1] / "openapi.yaml"
HEAD = "# Written by `make openapi` from the code; CI fails when it drifts."

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_RESERVED = frozenset({"null", "true", "false", "on", "off", "yes", "no", "y", "n"})


def to_yaml(value: Any, indent: int = 0) -> Iterator[str]:
    """Lines of YAML for a JSON value, whose texts are all quoted as in JSON."""
    pad = "  " * indent
    entries: list[tuple[str, Any]]
    if isinstance(value, Mapping):
        entries = [(f"{_key(name)}:", item) for name, item in value.items()]
    else:
        entries = [("-", item) for item in value]
    for lead, item in entries:
        if isinstance(item, (Mapping, list)) and item:
            yield f"{pad}{lead}"
            yield from to_yaml(item, indent + 1)
        else:
            yield f"{pad}{lead} {_scalar(item)}"


def _key(name: str) -> str:
    plain = _PLAIN.fullmatch(name) and name.lower() not in _RESERVED
    return name if plain else _scalar(name)


def _scalar(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def render() -> str:
    """The text of openapi.yaml."""
    return "\n".join([HEAD, *to_yaml(create_app(Settings()).openapi())]) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or with `--check` compare it; 1 where it differs."""
    text = render()
    if "--check" not in arguments:
        FILE.write_text(text, "utf-8")
        return 0
    if FILE.is_file() and FILE.read_text("utf-8") == text:
        return 0
    sys.stderr.write("openapi.yaml has drifted from the code; run: make openapi\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
