"""The ScienceWorld sample: gold paths over 23 tasks, and what the simulator says of rooms and tasks."""

from __future__ import annotations

from collections.abc import Iterator

from environments.base import Task
from environments.scienceworld import ScienceWorld
from indexing.records import Document
from samples.making.recording import Pick, Plan, recorded, spread

TASKS = (
    "boil", "change-the-state-of-matter-of", "chemistry-mix", "chemistry-mix-paint-secondary-color",
    "chemistry-mix-paint-tertiary-color", "find-animal", "find-living-thing", "find-non-living-thing",
    "find-plant", "freeze", "identify-life-stages-1", "identify-life-stages-2", "lifespan-longest-lived",
    "lifespan-longest-lived-then-shortest-lived", "lifespan-shortest-lived",
    "measure-melting-point-known-substance", "measure-melting-point-unknown-substance", "melt",
    "power-component", "power-component-renewable-vs-nonrenewable-energy", "test-conductivity",
    "test-conductivity-of-unknown-substances", "use-thermometer",
)  # fmt: skip
"""All but those whose gold paths run over the length: growing plants, genetics, inclined planes."""
HELD_OUT = ("measure-melting-point-known-substance", "power-component", "use-thermometer")
ROOMS = (
    "art studio", "bathroom", "bedroom", "foundry", "greenhouse", "hallway", "kitchen", "living room",
    "outside", "workshop",
)  # fmt: skip
A_DAY = Task("find-living-thing", 0)
"""The instance whose rooms the documents describe."""
MAKERS_OWN = "teleport OBJ"
"""An action that only the documents' maker has, to see every room."""


def plan() -> Plan:
    """Trajectories are of the benchmark's training variations, held-out episodes of its test variations."""
    world = ScienceWorld(expert=True)
    picks = [Pick(name, spread(world.variations(name, "train"), 4), 4) for name in TASKS]
    return Plan(
        name="scienceworld",
        world=world,
        shown=lambda: recorded(world, picks, "scienceworld"),
        held_out=[Pick(name, spread(world.variations(name, "test"), 5), 5) for name in HELD_OUT],
        documents=documents,
    )


def documents() -> Iterator[Document]:
    """Rooms, tasks and actions, from what the simulator shows and lists."""
    world = ScienceWorld(simplifications="teleportAction")
    yield _actions(world)
    world.reset(A_DAY)
    for room in ROOMS:
        yield _room(room, world.step(f"teleport to {room}").observation)
    for name in TASKS:
        yield _task(name, world)
    world.close()


def _actions(world: ScienceWorld) -> Document:
    world.reset(A_DAY)
    forms = "\n".join(f"- {form}" for form in world.action_templates() if form != MAKERS_OWN)
    text = (
        "Actions are short commands; OBJ stands for a thing named as the room or the inventory names it.\n"
        f"{forms}\n"
        "`focus on OBJ` tells the judge which thing is meant: with the wrong thing the task is lost at once. "
        "A thing inside another is named with its place, as in `substance in metal pot`. Where a name fits "
        "several things, a numbered list is shown and the number alone is the next action. `wait` lets ten "
        "moments pass, `wait1` one. Doors and containers must be opened before going or reaching through."
    )
    return Document("actions", "How to act in ScienceWorld", text)


def _room(room: str, observation: str) -> Document:
    lines = [line[2:].rstrip(".") for line in observation.splitlines() if line.startswith("- ")]
    doors = [line.removeprefix("A door to the ").partition(" (")[0] for line in lines if "A door to" in line]
    things = "\n".join(f"- {line}" for line in lines if "A door to" not in line)
    text = (
        f"{room.capitalize()}: what may be found there (variations differ):\n{things}\n"
        f"Doors lead to: {', '.join(doors)}."
    )
    return Document(f"room/{room}", f"Room: {room}", text, metadata={"room": room})


def _task(name: str, world: ScienceWorld) -> Document:
    start = world.reset(Task(name))
    required, optional = _goals(world.goals())
    text = (
        f"One instance reads: {start.instruction}\n"
        f"The judge looks for this, in order: {'; '.join(required)}.\n"
        f"On the way it also rewards: {'; '.join(optional) or 'nothing more'}."
    )
    return Document(f"task/{name}", f"Task: {name.replace('-', ' ')}", text, metadata={"task": name})


def _goals(listing: str) -> tuple[list[str], list[str]]:
    """The required and the optional goals, in the listing's words, repeats left out."""
    required, _, optional = listing.partition("Unordered and Optional Subgoals:")

    def told(part: str) -> list[str]:
        rows = (line.split("\t") for line in part.splitlines())
        return list(dict.fromkeys(row[3].strip() for row in rows if len(row) > 3))

    return told(required), told(optional)
