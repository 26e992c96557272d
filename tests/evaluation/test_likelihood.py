from __future__ import annotations

import pytest

from evaluation.actors import CHOOSER, Actor, likely
from evaluation.agents import Advice
from evaluation.likelihood import CANDIDATES, OBSERVATION, SHOWN, LikelihoodAgent, prompt
from indexing.records import Step
from retrievers.situation import Situation
from tests.support.small_model import packaged_gguf

pytestmark = pytest.mark.whole

SHELF = Situation("put a cup in the sink", (), "On the shelf you see cup 1 and plate 2.")


def advice(action: str, observation: str = "On the desk you see mug 3.") -> Advice:
    return Advice(action, "", "put a mug in the sink", observation)


@pytest.fixture(scope="module")
def actor() -> Actor:
    return likely(packaged_gguf())


@pytest.fixture
def agent(actor: Actor) -> LikelihoodAgent:
    assert isinstance(actor.act, LikelihoodAgent)
    return actor.act


def test_a_model_is_named_as_what_it_is(actor: Actor) -> None:
    assert actor.name == f"the likelihood of {packaged_gguf().name}"
    assert "larger model" in actor.about
    assert "without a language model" in CHOOSER.name


def test_the_best_demonstration_stands_last_and_what_is_long_is_cut() -> None:
    text = prompt(SHELF, [advice(f"act {n}", "x" * (OBSERVATION + 9)) for n in range(SHOWN + 1)])
    assert text.count("Task: put a mug") == SHOWN
    assert text.index("act 3") < text.index("act 0") < text.index("put a cup")
    assert "x" * OBSERVATION + " …" in text
    assert text.endswith("cup 1 and plate 2.\nAction:")


def test_scores_with_the_text_read_once_are_those_of_each_alone(agent: LikelihoodAgent) -> None:
    text, actions = prompt(SHELF, [advice("take mug 3 from desk")]), ["go to sink", "take cup 1 from shelf"]
    together = agent.scores(text, actions)
    assert together == pytest.approx([agent.scores(text, [action])[0] for action in actions], abs=1e-4)
    assert all(score < 0 for score in together)


def test_it_follows_its_demonstrations(agent: LikelihoodAgent) -> None:
    shown = [advice("take mug 3 from desk")] * 2
    assert agent(SHELF, ["dance", "take cup 1 from shelf"], shown) == "take cup 1 from shelf"


def test_what_was_done_at_an_equal_observation_is_left_out(agent: LikelihoodAgent) -> None:
    done = (Step(SHELF.observation or "", "take cup 1 from shelf"),)
    here = Situation(SHELF.instruction, done, SHELF.observation)
    assert agent(here, ["dance", "take cup 1 from shelf"], [advice("take mug 3 from desk")]) == "dance"


def test_one_of_many_actions_is_taken_without_demonstrations_too(agent: LikelihoodAgent) -> None:
    actions = [f"press {number}" for number in range(CANDIDATES * 2)]
    assert agent(SHELF, actions, []) in actions
