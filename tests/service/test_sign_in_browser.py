"""Signing in, in a real browser: what it sends along decides whether the cookie holds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from indexing.embedder import HashingEmbedder
from indexing.library import Library
from service.app import create_app
from tests.service.keyed import bearing, make_key
from tests.service.running import create, listening, settings_for, trajectory, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ELSEWHERE = "http://elsewhere.example/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium isn't installed; Debian's package has it")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address of a service that asks for keys, and one."""
    folder = tmp_path_factory.mktemp("keyed")
    with Library(folder, lambda _: HashingEmbedder(64)) as library:
        token = make_key(library, "retrieve")
        with listening(create_app(settings_for(folder), library)) as client:
            client.headers.update(bearing(make_key(library, "admin")))
            until(lambda: client.get("/collections").status_code == 200)
            create(client, "rooms", trajectory("a", 1))
            yield str(client.base_url).rstrip("/"), token


def sign_in(page: Page, address: str, token: str) -> None:
    page.goto(f"{address}/ui")
    assert page.locator(":focus").get_attribute("id") == "key"
    page.keyboard.type(token)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url == f"{address}/ui"
    assert page.get_by_role("link", name="rooms").count() > 0


def test_a_person_signs_in_by_keyboard_and_out_again(browser: Browser, service: tuple[str, str]) -> None:
    address, token = service
    page = browser.new_page()
    sign_in(page, address, token)
    for path in ("/ui/rooms", "/docs"):
        answer = page.goto(f"{address}{path}")
        assert answer is not None
        assert answer.status == 200
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""
    page.goto(f"{address}/ui/rooms")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign out").click()
    assert page.context.cookies() == []
    page.goto(f"{address}/ui/rooms/trajectories?q=room")
    page.get_by_label("API key").fill(token)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()
    assert page.url == f"{address}/ui/rooms/trajectories?q=room"
    page.context.close()


def test_a_wrong_key_is_told_and_does_nothing(browser: Browser, service: tuple[str, str]) -> None:
    address, _ = service
    page = browser.new_page()
    trouble: list[str] = []
    page.on("dialog", lambda dialog: trouble.append(dialog.message))
    page.goto(f"{address}/ui")
    page.get_by_label("API key").fill("<img src=x onerror=alert(1)>")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()
    assert "no API key" in page.get_by_role("alert").inner_text()
    assert page.context.cookies() == []
    assert trouble == []
    page.context.close()


def test_a_form_of_elsewhere_comes_without_the_session(browser: Browser, service: tuple[str, str]) -> None:
    address, token = service
    page = browser.new_page()
    sign_in(page, address, token)
    action = f"{address}/ui/rooms/ask"
    form = f'<form method="post" action="{action}"><input name="instruction"><button>Go</button>'
    page.route(ELSEWHERE, lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto(ELSEWHERE)
    with page.expect_response(action) as answered:
        page.get_by_role("button").click()
    assert answered.value.status == 401
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_can_sign_in(browser: Browser, service: tuple[str, str], scheme: str) -> None:
    address, _ = service
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{address}/ui")
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
