"""How often a key may call, against the plainest account of it, and over HTTP."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.library import Library
from service.rates import Buckets
from tests.service.keyed import QUESTION, bearing, keyed, make_key
from tests.service.running import create, problem, running, trajectory


class Clock:
    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


@given(
    st.sampled_from([0.5, 1.0, 4.0]),
    st.integers(1, 6),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 12)), max_size=60),
)
def test_a_bucket_holds_what_a_plain_count_would(
    rate: float, burst: int, calls: list[tuple[str, int]]
) -> None:
    clock = Clock()
    buckets = Buckets(rate, burst, now=clock)
    level, since = dict.fromkeys("ab", float(burst)), dict.fromkeys("ab", clock.at)
    for key, quarters in calls:
        clock.at += quarters / 4
        level[key] = min(burst, level[key] + (clock.at - since[key]) * rate)
        since[key] = clock.at
        taken = buckets.take(key)
        assert taken.passes == (level[key] >= 1)
        if taken.passes:
            level[key] -= 1
        else:
            assert taken.next_s == pytest.approx((1 - level[key]) / rate)
        assert taken.left == int(level[key]) * taken.passes
        assert taken.full_s == pytest.approx((burst - level[key]) / rate, abs=1e-6)


def test_who_waits_as_long_as_told_comes_in() -> None:
    clock = Clock()
    buckets = Buckets(3.0, 2, now=clock)
    for _ in range(50):
        while not (taken := buckets.take("a")).passes:
            clock.at += taken.next_s
    assert clock.at == pytest.approx(1_000.0 + 48 / 3)


def test_memory_is_bounded_whatever_keys_come() -> None:
    buckets = Buckets(1.0, 1, most=10, now=Clock())
    for number in range(1_000):
        assert buckets.take(str(number)).passes
    assert len(buckets) == 10
    assert not buckets.take("999").passes


def test_a_key_that_calls_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    with keyed(tmp_path, rate_limit=0.001, rate_burst=20) as (client, library):
        busy, calm = (bearing(make_key(library, "retrieve:rooms")) for _ in range(2))
        for number in range(20):
            answer = client.post("/retrieve", json=QUESTION, headers=busy)
            assert answer.status_code == 200
            assert answer.headers["ratelimit-policy"] == '"key";q=20;w=20000'
            assert re.fullmatch(rf'"key";r={19 - number};t=\d+', answer.headers["ratelimit"])
        for _ in range(3):
            answer = client.post("/retrieve", content=b"not even JSON", headers=busy)
            told = problem(answer, "rate-limited", 429)
            assert re.fullmatch(r'"key";r=0;t=(19|20)\d{3}', answer.headers["ratelimit"])
            assert 0 < int(answer.headers["retry-after"]) <= 1_000
            assert answer.headers["retry-after"] in told["detail"]
        assert client.post("/retrieve", json=QUESTION, headers=calm).status_code == 200
        problem(client.get("/jobs"), "unauthenticated", 401)
        refused = client.get("/collections/halls", headers=calm)
        problem(refused, "forbidden", 403)
        assert '"key";r=18;' in refused.headers["ratelimit"]
        for _ in range(30):
            assert "ratelimit" not in client.get("/health/live").headers


def test_keys_are_limited_without_being_told_to_and_no_keys_are_not(tmp_path: Path) -> None:
    with Library(tmp_path) as library, running(tmp_path, library) as client:
        create(client, "rooms", trajectory("a", 1))
        assert "ratelimit" not in client.get("/collections").headers
        token = make_key(library, "retrieve")
        answer = client.get("/collections", headers=bearing(token))
        while "ratelimit" not in answer.headers:
            answer = client.get("/collections", headers=bearing(token))
        assert answer.headers["ratelimit-policy"] == '"key";q=2000;w=10'


def test_a_limit_may_be_set_without_keys_and_taken_off_with_them(tmp_path: Path) -> None:
    with running(tmp_path / "a", rate_limit=0.001, rate_burst=2) as client:
        answers = [client.get("/jobs").status_code for _ in range(3)]
        assert answers == [200, 200, 429]
    with keyed(tmp_path / "b", rate_limit=0) as (keyed_client, library):
        answer = keyed_client.get("/jobs", headers=bearing(make_key(library, "admin")))
        assert (answer.status_code, "ratelimit" in answer.headers) == (200, False)
