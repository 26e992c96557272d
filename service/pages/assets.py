"""Style and script of the pages, from the package itself, each under a name that changes with its content."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from pathlib import Path

from fastapi import APIRouter, Response

from indexing.errors import NotFound

FOLDER = Path(__file__).parents[1] / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""For a file that is opened by itself."""

router = APIRouter(prefix="/ui/-/static", include_in_schema=False)


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Each file's content and digest by its name; read once, for they come with the package."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in TYPES:
            content = path.read_bytes()
            found[path.name] = content, blake2b(content, digest_size=6).hexdigest()
    return found


def named(name: str) -> str:
    """The address of a file below the pages', its digest in it: `-/static/ui.0123456789ab.css`."""
    stem, _, suffix = name.rpartition(".")
    return f"-/static/{stem}.{_files()[name][1]}.{suffix}"


@router.get("/{name:path}")
async def asset(name: str) -> Response:
    """A file. Under another version's name it is today's, and not to be kept: a page may be older than we."""
    stem, _, suffix = name.rpartition(".")
    plain, _, digest = stem.rpartition(".")
    known = _files().get(f"{plain}.{suffix}")
    if known is None:
        raise NotFound(f"no file {name[:80]!r} belongs to the pages")
    content, current = known
    headers = {
        "Cache-Control": FOREVER if digest == current else "no-cache",
        "ETag": f'"{current}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": POLICY,
    }
    return Response(content, headers=headers, media_type=TYPES[f".{suffix}"])
