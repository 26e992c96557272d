"""An address under `/ui` that no page has: told as a page."""

from __future__ import annotations

from fastapi import Response

from indexing.errors import NotFound
from service.pages.site import pages

router = pages()


@router.get("/{address:path}")
async def nothing(address: str) -> Response:  # noqa: ARG001
    """Nothing is here."""
    raise NotFound("nothing is at this address")
