"""The report as a file that needs nothing else, and the numbers beside it."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from evaluation import report
from evaluation.actors import CHOOSER
from evaluation.report import About
from evaluation.results import Row
from evaluation.summarize import summarize
from evaluation.summary import Summary
from tests.evaluation.made_up import SKILL, row, rows
from tests.evaluation.played import VARIANTS, episodes, loop, world

ABOUT = About(
    "precedent compare rooms shops", {"by": "instruction", "strategies": None, "budgets": [500, 1000]}
)
HOSTILE = '</script><script>alert("&amp;")</script><img src=x onerror=alert(1)>'
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def few(made: list[Row]) -> Summary:
    return summarize(made, resamples=200)


def page(made: list[Row], about: About = ABOUT) -> str:
    return report.render(few(made), about)


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of its data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.data: dict[str, str] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") or "" if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.data[self._inside] = self.data.get(self._inside, "") + data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.found if found == tag]


@pytest.fixture(scope="module")
def made() -> list[Row]:
    return list(rows(("rooms", "shops")))


def test_the_page_needs_nothing_from_anywhere(made: list[Row]) -> None:
    text = page(made)
    assert re.findall(r"https?://|//\w|url\(|@import|javascript:", text) == []
    elements = Elements(text)
    fetching = {"href", "src", "srcset", "data", "action", "xlink:href"}
    assert [attributes for _, attributes in elements.found if fetching & attributes.keys()] == []
    (script,) = elements.named("script")
    assert script["type"] == "application/json"
    assert "default-src 'none'" in text


def test_the_numbers_stand_in_the_page(made: list[Row]) -> None:
    numbers = json.loads(Elements(page(made)).data["numbers"])
    assert numbers == {"options": dict(ABOUT.options), **few(made).to_fields()}


def test_each_drawing_is_told_in_words(made: list[Row]) -> None:
    elements = Elements(page(made))
    drawings = elements.named("svg")
    assert len(drawings) >= 10
    ids = [attributes["id"] for _, attributes in elements.found if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for drawing in drawings:
        assert drawing["role"] == "img"
        assert set((drawing["aria-labelledby"] or "").split()) <= set(ids)


def test_all_variants_and_baselines_stand_in_its_tables(made: list[Row]) -> None:
    text = page(made)
    for variant in SKILL:
        assert f'<th scope="row">{variant}' in text
    assert re.search(r"<dd>[\d.]+ ×<small>[\d.]+–[\d.]+</small>", text)
    assert "rooms, shops</h1>" in text


def test_hostile_names_are_shown_and_do_nothing() -> None:
    made = [
        row(episode, family=family, variant=variant, collection=HOSTILE, budget=budget, slot=slot)
        for episode, family in (("e1", HOSTILE), ("e2", "other"))
        for variant, slot in (("agentic", 1), ("instruction", 2), (HOSTILE, None))
        for budget in (None, 500)
    ]
    elements = Elements(page(made, About(HOSTILE, {"by": HOSTILE})))
    assert len(elements.named("script")) == 1
    assert elements.named("img") == []
    assert HOSTILE in json.loads(elements.data["numbers"])["collections"]


def test_a_closed_loop_stands_beside_the_replay(made: list[Row]) -> None:
    played = loop(world())
    text = report.render(few(made), ABOUT, played)
    assert json.loads(Elements(text).data["numbers"])["loop"] == played.to_fields()
    (best, *_) = played.across.standings
    assert f"{best.counted.value:.3f}<small>" in text
    assert f"{best.against['instruction'].value:+.3f}<small>".replace("-", "−") in text
    for said in (
        CHOOSER.about,
        "Nothing of it is remembered.",
        "in a house",
        "success rate by family of task",
    ):
        assert said in html.unescape(text)
    ids = [attributes["id"] for _, attributes in Elements(text).found if attributes.get("id")]
    assert len(ids) == len(set(ids))


def test_a_closed_loop_is_told_alone_too() -> None:
    one, two = world("one"), world("two", ["fetch"])
    for played in (loop(two), loop(one, two), loop(one, variants=["none"])):
        text = report.render(None, ABOUT, played)
        assert "hit@1" not in text
        assert text.rstrip().endswith("</html>")
    told = report.render(None, ABOUT, loop(one, replace(two, gated=False), world("three")))
    assert "mean over worlds" in told
    assert "not in it: two." in told


def test_hostile_names_in_a_closed_loop_do_nothing() -> None:
    hostile = replace(world(HOSTILE, [HOSTILE, "other"]), about=HOSTILE, held_out=HOSTILE)
    played = replace(loop(hostile), agent=HOSTILE, about_agent=HOSTILE)
    elements = Elements(report.render(None, About(HOSTILE, {"tasks": [HOSTILE]}), played))
    assert len(elements.named("script")) == 1
    assert elements.named("img") == []
    assert list(json.loads(elements.data["numbers"])["loop"]["worlds"]) == [HOSTILE]


def test_episodes_are_written_beside_the_page(tmp_path: Path) -> None:
    errands = world()
    report.write(tmp_path, [], None, ABOUT, loop(errands), episodes([errands]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["episodes.csv", "report.html", "summary.json"]
    with (tmp_path / "episodes.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(errands.tasks) * len(VARIANTS)
    assert (lines[0]["world"], lines[0]["task"], lines[0]["variant"]) == ("errands", "fetch", "none")
    assert list(json.loads((tmp_path / "summary.json").read_text())) == ["options", "loop"]


@pytest.mark.parametrize(
    "made",
    [
        [row()],
        [row(slot=None, reachable=False, ms=0.0, tokens=0)],
        [row(budget=500)],
        [row(variant="instruction"), row(variant="paper")],
        [row(variant="prior", ms=0.0), row("e2", variant="else")],
        [row(), row(collection="shops", variant="paper", budget=1_000)],
    ],
    ids=["one", "nothing", "tokens", "baselines", "apart", "unlike"],
)
def test_whatever_was_measured_can_be_shown(made: list[Row]) -> None:
    assert page(made).rstrip().endswith("</html>")


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    made = list(rows(episodes=4))
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, given in zip(folders, (made, made[::-1]), strict=True):
        folder.mkdir()
        report.write(folder, made, few(given), ABOUT)
    one, two = ([path.read_bytes() for path in sorted(folder.iterdir())] for folder in folders)
    assert one == two
    assert len(one) == 3


def test_rows_and_numbers_are_written_beside_the_page(tmp_path: Path, made: list[Row]) -> None:
    assert report.write(tmp_path, made, few(made), ABOUT) == tmp_path / "report.html"
    with (tmp_path / "results.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(made)
    assert (lines[0]["collection"], lines[0]["variant"], lines[0]["budget"]) == ("rooms", made[0].variant, "")
    numbers = json.loads((tmp_path / "summary.json").read_text())
    assert numbers["across"] == few(made).across.to_fields()


@pytest.mark.skipif(CHROMIUM is None, reason="chromium isn't installed; Debian's package has it")
@pytest.mark.parametrize("width", [360, 1100])
def test_in_a_browser_it_fits_and_fetches_nothing(tmp_path: Path, made: list[Row], width: int) -> None:
    from playwright.sync_api import sync_playwright

    path = report.write(tmp_path, made, few(made), ABOUT, loop(world("one"), world("two")))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": width, "height": 800}, color_scheme="dark")
        asked: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("console", lambda message: asked.append(message.text))
        opened.goto(path.as_uri())
        opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.evaluate("JSON.parse(document.getElementById('numbers').textContent).seed") == 0
        browser.close()
    assert asked == [path.as_uri()]
