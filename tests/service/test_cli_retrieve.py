"""One request from the shell, the same as over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.shell import FAST, Shell, answer, lines_of, one_line, shell_on, trajectory

REQUEST = {"instruction": "Send form number 9", "observation": "Page 3: a form with one field"}
WORDS = ("--instruction", REQUEST["instruction"], "--observation", REQUEST["observation"])


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    run = shell_on(tmp_path / "data")
    path = tmp_path / "records.ndjson"
    path.write_bytes(lines_of(*map(trajectory, range(5))))
    run("ingest", path, *FAST, "--no-index")
    return run


def test_a_request_is_answered_as_the_service_would(shell: Shell) -> None:
    found = answer(shell("retrieve", "--request", "-", given=json.dumps(REQUEST).encode()))
    first = found["demonstrations"][0]
    assert (found["collection"], first["id"], first["next_action"]) == ("default", "t00003", "type [3]")
    assert first["match"]["kind"] == "exact"
    by_options = answer(shell("retrieve", *WORDS))
    assert by_options | {"timings_ms": {}} == found | {"timings_ms": {}}


def test_options_stand_above_the_request(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST | {"strategy": "paper", "limits": {"observation": 1, "total": 5}}))
    found = answer(shell("retrieve", "-r", path, "--strategy", "observation", "--limit-total", "2"))
    assert found["strategy"] == "observation"
    assert len(found["demonstrations"]) == 1
    assert answer(shell("retrieve", "-r", path, "--exclude", "t00003"))["demonstrations"][0]["id"] != "t00003"


def test_the_agents_own_query_replaces_the_written_one(shell: Shell) -> None:
    found = answer(shell("retrieve", *WORDS, "--query", "sending forms"))
    assert found["queries"] == [{"text": "sending forms", "writer": "agent"}]


def test_the_prompt_comes_alone_or_within_the_answer(shell: Shell) -> None:
    prompt = shell("retrieve", *WORDS, "--render", "text").stdout
    assert "type [3]" in prompt
    assert answer(shell("retrieve", *WORDS, "--render", "text", "--json"))["prompt"] + "\n" == prompt


def test_an_episode_is_shown_nothing_twice(shell: Shell) -> None:
    first = answer(shell("retrieve", *WORDS, "--episode", "e", "--limit-total", "2"))
    again = answer(shell("retrieve", *WORDS, "--episode", "e", "--limit-total", "2"))
    shown = [{one["id"] for one in found["demonstrations"]} for found in (first, again)]
    assert shown[0]
    assert not shown[0] & shown[1]


NONSENSE: list[tuple[tuple[str, ...], bytes, str]] = [
    (("--instruction", "x", "--strategy", "best"), b"", "strategy: "),
    (("--instruction", "x", "--tokens", "-1"), b"", "limits.tokens: "),
    (("--instruction", "x", "-c", "other"), b"", "there are default"),
    (("--instruction", "x", "-c", "No Name"), b"", "collection: "),
    (("--instruction", "\udcff"), b"", "surrogate"),
    (("--instruction", "x", "--render", "html"), b"", "--render"),
    ((), b"", "instruction or observation is needed"),
    (("-r", "-"), b"[1]", "not a JSON object"),
    (("-r", "-"), b"{", "not JSON"),
    (("-r", "-"), b'{"instruction": "x", "limits": 3}', "limits: "),
    (("-r", "-"), b'{"instruction": "x", "filter": {"a": {"like": 1}}}', "a: "),
    (("-r", "missing.json"), b"", "No such file"),
]


@pytest.mark.parametrize(("arguments", "given", "says"), NONSENSE)
def test_nonsense_exits_2_with_one_clear_line(
    shell: Shell, arguments: tuple[str, ...], given: bytes, says: str
) -> None:
    assert says in one_line(shell("retrieve", *arguments, given=given, code=2))
