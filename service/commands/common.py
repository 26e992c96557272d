"""What the commands share: their common options, the library they open, and how they speak.

Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeAlias

import typer
from pydantic_core import from_json, to_json

from indexing.errors import InvalidInput, NotFound, PrecedentError
from indexing.records import COLLECTION_NAME, JSON
from service.visible import readable_json, visible

if TYPE_CHECKING:
    from indexing.library import Library
    from indexing.store.catalog import Collection
    from service.settings import Settings as ServiceSettings

DataDir: TypeAlias = Annotated[
    Path,
    typer.Option("--data-dir", envvar="PRECEDENT_DATA_DIR", help="The folder that holds all collections."),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Answer in JSON, for a program to read.")]
Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of the collection; may be given again."),
]
DATA_DIR = Path("data")
DATABASE = "precedent.db"


@contextmanager
def open_library(
    folder: Path, *, create: bool = False, settings: ServiceSettings | None = None
) -> Iterator[Library]:
    """The library in a data folder, as the environment has it; without `create` there must be one.

    Raises
    ------
    InvalidInput
        The folder holds no library, or it can't be opened or written.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from indexing.library import Library
    from retrievers.learning import learn
    from service.settings import load_settings

    settings = settings or load_settings(data_dir=folder)
    url = settings.database_url
    if not (create or url or (folder / DATABASE).is_file()):
        raise InvalidInput(f"no collections in {folder}; ingest some, or name another folder with --data-dir")
    try:
        library = Library(folder, url=url, learner=learn, keep=settings.retention())
    except OSError as error:
        raise InvalidInput(
            f"{folder} can't hold data: {error.strerror}; choose another --data-dir"
        ) from error
    except SQLAlchemyError as error:
        raise InvalidInput(f"{folder / DATABASE} can't be opened: {_cause(error)}") from error
    with library:
        try:
            yield library
        except SQLAlchemyError as error:
            raise PrecedentError(f"{folder / DATABASE} can't be used: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def checked_name(name: str) -> str:
    """The name of a collection, or InvalidInput for what can't be one."""
    if not re.fullmatch(COLLECTION_NAME, name):
        raise InvalidInput(
            f"{name!r} can't name a collection: use 1 to 64 of a-z, 0-9, _ and -, no sign first"
        )
    return name


def find_collection(library: Library, name: str) -> Collection:
    """A collection that is there; raises NotFound, which names those that are."""
    found = library.catalog.get(checked_name(name))
    if found is None:
        raise NotFound(f"no collection {name!r} in {library.folder}; {_existing(library)}")
    return found


def only_collection(library: Library, argument: str | None, option: str | None) -> Collection:
    """The collection that is named, as an argument or as an option, or the only one there is."""
    if argument and option and argument != option:
        raise InvalidInput(f"two collections are named, {argument!r} and {option!r}; name one")
    if name := argument or option:
        return find_collection(library, name)
    rows = library.catalog.list()
    if len(rows) != 1:
        raise InvalidInput(f"which collection? {_existing(library)}")
    return rows[0]


def _existing(library: Library) -> str:
    names = [row.name for row in library.catalog.list()]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"there are {', '.join(names[:10])}{more}" if names else "there are none; ingest some"


def parse_settings(given: Iterable[str] | None) -> dict[str, JSON]:
    """Settings from `name=value`; a value is JSON where it reads as such, text otherwise."""
    changes: dict[str, JSON] = {}
    for assignment in given or ():
        name, equals, value = assignment.partition("=")
        if not (name.strip() and equals):
            raise InvalidInput(f"--set {assignment}: write it as name=value")
        try:
            changes[name.strip()] = from_json(value, allow_inf_nan=False)
        except ValueError:
            changes[name.strip()] = value
    return changes


def answer(value: JSON) -> None:
    """A JSON result: indented on a terminal, one line for a program."""
    if sys.stdout.isatty():
        typer.echo(readable_json(value))
    else:
        typer.echo(to_json(value))


def say(message: str) -> None:
    """Talk to whoever is watching."""
    typer.echo(f"precedent: {visible(message)}", err=True)


def fail(message: str, code: int = 2) -> NoReturn:
    """End with one clear line."""
    say(" ".join(message.split()))
    raise typer.Exit(code)
