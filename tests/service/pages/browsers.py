"""A real browser for the pages: what it shows, what it complains of, and whether it can be used by all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeAlias

from playwright.sync_api import Browser, Locator, Page

Scheme: TypeAlias = Literal["light", "dark"]

PHONE, DESK = 360, 1280
SHOTS = os.environ.get("PRECEDENT_SCREENSHOTS")
"""A folder for pictures of the pages, to be looked at."""

AXE = "axe_playwright_python"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def opened(
    browser: Browser, width: int = DESK, scheme: Scheme = "light", **options: Any
) -> Iterator[tuple[Page, list[str]]]:
    """A page, and all that it complains of or tries to do."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: trouble.append(dialog.message))
    yield page, trouble
    context.close()


def follow(page: Page, link: Locator) -> None:
    """Go where a link or a button leads."""
    with page.expect_navigation():
        link.click()


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, each as its rule and the elements."""
    page.evaluate(files(AXE).joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("tags => axe.run({runOnly: {type: 'tag', values: tags}})", TAGS)
    return [
        f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:3]]}" for one in found["violations"]
    ]


def picture(page: Page, name: str) -> None:
    """Keep a picture of the whole page, where that is wanted."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)
