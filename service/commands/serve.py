"""`precedent serve`: the service on one address, with the sample collections if they are wanted."""

from __future__ import annotations

import logging
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic_core import to_json

from service.commands.common import DATA_DIR, DataDir, fail, open_library, say
from service.commands.progress import display, duration

if TYPE_CHECKING:
    from indexing.library import Library
    from indexing.records import JSON
    from service.state import Service

log = logging.getLogger(__name__)

BEGAN = time.monotonic()


def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to listen on; default PRECEDENT_HOST or 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="0 for a free one; default PRECEDENT_PORT or 8000.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    samples: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Sample collections to load, each once.")
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Start without keys: whoever can reach it may read and write."),
    ] = False,
) -> None:
    """Start the service."""
    from service.settings import load_settings

    settings = load_settings(data_dir=data_dir, host=host, port=port, insecure=insecure or None)
    from service import server
    from service.telemetry.logs import log_to_stderr

    log_to_stderr(settings.log_level, settings.log_format)
    with open_library(settings.data_dir, create=True) as library:
        settings.check_address(library.keys.exist())
        with server.bind(settings.host, settings.port) as listener:
            url = server.url_of(listener)
            request = _load_samples(library, samples) if samples else None

            from service.app import create_app

            app = create_app(settings, library)
            tell = _log_started if settings.log_format == "json" else _tell_started

            def told() -> None:
                service: Service = app.state.service
                tell(url, request, service.readiness.fault)

            if not server.serve(app, listener, told):
                fail("the service couldn't start; the log says why", 1)


def _load_samples(library: Library, folder: Path) -> dict[str, JSON] | None:
    """Load what isn't there yet; returns a request to try."""
    from service.samples import SampleLoader, example

    loader = SampleLoader(library, folder)
    for sample in loader.missing():
        begun = time.monotonic()
        say(f"loading the sample collection {sample.name}")
        with display() as progress:
            loader.load(sample, progress, progress)
        say(f"{sample.name} is indexed, in {duration(time.monotonic() - begun)}")
    return example(loader.samples)


def _log_started(url: str, _: dict[str, JSON] | None, fault: str) -> None:
    """For a program that reads the log: in its own form, and nothing on standard output."""
    log.info("started in %.1f s, at %s", time.monotonic() - BEGAN, url)
    if fault:
        log.warning("it isn't ready: %s", fault)


def _tell_started(url: str, request: dict[str, JSON] | None, fault: str) -> None:
    say(f"Started in {time.monotonic() - BEGAN:.1f} s; Ctrl-C stops it")
    if fault:
        say(f"It isn't ready, as /health/ready says until it is: {fault}")
    typer.echo(
        f"Precedent is at {url}/ui, its API reference at {url}/docs. Try:\n\n{try_this(url, request)}\n"
    )


def try_this(url: str, request: dict[str, JSON] | None) -> str:
    """A `curl` to paste: the request of an agent in the middle of an episode, if there is one."""
    if request is None:
        return f"curl -s {url}/collections"
    body = to_json(request).decode()
    return f"curl -s {url}/retrieve -H 'content-type: application/json' -d {shlex.quote(body)}"
