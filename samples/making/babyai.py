"""The BabyAI sample: the package's bot on 15 levels, and what the levels ask for."""

from __future__ import annotations

from collections.abc import Iterator

from environments.babyai import ACTIONS, BabyAI
from environments.base import Task
from indexing.records import Document
from samples.making.recording import Pick, Plan, recorded

LEVELS = {
    "GoToLocal": "One room with several things; walk up to the one that is named.",
    "GoToObjDoor": "The thing to walk up to may be a door.",
    "PickupLoc": "The thing to pick up may be told by where it lies, seen from the start.",
    "PickupDist": "A small room full of look-alikes; colour or kind alone tells the one to pick up.",
    "PutNextLocalS5N3": "Carry one thing so that it lies beside another.",
    "PutNextS4N1": "The two things lie in two rooms joined by an opening.",
    "OpenDoorColor": "Four doors; open the one of the named colour.",
    "OpenDoorLoc": "Four doors; the one to open may be told by where it is, seen from the start.",
    "OpenTwoDoors": "Two doors, one after the other.",
    "OpenDoorsOrderN2": "Doors to open, perhaps in a given order (`after you` turns the order round).",
    "UnlockLocal": "The door is locked; its key lies in the same room.",
    "UnlockPickup": "The thing to pick up is behind a locked door, whose key lies in the first room.",
    "BlockedUnlockPickup": "As before, and a ball lies in front of the door: move it away first.",
    "KeyCorridorS3R1": "The key of the locked room is in another room off the corridor.",
    "GoToSeqS5R2": "Several things to walk up to, joined by `then`, `and`, `after you`.",
}
"""Each level and what it is about."""
HELD_OUT = ("UnlockPickup", "PutNextLocalS5N3", "GoToSeqS5R2")


def plan() -> Plan:
    """Trajectories have the seeds from 0 on, held-out episodes those from 1000 on."""
    world = BabyAI()
    picks = [Pick(level, range(100), 8) for level in LEVELS]
    return Plan(
        name="babyai",
        world=world,
        shown=lambda: recorded(world, picks, "babyai"),
        held_out=[Pick(level, range(1000, 1100), 30) for level in HELD_OUT],
        documents=lambda: documents(world),
    )


def documents(world: BabyAI) -> Iterator[Document]:
    """The levels, from missions that they really gave, and the rules of the world."""
    yield from _rules()
    for level, about in LEVELS.items():
        missions = dict.fromkeys(world.reset(Task(level, seed)).instruction for seed in range(200, 212))
        width, height, limit = world.size()
        text = (
            f"{about} The grid has {width} by {height} cells, outer walls included; the episode is cut after "
            f"{limit} steps in the last instance seen.\nMissions read like these:\n"
            + "\n".join(f"- {mission}" for mission in missions)
        )
        yield Document(f"level/{level}", f"Level: {level}", text, metadata={"task": level})


def _rules() -> Iterator[Document]:
    yield Document(
        "actions",
        "Actions in BabyAI",
        f"The actions are: {', '.join(ACTIONS)}.\n"
        "`turn left` and `turn right` turn on the spot by a quarter. `go forward` takes one step into the "
        "cell ahead; walls, closed doors and things block it, and then nothing changes. `pick up`, `drop` "
        "and `toggle` act on the cell right ahead. `done` does nothing; an episode ends by itself when its "
        "mission is met.",
    )
    yield Document(
        "view",
        "What the agent sees in BabyAI",
        "The agent sees seven by seven cells: its own row and six rows ahead, three cells to each side; "
        "never what is behind it, nor through walls and closed doors. Places are told in steps ahead and "
        "steps to the left or right. After a turn the same things lie elsewhere: what was ahead before "
        "`turn right` is on the left afterwards. A thing that isn't in sight is found by turning round, "
        "then through the doors.",
    )
    yield Document(
        "things",
        "Things in BabyAI",
        "There are keys, balls, boxes and doors, in red, green, blue, purple, yellow and grey. Keys, balls "
        "and boxes can be carried, one at a time: to pick up another thing, first drop the one in hand onto "
        "a free cell ahead. `toggle` on a box opens it: the box is gone, what was inside lies there instead.",
    )
    yield Document(
        "doors",
        "Doors and keys in BabyAI",
        "`toggle` opens a closed door right ahead and closes an open one. A locked door opens only while a "
        "key of the door's colour is carried; the key stays in hand. Before a thing behind the door can be "
        "picked up, the key has to be dropped. What lies in front of a door is picked up and dropped aside.",
    )
    yield Document(
        "missions",
        "How missions are put together in BabyAI",
        "Verbs: `go to` (stand facing it), `pick up`, `open` (a door), `put … next to …` (drop it in a cell "
        "that touches the other's). `the` means there is one such thing, `a` that any will do. `A, then B`: "
        "first A. `A after you B`: first B. `A and B`: in any order. Places such as `on your left` or "
        "`behind you` are meant from where the agent stood at the start.",
    )
