"""The folder of a comparison: what it was begun with, so that rows of different questions aren't mixed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic_core import from_json, to_json

from indexing.errors import Conflict, InvalidInput, PrecedentError
from indexing.records import JSON
from service.commands.common import say

OPTIONS, ROWS, EPISODES = "options.json", "rows.ndjson", "episodes.ndjson"


@contextmanager
def begun(folder: Path, asked: Mapping[str, JSON], resume: bool) -> Iterator[None]:
    """The folder with its options, or why it can't be used; one that got no further is left as it was."""
    new = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not new:
        _check(folder, asked, resume)
    elif resume:
        say(f"there is nothing to resume in {folder} yet")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / OPTIONS
    path.write_bytes(to_json(asked, indent=1) + b"\n")
    try:
        yield
    except PrecedentError:
        if new and [*folder.iterdir()] == [path]:
            path.unlink()
            with suppress(OSError):
                folder.rmdir()
        raise


def _check(folder: Path, asked: Mapping[str, JSON], resume: bool) -> None:
    if not (folder / OPTIONS).is_file():
        raise InvalidInput(f"{folder} holds something else; name another folder with --out")
    if not resume:
        raise Conflict(f"{folder} holds a comparison; go on with --resume, or name another folder with --out")
    before = from_json((folder / OPTIONS).read_bytes())
    for name in {**asked, **before}:
        if before.get(name) != asked.get(name):
            raise Conflict(f"{folder} was begun {_difference(name, before, asked)}; name another with --out")


def _difference(name: str, before: Mapping[str, JSON], now: Mapping[str, JSON]) -> str:
    if name != "collections":
        return f"with {name} {_short(before.get(name))}, now it is {_short(now.get(name))}"
    if before.get(name, {}).keys() != now[name].keys():
        return f"with the collections {', '.join(before.get(name, {}))}"
    changed = [one for one, state in now[name].items() if before[name][one] != state]
    return f"before {', '.join(changed)} changed"


def _short(value: JSON) -> str:
    return to_json(value).decode()
