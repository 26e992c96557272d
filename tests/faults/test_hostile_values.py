"""Bodies that are almost JSON, almost text, almost numbers: each is kept, or refused by a problem."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.faults.serving import Serving
from tests.faults.wire import lines_to, post, refused

RECORDS = "/collections/rooms/trajectories"
RECORD: dict[str, Any] = {
    "id": "x",
    "instruction": "Leave",
    "steps": [{"observation": "A door", "action": "open", "thought": "out"}],
    "final_observation": "The garden",
    "source": {"rollout": "1", "documents": ["d"], "of": {"ours": "more"}},
    "outcome": {"success": True, "why": "it opened"},
    "metadata": {"site": {"name": ["gitlab"]}},
}
DOCUMENT: dict[str, Any] = {"id": "d", "title": "Doors", "text": "Push", "url": "u", "metadata": {"a": "b"}}
REQUEST: dict[str, Any] = {
    "collection": "rooms",
    "instruction": "Leave",
    "observation": "A door",
    "history": [{"observation": "A wall", "action": "turn", "thought": "hm"}],
    "strategy": "agentic",
    "queries": ["doors"],
    "filter": {"site": ["gitlab"], "outcome.success": True, "metadata.of": {"gte": "a"}},
    "exclude": ["y"],
    "episode": "e",
    "render": "text",
}
SETTINGS: dict[str, Any] = {
    "environment": "rooms",
    "observation_normalizer": {"base": "text", "masks": [{"pattern": "[0-9]+", "replacement": "N"}]},
    "tokenizer": "words",
    "documents_engine": "dense",
}
NO_TEXT = {
    "a high half": "\ud800",
    "a low half": "\udfff",
    "halves the wrong way": "\udc00\ud800",
    "NUL": "\x00",
}


def corrupted(value: Any, with_: str) -> Iterator[Any]:
    """The value once for each of its texts, keys among them, with that one changed."""
    if isinstance(value, str):
        yield value + with_
    elif isinstance(value, list):
        for place, item in enumerate(value):
            for other in corrupted(item, with_):
                yield [*value[:place], other, *value[place + 1 :]]
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield {key + (with_ if key == name else ""): one for key, one in value.items()}
            for other in corrupted(item, with_):
                yield {**value, name: other}


@pytest.mark.parametrize("no_text", NO_TEXT.values(), ids=NO_TEXT.keys())
@pytest.mark.parametrize(
    ("path", "record"),
    [(RECORDS, RECORD), ("/collections/rooms/documents", DOCUMENT)],
    ids=["trajectory", "document"],
)
def test_a_record_with_what_is_no_text_in_any_field_is_refused_alone(
    steady: Serving, path: str, record: dict[str, Any], no_text: str
) -> None:
    bad = [json.dumps(one) for one in corrupted(record, no_text)]
    good = json.dumps(record)
    wanted = list(range(1, len(bad) + 1))
    lines = lines_to(steady, "\n".join([*bad, good]).encode(), path).json()
    array = post(steady, path, f"[{','.join([*bad, good])}]".encode()).json()
    for report in lines, array:
        assert [one["line"] for one in report["rejected"]] == wanted
        assert report["accepted"] + report["unchanged"] == 1


@pytest.mark.parametrize("no_text", NO_TEXT.values(), ids=NO_TEXT.keys())
def test_a_request_with_what_is_no_text_in_any_field_is_refused(steady: Serving, no_text: str) -> None:
    for body in corrupted(REQUEST, no_text):
        refused(post(steady, "/retrieve", json.dumps(body).encode()), 400, 404, 422)
    for body in corrupted(SETTINGS, no_text):
        answer = steady.client.put(
            f"{steady.url}/collections/rooms",
            content=json.dumps(body),
            headers={"content-type": "application/json"},
        )
        if no_text != "\x00" or answer.status_code != 200:  # a mask may look for NUL
            refused(answer, 400, 422)


NUMBERS = (
    "1e400", "-1e400", "1e-400", "-0", "1E+2", "9" * 30, "-" + "9" * 400, "1" * 4_300, "1" * 5_000,
    "1" * 100_000, "0.1" + "0" * 10_000, "NaN", "Infinity", "-Infinity", "0x10", "01", "1_000", ".5", "1.",
    "+1",
)  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:12])
def test_absurd_numbers_are_kept_or_refused_wherever_one_may_stand(steady: Serving, number: str) -> None:
    fields = json.dumps(RECORD | {"id": "number", "metadata": {"n": 0}, "outcome": {"reward": 0}})
    for place in '"n": 0', '"reward": 0':
        record = fields.replace(place, place[:-1] + number)
        for answer in lines_to(steady, record.encode()), post(steady, RECORDS, f"[{record}]".encode()):
            if answer.status_code != 200:
                refused(answer, 400)
                continue
            report = answer.json()
            assert report["accepted"] + report["updated"] + report["unchanged"] + len(report["rejected"]) == 1
    stored = steady.get(f"{RECORDS}/number")
    assert stored.status_code == 404 or stored.json()["id"] == "number"
    for field in (
        '"filter":{"n":0}', '"filter":{"n":{"gte":0,"lte":0}}', '"filter":{"outcome.reward":[0]}',
        '"limits":{"total":0}', '"limits":{"tokens":0}', '"deadline_ms":0',
    ):  # fmt: skip
        body = '{"collection":"rooms","instruction":"Leave",' + field.replace("0", number) + "}"
        answer = post(steady, "/retrieve", body.encode())
        if answer.status_code != 200:
            refused(answer, 400, 422)
    for parameter in "limit", "cursor", "wait":
        answer = steady.get(RECORDS, **{parameter: number[:10_000]})
        if answer.status_code != 200:
            refused(answer, 422)


DEEP = b"[" * 100_000 + b"]" * 100_000
DEEPER_THAN_KEPT = b"[" * 150 + b"]" * 150


@pytest.mark.parametrize("nest", [DEEP, DEEPER_THAN_KEPT, DEEP[:100_000]], ids=["100,000", "150", "unclosed"])
def test_nesting_without_end_is_refused(steady: Serving, nest: bytes) -> None:
    inner = json.dumps(RECORD).encode().replace(b'{"name": ["gitlab"]}', nest)
    report = lines_to(steady, inner + b"\n" + nest + b"\n" + json.dumps(RECORD).encode()).json()
    assert [one["line"] for one in report["rejected"]] == [1, 2]
    asked = json.dumps(REQUEST).encode().replace(b'["gitlab"]', nest)
    for body in asked, nest:
        refused(post(steady, "/retrieve", body), 400, 422)
        refused(post(steady, "/collections/rooms/reindex", body), 400, 422)
    answer = post(steady, RECORDS, b"[" + inner + b"]")
    assert answer.status_code == 400 or len(answer.json()["rejected"]) == 1


def test_of_keys_that_come_twice_the_last_one_counts(steady: Serving) -> None:
    line = b'{"id":"one","id":"twice","instruction":"a","instruction":"b","steps":[],"steps":[{"observation":"o","action":"a"}]}'  # noqa: E501
    assert lines_to(steady, line).json()["rejected"] == []
    assert steady.get(f"{RECORDS}/one").status_code == 404
    assert steady.get(f"{RECORDS}/twice").json()["instruction"] == "b"


def named(id: str) -> bytes:
    return json.dumps(RECORD | {"id": id}).encode()


LINES: dict[str, tuple[bytes, list[int]]] = {
    "a byte-order mark": (b"\xef\xbb\xbf" + named("1") + b"\n" + named("2"), []),
    "CRLF": (named("1") + b"\r\n\r\n" + named("2") + b"\r\n", []),
    "CR alone": (named("1") + b"\r" + named("2") + b"\r", [1]),
    "UTF-16": (named("1").decode().encode("utf-16-le"), [1]),
    "NUL between": (named("1") + b"\n\x00\n" + named("2"), [2]),
    "not UTF-8": (named("1").replace(b"Leave", b"L\xe9"), [1]),
    "surrogates as UTF-8": (named("1").replace(b"Leave", b"L\xed\xa0\x80"), [1]),
    "a letter cut": (named("1") + b"\n" + named("2")[:-3] + b"\xe2\x82", [2]),
    "blanks": (b"\n \n\t\n" + named("1") + b"\n\n" + b"x", [6]),
    "nothing": (b"", []),
    "other values": (b'null\n1\n"a"\n[]\n{}\ntrue', [1, 2, 3, 4, 5, 6]),
}


@pytest.mark.parametrize(("body", "bad"), LINES.values(), ids=LINES.keys())
def test_lines_as_other_systems_end_and_encode_them(steady: Serving, body: bytes, bad: list[int]) -> None:
    answer = lines_to(steady, body)
    assert answer.status_code == 200
    assert [one["line"] for one in answer.json()["rejected"]] == bad


BATCHES = [
    *((count, ending) for count in (499, 500, 501, 1_000) for ending in (b"\n", b"")),
]


@pytest.mark.parametrize(("count", "ending"), BATCHES)
def test_the_counts_add_up_to_the_lines_however_the_last_one_ends(
    steady: Serving, count: int, ending: bytes
) -> None:
    body = b"\n".join(named(f"{count}/{ending!r}/{number}") for number in range(count)) + ending
    report = lines_to(steady, body).json()
    assert (report["accepted"], report["rejected"]) == (count, [])


PATHS = (
    "/collections/%ED%A0%80", "/collections/%00", "/collections/rooms%0a", "/collections/", "//collections",
    f"{RECORDS}/%ED%A0%80", f"{RECORDS}/%00", f"{RECORDS}/" + "x" * 600, f"{RECORDS}/%2e%2e%2f..",
    "/jobs/%00", "/jobs/" + "9" * 5_000, "/%00",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:48])
def test_paths_that_name_nothing_are_not_found(steady: Serving, path: str) -> None:
    for method in "GET", "DELETE":
        refused(steady.client.request(method, steady.url + path), 404, 405)
