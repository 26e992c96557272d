"""The pages of synthesis runs: what was made, what was rejected and why, and nothing from elsewhere."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from pydantic_core import to_json
from starlette.testclient import TestClient

from service.pages import rejections
from service.pages.rejections import FILE, read
from tests.service.pages.hostile import HOSTILE, assert_harmless
from tests.service.pages.made import WHY, rejecting_run
from tests.service.running import create

RUN = "/ui/-/runs/house"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A data folder's run, and how many pairs it rejected."""
    folder = tmp_path_factory.mktemp("made")
    return folder / "runs" / "house", rejecting_run(folder)


def put(made: Path, data: Path) -> Path:
    """The run in the data folder of the test."""
    target = data / "runs" / made.name
    target.mkdir(parents=True)
    for path in made.iterdir():
        if path.suffix in (".json", ".ndjson"):
            (target / path.name).write_bytes(path.read_bytes())
    return target


def shown(page: str) -> int:
    return page.count('<article class="rejected"')


def test_runs_are_listed_with_what_they_came_to(
    client: TestClient, tmp_path: Path, made: tuple[Path, int]
) -> None:
    assert "--run DATA_DIR/runs/NAME" in client.get("/ui/-/runs").text
    put(made[0], tmp_path)
    create(client, "house")
    page = client.get("/ui/-/runs").text
    assert f'href="{RUN}">house</a>' in page
    assert 'href="/ui/house">house</a>' in page
    assert f'<td class="n">{made[1]}</td>' in page
    assert '<span class="state succeeded">done</span>' in page


def test_each_rejected_pair_is_told_with_the_votes_on_it(
    client: TestClient, tmp_path: Path, made: tuple[Path, int]
) -> None:
    put(made[0], tmp_path)
    found, path = 0, RUN
    while path:
        page = client.get(path).text
        found += shown(page)
        more = re.search(r'rel="next" href="([^"#]+)', page)
        path = unescape(more[1]) if more else ""
    assert found == made[1]
    first = client.get(RUN).text
    assert shown(first) == min(20, made[1])
    assert first.count("✗ no") == first.count(">not natural<") == shown(first)
    assert first.count(">aligned, coherent, reasonable<") == shown(first)
    assert unescape(first).count(WHY) == shown(first)
    assert_harmless(first)
    assert shown(client.get(f"{RUN}?reason=committee").text) == shown(first)
    assert shown(client.get(f"{RUN}?reason=other").text) == 0


def test_a_file_that_is_still_being_written_or_is_none_of_ours_harms_nothing(
    client: TestClient, tmp_path: Path, made: tuple[Path, int]
) -> None:
    run = put(made[0], tmp_path)
    whole = (run / FILE).read_bytes()
    odd = [
        b"{}\n", b"not json\n", b"[1]\n", b'{"reason": 1, "pair": {"steps": 7}}\n', b"\xff\n",
        to_json({"reason": HOSTILE, "task": {"instruction": HOSTILE, "like": HOSTILE}}) + b"\n",
        to_json({"reason": "committee", "verdict": {"votes": [1, {"member": 7, "judgements": [2]}]}}) + b"\n",
        b'{"reason": "cut',
    ]  # fmt: skip
    (run / FILE).write_bytes(whole.splitlines(keepends=True)[0] + b"".join(odd))
    page = client.get(RUN)
    assert page.status_code == 200
    assert shown(page.text) == 3
    assert_harmless(page.text)
    (run / FILE).unlink()
    (run / "summary.json").write_text('{"rejected": [1], "kept": "many", "stopped": 7}')
    (run / "plan.json").write_text("[1, 2]")
    for path in ("/ui/-/runs", RUN, f"{RUN}?start=999999999"):
        assert client.get(path).status_code == 200
    assert client.get(f"{RUN}?start=-1").status_code == 422


def test_lines_without_end_are_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rejections, "LONGEST", 1000)
    line = to_json({"reason": "near", "task": {"instruction": "x"}}) + b"\n"
    (tmp_path / FILE).write_bytes(line + b'{"reason": "' + b"y" * 10_000 + b'"}\n' + line)
    assert [one.reason for one in read(tmp_path, "", 0).rejections] == ["near", "near"]


def test_only_so_many_lines_are_read_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rejections, "LOOKED_AT", 10)
    lines = [to_json({"reason": "a" if number % 7 else "b", "task": {}}) + b"\n" for number in range(30)]
    (tmp_path / FILE).write_bytes(b"".join(lines))
    counts, start = [], 0
    while True:
        piece = read(tmp_path, "b", start)
        counts.append(len(piece.rejections))
        if piece.more is None:
            break
        start = piece.more
    assert counts == [2, 1, 2]


@pytest.mark.parametrize(
    "name", ["..", "%2e%2e", "..%2fruns%2fhouse", "link", ".hidden", "", "x" * 300, "a%00"]
)
def test_nothing_outside_is_found(
    client: TestClient, tmp_path: Path, made: tuple[Path, int], name: str
) -> None:
    run = put(made[0], tmp_path)
    (run.parent / "link").symlink_to(made[0])
    (tmp_path / "plan.json").write_text("{}")
    page = client.get(f"/ui/-/runs/{name}")
    assert page.status_code == 404
    assert "link" not in client.get("/ui/-/runs").text.replace("<link", "")


def test_a_linked_file_is_not_followed(client: TestClient, tmp_path: Path, made: tuple[Path, int]) -> None:
    run = put(made[0], tmp_path)
    secret = tmp_path / "secret.ndjson"
    secret.write_bytes(to_json({"reason": "the secret", "task": {}}) + b"\n")
    (run / FILE).unlink()
    (run / FILE).symlink_to(secret)
    (run / "summary.json").unlink()
    (run / "summary.json").symlink_to(secret)
    assert "secret" not in client.get(RUN).text
