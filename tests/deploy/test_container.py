"""The Containerfile by its steps; `python -m scripts.check_image` goes through them for real."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from scripts.image_build import BASE, PLACES, Build, Failed, is_let_in
from scripts.image_steps import Step, Unreadable, filled, moved, read_steps
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "deploy" / "Containerfile").read_text()
STEPS = read_steps(TEXT)
LAST_STAGE = max(place for place, step in enumerate(STEPS) if step.name == "FROM")
RUN_AS = STEPS[LAST_STAGE:]


def only(name: str, steps: list[Step] = RUN_AS) -> Step:
    (step,) = [step for step in steps if step.name == name]
    return step


def test_it_is_built_on_a_plain_image_and_names_no_host() -> None:
    declared = {
        step.rest.partition("=")[0]: step.rest.partition("=")[2] for step in STEPS if step.name == "ARG"
    }
    bases = [filled(step.rest, declared).split(" AS ")[0] for step in STEPS if step.name == "FROM"]
    assert set(bases) == {"python:3.13-slim"}
    assert "://" not in TEXT.replace("http://127.0.0.1", "")
    assert {"PIP_INDEX_URL", "TORCH_INDEX_URL"} <= declared.keys()


def test_everything_that_is_installed_is_pinned() -> None:
    installs = [step.rest for step in STEPS if " install " in step.rest and "pip" in step.rest]
    assert len(installs) == 3
    assert all("--no-deps" in one for one in installs)
    locked, torch, own = installs
    assert "--require-hashes" in locked
    assert "-r requirements.lock" in locked
    assert "-r requirements-torch.txt" in torch
    assert "--no-index --no-build-isolation ." in own
    assert re.search(r"^torch==[\d.]+$", (ROOT / "requirements-torch.txt").read_text(), re.MULTILINE)


def test_the_whole_package_goes_in_and_nothing_else() -> None:
    copied = {word for step in STEPS if step.name == "COPY" and not step.flags for word in step.words[:-1]}
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks", "samples"}
    assert rooms <= copied
    ignored = (ROOT / ".dockerignore").read_text()
    assert all(is_let_in(name, ignored) for name in copied)
    kept_out = ("tests", "data", ".git", ".venv", "deploy", "samples", "benchmarks")
    assert [name for name in kept_out if is_let_in(name, ignored)] == []


def test_it_runs_as_nobody_and_keeps_its_data_in_a_volume() -> None:
    environment = {name: value for step in RUN_AS if step.name == "ENV" for name, value in step.pairs.items()}
    assert only("USER").rest == "10001:10001"
    assert only("VOLUME").words == [environment["PRECEDENT_DATA_DIR"]]
    data = [step for step in RUN_AS if step.name == "COPY" and step.words[-1] == "/data"]
    assert [step.flags for step in data] == [{"from": "build", "chown": "10001:10001"}]
    assert environment["HOME"] == environment["PRECEDENT_DATA_DIR"]
    settings = {name.removeprefix("PRECEDENT_") for name in environment if name.startswith("PRECEDENT_")}
    assert settings <= {name.upper() for name in Settings.model_fields}
    assert not Settings(host=environment["PRECEDENT_HOST"]).insecure


def test_it_starts_the_service_and_asks_it_without_curl() -> None:
    assert [*only("ENTRYPOINT").words, *only("CMD").words] == ["precedent", "serve"]
    check = only("HEALTHCHECK")
    assert check.flags.keys() == {"interval", "timeout", "start-period", "retries"}
    program, _, code = Step(0, "CMD", {}, check.rest.removeprefix("CMD ")).words
    assert (program, "/health/ready" in code, "PRECEDENT_PORT" in code) == ("python", True, True)
    ast.parse(code)


@pytest.mark.parametrize(
    ("text", "line"),
    [("FROM python:3.13-slim\nINSTALL everything\n", 2), ("RUN a \\\n", 1), ("\n\nrun a\n", 3)],
)
def test_a_step_that_is_none_is_told_by_its_line(text: str, line: int) -> None:
    with pytest.raises(Unreadable, match=f"line {line}:"):
        read_steps(text)


def test_lines_are_joined_and_flags_taken_off() -> None:
    text = "# a comment\nRUN one \\\n  # within\n  && two\n\nCOPY --from=build --chown=1:1 /a /b\n"
    run, copy = read_steps(text)
    assert (run.line, run.rest.split()) == (2, ["one", "&&", "two"])
    assert (copy.flags, copy.words) == ({"from": "build", "chown": "1:1"}, ["/a", "/b"])
    (env,) = read_steps('ENV A=1 B="two words" \\\n    C=/d')
    assert env.pairs == {"A": "1", "B": "two words", "C": "/d"}


def test_variables_and_paths_are_put_in() -> None:
    assert filled("$A ${A} ${B:-b} ${C}.", {"A": "a"}) == "a a b ."
    text = "/opt/precedent/bin/python /opt/precedent-other a/src /src/x PATH=/opt/precedent:/usr"
    expected = "/r/opt/precedent/bin/python /opt/precedent-other a/src /r/src/x PATH=/r/opt/precedent:/usr"
    assert moved(text, "/r", PLACES) == expected


@pytest.mark.parametrize(
    "name", ["docker.io/library/python:3.13", "python", "host:5000/python:3", "python:3.13 x"]
)
def test_a_base_with_a_host_or_without_a_tag_is_none(name: str) -> None:
    assert BASE.fullmatch(name) is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("FROM docker.io/library/python:3\n", "without a host"),
        ("FROM python:3\nUSER 0:0\n", "isn't root's"),
        ("FROM python:3\nUSER precedent\n", "should be a number"),
        ("FROM python:3\nCOPY nowhere there\n", "isn't in the build's context"),
        ("FROM python:3\nCOPY tests there\n", "kept out by .dockerignore"),
        ("FROM python:3\nCOPY --from=other /a /a\n", "no stage other"),
        ("FROM python:3\nWORKDIR /src\nRUN exit 3\n", "ended with 3"),
        ("FROM python:3\nRUN apt-get install -y --no-install-recommends curl && true\n", "only libgomp1"),
        ("FROM python:3\nENV PRECEDENT_PORT=1\nEXPOSE 2\n", "isn't PRECEDENT_PORT"),
    ],
)
def test_a_step_that_does_not_hold_fails_the_check(text: str, what: str, tmp_path: Path) -> None:
    build = Build(ROOT, tmp_path, {}, True, lambda _: None)
    with pytest.raises(Failed, match=what):
        build.run(text)
