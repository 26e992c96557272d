"""`precedent`, the command line: loads records, makes them, builds generations, answers, serves, compares.

Works on the data folder itself, also while a service runs on it, which notices. Exits with 0 when
all went well, 1 when some of it didn't, 2 with one line for what can't be understood, 130 when
interrupted.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from indexing.errors import Conflict, InvalidInput, MissingExtra, NotFound, PrecedentError, TooLarge
from service.commands.audit import audit
from service.commands.backup import restore, snapshot
from service.commands.common import say
from service.commands.compare import compare
from service.commands.doctor import doctor
from service.commands.export import export
from service.commands.ingest import ingest
from service.commands.keys import keys
from service.commands.reindex import reindex, rollback
from service.commands.retrieve import retrieve
from service.commands.serve import serve
from service.commands.status import status
from service.commands.synthesize import synthesize
from service.keys import without_secrets

USAGE_ERROR: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)
"""What a wrong argument raises, wherever this Typer keeps its Click."""

CALLERS_FAULT = (InvalidInput, NotFound, Conflict, TooLarge, MissingExtra)
INTERRUPTED = 130


class OneLineErrors(TyperGroup):
    """Commands whose every error is one line on standard error, never a traceback."""

    def main(self, *args: Any, **options: Any) -> Any:
        options |= {"standalone_mode": False, "prog_name": "precedent"}
        try:
            code = super().main(*args, **options)
        except USAGE_ERROR as error:
            say(_one_line(getattr(error, "format_message", error.__str__)()))
            code = 2
        except PrecedentError as error:
            say(_one_line(str(error)))
            code = 2 if isinstance(error, CALLERS_FAULT) else 1
        except OSError as error:
            say(_one_line(f"{error.filename}: {error.strerror}" if error.filename else str(error)))
            code = 1
        except (KeyboardInterrupt, typer.Abort):
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)


def _one_line(text: str) -> str:
    """What was wrong, with nothing of a key that was among the words."""
    return without_secrets(" ".join(text.split()))


app = typer.Typer(
    cls=OneLineErrors,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Who has stood here before, and what did they do next? Retrieval of examples for agents.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"precedent {importlib.metadata.version('precedent')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    _quiet_the_hub()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


def _quiet_the_hub() -> None:
    """Loading a model shows no bars and tells no retries, unless somebody asked for them."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


for command in (
    serve, ingest, reindex, rollback, status, doctor, retrieve, export, snapshot, restore, audit, synthesize,
    compare,
):  # fmt: skip
    app.command()(command)
app.add_typer(keys, name="keys")


def main() -> None:
    """The `precedent` command."""
    app()


if __name__ == "__main__":
    main()
