"""The sample that `precedent synthesize` made: every pair is a piece of its rollout, and says of which."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from indexing.records import Trajectory, to_bytes, trajectory_from_bytes
from samples.making.synthesis import synthesized
from samples.making.textworld import COMMAND, SCRIPTED, SEEDS
from synthesis.construction import READERS, construction_prompt
from synthesis.prompts import told_in
from synthesis.scripted import abstraction, summary
from synthesis.spans import BUCKETS, MIX, Span, bucket, sample

FOLDER = Path(__file__).resolve().parents[2] / "samples"
LINES = (FOLDER / "textworld" / "trajectories.ndjson").read_bytes().splitlines(keepends=True)
PAIRS = [trajectory_from_bytes(line) for line in LINES]
ROLLOUTS = [f"textworld/{level}/{seed}" for level, seeds in SEEDS.items() for seed in seeds]
STEPS = 30
"""The command's own limit, which one of the walkthroughs passes."""


def source(pair: Trajectory) -> Mapping[str, Any]:
    assert pair.source is not None
    return pair.source


def span(pair: Trajectory) -> Span:
    return Span(*source(pair)["span"])


def seen(pair: Trajectory) -> list[str]:
    """The observations of a pair, the closing one included."""
    assert pair.final_observation is not None
    return [*(step.observation for step in pair.steps), pair.final_observation]


def by_rollout() -> dict[str, list[Trajectory]]:
    found: defaultdict[str, list[Trajectory]] = defaultdict(list)
    for pair in PAIRS:
        found[source(pair)["rollout"]].append(pair)
    return found


def test_every_rollout_is_there_and_has_the_spans_that_are_drawn_from_it() -> None:
    found = by_rollout()
    assert sorted(found) == sorted(ROLLOUTS)
    for rollout, pairs in found.items():
        whole = [span(pair).end for pair in pairs if source(pair)["construction"] == "original"]
        drawn = sample(whole[0] if whole else STEPS, 3, MIX, rollout)
        for kind in ("abstraction", "summary"):
            assert [span(pair) for pair in pairs if source(pair)["construction"] == kind] == in_order(drawn)


def in_order(drawn: list[Span]) -> list[Span]:
    """As ids are ordered: by their text."""
    return sorted(drawn, key=lambda one: f"{one.start}-{one.end}/")


def test_what_succeeded_is_whole_and_what_was_cut_short_is_only_in_pieces() -> None:
    kinds = Counter(source(pair)["construction"] for pair in PAIRS)
    assert kinds == {"original": 18, "abstraction": 57, "summary": 57}
    for pair in PAIRS:
        if source(pair)["construction"] == "original":
            assert pair.outcome == {"success": True, "reward": 1.0}
            assert pair.instruction == source(pair)["instruction"]
            assert span(pair).start == 0
        else:
            assert pair.outcome is None
    (unfinished,) = (
        rollout for rollout, pairs in by_rollout().items() if not any(pair.outcome for pair in pairs)
    )
    assert unfinished == "textworld/cooking-far/4"


def test_all_lengths_are_there() -> None:
    lengths = Counter((pair.metadata or {})["length"] for pair in PAIRS)
    assert set(lengths) == set(BUCKETS)
    assert min(lengths.values()) >= 30


def test_pairs_are_pieces_of_one_rollout() -> None:
    for pairs in by_rollout().values():
        observations: dict[int, str] = {}
        actions: dict[int, str] = {}
        for pair in pairs:
            first = span(pair).start
            for at, text in enumerate(seen(pair), first):
                assert observations.setdefault(at, text) == text, pair.id
            for at, step in enumerate(pair.steps, first):
                assert actions.setdefault(at, step.action) == step.action, pair.id


def test_a_pair_says_where_it_is_from() -> None:
    for pair in PAIRS:
        own, where, about = source(pair), span(pair), pair.metadata or {}
        assert own["kind"] == "synthesized"
        assert own["documents"] == []
        assert own["rollout"] == f"textworld/{about['task']}/{about['variation']}"
        assert pair.id == f"{own['rollout']}/{where.start}-{where.end}/{own['construction']}"
        assert len(pair.steps) == where.length
        assert about["length"] == bucket(len(pair.steps))
        assert about["model"] == "expert"
        original = own["construction"] == "original"
        assert about.get("constructed_by") == (None if original else "rule-summariser")
        assert about.get("prompt_version") == (None if original else "construct-1")


def test_an_instruction_is_what_the_rule_writes_of_the_pair() -> None:
    rules = {"abstraction": abstraction, "summary": summary}
    for pair in PAIRS:
        if (kind := source(pair)["construction"]) != "original":
            written = rules[kind](told_in(construction_prompt(pair, kind)))
            assert pair.instruction == READERS[kind](written), pair.id


def test_the_readme_shows_the_command() -> None:
    readme = (FOLDER / "README.md").read_text().replace("\\\n", "")
    assert " ".join(["precedent", "synthesize", *COMMAND, "-c", "textworld"]) in " ".join(readme.split())


@pytest.mark.whole
def test_the_command_makes_the_same_bytes_again() -> None:
    pytest.importorskip("textworld", reason="textworld isn't installed: the extra `environments` brings it")
    made = synthesized("textworld", ("-e", "textworld", "-t", "cooking-prepare:2-3", *SCRIPTED))
    again = {"textworld/cooking-prepare/2", "textworld/cooking-prepare/3"}
    shipped = [line for line, pair in zip(LINES, PAIRS, strict=True) if source(pair)["rollout"] in again]
    assert [to_bytes(pair) + b"\n" for pair in made] == shipped
