"""`python -m benchmarks.train_sft FILE`: what `precedent export --format sft` wrote, read and trained on.

Loads the pairs with `datasets` and takes a few steps of TRL's SFTTrainer, with the tests' small model or
another. It shows that the file is what these libraries read; so few steps teach nothing, and no claim is
made.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.support.small_model import packaged_gguf, unpack


@dataclass(frozen=True, slots=True)
class Trained:
    """How many pairs there were, how long the longest is for the model itself, and the loss of each step."""

    pairs: int
    longest: int
    losses: tuple[float, ...]


def completion(row: Mapping[str, Any]) -> dict[str, Any]:
    """The pair as prompt and completion, so that the loss is that of the action alone."""
    return {"prompt": row["messages"][:-1], "completion": row["messages"][-1:]}


def train(pairs: Path, model: Path, out: Path, steps: int, max_length: int) -> Trained:
    """Some steps of full training on the CPU, of one pair each."""
    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]

    read = load_dataset("json", data_files=str(pairs), split="train", cache_dir=str(out / "cache"))
    settings = SFTConfig(
        output_dir=str(out / "trained"),
        max_steps=steps,
        max_length=max_length,
        per_device_train_batch_size=1,
        learning_rate=2e-5,
        completion_only_loss=True,
        use_cpu=True,
        bf16=False,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = SFTTrainer(
        str(model), settings, train_dataset=read.map(completion, remove_columns=read.column_names)
    )
    trained_on: Any = trainer.train_dataset
    longest = max(map(len, trained_on["input_ids"]))
    trainer.train()
    return Trained(len(read), longest, tuple(_losses(trainer.state.log_history)))


def _losses(log: list[dict[str, Any]]) -> Iterator[float]:
    return (entry["loss"] for entry in log if "loss" in entry)


def main() -> int:
    """Train, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_sft", description=__doc__)
    parser.add_argument("pairs", type=Path, metavar="FILE", help="what the export wrote")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--max-length", type=int, default=8_192, help="tokens of the model, as trained")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="default: the tests' small model")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = given.model
        if model is None:
            model = Path(scratch) / "model"
            model.mkdir()
            unpack(packaged_gguf(), model)
        trained = train(given.pairs, model, Path(scratch), given.steps, given.max_length)
    sys.stdout.write(json.dumps(asdict(trained)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
