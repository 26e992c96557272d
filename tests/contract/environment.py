"""What every environment keeps; a suite inherits `EnvironmentContract` and makes its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from environments.base import Environment, Start, StepResult, Task
from environments.errors import NoEpisode, UnknownTask

ODD_ACTIONS = ("", " ", "fly to the moon", "\x00", "\ud800", "x" * 100_000, "'; DROP TABLE people; --", "{r}")


class EnvironmentContract:
    """Inherit, say which environment, one task of it and some actions that lead to that task's success."""

    task: Task
    winning: tuple[str, ...]

    def make(self) -> Environment:
        raise NotImplementedError

    @pytest.fixture
    def environment(self) -> Iterator[Environment]:
        environment = self.make()
        yield environment
        environment.close()
        environment.close()

    def play(self, environment: Environment) -> tuple[Start, list[StepResult]]:
        start = environment.reset(self.task)
        return start, [environment.step(action) for action in self.winning]

    def test_a_won_episode_is_over(self, environment: Environment) -> None:
        _, results = self.play(environment)
        assert [result.done for result in results] == [False] * (len(results) - 1) + [True]
        assert (results[-1].reward, results[-1].success) == (1.0, True)
        with pytest.raises(NoEpisode):
            environment.step(self.winning[-1])

    def test_the_same_actions_bring_the_same(self, environment: Environment) -> None:
        other = self.make()
        assert self.play(environment) == self.play(environment) == self.play(other)
        other.close()

    def test_without_reset_there_is_no_episode(self, environment: Environment) -> None:
        with pytest.raises(NoEpisode, match="call reset first"):
            environment.step(self.winning[0])
        self.play(environment)
        environment.close()
        with pytest.raises(NoEpisode, match="call reset first"):
            environment.step(self.winning[0])

    def test_an_unknown_task_is_refused(self, environment: Environment) -> None:
        with pytest.raises(UnknownTask):
            environment.reset(Task("no such task"))
        with pytest.raises(UnknownTask):
            environment.reset(Task(self.task.name, 1_000_000))

    @pytest.mark.parametrize("action", ODD_ACTIONS, ids=range(len(ODD_ACTIONS)))
    def test_an_action_that_makes_no_sense_is_answered(self, environment: Environment, action: str) -> None:
        environment.reset(self.task)
        result = environment.step(action)
        assert result.observation
        assert (result.reward, result.done, result.success) == (0.0, False, False)

    def test_admissible_actions_are_sorted_and_taken(self, environment: Environment) -> None:
        environment.reset(self.task)
        actions = environment.admissible_actions()
        if actions is not None:
            assert list(actions) == sorted(set(actions))
            assert self.winning[0] in actions
