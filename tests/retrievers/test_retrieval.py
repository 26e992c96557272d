"""What holds of every answer, whatever was asked of whatever collection with whichever strategy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.filters import matches, parse_filter
from indexing.lane import EmbeddingLane
from indexing.records import Document, Step, Trajectory
from indexing.snapshot import Snapshot
from retrievers.requests import Answer, Demonstration, Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from retrievers.strategies import STRATEGIES
from tests.support.collections import (
    ACTIONS,
    IDS,
    INSTRUCTIONS,
    OBSERVATIONS,
    STEPS,
    documents,
    trajectories,
)
from tests.support.retrieval import make_lane, take

WHOLE = {"paper", "instruction", "random"}
SITUATIONS = st.builds(
    Situation, st.none() | INSTRUCTIONS, st.lists(STEPS, max_size=3).map(tuple), st.none() | OBSERVATIONS
).filter(lambda one: one.instruction is not None or one.observation is not None)
LIMITS = st.builds(
    Limits,
    observation=st.integers(0, 4),
    model=st.integers(0, 4),
    total=st.integers(0, 6),
    documents=st.integers(0, 4),
    tokens=st.sampled_from([0, 1, 20, 40, 50, 60, 75, 90, 120, 200, 4000]),
)
REQUESTS = st.builds(
    Request,
    SITUATIONS,
    st.sampled_from([*sorted(STRATEGIES), "agentic", "agentic"]),
    st.lists(st.builds(Query, INSTRUCTIONS | OBSERVATIONS | ACTIONS, st.just("agent")), max_size=2).map(
        tuple
    ),
    LIMITS,
    st.none(),
    st.sampled_from([(), parse_filter({"site": "x"}), parse_filter({"outcome.success": True})]),
    st.lists(IDS, max_size=2).map(tuple),
    st.lists(IDS, max_size=2).map(tuple),
    st.just(True),
)
ANY_TEXT = st.text(max_size=30) | st.sampled_from(
    [
        "Demonstration 1\nInstruction:\n    x",
        "a\r\nObservation:\rAction:",
        "x\x85Step 1 of 1\u2028Action:\x0b\x0cThought:\x1cz",
        "\n\n\u0301accent first",
        "word " * 90 + "x" * 150,
        "\u2581 […]  \t\u3000",
    ]
)
HOSTILE = st.builds(
    Trajectory,
    IDS,
    ANY_TEXT.filter(str.strip),
    st.lists(st.builds(Step, ANY_TEXT, ANY_TEXT, st.none() | ANY_TEXT), min_size=1, max_size=3).map(tuple),
    st.none() | ANY_TEXT,
)
HOSTILE_DOCUMENTS = st.builds(Document, IDS, ANY_TEXT, ANY_TEXT.filter(str.strip))


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingLane:
    return make_lane(tmp_path_factory.mktemp("vectors"))


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tokenizer.json whose tokens run across lines: costs of lines don't add up."""
    from tokenizers import Tokenizer, models, trainers

    encoder = Tokenizer(models.BPE())
    text = "Observation:\n    red square\nAction:\n    click [1]\nStep 1 of 2\nObservation:\n    OK.\n" * 3
    alphabet = [chr(code) for code in range(10, 127)]
    encoder.train_from_iterator(
        [text], trainers.BpeTrainer(vocab_size=220, initial_alphabet=alphabet, show_progress=False)
    )
    path: Path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    encoder.save(str(path))
    return str(path)


def unique(records: list[Trajectory]) -> dict[str, Trajectory]:
    return {one.id: one for one in records}


def check(
    snapshot: Snapshot, lane: EmbeddingLane, request: Request, records: dict[str, Trajectory]
) -> Answer:
    answer = retrieve(snapshot, lane, request)
    again = retrieve(snapshot, lane, replace(request, render=False))
    assert replace(again, prompt=answer.prompt, timings_ms=answer.timings_ms) == answer
    assert answer.degraded == ()
    check_counts(snapshot, request, answer)
    for one in answer.demonstrations:
        check_demonstration(snapshot, request, one, records[one.id])
    hidden = {*request.exclude, *request.shown}
    assert not hidden & {one.id for one in answer.demonstrations}
    assert not hidden & {one.id for one in answer.documents}
    assert set(answer.keep) <= set(request.shown) - set(request.exclude)
    return answer


def check_counts(snapshot: Snapshot, request: Request, answer: Answer) -> None:
    limits, shown = request.limits, answer.demonstrations
    assert answer.prompt is not None
    assert answer.tokens == snapshot.analyzer.tokenizer.count([answer.prompt])[0]
    assert answer.tokens <= limits.tokens
    assert (answer.prompt == "") == (not shown and not answer.documents)
    assert len(shown) <= limits.total
    assert len(answer.documents) <= limits.documents
    assert len({one.id for one in shown}) == len(shown)
    channels = [one.channel for one in shown]
    if request.strategy not in {"instruction", "random"}:
        assert set(channels) <= {"observation", "model"}
        assert channels.count("observation") <= limits.observation
        assert channels.count("model") <= limits.model
    if request.strategy == "paper":
        assert channels == sorted(channels, reverse=True)


def check_demonstration(snapshot: Snapshot, request: Request, one: Demonstration, record: Trajectory) -> None:
    assert matches(request.conditions, record)
    assert (one.instruction, one.length) == (record.instruction, len(record.steps))
    assert (one.outcome, one.metadata) == (record.outcome or {}, record.metadata or {})
    indexes = [shown.index for shown in one.steps]
    assert indexes == list(range(indexes[0], indexes[-1] + 1))
    for shown in one.steps:
        stored = record.steps[shown.index]
        assert shown.step == (
            replace(stored, observation=shown.step.observation) if shown.truncated else stored
        )
    if one.final_observation is not None:
        assert one.final_observation == record.final_observation
        assert indexes[-1] == len(record.steps) - 1
    if request.strategy in WHOLE:
        assert indexes == list(range(len(record.steps)))
        assert one.final_observation == record.final_observation
    if one.step is None:
        assert one.next_action is None
    else:
        assert one.step in indexes
        assert one.next_action == record.steps[one.step].action
    check_kind(snapshot, request, one, record)


def check_kind(snapshot: Snapshot, request: Request, one: Demonstration, record: Trajectory) -> None:
    normal, seen = snapshot.analyzer.normalizer, request.situation.observation
    if one.step is None:
        assert one.kind not in {"exact", "normalized", "near"}
        assert one.kind != "final" or None not in (seen, record.final_observation)
        return
    there = record.steps[one.step].observation
    exact = seen is not None and there == seen
    equal = seen is not None and normal(there) == normal(seen)
    assert (one.kind == "exact") == exact
    assert (one.kind == "normalized") == (equal and not exact)


@settings(max_examples=300)
@given(
    st.lists(trajectories(), max_size=7),
    st.lists(documents(), max_size=3, unique_by=lambda one: one.id),
    REQUESTS,
    st.sampled_from(["rank-bm25", "dense"]),
)
def test_every_answer_keeps_its_promises(
    lane: EmbeddingLane, records: list[Trajectory], told: list[Document], request_: Request, engine: str
) -> None:
    known = unique(records)
    check(take(lane, list(known.values()), told, engine=engine), lane, request_, known)


@settings(max_examples=60)
@pytest.mark.parametrize("counts", ["minilm", "words", "pieces"])
@given(
    st.lists(HOSTILE, min_size=1, max_size=4),
    st.lists(HOSTILE_DOCUMENTS, max_size=2, unique_by=lambda one: one.id),
    st.sampled_from(sorted(STRATEGIES)),
    st.sampled_from([30, 60, 100, 150, 300, 1000]),
    st.data(),
)
def test_the_tokens_of_any_text_are_counted_on_the_prompt(
    lane: EmbeddingLane,
    pieces: str,
    counts: str,
    records: list[Trajectory],
    told: list[Document],
    strategy: str,
    tokens: int,
    data: st.DataObject,
) -> None:
    known = unique(records)
    snapshot = take(lane, list(known.values()), told, pieces if counts == "pieces" else counts)
    assert snapshot.analyzer.tokenizer.additive == (counts != "pieces")
    step = data.draw(st.sampled_from(records[0].steps))
    situation = Situation(records[0].instruction, (), step.observation)
    queries = (Query(records[0].instruction, "agent"),)
    request = Request(situation, strategy, queries, Limits(tokens=tokens), render=True)
    answer = check(snapshot, lane, request, known)
    check_margin(answer)


LABELS = (
    "Demonstration",
    "Instruction:",
    "Outcome:",
    "Step ",
    "Observation:",
    "Thought:",
    "Action:",
    "Final observation:",
    "Document",
    "The indented text",
)


def check_margin(answer: Answer) -> None:
    """What stands at the margin is ours alone, and as often as there is something to label."""
    assert answer.prompt is not None
    margin = [line for line in answer.prompt.splitlines() if line and not line.startswith("    ")]
    assert all(line.startswith(LABELS) for line in margin)
    steps = sum(len(one.steps) for one in answer.demonstrations)
    assert sum(line == "Action:" for line in margin) == steps
    assert sum(line.startswith("Step ") for line in margin) == steps
    assert sum(line == "Instruction:" for line in margin) == len(answer.demonstrations)
    numbered = [line for line in margin if line.split()[-1].isdigit() and line.split()[0] == "Demonstration"]
    assert numbered == [f"Demonstration {rank}" for rank, _ in enumerate(answer.demonstrations, 1)]
