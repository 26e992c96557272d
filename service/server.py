"""The service as a process: its socket, and the moment it answers."""

from __future__ import annotations

import asyncio
import errno
import gc
import resource
import socket
import sys
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from indexing.errors import InvalidInput
from service.state import Service
from service.wire import BoundedHead, LoopbackOnly

BACKLOG = 2048
OPEN_FILES = 1 << 16
LOOKED_EVERY_S = 0.02
SWITCH_S = 0.001
"""How long a searching thread may keep the event loop from running; Python's default is five times that."""

COLLECTED_AFTER = (10_000, 20, 50)
"""Objects until garbage is looked for, and how often each generation's turn brings that of the next: a bulk
ingest makes so many that with Python's 700 and 10 the event loop waits for collections that find nothing."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens on the address, before anything slow is done: who connects early waits.

    Raises
    ------
    InvalidInput
        The address can't be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InvalidInput(f"--host {host}: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.set_inheritable(True)
    except OSError as error:
        listener.close()
        raise InvalidInput(_refusal(host, port, error)) from error
    return listener


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use on {host}; stop what listens there, or choose another with --port"
    return f"can't listen on {host}, port {port}: {error.strerror}"


def url_of(listener: socket.socket) -> str:
    """How this machine reaches what listens on the socket."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """A server that tells when what it serves is loaded."""

    def __init__(self, app: FastAPI, told: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app if app.state.settings.insecure else LoopbackOnly(app, self._asks),
                http=BoundedHead,
                log_config=None,
                access_log=False,
                backlog=BACKLOG,
                timeout_graceful_shutdown=10,
            )
        )
        self._app = app
        self._told = told
        self._telling: asyncio.Task[None] | None = None

    async def _asks(self) -> bool:
        service: Service = self._app.state.service
        return await service.authority.asks()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        service: Service = self._app.state.service
        while not service.readiness.loaded:
            await asyncio.sleep(LOOKED_EVERY_S)
        gc.freeze()  # libraries and model stay: to look through them for garbage takes a third of a second
        while not service.readiness.settled:
            await asyncio.sleep(LOOKED_EVERY_S)
        self._told()


def allow_open_files() -> None:
    """As many open files as the system lets this process have: a generation's indexes are some sixty."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(most, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def serve(app: FastAPI, listener: socket.socket, told: Callable[[], None]) -> bool:
    """Serve until told to stop, `told` when all is loaded; False where the app couldn't start."""
    allow_open_files()
    sys.setswitchinterval(SWITCH_S)
    gc.set_threshold(*COLLECTED_AFTER)
    server = Server(app, told)
    server.run(sockets=[listener])
    return server.started
