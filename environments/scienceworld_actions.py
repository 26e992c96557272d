"""The admissible actions of ScienceWorld, each thing called by the one name that the observation uses.

The simulator lists every action, but draws at random among the names that a thing has ("art studio
door", "door to art studio", "pot", "metal pot containing chocolate"). Here a thing is called what the
observation calls it, a door by where it leads, as in the simulator's own gold paths.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

DOOR = 140
"""The type of a door."""
LOOK_AT = "look at OBJ"
CONTAINING = " containing "
SAID = {
    "go OBJ": "go to OBJ",
    LOOK_AT: "examine OBJ",
    "put down OBJ": "drop OBJ",
    "pour OBJ in OBJ": "pour OBJ into OBJ",
}
"""The words of the gold paths for forms that the simulator lists in others; it takes both."""


def admissible(
    listed: Sequence[Mapping[str, Any]],
    forms: Mapping[int, str],
    referents: Mapping[str, Mapping[str, Any]],
    room: str,
    inventory: str,
) -> set[str]:
    """Every listed action once, in steady names.

    `listed` has the simulator's `action`, `template_id` and `obj_ids`; `forms` each template, "OBJ" where
    a thing is named; `referents` the type and all names of each thing by its id.
    """
    present = {number for action in listed for number in action["obj_ids"]}
    called = {
        action["obj_ids"][0]: action["action"].removeprefix(LOOK_AT.removesuffix("OBJ"))
        for action in listed
        if forms.get(action["template_id"]) == LOOK_AT
    }
    bearers = Counter(name for number in present for name in set(_names(referents, number)))
    names = {}
    for number in present:
        simulators = called.get(number)
        if referents.get(str(number), {}).get("type_id") == DOOR:
            name = _door(simulators, room)
        else:
            unique = [name for name in _names(referents, number) if bearers[name] == 1]
            name = _shown(unique, f"{room}\n{inventory}")
        names[number] = name or simulators
    return {_said(action, forms, names) for action in listed}


def _names(referents: Mapping[str, Mapping[str, Any]], number: int) -> Sequence[str]:
    names: Sequence[str] = referents.get(str(number), {}).get("referents", ())
    return names


def _door(simulators: str | None, room: str) -> str | None:
    """A door by where it leads; the only one of a room is called just "door" by the simulator."""
    if simulators is None or simulators.startswith("door to "):
        return simulators
    if simulators.endswith(" door"):
        return f"door to {simulators.removesuffix(' door')}"
    leads = re.findall(r"A door to the (.+?) \(", room)
    return f"door to {leads[0]}" if len(leads) == 1 else simulators


def _shown(names: Sequence[str], text: str) -> str | None:
    """The longest name that the text shows, contents aside; else the shortest."""
    plain = [name for name in names if CONTAINING not in name]
    shown = [name for name in plain if re.search(rf"\b{re.escape(name)}\b", text)]
    if shown:
        return max(shown, key=lambda name: (len(name), name))
    return min(plain or names, key=lambda name: (len(name), name), default=None)


def _said(action: Mapping[str, Any], forms: Mapping[int, str], names: Mapping[int, str | None]) -> str:
    """The action in these names; as the simulator says it where one has none."""
    things = [names[number] for number in action["obj_ids"]]
    form = forms.get(action["template_id"])
    if form is None or None in things or form.count("OBJ") != len(things):
        return str(action["action"])
    head, *tails = SAID.get(form, form).split("OBJ")
    return head + "".join(f"{thing}{tail}" for thing, tail in zip(things, tails, strict=True))
