"""Closed loops that never took place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

from environments.base import Task
from evaluation.actors import CHOOSER
from evaluation.closed_loop import Episode, World
from evaluation.standings import Loop
from evaluation.tally import tally
from tests.evaluation.errands import Errands

VARIANTS = ("none", "instruction", "paper", "agentic")
SKILL = {"none": 0.1, "instruction": 0.4, "paper": 0.3, "agentic": 0.7}


def world(name: str = "errands", kinds: Sequence[str] = ("fetch", "find"), count: int = 6) -> World:
    """A world of so many tasks of each kind."""
    tasks = [Task(kind, number) for kind in kinds for number in range(count)]
    return World(name, Errands(), list, tasks, 9, about="a house", held_out="Nothing of it is remembered.")


def episode(task: Task, variant: str, success: bool, where: str = "errands") -> Episode:
    return Episode(where, task.name, task.variation, variant, success, float(success), 4, 1.0, 1.0, task.name)


def episodes(worlds: Iterable[World], variants: Sequence[str] = VARIANTS) -> list[Episode]:
    """What each variant did, by chance and skill, the same on every call."""
    random = Random(0)
    return [
        episode(task, variant, random.random() < SKILL.get(variant, 0.5), world.name)
        for world in worlds
        for task in world.tasks
        for variant in variants
    ]


def loop(*worlds: World, variants: Sequence[str] = VARIANTS) -> Loop:
    return tally(episodes(worlds, variants), worlds, CHOOSER, variants, resamples=200)
