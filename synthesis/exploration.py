"""Exploring first and naming the task afterwards; a score from 1 to 5 decides how much is kept.

OS-Genesis' road (Sun et al., arXiv 2412.19723): nothing is asked of the explorer, backward construction
names what it did, and a reward model's score is the weight with which a trajectory is sampled.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from environments.base import Environment
from retrievers.query_writers.text import fenced
from retrievers.situation import Situation
from synthesis.calls import Calls
from synthesis.committee import Verdict, Vote
from synthesis.construction import Pair
from synthesis.errors import CallFailed, Unreadable
from synthesis.patience import in_time
from synthesis.prompts import UNTRUSTED, bare, telling
from synthesis.rollouts import Rollout
from synthesis.spans import Span

PROMPT_VERSION = "score-1"

SCORES = range(1, 6)
SYSTEM = f"""\
You score how well what an agent did fulfils an instruction.
The user shows you an instruction, observations and actions {UNTRUSTED}
5: all of it is done, by sensible steps. 4: done with small faults. 3: partly done. 2: hardly. 1: not at all.
Answer with one digit from 1 to 5 and nothing else."""


@dataclass
class ExplorePolicy:
    """Takes what it took least often, drawn by `seed` among equals; ends where nothing is admissible."""

    seed: str
    name: str = "explorer"
    _taken: Counter[str] = field(default_factory=Counter, init=False)

    async def act(self, environment: Environment, situation: Situation, patience_s: float) -> str | None:
        """One of the admissible actions."""
        admissible = await in_time(patience_s, environment.admissible_actions)
        if not admissible:
            return None
        turn = len(situation.history)
        action = min(admissible, key=lambda one: (self._taken[one], _draw(f"{self.seed}/{turn}/{one}")))
        self._taken[action] += 1
        return action


@dataclass(frozen=True)
class Scorer:
    """Keeps each pair with a chance of a fifth of its score: a judge as `synthesis.judges.Judge` says.

    The draw follows from the pair's id, so that the same run keeps the same pairs.
    """

    calls: Calls
    member: str = "judge"

    async def verdicts(self, rollout: Rollout, pairs: Sequence[tuple[Span, Pair]]) -> list[Verdict]:  # noqa: ARG002
        """Kept or not, with the score as the reason."""
        return [await self._verdict(pair) for _, pair in pairs]

    async def _verdict(self, pair: Pair) -> Verdict:
        prompt = "\n".join(
            [fenced("instruction", pair.instruction), fenced("trajectory", telling(pair)), "The score:"]
        )
        try:
            score = await self.calls.ask(self.member, SYSTEM, prompt, read_score, max_tokens=16)
        except CallFailed as failure:
            vote = Vote(self.member, None, {}, f"{failure.kind}: {failure}")
            return Verdict(False, "unanimous", (vote,), (f"no score: {failure.kind}",))
        kept = _draw(pair.id) < score / max(SCORES)
        reason = f"scored {score} of {max(SCORES)}"
        return Verdict(kept, "unanimous", (Vote(self.member, kept, {}, reason),), () if kept else (reason,))


def read_score(answer: str) -> int:
    """The score of an answer.

    >>> read_score("Score: 4"), read_score("3/5")
    (4, 3)

    Raises
    ------
    Unreadable
        There is no score from 1 to 5 in it, or several.
    """
    text = re.sub(r"\s*(?:/|out of|of)\s*5\b", "", bare(answer))
    found = re.findall(r"(?<![\d.])[1-5](?![\d.]*\d)", text)
    if len(set(found)) != 1:
        raise Unreadable("the answer isn't one score from 1 to 5")
    return int(found[0])


def _draw(text: str) -> float:
    """A number from 0 to 1 that follows from the text."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
