"""A small household as ALFWorld would have it: a domain, problems and the file they come in, all made up."""

from __future__ import annotations

import json
from pathlib import Path

DOMAIN = """
; a made-up household
(define (domain tiny)
 (:requirements :adl :typing)
 (:types agent location receptacle object rtype otype)
 (:action look :parameters (?a - agent ?l - location)
  :precondition (and (atLocation ?a ?l)) :effect (and (checked ?l)))
 (:action inventory :parameters (?a - agent) :precondition () :effect (and (checked ?a)))
 (:action examineReceptacle :parameters (?a - agent ?r - receptacle)
  :precondition (exists (?l - location) (and (atLocation ?a ?l) (receptacleAtLocation ?r ?l)))
  :effect (and (checked ?r)))
 (:action examineObject :parameters (?a - agent ?o - object) :precondition (or (holds ?a ?o))
  :effect (and (checked ?o)))
 (:action GotoLocation :parameters (?a - agent ?lStart - location ?lEnd - location ?r - receptacle)
  :precondition (and (atLocation ?a ?lStart) (receptacleAtLocation ?r ?lEnd))
  :effect (and (not (atLocation ?a ?lStart)) (atLocation ?a ?lEnd) (increase (total-cost) 1)))
 (:action OpenObject :parameters (?a - agent ?l - location ?r - receptacle)
  :precondition (and (openable ?r) (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (not (opened ?r)))
  :effect (and (opened ?r)))
 (:action CloseObject :parameters (?a - agent ?l - location ?r - receptacle)
  :precondition (and (openable ?r) (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (opened ?r))
  :effect (and (not (opened ?r))))
 (:action PickupObject :parameters (?a - agent ?l - location ?o - object ?r - receptacle)
  :precondition (and (pickupable ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (inReceptacle ?o ?r)
   (not (holdsAny ?a)) (or (not (openable ?r)) (opened ?r)))
  :effect (and (not (inReceptacle ?o ?r)) (holds ?a ?o) (holdsAny ?a)))
 (:action PutObject :parameters (?a - agent ?l - location ?o - object ?r - receptacle)
  :precondition (and (holds ?a ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l)
   (or (not (openable ?r)) (opened ?r)))
  :effect (and (inReceptacle ?o ?r) (not (holds ?a ?o)) (not (holdsAny ?a))))
 (:action CleanObject :parameters (?a - agent ?l - location ?r - receptacle ?o - object)
  :precondition (and (cleanable ?o) (receptacleType ?r SinkBasinType) (atLocation ?a ?l)
   (receptacleAtLocation ?r ?l) (holds ?a ?o))
  :effect (and (isClean ?o)))
 (:action ToggleObject :parameters (?a - agent ?l - location ?o - object ?r - receptacle)
  :precondition (and (toggleable ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (inReceptacle ?o ?r))
  :effect (and (when (isOn ?o) (not (isOn ?o))) (when (not (isOn ?o)) (isOn ?o)) (isToggled ?o)))
)
"""
PROBLEM = """
(define (problem small) (:domain tiny)
 (:objects robot - agent loc_bar_0 loc_bar_1 loc_bar_2 loc_bar_3 - location
  Chest_bar_1 Shelf_bar_1 Sink_bar_1_bar_SinkBasin Shelf_bar_2 - receptacle
  Cup_bar_1 Cup_bar_2 Lamp_bar_1 - object ChestType ShelfType SinkBasinType - rtype CupType LampType - otype)
 (:init (= (total-cost) 0) (atLocation robot loc_bar_0)
  (receptacleAtLocation Chest_bar_1 loc_bar_1) (receptacleAtLocation Shelf_bar_1 loc_bar_2)
  (receptacleAtLocation Shelf_bar_2 loc_bar_2) (receptacleAtLocation Sink_bar_1_bar_SinkBasin loc_bar_3)
  (receptacleType Chest_bar_1 ChestType) (receptacleType Shelf_bar_1 ShelfType)
  (receptacleType Shelf_bar_2 ShelfType) (receptacleType Sink_bar_1_bar_SinkBasin SinkBasinType)
  (openable Chest_bar_1) (inReceptacle Cup_bar_1 Chest_bar_1) (inReceptacle Cup_bar_2 Shelf_bar_2)
  (inReceptacle Lamp_bar_1 Shelf_bar_1) (objectType Cup_bar_1 CupType) (objectType Cup_bar_2 CupType)
  (objectType Lamp_bar_1 LampType) (pickupable Cup_bar_1) (pickupable Cup_bar_2) (cleanable Cup_bar_1)
  (cleanable Cup_bar_2) (toggleable Lamp_bar_1))
 (:goal GOAL))
"""
PLACED = "(objectType ?o CupType) (receptacleType ?r ChestType) (inReceptacle ?o ?r)"
GOALS = {
    "put_clean-Cup": (
        "put a clean cup in chest.",
        f"(and (exists (?r - receptacle) (exists (?o - object) (and {PLACED} (isClean ?o)))))",
    ),
    "put_two-Cup": (
        "find two cup and put them in chest.",
        f"(and (exists (?r - receptacle) (exists (?o - object) (and {PLACED} (exists (?o2 - object) "
        f"(and (not (= ?o ?o2)) {PLACED.replace('?o', '?o2')}))))))",
    ),
    "look_at-Cup": (
        "look at cup under the lamp.",
        "(and (exists (?o - object ?a - agent) (and (objectType ?o CupType) (holds ?a ?o)))"
        " (exists (?ot - object ?r - receptacle ?a - agent ?l - location) (and (objectType ?ot LampType)"
        " (isToggled ?ot) (receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?ot ?r))))",
    ),
}


def problem(game: str) -> str:
    """The household's problem with one of GOALS."""
    return PROBLEM.replace("GOAL", GOALS[game][1])


def write_games(folder: Path) -> Path:
    """A game file for each of GOALS, in a split called `small`."""
    for name, (instruction, _) in GOALS.items():
        place = folder / "small" / name / "trial_1"
        place.mkdir(parents=True)
        grammar = f'grammar :: """{{"task": [{{"rhs": "Your task is to: {instruction}"}}]}}"""'
        fields = {"pddl_domain": DOMAIN, "pddl_problem": problem(name), "grammar": grammar}
        (place / "game.tw-pddl").write_text(json.dumps(fields), encoding="utf-8")
    return folder
