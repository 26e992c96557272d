"""An in-context agent that ranks actions by a small language model's likelihood.

The paper's in-context learning in miniature: demonstrations stand in the prompt, each as task, last
observation and next action, and the agent takes the action that the model finds likeliest to come next.
A model of this size shows that the way works; it says nothing about what a large one would do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.agents import Advice, likeness, ours
from retrievers.situation import Situation

SHOWN = 4
"""Demonstrations in the prompt: the first ones, the best last, next to the question."""

OBSERVATION = 400
"""Characters of an observation that are shown."""

CANDIDATES = 16
"""Actions that are scored: those nearest in words to what any demonstration advises."""


class LikelihoodAgent:
    """Chooses by the mean log-likelihood of an action's tokens after a prompt. Deterministic on CPU."""

    def __init__(self, gguf: Path, device: str = "cpu") -> None:
        """`gguf`: the model's file, read by transformers."""
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self._torch = torch
        self._device = device
        self._tokenizer: Any = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model: Any = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float32
        )
        self._model = model.to(device).eval()

    def __call__(
        self,
        situation: Situation,
        admissible: Sequence[str],
        advised: Sequence[Advice],
        everyday: frozenset[str] = frozenset(),  # noqa: ARG002
        seed: int = 0,  # noqa: ARG002
    ) -> str:
        """One of the admissible actions. What was done at an equal observation is left out, as for all."""
        tried = {step.action for step in situation.history if step.observation == situation.observation}
        open_ = [action for action in admissible if action not in tried] or list(admissible)
        wanted = [ours(advice, situation) for advice in advised]
        near = {action: max((likeness(action, text) for text in wanted), default=0.0) for action in open_}
        likely = sorted(open_, key=lambda action: (-near[action], action))[:CANDIDATES]
        scores = self.scores(prompt(situation, advised), likely)
        return max(zip(scores, likely, strict=True))[1]

    def scores(self, text: str, actions: Sequence[str]) -> list[float]:
        """The mean log-likelihood of each action's tokens after a text; the text is read once."""
        torch = self._torch
        told = self._tokenizer(text, return_tensors="pt").input_ids.to(self._device)
        tokens = [self._tokenizer(f" {action}\n", add_special_tokens=False).input_ids for action in actions]
        longest = max(map(len, tokens))
        padded = torch.tensor([ids + [0] * (longest - len(ids)) for ids in tokens], device=self._device)
        with torch.inference_mode():
            read = self._model(told, use_cache=True)
            cache = read.past_key_values
            cache.batch_repeat_interleave(len(actions))
            following = self._model(padded, past_key_values=cache).logits
            first = read.logits[:, -1:].expand(len(actions), 1, -1)
            chances = torch.cat([first, following[:, :-1]], dim=1).log_softmax(-1)
            each = chances.gather(-1, padded.unsqueeze(-1)).squeeze(-1)
        return [float(row[: len(ids)].mean()) for row, ids in zip(each, tokens, strict=True)]


def prompt(situation: Situation, advised: Sequence[Advice]) -> str:
    """The demonstrations, the best last, then the agent's own situation up to its next action."""
    shown = [
        f"Task: {one.instruction}\nObservation: {_short(one.observation)}\nAction: {one.action}\n"
        for one in reversed(advised[:SHOWN])
    ]
    now = f"Task: {situation.instruction or ''}\nObservation: {_short(situation.observation or '')}\nAction:"
    return "\n".join([*shown, now])


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= OBSERVATION else f"{flat[:OBSERVATION]} …"
