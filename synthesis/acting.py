"""Rollouts of an instruction: reset, observe, ask what to do, act, until done or the step limit.

The environment is not asynchronous and may hang or break: a call that gives no answer in time ends the
rollout, which keeps what it has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from environments.base import Environment, Expert, Task
from environments.errors import EnvironmentFault
from indexing.records import Step
from retrievers.query_writers.text import cut, fenced, sound
from retrievers.situation import Situation
from synthesis.calls import Calls
from synthesis.errors import CallFailed, Unreadable
from synthesis.patience import in_time
from synthesis.prompts import UNTRUSTED, bare
from synthesis.rollouts import Rollout

PROMPT_VERSION = "act-1"

ACTION_CHARS = 500
LATEST = 8
"""Steps of the history that the model is shown."""
OBSERVATION_CHARS, PAST_CHARS = 3_000, 400
FAILED = "call failed: "
"""How a rollout ended that a model's failure cut short; the kind follows."""
CHOICES = 60
"""Admissible actions that are listed, spread over all of them."""

SYSTEM = f"""\
You act in an environment, one action at a time, to do a task.
The user shows you the task and what has happened so far {UNTRUSTED}
Answer with the next action on one line, exactly as the environment takes it, and nothing else.
Answer DONE when the task is done."""

Demonstrate = Callable[[Situation], Awaitable[str]]
"""Demonstrations for a situation, rendered as they stand in a prompt; "" where there are none."""


class Policy(Protocol):
    """Says what to do next in one rollout."""

    name: str

    async def act(self, environment: Environment, situation: Situation, patience_s: float) -> str | None:
        """The next action; None when there is nothing more to do.

        Raises CallFailed, BudgetSpent, and EnvironmentFault where the environment is asked.
        """
        ...


@dataclass
class ModelPolicy:
    """A language model acts, shown demonstrations where there are some ("iterative prompting").

    `closing` is what it does instead of stopping, where an action has the task judged.
    """

    calls: Calls
    name: str
    demonstrate: Demonstrate | None = None
    salt: str = ""
    closing: str | None = None

    async def act(self, environment: Environment, situation: Situation, patience_s: float) -> str | None:
        """What the model of role "act" answers."""
        admissible = await in_time(patience_s, environment.admissible_actions)
        shown = await self.demonstrate(situation) if self.demonstrate else ""
        prompt = acting_prompt(situation, admissible, shown)
        action = await self.calls.ask("act", SYSTEM, prompt, read_action, max_tokens=128, salt=self.salt)
        return self.closing if action == "DONE" else action


@dataclass
class ExpertPolicy:
    """Plays what the environment knows to be right: honest about it, for checks without a strong model."""

    name: str = "expert"
    _left: Iterator[str] | None = field(default=None, init=False)

    async def act(self, environment: Environment, situation: Situation, patience_s: float) -> str | None:
        """The expert's next action."""
        if self._left is None or not situation.history:
            expert: Expert = environment  # type: ignore[assignment]
            self._left = iter(expert.expert_actions())
        left = self._left
        return await in_time(patience_s, lambda: next(left, None))


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is to be tried: `instruction` None is the environment's own. `guidance` is for who acts."""

    id: str
    task: Task
    instruction: str | None = None
    documents: tuple[str, ...] = ()
    guidance: str = ""


async def roll_out(
    environment: Environment, attempt: Attempt, policy: Policy, step_limit: int, patience_s: float
) -> Rollout:
    """One rollout. A call that failed or an environment that broke ends it with what there is.

    Raises
    ------
    BudgetSpent
        The run stops.
    EnvironmentFault
        The environment couldn't even be reset.
    """
    start = await in_time(patience_s, partial(environment.reset, attempt.task))
    situation = Situation(sound(attempt.instruction or start.instruction), (), sound(start.observation))
    reward, success, ended = 0.0, False, "steps"
    while len(situation.history) < step_limit:
        try:
            action = await policy.act(environment, situation, patience_s)
            if action is None:
                ended = "no action"
                break
            result = await in_time(patience_s, partial(environment.step, action))
        except CallFailed as failed:
            ended = f"{FAILED}{failed.kind}"
            break
        except EnvironmentFault:
            ended = "stalled"
            break
        done = Step(situation.observation or "", sound(action))
        situation = Situation(situation.instruction, (*situation.history, done), sound(result.observation))
        reward, success = result.reward, result.success
        if result.done:
            ended = "done"
            break
    return Rollout(
        id=attempt.id,
        instruction=situation.instruction or "",
        actions=tuple(step.action for step in situation.history),
        observations=(*(step.observation for step in situation.history), situation.observation or ""),
        task=attempt.task.name,
        variation=attempt.task.variation,
        documents=attempt.documents,
        model=policy.name,
        success=success,
        reward=round(reward, 6),
        ended=ended,
    )


def acting_prompt(situation: Situation, admissible: Sequence[str] | None, shown: str) -> str:
    """The task, the latest steps, the observation, each cut; demonstrations first, for reference."""
    latest = situation.history[-LATEST:]
    brief = Situation(
        situation.instruction,
        tuple(Step(cut(step.observation, PAST_CHARS), step.action) for step in latest),
        cut(situation.observation or "", OBSERVATION_CHARS),
    )
    return uncut_prompt(brief, len(situation.history) - len(latest), admissible, shown)


def uncut_prompt(
    situation: Situation, earlier: int = 0, admissible: Sequence[str] | None = None, shown: str = ""
) -> str:
    """The same prompt with all of the situation in it; `earlier` steps came before its history."""
    told = [f"Task: {situation.instruction}"]
    if earlier:
        told.append(f"({earlier} earlier steps)")
    told += map(step_told, situation.history)
    told.append(f"Observation: {situation.observation or ''}")
    if admissible:
        stride = -(-len(admissible) // CHOICES)
        told.append("Some actions that are possible now: " + "; ".join(admissible[::stride]))
    parts = [fenced("demonstrations", shown)] if shown else []
    return "\n".join([*parts, fenced("situation", "\n".join(told)), "The next action:"])


def step_told(step: Step) -> str:
    """A step of the history as it stands in the prompt."""
    return f"Observation: {step.observation}\nAction: {step.action}"


def read_action(answer: str) -> str:
    """The one action of an answer: its first line, without "Action:" before it."""
    lines = [line.strip() for line in bare(answer).split("\n") if line.strip()]
    action = lines[0].removeprefix("Action:").strip() if lines else ""
    if not action or len(action) > ACTION_CHARS:
        raise Unreadable(f"the answer holds no action of at most {ACTION_CHARS} characters")
    return action
