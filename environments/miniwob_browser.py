"""A MiniWoB++ page in headless Chromium, without a network, by real mouse and keyboard.

The page's clock stands still but for a little after each action, until nothing moves any more: the
same actions from the same seed lead to the same page, however slow the machine or the agent is.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from dialects.miniwob import Node
from environments.base import EXTRA
from environments.errors import MissingEnvironment, Stalled

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page, Playwright

OPENED = datetime(2016, 12, 1, 12, tzinfo=UTC)
"""When every episode takes place: calendars open where the page's own dates are."""
TICK = 500
LONGEST_MOVEMENT = 8
"""Ticks, in milliseconds of the page, that are waited for at most."""
TEXT_REFERENCE = re.compile(r'"ref":-\d+')
NO_NETWORK = ["--host-resolver-rules=MAP * ~NOTFOUND"]
"""Beside each page being told that it is offline."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the page tells of itself: `options` are those of the drop-down lists, by reference."""

    page: Node
    instruction: str
    done: bool
    reward: float
    fields: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


@cache
def _looks() -> TypeAdapter[Look]:
    return TypeAdapter(Look)


class Tab:
    """One page at a time; every wait ends after `patience` seconds in `Stalled`."""

    def __init__(self, chromium: str | None = None, patience: float = 30) -> None:
        self._chromium = chromium
        self._patience = patience
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._context: BrowserContext | None = None
        self.page: Page | None = None
        self._broken = False

    async def begin(self, address: str, seed: int) -> Look:
        """Open a page afresh and start its episode."""
        async with self._patiently():
            page = await self._fresh_page()
            await page.goto(address)
            await page.evaluate("seed => __episode.begin(seed)", seed)
            return await self._settled()

    async def click(self, ref: int, count: int = 1, held: str = "") -> Look:
        """Click so many times, with a key held down where one is named."""
        async with self._patiently():
            keyboard = self._open().keyboard
            if held:
                await keyboard.down(held)
            await self._open().mouse.click(*await self._point(ref), click_count=count)
            if held:
                await keyboard.up(held)
            return await self._settled()

    async def drag(self, ref: int, to: int) -> Look:
        async with self._patiently():
            mouse, start, end = self._open().mouse, await self._point(ref), await self._point(to)
            await mouse.move(*start)
            await mouse.down()
            await mouse.move(*end, steps=5)
            await mouse.up()
            return await self._settled()

    async def scroll(self, ref: int, pixels: int) -> Look:
        async with self._patiently():
            await self._open().mouse.move(*await self._point(ref))
            await self._open().mouse.wheel(0, pixels)
            return await self._settled()

    async def write(self, ref: int, text: str, in_parts: bool = False) -> Look:
        """Type into a field, in place of what is in it; a date goes in part by part, from its first."""
        async with self._patiently():
            page = self._open()
            if in_parts:
                await page.evaluate("ref => __episode.focusAnew(ref)", ref)
            elif not await page.evaluate("ref => __episode.hasFocus(ref)", ref):
                await page.mouse.click(*await self._point(ref))
            if not in_parts and await page.evaluate("ref => __episode.element(ref).value", ref):
                await page.keyboard.press("ControlOrMeta+A")
            await page.keyboard.type(text)
            return await self._settled()

    async def press(self, ref: int, key: str, times: int = 1) -> Look:
        async with self._patiently():
            if not await self._open().evaluate("ref => __episode.hasFocus(ref)", ref):
                await self._open().evaluate("ref => __episode.element(ref).focus()", ref)
            for _ in range(times):
                await self._open().keyboard.press(key)
            return await self._settled()

    async def choose(self, ref: int, option: str) -> Look:
        async with self._patiently():
            handle = await self._open().evaluate_handle("ref => __episode.element(ref)", ref)
            element = handle.as_element()
            if element is not None:
                await element.select_option(label=option)
            return await self._settled()

    async def close(self) -> None:
        browser, self._browser, self._context, self.page = self._browser, None, None, None
        playwright, self._playwright = self._playwright, None
        self._broken = False
        if browser is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await browser.close()
        if playwright is not None:
            await playwright.stop()

    def _open(self) -> Page:
        assert self.page is not None, "an episode's page is open"
        return self.page

    async def _point(self, ref: int) -> tuple[float, float]:
        x, y = await self._open().evaluate("ref => __episode.point(ref)", ref)
        return x, y

    async def _settled(self) -> Look:
        before = ""
        for _ in range(LONGEST_MOVEMENT):
            await self._open().clock.run_for(TICK)
            state = await self._state()
            if TEXT_REFERENCE.sub("", state) == before:
                break
            before = TEXT_REFERENCE.sub("", state)
        return _looks().validate_json(state)

    async def _state(self) -> str:
        state: str = await self._open().evaluate("() => __episode.state()")
        return state

    async def _fresh_page(self) -> Page:
        if self._broken:
            await self.close()
        elif self._context is not None:
            await self._context.close()
        browser = self._browser or await self._launched()
        self._context = await browser.new_context(
            viewport={"width": 500, "height": 320},
            locale="en-US",
            timezone_id="UTC",
            offline=True,
            service_workers="block",
            accept_downloads=False,
        )
        await self._context.clock.install(time=OPENED)
        await self._context.clock.pause_at(OPENED)
        await self._context.add_init_script(_script())
        self.page = await self._context.new_page()
        return self.page

    async def _launched(self) -> Browser:
        executable = self._chromium or shutil.which("chromium") or shutil.which("chromium-browser")
        if executable is None:
            raise MissingEnvironment("MiniWoB++ runs in Chromium: install it, or say where it is")
        from playwright.async_api import Error, async_playwright

        self._playwright = await async_playwright().start()
        try:
            chromium = self._playwright.chromium
            self._browser = await chromium.launch(executable_path=executable, args=NO_NETWORK)
        except Error as fault:
            raise MissingEnvironment(f"Chromium doesn't start: {fault}") from None
        return self._browser

    @asynccontextmanager
    async def _patiently(self) -> AsyncIterator[None]:
        error = _browser_error()
        try:
            async with asyncio.timeout(self._patience):
                yield
        except TimeoutError:
            self._broken = True
            raise Stalled(f"the page didn't answer within {self._patience:g} seconds: reset") from None
        except error as fault:
            self._broken = True
            raise Stalled(f"the browser failed, reset: {fault}") from None


def pages() -> Path:
    """The folder of the package's task pages. The package itself, which wants Selenium, isn't imported."""
    found = find_spec("miniwob")
    if found is None or not found.submodule_search_locations:
        raise MissingEnvironment(f"miniwob isn't installed: {EXTRA}")
    return Path(found.submodule_search_locations[0]) / "html" / "miniwob"


def _browser_error() -> type[Exception]:
    try:
        from playwright.async_api import Error
    except ImportError:
        raise MissingEnvironment(f"playwright isn't installed: {EXTRA}") from None
    return Error


def _script() -> str:
    return resources.files("environments").joinpath("miniwob_page.js").read_text("utf-8")
