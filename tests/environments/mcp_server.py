"""A small MCP server to test against: some notes, and tools that fail, hang and break."""

from __future__ import annotations

import os
import sys
import time
from typing import Literal

from mcp.server import MCPServer

server = MCPServer("notes")
notes: dict[str, str] = {}


@server.tool()
def write_note(name: str, text: str, mode: Literal["new", "append"] = "new") -> str:
    """Write,
    or add."""
    notes[name] = notes.get(name, "") + text if mode == "append" else text
    return f"{name}: {notes[name]}"


@server.tool()
def read_note(name: str) -> str:
    """Read a note."""
    return notes[name]


@server.tool()
def names() -> list[str]:
    """All notes."""
    return sorted(notes)


@server.tool()
def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "awake"


@server.tool()
def leave() -> str:
    sys.stderr.write("leaving\n")
    os._exit(3)


if __name__ == "__main__":
    server.run()
