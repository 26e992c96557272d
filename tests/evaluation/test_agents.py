from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evaluation.agents import Advice, choose, likeness, ours
from indexing.records import Step, Trajectory
from retrievers.situation import Situation
from retrievers.slots import plain

WORDS = st.text("ab 1", min_size=1, max_size=8).filter(str.strip)
ACTIONS = st.lists(WORDS, min_size=1, max_size=6, unique=True)
STEPS = st.builds(Step, WORDS, WORDS)
SITUATIONS = st.builds(Situation, WORDS, st.lists(STEPS, max_size=3).map(tuple), WORDS)


def advice(action: str, instruction: str, observation: str, everyday: frozenset[str] = frozenset()) -> Advice:
    record = Trajectory("there", instruction, (Step(observation, action),))
    return Advice.of(record, 0, everyday)


ADVICE = st.lists(st.builds(advice, WORDS, WORDS, WORDS), max_size=3)
KITCHEN = Situation("put a cup in the sink", (), "On the shelf you see cup 1 and plate 2.")
ADMISSIBLE = ["go to sink", "take cup 1 from shelf", "take plate 2 from shelf"]
TAKEN = advice("take mug 3 from desk", "put a mug in the sink", "On the desk you see mug 3.")


@given(SITUATIONS, ACTIONS, ADVICE, st.integers(0, 3))
def test_it_chooses_an_admissible_action_and_always_the_same(
    situation: Situation, admissible: list[str], advised: list[Advice], seed: int
) -> None:
    chosen = choose(situation, admissible, advised, seed=seed)
    assert chosen in admissible
    assert chosen == choose(situation, admissible[::-1], advised, seed=seed)


@given(SITUATIONS, ACTIONS, ADVICE)
def test_what_was_done_at_an_equal_observation_is_left_while_anything_else_is(
    situation: Situation, admissible: list[str], advised: list[Advice]
) -> None:
    observation, history = situation.observation or "", list(situation.history)
    for left in range(len(admissible), 0, -1):
        here = Situation(situation.instruction, tuple(history), observation)
        tried = {step.action for step in history if step.observation == observation}
        chosen = choose(here, admissible, advised)
        assert chosen not in tried or tried >= set(admissible), left
        history.append(Step(observation, chosen))


@given(WORDS, WORDS)
def test_likeness_is_a_share_and_the_same_both_ways(first: str, second: str) -> None:
    assert 0.0 <= likeness(first, second) <= 1.0
    assert likeness(first, second) == likeness(second, first)
    assert likeness(first, first) == 1.0


@given(WORDS, WORDS, WORDS)
def test_who_stands_in_the_same_place_is_told_the_same(action: str, said: str, seen: str) -> None:
    assert ours(advice(action, said, seen), Situation(said, (), seen)) == plain(action).strip()


def test_the_same_advice_is_followed_with_our_values() -> None:
    assert choose(KITCHEN, ADMISSIBLE, [TAKEN]) == "take cup 1 from shelf"


def test_the_first_demonstration_that_fits_decides() -> None:
    misfit = advice("clean mug 3 with sink", "put a mug in the sink", "")
    gone = advice("go to sink", "put a mug in the sink", "")
    assert choose(KITCHEN, ADMISSIBLE, [misfit, gone, TAKEN]) == "go to sink"
    assert choose(KITCHEN, ADMISSIBLE, [misfit, TAKEN, gone]) == "take cup 1 from shelf"


def test_the_same_advice_goes_before_likeness_of_words() -> None:
    there = advice('click [5] label "ab"', "Select ab", '[5] label "ab"')
    here = Situation("Select xy", (), '[5] label "cd" [7] label "xy"')
    actions = ['click [5] label "cd"', 'click [7] label "xy"']
    assert choose(here, actions, [there]) == 'click [7] label "xy"'


def test_another_wording_of_the_same_action_fits() -> None:
    there = advice("focus on thermometer in inventory", "use the thermometer", "A thermometer.")
    here = Situation("use the thermometer", (), "A thermometer. A room.")
    assert choose(here, ["focus on room", "focus on thermometer"], [there]) == "focus on thermometer"


def test_numbers_tell_things_apart() -> None:
    there = advice("open drawer 3", "find a pen", "The drawer 3 is closed.")
    here = Situation("find a cup", (), "The drawer 1 is closed. The drawer 3 is open.")
    assert choose(here, ["close drawer 3", "open drawer 1"], [there]) == "open drawer 1"
    assert choose(here, ["open drawer 1", "open drawer 3"], [there]) == "open drawer 3"


def test_where_nothing_fits_the_nearest_in_words_is_done() -> None:
    misfit = advice("go towards the sink", "put a mug in the sink", "")
    assert choose(KITCHEN, ADMISSIBLE, [misfit]) == "go to sink"


def test_of_actions_of_the_same_slots_the_analogous_one_is_done() -> None:
    here = Situation('User "ann", password "x7".', (), "")
    there = advice("enter bob", 'User "bob", password "q2".', "")
    assert choose(here, ["enter ann", "enter x7"], [there]) == "enter ann"
    there = advice("enter q2", 'User "bob", password "q2".', "")
    assert choose(here, ["enter ann", "enter x7"], [there]) == "enter x7"


def test_without_demonstrations_the_seed_decides() -> None:
    actions = [f"press {number}" for number in range(50)]
    assert len({choose(KITCHEN, actions, [], seed=seed) for seed in range(5)}) > 1
