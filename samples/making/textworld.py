"""The TextWorld sample: what `precedent synthesize` makes of cooking games, and the games' tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from environments.base import Task
from environments.textworld import LEVELS, TextWorld
from indexing.records import Document
from samples.making.recording import Pick, Plan
from samples.making.synthesis import synthesized

SEEDS = {level: range(1, 5 if level == "cooking-far" else 4) for level in LEVELS}
SCRIPTED = ("--scripted", "--spans", "3")
"""Three spans of a rollout: one of each length that it has."""
TASKS = (word for level, seeds in SEEDS.items() for word in ("-t", f"{level}:{seeds[0]}-{seeds[-1]}"))
COMMAND = ("-e", "textworld", *TASKS, *SCRIPTED)
"""What `precedent synthesize` is told."""
HELD_OUT = ("cooking-gather-cook", "cooking-full", "cooking-prepare")
COOKED_WITH = {"fry": "stove", "roast": "oven", "grill": "BBQ"}
PLACES = {
    "kitchen": "the kitchen",
    "pantry": "the pantry",
    "garden": "the garden",
    "supermarket": "the supermarket",
}


def plan() -> Plan:
    """Rollouts have the seeds from 1 on, held-out episodes those from 1001 on."""
    world = TextWorld()
    return Plan(
        name="textworld",
        world=world,
        shown=lambda: synthesized("textworld", COMMAND),
        held_out=[Pick(level, range(1001, 1101), 2) for level in HELD_OUT],
        documents=lambda: documents(world),
    )


def documents(world: TextWorld) -> Iterator[Document]:
    """Foods, rooms and commands, from the generator's own tables."""
    from textworld.challenges.tw_cooking import cooking

    yield from _rules()
    world.reset(Task("cooking-prepare", 1))
    yield _commands(world.command_templates())
    yield _rooms(cooking.NEIGHBORS)
    for name, entry in cooking.FOODS_COMPACT.items():
        yield _food(name, entry)


def _rules() -> Iterator[Document]:
    yield Document(
        "goal",
        "How a cooking game is won",
        "Find the kitchen and `examine cookbook`: it lists the ingredients and what to do with each. Gather "
        "the ingredients, treat them exactly as told, `prepare meal` in the kitchen, `eat meal`. Each right "
        "treatment brings a point. A wrong cut, a wrong way of cooking, or cooking a thing twice (it burns) "
        "loses the game, for it can't be undone.",
    )
    tools = "\n".join(f"- {verb}: `cook … with {tool}`" for verb, tool in COOKED_WITH.items())
    yield Document(
        "cooking",
        "Fry, roast, grill: which appliance",
        f"The recipe names the treatment, the appliance decides it:\n{tools}\n"
        "Stove and oven stand in the kitchen, the BBQ in the backyard. The food has to be in the inventory.",
    )
    yield Document(
        "cutting",
        "Slice, chop, dice: the knife",
        "`slice … with knife`, `chop … with knife` and `dice … with knife` need the knife and the food in "
        "the inventory. The knife lies on the kitchen's table or counter: `take knife from table`. A food is "
        "cut once; cutting and cooking may come in either order.",
    )


def _commands(templates: list[str]) -> Document:
    forms = "\n".join(f"- {template}" for template in templates)
    legend = "{c} a container, {d} a door, {f} a food, {k} a key, {o} a thing, {s} a support, {t} anything"
    return Document("commands", "Commands in the cooking games", f"{legend}.\n{forms}")


def _rooms(neighbours: Mapping[str, list[str]]) -> Document:
    lines = "\n".join(f"- {room}: may open onto {', '.join(others)}" for room, others in neighbours.items())
    return Document("rooms", "Which rooms may lie beside which", f"Every game lays out its own map.\n{lines}")


def _food(name: str, entry: Mapping[str, Any]) -> Document:
    names = entry.get("names", [name])
    found = [_place(*where.split(".")) for where in entry["locations"]]
    has = set(entry["properties"])
    facts = [
        f"Kinds: {', '.join(names)}." if len(names) > 1 else "",
        f"Found {' or '.join(found)}.",
        "It must be cooked before it can be eaten." if "needs_cooking" in has else "",
        "It may be used raw or cooked." if {"cookable", "raw"} <= has else "",
        "It isn't cooked." if "cookable" not in has else "",
        "It can be sliced, chopped or diced." if "cuttable" in has else "It isn't cut.",
    ]
    text = " ".join(fact for fact in facts if fact)
    return Document(f"food/{name}", f"Food: {name}", text, metadata={"food": name})


def _place(room: str, holder: str | None = None) -> str:
    return f"on or in the {holder} of {PLACES[room]}" if holder else f"in {PLACES[room]}"
