"""`precedent synthesize`: from documents and an environment to pairs in a collection, without labels."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic_core import from_json

from indexing.errors import InvalidInput
from indexing.records import JSON, Document, Trajectory
from service.commands.common import DATA_DIR, AsJson, DataDir, answer, checked_name, open_library, say
from service.commands.progress import display
from service.commands.reindex import build
from service.commands.synthesize_models import (
    ACT,
    check_cost,
    judge_roles,
    models_by_role,
    prices_by_role,
    readable,
)
from service.commands.synthesize_models import scripted as by_rule

if TYPE_CHECKING:
    from indexing.library import Library
    from retrievers.language_model import LanguageModel
    from synthesis.budget import CallLimits, Price
    from synthesis.places import Place
    from synthesis.plan import Plan
    from synthesis.summary import Summary


def synthesize(
    documents: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DOCUMENT...]", help="Files or folders: Markdown, HTML, JSON, text."),
    ] = None,
    environment: Annotated[
        str, typer.Option("--environment", "-e", metavar="NAME[:MORE]", help="Where the tasks are tried.")
    ] = "scienceworld",
    task: Annotated[
        list[str] | None,
        typer.Option("--task", "-t", metavar="NAME[:0-9]", help="Where rollouts begin; may be given again."),
    ] = None,
    collection: Annotated[
        str, typer.Option("--collection", "-c", metavar="NAME", help="Created where it is missing.")
    ] = "synthesized",
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", file_okay=False, help="The run's folder; default synthesis-COLLECTION."
        ),
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option("--place", metavar="PATH", help="What the environment reads: games, tasks, databases."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="PROVIDER:NAME", help="Acts, writes and judges; default: PRECEDENT_MODEL_NAME."),
    ] = None,
    constructor: Annotated[
        str | None, typer.Option(metavar="PROVIDER:NAME", help="Writes tasks and instructions instead.")
    ] = None,
    judge: Annotated[
        list[str] | None,
        typer.Option(metavar="PROVIDER:NAME", help="Judges instead; given again, a committee."),
    ] = None,
    majority: Annotated[
        bool, typer.Option("--majority", help="A majority of the committee is enough; default: unanimous.")
    ] = False,
    scripted: Annotated[
        bool,
        typer.Option("--scripted", help="No model: an expert acts, rules write, a replay judges."),
    ] = False,
    road: Annotated[
        str,
        typer.Option(metavar="NAME", help="instruct; tutorial: its steps guide; explore: named afterwards."),
    ] = "instruct",
    demonstrations: Annotated[
        str | None, typer.Option(metavar="COLLECTION", help="Shown to who acts, from another collection.")
    ] = None,
    each: Annotated[int, typer.Option(min=1, help="Tasks written per document.")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="Most actions of a rollout.")] = 30,
    spans: Annotated[int, typer.Option(min=0, help="Most spans of a rollout; 0 for all n(n+1)/2.")] = 18,
    kinds: Annotated[
        str, typer.Option(metavar="KIND[,KIND]", help="Instructions to construct: abstraction, summary.")
    ] = "abstraction,summary",
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Environments at once.")] = 2,
    calls: Annotated[int | None, typer.Option(min=0, help="Budget: model calls of the whole run.")] = None,
    tokens: Annotated[int | None, typer.Option(min=0, help="Budget: tokens, estimated.")] = None,
    cost: Annotated[
        float | None, typer.Option(min=0, help="Budget: money, in the currency of the prices.")
    ] = None,
    price_in: Annotated[
        list[str] | None,
        typer.Option(metavar="[ROLE=]NUMBER", help="What a million tokens cost that a model reads."),
    ] = None,
    price_out: Annotated[
        list[str] | None,
        typer.Option(metavar="[ROLE=]NUMBER", help="What a million tokens cost that a model writes."),
    ] = None,
    index: Annotated[bool, typer.Option("--index/--no-index", help="Build a generation at the end.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost at the most.")] = False,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Make demonstrations without labels; run it again to go on where it was stopped."""
    from synthesis.budget import CallLimits
    from synthesis.estimate import estimate
    from synthesis.places import place, read_task, try_tasks
    from synthesis.plan import FILE, REPLAY

    checked_name(collection)
    there = place(environment, path, expert=scripted and road != "explore")
    tasks = tuple(dict.fromkeys(one for text in task or [] for one in read_task(text, there.only)))
    if not tasks:
        raise InvalidInput(
            "--task: name at least one, where rollouts begin, such as boil, boil:3 or boil:0-9"
        )
    if scripted and (model or constructor or judge):
        raise InvalidInput("--scripted asks no model: leave --model, --constructor and --judge out")
    if scripted and documents:
        raise InvalidInput("--scripted writes no tasks from documents: leave them out, or name a --model")
    found = _documents(documents or [])
    judges = REPLAY if scripted else tuple(judge_roles(judge or []))
    plan = _plan(collection, there.about, tasks, each, steps, spans, kinds, judges, majority)
    plan = replace(_on_road(plan, road, found), demonstrations=demonstrations)
    if demonstrations and (scripted or road != "instruct"):
        raise InvalidInput(
            "--demonstrations are shown to a model that acts as it likes: leave them out with --scripted, "
            "--road tutorial and --road explore"
        )
    if demonstrations == collection:
        raise InvalidInput("--demonstrations: name another collection, for this one grows with the run")
    prices = prices_by_role(price_in or [], price_out or [], judge or [])
    check_cost(cost, prices, scripted)
    if dry_run:
        _tell(estimate(plan, found, prices), json)
        return
    models = by_rule() if scripted else models_by_role(model, constructor, judge or [])
    plan = replace(plan, models={role: one.name for role, one in models.items()})
    limits = CallLimits(calls=calls, tokens=tokens, cost=cost)
    folder = run or Path(f"synthesis-{collection}")
    if not (folder / FILE).exists():
        try_tasks(there.make, tasks, explored=road == "explore")
    with open_library(data_dir, create=True) as library, _stoppable(folder):
        summary = asyncio.run(
            _synthesized(library, collection, folder, plan, there, found, models, limits, prices, at_once)
        )
        if index and summary.kept:
            build(library, collection)
    _tell(from_json((folder / "summary.json").read_bytes()), json)
    if summary.stopped:
        say(f"{summary.stopped}; the same command with more goes on from there")
        raise typer.Exit(1)


def _documents(paths: Sequence[Path]) -> list[Document]:
    from indexing.formats import ImportReport, read

    found: list[Document] = []
    for path in paths:
        if not path.exists():
            raise InvalidInput(f"{path}: no such file or folder")
        report = ImportReport()
        read_here = [one for one in read("documents", path, report) if isinstance(one, Document)]
        if not read_here:
            raise InvalidInput(f"{path}: no document in it that can be read")
        for reason, count in report.skipped.items():
            say(f"{path}: {count:,} left out: {reason}")
        found += read_here
    return found


def _plan(
    collection: str,
    about: str,
    tasks: tuple[Any, ...],
    each: int,
    steps: int,
    spans: int,
    kinds: str,
    judges: tuple[str, ...],
    majority: bool,
) -> Plan:
    from synthesis.construction import CONSTRUCTIONS
    from synthesis.plan import Plan

    named = {kind.strip() for kind in kinds.split(",")}
    wanted = tuple(one for one in CONSTRUCTIONS if one in named)
    if named != set(wanted):
        raise InvalidInput(f"--kinds {kinds}: there are {', '.join(CONSTRUCTIONS)}")
    return Plan(
        name=collection,
        environment=about,
        tasks=tasks,
        each=each,
        step_limit=steps,
        spans=spans or None,
        constructions=wanted,
        judges=judges,
        rule="majority" if majority else "unanimous",
    )


async def _synthesized(
    library: Library,
    collection: str,
    folder: Path,
    plan: Plan,
    there: Place,
    documents: Sequence[Document],
    models: Mapping[str, LanguageModel],
    limits: CallLimits,
    prices: Mapping[str, Price],
    width: int,
) -> Summary:
    from synthesis.calls import Calls
    from synthesis.pipeline import Run
    from synthesis.showing import shown_from
    from synthesis.workshops import equipped

    def accept(pairs: Sequence[Trajectory]) -> None:
        library.upsert(collection, "trajectory", pairs)

    async with AsyncExitStack() as stack:
        for model in {id(model): model for model in models.values()}.values():
            stack.push_async_callback(model.aclose)
        calls = await stack.enter_async_context(Calls(folder, models, limits, prices=prices))
        library.create(collection, {})
        if documents:
            library.upsert(collection, "document", documents)
        live = library.live(plan.demonstrations) if plan.demonstrations else None
        shown = shown_from(live.snapshot, live.builder.lane) if live else None
        acting = models[ACT].name if ACT in models else None
        workshop = equipped(plan, there.make, calls, acting, width, shown, closing=there.closing)
        with display() as shown_to:

            def progress(stage: str, done: int, total: int) -> None:
                shown_to(stage, done, total, f"cost {readable(calls.spent().cost)}" if prices else "")

            return await Run(folder, plan, workshop, progress).synthesize(documents, accept)


def _on_road(plan: Plan, road: str, documents: Sequence[Document]) -> Plan:
    from synthesis.plan import ROADS

    if road not in ROADS:
        raise InvalidInput(f"--road {road}: there are {', '.join(ROADS)}")
    if road == "tutorial" and not documents:
        raise InvalidInput("--road tutorial follows documents: name some")
    if road == "explore" and documents:
        raise InvalidInput("--road explore tries no tasks from documents: leave them out")
    if road == "explore" and (len(plan.judges) > 1 or plan.rule == "majority"):
        raise InvalidInput(
            "--road explore has one judge, whose score is a chance: name one --judge at the most, and "
            "leave --majority out"
        )
    return replace(plan, road=road)


@contextmanager
def _stoppable(folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say(f"stopped; what was paid for is in {folder}, and the same command goes on from there")
        raise


def _tell(fields: Mapping[str, JSON], json: bool) -> None:
    if json:
        answer(dict(fields))
        return
    for name, value in fields.items():
        if isinstance(value, Mapping):
            counts = {key: count for key, count in value.items() if isinstance(count, int | float)}
            said = (f"{key.replace('_', ' ')} {readable(count)}" for key, count in counts.items())
            value = ", ".join(said) or "none"
        elif isinstance(value, int | float):
            value = readable(value)
        if value is not None:
            sys.stdout.write(f"{name.replace('_', ' ') + ':':18} {value}\n")
