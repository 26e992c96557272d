"""The web pages in a real browser: by keyboard, on a phone, in the dark, and with hostile text."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from service.app import create_app
from tests.service.running import create, listening, settings_for, trajectory
from tests.service.test_ui import HOSTILE, ODD_ID, hostile

INJECTION = """
const script = document.createElement("script");
script.textContent = "document.title = 1";
document.body.append(script);
document.body.insertAdjacentHTML("beforeend", "<img src=/x onerror=alert(1)>");
"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium isn't installed; Debian's package has it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of a service with a few rooms and one trajectory of hostile text."""
    with listening(create_app(settings_for(tmp_path))) as client:
        create(client, "rooms", hostile(), *(trajectory(f"t{number}", number) for number in range(4)))
        yield str(client.base_url).rstrip("/")


def opened(
    browser: Browser, width: int = 1100, scheme: Literal["light", "dark"] = "light"
) -> tuple[Page, list[str]]:
    """A page, and all that it complains of or tries to do."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: trouble.append(dialog.message))
    return page, trouble


def follow(page: Page, link: Locator) -> None:
    with page.expect_navigation():
        link.click()


def test_a_collection_is_asked_by_keyboard_alone(browser: Browser, address: str) -> None:
    page, trouble = opened(browser)
    page.goto(f"{address}/ui")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.get_by_role("link", name="rooms").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Observation").fill("Room 2 is free on Monday")
    page.get_by_label("Instruction").fill("Book a room")
    page.get_by_label("Strategy").select_option("observation")
    page.get_by_label("Tokens").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="The answer").wait_for()
    assert page.locator(".kind").first.inner_text() == "exact"
    assert page.locator(".next .action").first.inner_text() == "click [book]"
    assert "Step 2 of 2 (like the present situation)" in page.locator(".prompt").inner_text()
    assert page.get_by_label("Strategy").input_value() == "observation"
    assert trouble == []


def test_an_episode_is_walked_through_by_its_links(browser: Browser, address: str) -> None:
    page, trouble = opened(browser)
    page.goto(f"{address}/ui/rooms?trajectory=t1&step=0")
    follow(page, page.get_by_role("link", name="Step 2"))
    assert page.get_by_label("Observation").input_value() == "Room 1 is free on Monday"
    assert page.locator("article").count() > 0
    follow(page, page.get_by_role("link", name="Step 1"))
    assert page.get_by_label("Observation").input_value() == "The list of rooms, page 1"
    assert trouble == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_nothing_is_wider_than_the_window(
    browser: Browser, address: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    page, trouble = opened(browser, width, scheme)
    for path in (
        "/ui",
        f"/ui/rooms?trajectory={quote(ODD_ID, safe='')}",
        "/ui/rooms?trajectory=t1",
        "/ui/no",
    ):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in ground[4:-1].split(",")) < 300) == (scheme == "dark")
    assert [line for line in trouble if "404" not in line] == []


def test_hostile_text_is_shown_and_does_nothing(browser: Browser, address: str) -> None:
    page, trouble = opened(browser)
    page.goto(f"{address}/ui/rooms?trajectory={quote(ODD_ID, safe='')}&step=1")
    assert page.get_by_label("Observation").input_value() == HOSTILE
    page.get_by_label("Leave out").fill("")
    follow(page, page.get_by_role("button", name="Ask"))
    article = page.locator("article").filter(has=page.locator(".kind.exact"))
    assert article.locator(".matched pre").inner_text() == HOSTILE
    assert article.locator(".next .action").inner_text() == HOSTILE
    assert page.locator("img, script, iframe").count() == 0
    assert page.title() == "rooms · Precedent"
    follow(page, page.get_by_role("link", name=ODD_ID).first)
    assert page.get_by_label("Observation").input_value() == HOSTILE
    assert trouble == []


def test_the_policy_stops_a_script_that_got_in(browser: Browser, address: str) -> None:
    page, trouble = opened(browser)
    page.goto(f"{address}/ui")
    page.evaluate(f"() => {{ {INJECTION} }}")
    page.wait_for_timeout(100)
    assert page.title() == "Precedent"
    assert any("Content Security Policy" in line for line in trouble)
