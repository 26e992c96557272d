"""`precedent retrieve`: one request from the shell, the same as `POST /retrieve` takes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from indexing.errors import InvalidFilter, InvalidInput
from service.commands.common import (
    DATA_DIR,
    AsJson,
    DataDir,
    answer,
    find_collection,
    only_collection,
    open_library,
    say,
)
from service.visible import visible

if TYPE_CHECKING:
    from indexing.records import JSON
    from service.schemas import RetrieveIn

STDIN = "-"


def retrieve(
    request: Annotated[
        str | None,
        typer.Option("--request", "-r", metavar="FILE", help="A request in JSON; - for standard input."),
    ] = None,
    collection: Annotated[str | None, typer.Option("--collection", "-c", metavar="NAME")] = None,
    instruction: Annotated[str | None, typer.Option(help="What the agent is to do.")] = None,
    observation: Annotated[str | None, typer.Option(help="What the agent sees now.")] = None,
    strategy: Annotated[str | None, typer.Option(metavar="NAME", help="Default: agentic.")] = None,
    query: Annotated[
        list[str] | None, typer.Option(help="The agent's own query; may be given again.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Not this one; may be given again.")
    ] = None,
    episode: Annotated[
        str | None, typer.Option(metavar="ID", help="Show nothing twice in this episode.")
    ] = None,
    limit_total: Annotated[int | None, typer.Option(metavar="N", help="Most demonstrations.")] = None,
    tokens: Annotated[int | None, typer.Option(metavar="N", help="Most tokens.")] = None,
    render: Annotated[
        Literal["text"] | None, typer.Option(help="text: the prompt alone; in the answer, with --json.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Ask who has stood here before; options stand above the same fields of --request."""
    fields: dict[str, JSON] = _read(request) if request else {}
    given = {
        "collection": collection,
        "instruction": instruction,
        "observation": observation,
        "strategy": strategy,
        "queries": query or None,
        "exclude": exclude or None,
        "episode": episode,
        "render": render,
    }
    fields |= {name: value for name, value in given.items() if value is not None}
    limits = {
        name: value for name, value in (("total", limit_total), ("tokens", tokens)) if value is not None
    }
    if limits:
        before = fields.get("limits")
        fields["limits"] = (before if isinstance(before, dict) else {}) | limits
    from service.settings import load_settings

    with open_library(data_dir) as library:
        if fields.get("collection") is None:
            fields["collection"] = only_collection(library, None, None).name
        asked = _parsed(fields)
        row = find_collection(library, asked.collection)
        settings = load_settings(data_dir=data_dir)
        live = library.live(asked.collection)
        if live.applied < row.sequence:
            say("first indexing what has come since the last generation")
            library.wait(asked.collection, row.sequence, settings.wait_timeout_s)
        live.builder.lane.query("the first is slow")

        from service.retrieval import answer_once

        found = asyncio.run(answer_once(settings, library, asked))
    if render and not json:
        prompt = found["prompt"] or ""
        typer.echo(visible(prompt) if sys.stdout.isatty() else prompt)
    else:
        answer(found)


def _read(source: str) -> dict[str, JSON]:
    from indexing.parsing import decode

    try:
        body = sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
    except OSError as error:
        raise InvalidInput(f"--request {source}: {error.strerror}") from error
    found = decode(body)
    if not isinstance(found, dict):
        raise InvalidInput("--request: not a JSON object; see POST /retrieve")
    return found


def _parsed(fields: dict[str, JSON]) -> RetrieveIn:
    from pydantic import ValidationError

    from indexing.parsing import describe
    from service.schemas import RetrieveIn

    try:
        asked = RetrieveIn.model_validate(fields)
    except ValidationError as error:
        raise InvalidInput(describe(error)) from None
    try:
        asked.conditions()
    except InvalidFilter as error:
        raise InvalidInput(f"{error.field}: {error}") from None
    return asked
