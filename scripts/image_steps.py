"""A Containerfile read into its steps, and the paths and variables in them told for another root."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

KNOWN = (
    "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN", "STOPSIGNAL",
    "USER", "VOLUME", "WORKDIR",
)  # fmt: skip
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_FLAG = re.compile(r"--([a-z-]+)=(\S+)\s+")


class Unreadable(ValueError):
    """The Containerfile has a step that this reader doesn't understand."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: its name, its flags, and the rest of its line as it is written."""

    line: int
    name: str
    flags: Mapping[str, str]
    rest: str

    @property
    def words(self) -> list[str]:
        """The rest as a list: of JSON where it is written so, else split at blanks."""
        return json.loads(self.rest) if self.rest.startswith("[") else self.rest.split()

    @property
    def pairs(self) -> dict[str, str]:
        """The rest as name=value, values quoted or not."""
        found = re.findall(r'([\w.]+)=("[^"]*"|\S+)', self.rest)
        return {name: value.strip('"') for name, value in found}


def read_steps(text: str) -> list[Step]:
    """The steps of a Containerfile, in order; raises Unreadable."""
    return list(_steps(text))


def _steps(text: str) -> Iterator[Step]:
    gathered, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not gathered and not line.strip()):
            continue
        first = first or number
        gathered += line.rstrip().removesuffix("\\")
        if line.rstrip().endswith("\\"):
            continue
        yield _step(first, gathered.strip())
        gathered, first = "", 0
    if gathered:
        raise Unreadable(f"line {first}: it goes on after the last line")


def _step(line: int, text: str) -> Step:
    name, _, rest = text.partition(" ")
    if name not in KNOWN:
        raise Unreadable(f"line {line}: {name} isn't one of {', '.join(KNOWN)}")
    flags, rest = {}, rest.strip()
    while found := _FLAG.match(rest):
        flags[found[1]] = found[2]
        rest = rest[found.end() :]
    return Step(line, name, flags, rest)


def filled(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables put in, `${NAME:-default}` too; what isn't set is nothing."""
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[3]) or found[2] or "", text)


def moved(text: str, root: str, places: tuple[str, ...]) -> str:
    """The text with these absolute paths told below another root."""
    return re.sub(rf"(?<![\w./-])(?=({'|'.join(map(re.escape, places))})(?![\w-]))", root, text)
