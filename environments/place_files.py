"""What the command line gives to environments that are made of files: tasks, questions, names of actions."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from environments.errors import BadPlace

T = TypeVar("T")


def tasks_in(path: Path, kind: type[T]) -> list[T]:
    """The tasks in a file, a JSON array of objects with the fields of `kind`, a dataclass.

    Raises
    ------
    BadPlace
        There is no such file, or it holds something else.
    """
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    entries = _array(path)
    for entry in entries:
        if isinstance(entry, dict) and (unknown := sorted(entry.keys() - known)):
            raise BadPlace(
                f"{path}: a task has no {', '.join(unknown)}; there are {', '.join(sorted(known))}", "place"
            )
    return _checked(path, entries, list[kind])  # type: ignore[valid-type]


def names_in(path: Path) -> list[str]:
    """The texts in a file, a JSON array; raises BadPlace."""
    return _checked(path, _array(path), list[str])


def questions_and_databases(folder: Path) -> tuple[Path, Path]:
    """InterCode's questions in a folder, and its databases: a dump beside them, or else the folder's files.

    Raises
    ------
    BadPlace
        There isn't one file of questions, or there are several dumps.
    """
    questions, dumps = sorted(folder.glob("*.json")), sorted(folder.glob("*.sql"))
    if len(questions) != 1 or len(dumps) > 1:
        raise BadPlace(
            f"{folder}: a folder for sql holds one file of questions, .json, and their databases: SQLite "
            "files, or one dump, .sql",
            "place",
        )
    return questions[0], dumps[0] if dumps else folder


def _array(path: Path) -> list[object]:
    if not path.is_file():
        raise BadPlace(f"{path}: no such file", "place")
    try:
        found = from_json(path.read_bytes())
    except ValueError as error:
        raise BadPlace(f"{path} is no JSON: {error}", "place") from None
    if not isinstance(found, list) or not found:
        raise BadPlace(f"{path}: a JSON array with something in it is wanted", "place")
    return found


def _checked(path: Path, entries: list[object], kind: type[T]) -> T:
    try:
        return TypeAdapter(kind).validate_python(entries)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise BadPlace(f"{path}: {where}: {problem['msg']}", "place") from None
