"""The export is what `datasets` and TRL read. Two steps prove the path, never the quality."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from indexing.records import Step, Trajectory
from indexing.tokens import tokenizer
from synthesis.training import examples
from tests.support.shell import ROOT, environment

FORM = Trajectory(
    "form", "Send the form", (Step("A form: name", "type [name]"), Step("A button: send", "click [send]"))
)


@pytest.mark.whole
def test_the_small_model_is_trained_on_what_was_exported(tmp_path: Path, small_model: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    rows = examples(FORM, 8_192, tokenizer("words").count)
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-m", "benchmarks.train_sft", str(pairs), "--steps", "2"]
    command += ["--model", str(small_model)]
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub"), "OMP_NUM_THREADS": "1"}
    settings = environment(tmp_path) | quiet
    ended = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, check=False, timeout=600)
    assert ended.returncode == 0, ended.stderr.decode()[-2_000:]
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["pairs"] == 2
    assert len(found["losses"]) == 2
    assert all(math.isfinite(loss) and loss > 0 for loss in found["losses"])
    assert 0 < found["longest"] < 400
