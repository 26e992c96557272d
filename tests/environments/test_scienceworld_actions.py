from __future__ import annotations

from environments.scienceworld_actions import admissible

FORMS = {0: "open OBJ", 1: "look at OBJ", 2: "go OBJ", 3: "pour OBJ in OBJ", 4: "look around"}
REFERENTS = {
    "1": {"type_id": 140, "referents": ["ERROR"]},
    "2": {"type_id": 140, "referents": ["ERROR"]},
    "3": {"type_id": 10, "referents": ["pot", "metal pot", "metal pot containing soup"]},
    "4": {"type_id": 10, "referents": ["pot", "clay pot", "clay pot containing nothing"]},
    "5": {"type_id": 5, "referents": ["orange"]},
    "6": {"type_id": 5, "referents": ["orange"]},
    "7": {"type_id": 9, "referents": ["sittable", "chair"]},
}
ROOM = "You see:\n\ta metal pot (containing soup)\n\ta clay pot\n\ta chair\nA door to the hall (that is open)"


def listed(*actions: tuple[str, int, list[int]]) -> set[str]:
    told = [dict(zip(("action", "template_id", "obj_ids"), one, strict=True)) for one in actions]
    return admissible(told, FORMS, REFERENTS, ROOM, "In your inventory, you see:\n\tan orange\n")


def test_a_door_is_called_by_where_it_leads() -> None:
    looked = [("look at kitchen door", 1, [1]), ("look at door to hall", 1, [2])]
    names = listed(*looked, ("open kitchen door", 0, [1]), ("go door to hall", 2, [2]))
    assert {"open door to kitchen", "go to door to hall"} < names


def test_the_only_door_leads_where_the_room_says() -> None:
    assert "open door to hall" in listed(("look at door", 1, [2]), ("open door", 0, [2]))


def test_a_thing_is_called_as_the_observation_shows_it() -> None:
    drawn = "metal pot containing soup"
    names = listed((f"look at {drawn}", 1, [3]), ("look at clay pot", 1, [4]), ("look at sittable", 1, [7]))
    assert names == {"examine metal pot", "examine clay pot", "examine chair"}
    assert listed((f"pour {drawn} in clay pot", 3, [3, 4])) == {"pour metal pot into clay pot"}


def test_what_has_no_name_of_its_own_keeps_the_simulators() -> None:
    names = listed(("look at orange in inventory", 1, [5]), ("look at orange in bowl", 1, [6]))
    assert names == {"examine orange in inventory", "examine orange in bowl"}


def test_forms_that_are_not_known_stay_as_they_are() -> None:
    assert listed(("look around", 4, []), ("wait1", 9, []), ("eat pot", 9, [3])) == {
        "look around",
        "wait1",
        "eat pot",
    }
