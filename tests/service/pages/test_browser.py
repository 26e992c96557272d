"""The pages in a real browser: by keyboard, on a phone, in the dark, for everyone, and with hostile text."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Page

from service.app import create_app
from tests.service.pages.browsers import DESK, PHONE, Scheme, follow, opened, picture, violations
from tests.service.pages.hostile import HOSTILE, ODD_ID, hostile
from tests.service.pages.made import rejecting_run, report
from tests.service.running import create, listening, reindexed, settings_for, trajectory

INJECTION = """
const script = document.createElement("script");
try { script.textContent = "document.title = 1"; } catch (error) { console.log(String(error)); }
try { document.body.insertAdjacentHTML("beforeend", "<img src=/x onerror=alert(1)>"); }
catch (error) { console.log(String(error)); }
document.body.append(script);
const image = new Image();
try { image.setAttribute("onerror", "document.title = 2"); } catch (error) { console.log(String(error)); }
image.src = "http://elsewhere.invalid/x";
document.body.append(image);
"""
LONG = "Rooms on this floor, with all that stands in them, one after the other:\n" + "\n".join(
    f"- room {number}, with a table, {number} chairs and a_very_long_word_{'that_never_ends_' * 12}{number}"
    for number in range(40)
)
ODD = quote(ODD_ID, safe="")
PAGES = {
    "home": "/ui",
    "jobs": "/ui/-/jobs",
    "collection": "/ui/rooms",
    "playground": "/ui/rooms/ask?trajectory=t1&step=1&strategy=agentic&strategy=paper&strategy=instruction",
    "compared": "/ui/rooms/ask?trajectory=long&step=1&strategy=agentic&strategy=observation",
    "refused": "/ui/rooms/ask?k=many&observation=x",
    "trajectories": "/ui/rooms/trajectories?q=book&least=1",
    "trajectory": "/ui/rooms/trajectory?id=long",
    "hostile": f"/ui/rooms/trajectory?id={ODD}",
    "hostile-asked": f"/ui/rooms/ask?trajectory={ODD}&step=1",
    "latency": "/ui/-/latency",
    "runs": "/ui/-/runs",
    "run": "/ui/-/runs/house",
    "reports": "/ui/-/reports",
    "report": "/ui/-/reports/both",
    "reference": "/docs",
    "missing": "/ui/no",
}


def records() -> list[dict[str, object]]:
    source = {"kind": "synthesized", "construction": "summary", "rollout": "r/1", "span": [0, 2]}
    changed = LONG.replace("room 7,", "room 7 (taken),").replace("31 chairs", "30 chairs")
    steps = [{"observation": text, "action": "look", "thought": "hm"} for text in (LONG, changed, LONG)]
    told: dict[str, Any] = {
        "outcome": {"success": True},
        "source": source,
        "metadata": {"site": "rooms.example"},
    }
    return [
        hostile(),
        trajectory("long", steps=steps, **told),
        trajectory("long/2", steps=steps[:1], outcome={"success": False}),
        *(trajectory(f"t{number}", number) for number in range(30)),
    ]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("rooms")
    with listening(create_app(settings_for(folder))) as client:
        create(client, "rooms", *records())
        reindexed(client)
        with ThreadPoolExecutor(1) as aside:  # playwright's own event loop runs in this thread
            aside.submit(rejecting_run, folder).result()
        report(folder)
        report(folder, "both", "rooms", "halls")
        for strategy in ("agentic", "instruction", "paper", "random"):
            for number in range(12):
                asked = {"collection": "rooms", "observation": f"Room {number}", "strategy": strategy}
                assert client.post("/retrieve", json=asked).status_code == 200
        yield client


@pytest.fixture
def address(running: httpx.Client) -> str:
    """Of a service with a few rooms, some long observations and one trajectory of hostile text."""
    return str(running.base_url).rstrip("/")


def begin(page: Page, address: str) -> None:
    page.goto(address)
    page.keyboard.press("Tab")


@pytest.mark.whole
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_page_fits_and_is_for_everyone(
    browser: Browser, address: str, width: int, scheme: Scheme
) -> None:
    with opened(browser, width, scheme) as (page, trouble):
        for name, path in PAGES.items():
            page.goto(address + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(int(part) for part in ground[4:-1].split(",")) < 300) == (scheme == "dark")
            picture(page, f"{name}-{width}-{scheme}")
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            if (width == PHONE) == (scheme == "light"):
                assert violations(page) == [], name
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name}, all opened"
        assert [line for line in trouble if "404" not in line and "422" not in line] == []


def test_a_collection_is_asked_by_keyboard_alone(browser: Browser, address: str) -> None:
    with opened(browser) as (page, trouble):
        begin(page, f"{address}/ui")
        assert page.locator(":focus").inner_text() == "Skip to the content"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        page.get_by_role("link", name="Playground of rooms").focus()
        page.keyboard.press("Enter")
        page.get_by_role("textbox", name="Observation").fill("Room 2 is free on Monday")
        page.get_by_role("textbox", name="Instruction").fill("Book a room")
        for name in ("agentic", "instruction", "observation"):
            page.get_by_role("checkbox", name=name).focus()
            page.keyboard.press("Space")
        page.get_by_label("Tokens").focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="What an agent would get").wait_for()
        assert page.locator(".column h3").all_inner_texts() == ["observation"]
        assert page.locator(".kind").first.inner_text() == "exact"
        assert page.locator(".next .action").first.inner_text() == "click [book]"
        page.get_by_text("The prompt, as the agent will see it").focus()
        page.keyboard.press("Enter")
        assert "Step 2 of 2 (like the present situation)" in page.locator(".prompt pre").inner_text()
        shared = page.url
        assert trouble == []
    with opened(browser) as (page, _):
        page.goto(shared)
        assert page.locator(".column h3").all_inner_texts() == ["observation"]
        assert page.get_by_role("textbox", name="Observation").input_value() == "Room 2 is free on Monday"


def test_no_place_holds_the_keyboard_fast(browser: Browser, address: str) -> None:
    with opened(browser) as (page, _):
        begin(page, f"{address}/ui/rooms/ask?trajectory=long&step=1&strategy=agentic")
        count = page.evaluate(
            'document.querySelectorAll(\'a[href], button, summary, [tabindex="0"], textarea, select, '
            "input:not([type=hidden])').length"
        )
        places = set()
        for _ in range(count + 5):
            page.keyboard.press("Tab")
            places.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
        assert page.evaluate("document.activeElement.className") in ("", "skip", "name")
        assert len(places) > 20


def test_an_episode_is_walked_through_by_its_links(browser: Browser, address: str) -> None:
    with opened(browser) as (page, trouble):
        page.goto(f"{address}/ui/rooms/trajectories")
        page.get_by_role("searchbox").fill("t1")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        follow(page, page.locator(".rows a").first)
        follow(page, page.get_by_role("link", name="Ask from here at step 1"))
        assert page.get_by_role("textbox", name="Observation").input_value() == "The list of rooms, page 1"
        follow(page, page.get_by_role("link", name="On →"))
        assert page.get_by_role("textbox", name="Observation").input_value() == "Room 1 is free on Monday"
        assert page.locator("article").count() > 0
        follow(page, page.get_by_role("link", name="← Back"))
        assert page.get_by_role("textbox", name="Observation").input_value() == "The list of rooms, page 1"
        assert trouble == []


def test_hostile_text_is_shown_and_does_nothing(browser: Browser, address: str) -> None:
    with opened(browser) as (page, trouble):
        page.goto(f"{address}/ui/rooms/ask?trajectory={ODD}&step=1&strategy=observation")
        assert page.get_by_role("textbox", name="Observation").input_value() == HOSTILE
        page.get_by_label("Leave out").fill("")
        follow(page, page.get_by_role("button", name="Ask"))
        article = page.locator("article").filter(has=page.locator(".kind.exact"))
        shown = HOSTILE.replace("\u202e", "⟨U+202E⟩").replace("\u2066", "⟨U+2066⟩")
        shown = shown.replace("\x1b", "⟨U+001B⟩").replace("\x07", "⟨U+0007⟩")
        article.locator("summary").first.click()
        assert article.locator(".matched pre").inner_text() == shown
        assert article.locator(".next .action").inner_text() == " ".join(shown.split("\n"))
        assert page.locator("img, script, iframe, object, embed").count() == 0
        assert page.title() == "rooms: playground · Precedent"
        follow(page, article.locator(".tags a"))
        assert page.locator("img, script, iframe, object, embed").count() == 0
        assert page.locator(".timeline .action").first.inner_text() == " ".join(shown.split("\n"))
        assert trouble == []


def test_the_policy_stops_a_script_that_got_in(browser: Browser, address: str) -> None:
    with opened(browser) as (page, trouble):
        page.goto(f"{address}/ui")
        page.evaluate(f"() => {{ {INJECTION} }}")
        page.wait_for_timeout(200)
        assert page.title() == "Precedent"
        assert any("TrustedHTML" in line for line in trouble)
        assert any("Content Security Policy" in line for line in trouble)


def test_pages_keep_up_with_a_job_by_themselves(
    browser: Browser, running: httpx.Client, address: str
) -> None:
    create(running, "busy", *(trajectory(f"t{number}", number) for number in range(40)))
    with opened(browser) as (page, trouble):
        page.goto(f"{address}/ui/busy")
        page.evaluate("window.loadedOnce = true")
        job = reindexed(running, "busy")["id"]
        ended = page.locator("tr").filter(has_text=job).locator(".state.succeeded")
        ended.wait_for(timeout=15_000)
        assert page.evaluate("window.loadedOnce"), "nothing was loaded anew"
        assert page.locator("#said").inner_text() == "reindex of busy: succeeded"
        assert page.locator("tr.served").count() == 1
        assert trouble == []


def test_a_report_is_shown_in_a_sandbox(browser: Browser, address: str) -> None:
    with opened(browser) as (page, trouble):
        page.goto(f"{address}/ui/-/reports/monday")
        follow(page, page.get_by_role("link", name="The whole report"))
        assert page.locator("svg").count() > 2
        assert page.evaluate("self.origin") == "null"
        page.go_back()
        assert page.locator("figure svg").count() == 2
        assert [line for line in trouble if "sandbox" not in line] == []


def test_without_scripts_a_page_can_be_read_and_asked(browser: Browser, address: str) -> None:
    with opened(browser, java_script_enabled=False) as (page, _):
        page.goto(f"{address}/ui/rooms")
        assert page.locator(".state.succeeded").count() > 0
        page.goto(f"{address}/ui/rooms/ask?trajectory=t1&step=1")
        follow(page, page.get_by_role("button", name="Ask"))
        assert page.locator("article").count() > 0
