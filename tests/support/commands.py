"""Whether a `precedent …` that is written somewhere could be called."""

from __future__ import annotations

import shlex
from typing import Any

import typer.main

from service.cli import app


def unknown(line: str) -> str | None:
    """What there is not of the command, its group's command and its options; None where all are there."""
    command: Any = typer.main.get_command(app)
    words = [word for word in shlex.split(line, comments=True) if word != "…"]
    while hasattr(command, "commands"):
        name, *words = words or ["nothing"]
        if name not in command.commands:
            return name
        command = command.commands[name]
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    given = {word.split("=")[0] for word in words if word.startswith("-") and word != "-"}
    return min(given - known - {"--help"}, default=None)
