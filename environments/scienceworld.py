"""ScienceWorld: elementary-school science in ten rooms, played through text (Wang et al., EMNLP 2022).

The simulator answers an action with a sentence or two. An observation here is that answer, then the
room and the inventory as the simulator lists them at no cost, less the two lines that are in every
room (the agent itself, the air).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from environments.base import EXTRA, Start, StepResult, Task
from environments.errors import MissingEnvironment, NoEpisode, UnknownTask
from environments.scienceworld_actions import admissible

EVERYWHERE = {"the agent", "a substance called air"}
LOOKS = {"look around", "inventory"}
"""Actions whose answer the observation holds anyway."""
BOOKKEEPING = {"reset task", "task"}


class ScienceWorld:
    """Tasks are named as the simulator names them ("boil", "use-thermometer"), variations numbered."""

    def __init__(self, simplifications: str = "", step_limit: int = 200, expert: bool = False) -> None:
        """`expert` makes `expert_actions` ready on `reset`, which can take seconds."""
        self._simplifications = simplifications
        self._step_limit = step_limit
        self._expert = expert
        self._simulator: Any = None
        self._played = False
        self._playing = False

    def reset(self, task: Task) -> Start:
        simulator = self._running()
        if task.name not in simulator.get_task_names():
            known = ", ".join(simulator.get_task_names())
            raise UnknownTask(f"ScienceWorld has no task {task.name!r}; it has {known}")
        if not 0 <= task.variation < (count := simulator.get_max_variations(task.name)):
            raise UnknownTask(f"{task.name} has variations 0 to {count - 1}, not {task.variation}")
        if self._played:
            # What lies where, and the expert's path, depend on all that a simulator has played before: a
            # fresh one repeats itself.
            self.close()
            simulator = self._running()
        self._played = True
        simulator.load(task.name, task.variation, self._simplifications, self._expert)
        simulator.reset()
        self._playing = True
        return Start(simulator.get_task_description(), self._observe(""))

    def step(self, action: str) -> StepResult:
        if not self._playing:
            raise NoEpisode("ScienceWorld: call reset first; an episode that is over takes no action")
        # Not the package's own `step`: it lists every valid action each time, nine tenths of its cost.
        answer = self._simulator.server.step(action)
        score = float(self._simulator.server.getScore())
        over_limit = self._simulator.get_num_moves() > self._step_limit
        done = bool(self._simulator.server.getCompleted()) or score < 0 or over_limit
        self._playing = not done
        observation = self._observe("" if action in LOOKS else answer)
        return StepResult(observation, max(0.0, score), done, score >= 1)

    def admissible_actions(self) -> Sequence[str]:
        if not self._playing:
            return ()
        simulator = self._simulator
        actions = admissible(
            simulator.get_valid_action_object_combinations_with_templates(),
            {
                form["template_id"]: form["action_example"]
                for form in simulator.get_possible_actions_with_IDs()
            },
            simulator.get_all_object_ids_types_referents_LUTJSON(),
            simulator.look(),
            simulator.inventory(),
        )
        return sorted(actions - BOOKKEEPING)

    def expert_actions(self) -> Iterator[str]:
        if not self._playing or not self._expert:
            raise NoEpisode("ScienceWorld: make it with expert=True and call reset first")
        yield from self._simulator.get_gold_action_sequence()

    def close(self) -> None:
        simulator, self._simulator = self._simulator, None
        self._played = self._playing = False
        if simulator is not None:
            _stop(simulator)

    def task_names(self) -> list[str]:
        """All tasks, in the simulator's order."""
        return list(self._running().get_task_names())

    def variations(self, name: str, split: Literal["train", "dev", "test"]) -> list[int]:
        """A task's variations in one of the benchmark's own splits."""
        simulator = self._running()
        self._played = True
        simulator.load(name, 0, self._simplifications)
        self._playing = False
        return list(getattr(simulator, f"get_variations_{split}")())

    def action_templates(self) -> list[str]:
        """The forms an action can take, "OBJ" where a thing is named."""
        return [form for form in self._running().get_possible_actions() if form not in BOOKKEEPING]

    def goals(self) -> str:
        """What the present task scores, as the simulator lists it."""
        return str(self._running().get_goal_progress())

    def _observe(self, answer: str) -> str:
        return render(answer, self._simulator.look(), self._simulator.inventory())

    def _running(self) -> Any:
        if self._simulator is None:
            self._simulator = _simulator(self._step_limit)
        return self._simulator


def render(answer: str, room: str, inventory: str) -> str:
    """An observation from the simulator's three texts."""
    lines = [answer.strip(), ""] if answer.strip() else []
    lines += [
        f"- {line.strip()}" if line.startswith("\t") else line.strip()
        for line in room.strip().splitlines()
        if line.strip() not in EVERYWHERE
    ]
    carried = [line.strip() for line in inventory.strip().splitlines()[1:] if line.strip()]
    lines.append(f"You carry: {'; '.join(carried) or 'nothing'}.")
    return "\n".join(lines)


def _simulator(step_limit: int) -> Any:
    if shutil.which("java") is None:
        raise MissingEnvironment(f"ScienceWorld runs on Java: install a JRE, then {EXTRA}")
    try:
        from scienceworld import ScienceWorldEnv
    except ImportError:
        raise MissingEnvironment(f"ScienceWorld isn't installed: {EXTRA}") from None
    return ScienceWorldEnv("", envStepLimit=step_limit)


def _stop(simulator: Any) -> None:
    """Close it, and what the package leaves to the garbage collector: a process, its pipe, a folder."""
    simulator.close()
    process = simulator._gateway.java_process
    process.stdin.close()
    process.wait(timeout=10)
    simulator._obj_tree_tempdir.cleanup()
