"""A small agent that plays BabyAI by precedent: it asks at every step, and does what others did there.

It has no language model. Demonstrations vote with their `next_action`; those that were shown earlier
in the episode and are still worth keeping (`keep`) vote with the step that looks like the present one.
Start the service with `make serve`, then: `python -m examples.agent --level GoToRedBallGrey --episodes 4`.
"""

from __future__ import annotations

import argparse
import uuid
from collections import Counter
from typing import Any

import httpx

from environments.babyai import BabyAI
from environments.base import Task

MAX_STEPS = 40
HELD_OUT = 1000  # seeds from here on are in none of the sample trajectories


def play(service: httpx.Client, world: BabyAI, task: Task) -> bool:
    """One episode; tells whether the mission was met."""
    start = world.reset(task)
    observation, episode = start.observation, uuid.uuid4().hex
    history, shown = list[dict[str, str]](), dict[str, Any]()
    tried: Counter[tuple[str, str]] = Counter()
    print(f"{task.name}, seed {task.variation}: {start.instruction}")
    for number in range(1, MAX_STEPS + 1):
        request = {
            "collection": "babyai",
            "instruction": start.instruction,
            "observation": observation,
            "history": history,
            "episode": episode,
            "limits": {"total": 3},
        }
        answer = service.post("/retrieve", json=request).raise_for_status().json()
        votes = count_votes(answer, shown, observation)
        # An action tried here before loses what it had: the same precedent would lead round in circles.
        action = max(
            world.admissible_actions(),
            key=lambda one: (votes[one] - 2 * tried[observation, one], one == "go forward"),
        )
        tried[observation, action] += 1
        print(f"  {number:2} {action:10} {votes[action]:.2f} of {votes.total():.2f} votes")
        result = world.step(action)
        history.append({"observation": observation, "action": action})
        observation = result.observation
        if result.done:
            break
    print(f"  {'success' if result.success else 'no success'} after {number} steps")
    return result.success


def count_votes(answer: dict[str, Any], shown: dict[str, Any], observation: str) -> Counter[str]:
    """Votes for actions; what is new in the answer is added to `shown`, by id."""
    votes: Counter[str] = Counter()
    for one in answer["demonstrations"]:
        shown[one["id"]] = one
        if one["next_action"] is not None:
            equal = one["match"]["kind"] in ("exact", "normalized")
            votes[one["next_action"]] += (2 if equal else 1) / one["rank"] ** 2
    for id in answer["keep"]:
        votes.update(s["action"] for s in shown[id]["steps"] if s["observation"] == observation)
    return votes


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--level", default="GoToRedBallGrey")
    parser.add_argument("--episodes", type=int, default=4)
    given = parser.parse_args()
    tasks = [Task(given.level, HELD_OUT + number) for number in range(given.episodes)]
    with httpx.Client(base_url=given.url, timeout=30) as client:
        met = sum(play(client, BabyAI(), task) for task in tasks)
    print(f"{met} of {len(tasks)} episodes succeeded")
