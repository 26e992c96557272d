"""The pages of comparisons: figures drawn from a report's numbers, and its files in a sandbox."""

from __future__ import annotations

import json
import os
import re
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.service.pages.hostile import HOSTILE, assert_harmless
from tests.service.pages.made import report

ONE = "/ui/-/reports/monday"


def test_reports_are_listed_newest_first_with_their_figures(client: TestClient, tmp_path: Path) -> None:
    assert "--out DATA_DIR/reports/NAME" in client.get("/ui/-/reports").text
    older, newer = report(tmp_path, "monday"), report(tmp_path, "sunday", "rooms", "halls")
    os.utime(older / "summary.json", (1, 1))
    page = client.get("/ui/-/reports").text
    assert re.findall(r'<a href="/ui/-/reports/(\w+)">', page) == ["sunday", "monday"]
    numbers = json.loads((newer / "summary.json").read_text())
    hit = numbers["across"]["variants"]["agentic"]["by_number"]["scores"]["slot"]["hit@1"]["value"]
    assert f'<td class="n">{hit:.3f}</td>' in page


def test_hit_rates_are_drawn_with_words_for_those_who_do_not_see_them(
    client: TestClient, tmp_path: Path
) -> None:
    report(tmp_path)
    report(tmp_path, "both", "rooms", "halls")
    page = client.get(ONE).text
    assert re.findall(r"<figcaption>([^<]+)</figcaption>", page) == ["hit@1", "hit@5"]
    assert re.search(r"<desc[^>]*>[^<]*\bagentic \d\.\d\d \(\d\.\d\d to \d\.\d\d\); ", page)
    both = client.get("/ui/-/reports/both").text
    assert re.findall(r'<h2 id="scope-\d">([^<]+)</h2>', both) == ["mean over collections", "halls", "rooms"]
    ids = re.findall(r'\bid="([^"]+)"', both)
    assert len(ids) == len(set(ids))


def test_the_report_is_given_out_as_it_was_written_in_a_sandbox(client: TestClient, tmp_path: Path) -> None:
    folder = report(tmp_path)
    page = client.get(ONE).text
    for file, kind in (
        ("report.html", "text/html"),
        ("summary.json", "application/json"),
        ("results.csv", "text/csv"),
    ):
        assert f'href="{ONE}/{file}"' in page
        given = client.get(f"{ONE}/{file}")
        assert given.content == (folder / file).read_bytes()
        assert given.headers["content-type"].startswith(kind)
        assert given.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert "allow-" not in given.headers["content-security-policy"]
        assert given.headers["x-content-type-options"] == "nosniff"
        assert given.headers.get("content-disposition", "inline").startswith("attachment") == (
            kind != "text/html"
        )


@pytest.mark.parametrize(
    "path",
    [
        "nothing", "..", "%2e%2e", "monday%2f..", "link", "monday/options.json",
        "monday/..%2fmonday%2freport.html", "monday/secret", "monday/episodes.csv", "linked/report.html",
        "linked/results.csv",
    ],
)  # fmt: skip
def test_nothing_else_is_given_out(client: TestClient, tmp_path: Path, path: str) -> None:
    folder = report(tmp_path)
    (folder / "options.json").write_text("secret")
    (folder / "secret").write_text("secret")
    (folder.parent / "link").symlink_to(folder)
    linked = report(tmp_path, "linked")
    for name in ("report.html", "results.csv"):
        (linked / name).unlink()
    (linked / "report.html").symlink_to(folder / "secret")
    (linked / "results.csv").mkdir()
    answer = client.get(f"/ui/-/reports/{path}")
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("monday/secret", "")


@pytest.mark.parametrize(
    "numbers",
    [
        "[]",
        "{",
        '{"across": {"variants": {"a": {"by_number": {"scores": {"slot": {"hit@1": {"value": 1e400}}}}}}}}',
        '{"across": {"variants": {"agentic": {"by_number": null}}, "episodes": "x"}, "options": 7}',
        '{"loop": {}, "options": {"collections": [1, null]}}',
        json.dumps({"options": {"collections": [HOSTILE]}, "collections": {HOSTILE: {"variants": {HOSTILE: {
            "by_number": {"scores": {"slot": {"hit@1": {"value": 0.5, "low": 0.4, "high": 0.6}}}}}}}}}),
    ],
)  # fmt: skip
def test_numbers_that_are_none_of_ours_harm_nothing(client: TestClient, tmp_path: Path, numbers: str) -> None:
    folder = report(tmp_path)
    (folder / "summary.json").write_text(numbers)
    for path in ("/ui/-/reports", ONE):
        page = client.get(path)
        assert page.status_code == 200
        assert_harmless(page.text)
    if HOSTILE[:8] in unescape(client.get(ONE).text):
        assert "<figcaption>hit@1</figcaption>" in client.get(ONE).text
