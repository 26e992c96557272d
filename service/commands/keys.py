"""`precedent keys`: make, list and revoke API keys; a service that runs notices within a second."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

from indexing.errors import InvalidInput
from service.commands.common import DATA_DIR, AsJson, DataDir, answer, open_library, say
from service.commands.status import table
from service.keys import (
    MAX_NAME,
    id_given,
    new_key,
    parse_grants,
    scope_fields,
    without_secrets,
    written_grants,
)

if TYPE_CHECKING:
    from indexing.keys import Key
    from indexing.records import JSON

UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
HEADINGS = ("ID", "NAME", "SCOPES", "STATE", "CREATED", "EXPIRES", "LAST USED")

keys = typer.Typer(help="API keys: who may do what to which collections.", rich_markup_mode=None)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, in your words.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            "-s",
            metavar="SCOPE[:COLLECTION]",
            help="retrieve, write or admin; may be given again, or several with commas. Default: retrieve.",
        ),
    ] = None,
    collection: Annotated[
        list[str] | None,
        typer.Option("--collection", "-c", metavar="NAME", help="Bind the scopes to this collection; again."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="How long it opens anything: 12h, 90d, 52w.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Make a key and print it, this once: only its digest is kept."""
    if without_secrets(name) != name:
        raise InvalidInput("that is a key, not a name for one: say whose it is")
    if len(name) > MAX_NAME or not name.isprintable():
        raise InvalidInput(f"a name has at most {MAX_NAME} characters, all of them visible")
    now = time.time()
    grants = parse_grants(scope or ["retrieve"], collection or ())
    token, key = new_key(name, grants, now, now + seconds(expires) if expires is not None else None)
    with open_library(data_dir, create=True) as library:
        first = not library.keys.exist()
        library.keys.add(key)
        library.audit.command("precedent keys create", key.id)
    if json:
        answer({"key": token} | fields(key))
    else:
        typer.echo(token)
    say(f"key {key.id} opens {written_grants(key.grants)}; it is shown this once: keep it safe")
    if first:
        say("this is the first key: from now on the service asks everyone for one")


@keys.command("list")
def list_(data_dir: DataDir = DATA_DIR, json: AsJson = False) -> None:
    """Show the keys: what each opens, until when, and when it was last used (to the hour)."""
    with open_library(data_dir) as library:
        found = library.keys.list()
    if json:
        answer({"keys": [fields(key) for key in found]})
    elif found:
        typer.echo(table([HEADINGS, *map(_cells, found)]))
    else:
        say("there are no keys; the service listens on this machine only and asks for none")


@keys.command()
def revoke(
    id: Annotated[str, typer.Argument(help="The key's id, as `precedent keys list` shows it, or the key.")],
    forget: Annotated[
        bool,
        typer.Option("--forget", help="Strike it out as well; where no key is left, none is asked for."),
    ] = False,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Have a key open nothing any more, also in a service that runs."""
    id = id_given(id)
    with open_library(data_dir) as library:
        library.keys.revoke(id, time.time())
        if forget:
            library.keys.forget(id)
        library.audit.command("precedent keys revoke", id)
        left = library.keys.exist()
    if json:
        answer({"id": id, "revoked": True, "forgotten": forget})
    else:
        typer.echo(f"key {id} is revoked{' and forgotten' if forget else ''}")
    if not left:
        say("no key is left: on 127.0.0.1 the service asks for none from now on")


def seconds(time: str) -> int:
    """Seconds of `12h`, `90d` or `52w`; raises InvalidInput."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", time.strip(), re.ASCII)
    if found is None:
        raise InvalidInput(f"{time[:40]!r} is no time; write 30m, 12h, 90d or 52w")
    return int(found[1]) * UNITS[found[2]]


def fields(key: Key) -> dict[str, JSON]:
    """A key as JSON, without what it is known by."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": scope_fields(key.grants),
        "state": state(key),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "used_at": key.used_at,
    }


def state(key: Key) -> str:
    """Whether a key opens anything now, or why not."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= time.time() else "active"


def _cells(key: Key) -> tuple[str, ...]:
    dates = (_date(at) for at in (key.created_at, key.expires_at, key.used_at))
    return (key.id, key.name or "-", written_grants(key.grants), state(key), *dates)


def _date(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) if at is not None else "-"
