"""ALFWorld's game files: which there are in a folder or an archive, and what a file says."""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from environments.errors import MissingEnvironment, UnknownTask
from environments.pddl import Malformed, Problem, parse

FILE = "game.tw-pddl"
INSTRUCTION = re.compile(r'"Your task is to: ([^"\\]+)"')


@dataclass(frozen=True, slots=True)
class Game:
    """What is asked, and the world it is asked in."""

    instruction: str
    problem: Problem


class Games:
    """The games under a folder, or in a `.tar.gz` of one, named by their folder's path in it."""

    def __init__(self, source: Path) -> None:
        self._source = source

    def matching(self, name: str) -> list[str]:
        """The games, sorted, that a name stands for: one game's, a split's, a task type's, a beginning's.

        "valid_unseen", "pick_two_obj_and_place" and "valid_unseen/pick_two_obj_and_place" all are names.
        """
        wanted = f"/{name.strip('/')}"
        return [game for game in self._texts if f"{wanted}/" in f"/{game}/" or f"{wanted}-" in f"/{game}"]

    def load(self, name: str) -> Game:
        """Read a game. Only its problem and its instruction count: its grammar, which is code, is not run."""
        stored = self._texts[name]
        text = stored.read_text(encoding="utf-8") if isinstance(stored, Path) else stored.decode()
        try:
            fields = json.loads(text)
            instruction = INSTRUCTION.search(fields["grammar"])
            problem = parse(fields["pddl_domain"], fields["pddl_problem"])
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            told = fault if isinstance(fault, Malformed) else f"no {FILE} of ALFWorld's"
            raise UnknownTask(f"the game {name!r} can't be played: {told}") from None
        if instruction is None:
            raise UnknownTask(f"the game {name!r} can't be played: it doesn't say what the task is")
        return Game(instruction[1].strip(), problem)

    @cached_property
    def _texts(self) -> Mapping[str, Path | bytes]:
        """Each game's file, or its content where it comes from an archive, in order of their names."""
        if self._source.is_dir():
            files: dict[str, Path | bytes] = {
                file.parent.relative_to(self._source).as_posix(): file for file in self._source.rglob(FILE)
            }
        elif self._source.is_file():
            files = _unpacked(self._source)
        else:
            files = {}
        if not files:
            raise MissingEnvironment(
                f"ALFWorld's games ({FILE}) are not at {self._source}: name their folder"
            )
        return dict(sorted(files.items()))


def names(ids: Iterable[str]) -> dict[str, str]:
    """What ALFWorld calls each thing and place, "mug 2": by kind, numbered from the last id to the first."""
    kinds = {thing: _kind(thing) for thing in sorted(ids)}
    left = Counter(kind for kind in kinds.values() if kind is not None)
    found = {}
    for thing, kind in kinds.items():
        if kind is None:
            found[thing] = thing
        else:
            found[thing] = f"{kind} {left[kind]}"
            left[kind] -= 1
    return found


def _kind(thing: str) -> str | None:
    kind, sign, _ = thing.partition("_bar_")
    return (f"{kind}basin" if "basin" in thing else kind) if sign else None


def _unpacked(archive: Path) -> dict[str, Path | bytes]:
    files: dict[str, Path | bytes] = {}
    try:
        with tarfile.open(archive) as members:
            for member in members:
                content = members.extractfile(member) if member.name.endswith(f"/{FILE}") else None
                if content is not None:
                    files[member.name.removesuffix(f"/{FILE}").partition("/")[2]] = content.read()
    except tarfile.TarError as error:
        raise MissingEnvironment(
            f"{archive} is no archive of ALFWorld's games: name it or a folder"
        ) from error
    return files
