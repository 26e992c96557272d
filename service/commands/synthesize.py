"""`precedent synthesize`: from documents and an environment to pairs in a collection, without labels."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexing.errors import InvalidInput
from indexing.records import JSON, Document, Trajectory
from service.commands.common import DATA_DIR, AsJson, DataDir, answer, checked_name, open_library, say
from service.commands.progress import display
from service.commands.reindex import build
from service.settings import load_settings

if TYPE_CHECKING:
    from indexing.library import Library
    from retrievers.language_model import LanguageModel
    from synthesis.budget import CallLimits
    from synthesis.pipeline import Run, Summary
    from synthesis.plan import Plan

ACT, CONSTRUCT = "act", "construct"


def synthesize(
    documents: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DOCUMENT...]", help="Files or folders: Markdown, HTML, JSON, text."),
    ] = None,
    environment: Annotated[
        str, typer.Option("--environment", "-e", metavar="NAME", help="Where the tasks are tried.")
    ] = "scienceworld",
    task: Annotated[
        list[str] | None,
        typer.Option("--task", "-t", metavar="NAME[:0-9]", help="Where rollouts begin; may be given again."),
    ] = None,
    collection: Annotated[
        str, typer.Option("--collection", "-c", metavar="NAME", help="Created where it is missing.")
    ] = "synthesized",
    run: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The run's folder; default synthesis-COLLECTION.")
    ] = None,
    games: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="What the environment reads: ALFWorld's games."),
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
    each: Annotated[int, typer.Option(min=1, help="Tasks written per document.")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="Most actions of a rollout.")] = 30,
    spans: Annotated[int, typer.Option(min=0, help="Most spans of a rollout; 0 for all n(n+1)/2.")] = 18,
    kinds: Annotated[
        str, typer.Option(metavar="A,B", help="Instructions to construct: abstraction, summary.")
    ] = "abstraction,summary",
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Environments at once.")] = 2,
    calls: Annotated[int | None, typer.Option(min=0, help="Budget: model calls of the whole run.")] = None,
    tokens: Annotated[int | None, typer.Option(min=0, help="Budget: tokens, estimated.")] = None,
    index: Annotated[bool, typer.Option("--index/--no-index", help="Build a generation at the end.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost at the most.")] = False,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Make demonstrations without labels; run it again to go on where it was stopped."""
    from synthesis.budget import CallLimits
    from synthesis.estimate import estimate
    from synthesis.places import maker, read_task

    checked_name(collection)
    found = list(_documents(documents or []))
    tasks = tuple(one for text in task or [] for one in read_task(text))
    if not tasks:
        raise InvalidInput("--task: name at least one task of the environment, where rollouts begin")
    make = maker(environment, games, scripted)
    if scripted and found:
        raise InvalidInput("--scripted writes no tasks from documents: leave them out, or name a --model")
    judges = ("replay",) if scripted else tuple(_roles(judge or [""]))
    plan = _plan(collection, environment, tasks, each, steps, spans, kinds, judges, majority)
    if dry_run:
        _tell(estimate(plan, found), json)
        return
    models = {} if scripted else _models(model, constructor, judge or [])
    limits = CallLimits(calls=calls, tokens=tokens)
    folder = run or Path(f"synthesis-{collection}")
    with open_library(data_dir, create=True) as library, _stoppable(folder):
        summary = asyncio.run(
            _synthesized(library, collection, folder, plan, make, found, models, limits, at_once)
        )
        if index and summary.kept:
            build(library, collection)
    _tell(summary.to_fields(), json)
    if summary.stopped:
        say(f"{summary.stopped}; the same command with more goes on from there")
        raise typer.Exit(1)


def _documents(paths: Sequence[Path]) -> Iterator[Document]:
    from indexing.formats import read

    for path in paths:
        if not path.exists():
            raise InvalidInput(f"{path}: no such file or folder")
        yield from (one for one in read("documents", path) if isinstance(one, Document))


def _roles(judges: Sequence[str]) -> list[str]:
    return [f"judge-{number}" if number > 1 else "judge" for number in range(1, len(judges) + 1)]


def _plan(
    collection: str,
    environment: str,
    tasks: tuple[Any, ...],
    each: int,
    steps: int,
    spans: int,
    kinds: str,
    judges: tuple[str, ...],
    majority: bool,
) -> Plan:
    from synthesis.construction import CONSTRUCTIONS
    from synthesis.places import ABOUT
    from synthesis.plan import Plan

    wanted = tuple(one for one in CONSTRUCTIONS if one in kinds.split(","))
    if set(kinds.split(",")) - set(CONSTRUCTIONS) or not wanted:
        raise InvalidInput(f"--kinds {kinds}: there are {', '.join(CONSTRUCTIONS)}")
    return Plan(
        name=collection,
        environment=ABOUT[environment],
        tasks=tasks,
        each=each,
        step_limit=steps,
        spans=spans or None,
        constructions=wanted,
        judges=judges,
        rule="majority" if majority else "unanimous",
    )


def _models(model: str | None, constructor: str | None, judges: Sequence[str]) -> dict[str, LanguageModel]:
    """The model of each role."""
    from retrievers.remote_model import language_model

    settings = load_settings()

    def named(text: str | None) -> LanguageModel:
        wanted = settings.model(text)
        if wanted is None:
            raise InvalidInput("name a model, such as --model openai:NAME, or set PRECEDENT_MODEL_NAME")
        return language_model(wanted)

    roles = {ACT: named(model), CONSTRUCT: named(constructor or model)}
    return roles | {
        role: named(text or model) for role, text in zip(_roles(judges or [""]), judges or [""], strict=True)
    }


async def _synthesized(
    library: Library,
    collection: str,
    folder: Path,
    plan: Plan,
    make: Any,
    documents: Sequence[Document],
    models: Mapping[str, LanguageModel],
    limits: CallLimits,
    width: int,
) -> Summary:
    from synthesis.acting import ExpertPolicy, ModelPolicy
    from synthesis.calls import Calls
    from synthesis.judges import Committee, ReplayJudge
    from synthesis.pipeline import Workshop
    from synthesis.scripted import RuleSummariser

    library.create(collection, {})
    if documents:
        library.upsert(collection, "document", documents)

    def accept(pairs: Sequence[Trajectory]) -> None:
        library.upsert(collection, "trajectory", pairs)

    async with AsyncExitStack() as stack:
        for model in {id(model): model for model in models.values()}.values():
            stack.push_async_callback(model.aclose)
        calls = await stack.enter_async_context(
            Calls(folder, models or {CONSTRUCT: RuleSummariser()}, limits)
        )
        workshop = Workshop(
            make,
            (lambda _: ModelPolicy(calls, models[ACT].name)) if models else (lambda _: ExpertPolicy()),
            calls,
            Committee(calls, plan.judges, plan.rule) if models else ReplayJudge(make),
            width,
        )
        with display() as progress:
            return await _run(folder, plan, workshop, progress).synthesize(documents, accept)


def _run(folder: Path, plan: Plan, workshop: Any, progress: Any) -> Run:
    from synthesis.pipeline import Run

    return Run(folder, plan, workshop, progress)


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
            value = ", ".join(f"{key} {count:,}" for key, count in value.items()) or "none"
        elif isinstance(value, int):
            value = f"{value:,}"
        if value is not None:
            sys.stdout.write(f"{name.replace('_', ' ') + ':':18} {value}\n")
