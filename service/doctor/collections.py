"""Each collection: its generation is whole, fits its embedder and this version, and agrees with the store."""

from __future__ import annotations

from collections.abc import Iterator

from indexing.embedder import DEFAULT, known_fingerprint, look_for_embedder
from indexing.errors import Conflict, CorruptGeneration, InvalidInput, NotFound
from indexing.generations import Generation
from indexing.library import Library
from indexing.live import SMALL_DELTA
from indexing.segment import Segment
from indexing.store import catalog as rows
from indexing.store.records import Kind
from retrievers.features import FEATURES
from retrievers.ranker import MODEL
from service.doctor.findings import Finding, ok, problem, warning

CHANGES_AT_ONCE = 5_000


def check_collections(library: Library) -> Iterator[Finding]:
    """Every collection, by name."""
    for row in library.catalog.list():
        try:
            yield from _check(library, row)
        except NotFound:
            continue  # it has been removed meanwhile
    failed = next(iter(library.jobs.list(1)), None)
    if failed is not None and failed.state == "failed":
        what = f"the last job, {failed.kind} of {failed.collection}, failed: {failed.error}"
        yield warning("jobs", what, f"run it again: precedent {failed.kind} {failed.collection}")


def _check(library: Library, row: rows.Collection) -> Iterator[Finding]:
    about = f"collection {row.name}"
    again = f"precedent reindex {row.name}"
    if row.generation is None:
        yield _without_generation(library, row, about, again)
        return
    try:
        served = library.publisher.load(row.id, row.generation)
    except CorruptGeneration as error:
        now = library.collection(row.name)
        if now.generation != row.generation:  # another one is served since
            yield from _check(library, now)
            return
        do = f"start the service, which builds it again from the records, or: {again}"
        yield problem(about, f"generation {row.generation} is refused: {error}", do)
        return
    found = [
        *_embedder(served, about, again),
        *_ranker(served, about, again),
        *_agreement(library, row, served, about, again),
    ]
    found += _way_back(library, row, about, again)
    size = served.manifest.counts
    sound = f"generation {row.generation} is whole: {size['trajectories']:,} trajectories, "
    yield ok(about, sound + f"{size['documents']:,} documents")
    yield from found


def _without_generation(library: Library, row: rows.Collection, about: str, again: str) -> Finding:
    kinds: tuple[Kind, ...] = ("trajectory", "document")
    held = sum(library.records.count(row.id, kind) for kind in kinds)
    if held < SMALL_DELTA:
        return ok(about, f"no generation yet; {held:,} records are served from memory")
    return warning(
        about, f"no generation yet; all its {held:,} records are served from memory", f"run: {again}"
    )


def _embedder(served: Generation, about: str, again: str) -> Iterator[Finding]:
    name = served.manifest.settings.embedder
    try:
        look_for_embedder(name)
    except InvalidInput as error:
        told, _, do = str(error).partition("; ")
        yield problem(about, f"it can't be searched: {told}", f"{do}; or {again} --embedder {DEFAULT}")
        return
    known = known_fingerprint(name)
    if known is not None and known != served.manifest.embedder:
        what = f"its vectors are of {served.manifest.embedder}, and {name} is {known} here"
        yield problem(about, what, f"run: {again}; or install the version of {name} that it was built with")


def _way_back(library: Library, row: rows.Collection, about: str, again: str) -> list[Finding]:
    """Whether a rollback would find its generation whole."""
    try:
        library.publisher.load_before(row)
    except Conflict:
        return []
    except CorruptGeneration as error:
        if library.collection(row.name).generation != row.generation:  # and what was before it is gone
            return []
        do = f"{again} makes the served one the one that a rollback goes to"
        return [warning(about, f"a rollback would be refused: {error}", do)]
    return []


def _ranker(served: Generation, about: str, again: str) -> Iterator[Finding]:
    model = served.learned.get(MODEL)
    if model is None:
        return
    names = next((line for line in model.decode().splitlines() if line.startswith("feature_names=")), "")
    if names.removeprefix("feature_names=").split(" ") != list(FEATURES):
        what = "its ranker was fitted by another version, so a rule ranks instead"
        yield warning(about, what, f"run: {again}")


def _agreement(
    library: Library, row: rows.Collection, served: Generation, about: str, again: str
) -> Iterator[Finding]:
    """Whether the index holds just the records that haven't changed since; and how many have."""
    changed: dict[Kind, set[str]] = {"trajectory": set(), "document": set()}
    put: dict[Kind, set[str]] = {"trajectory": set(), "document": set()}
    since = served.manifest.sequence
    while True:
        changes = library.records.changes(row.id, since, CHANGES_AT_ONCE)
        for kind, stored in changes.upserts:
            put[kind].add(stored.id)
            changed[kind].add(stored.id)
        for kind, id, _ in changes.deletions:
            put[kind].discard(id)
            changed[kind].add(id)
        if not changes.upserts and not changes.deletions:
            break
        since = changes.sequence
    segments: dict[Kind, Segment] = {"trajectory": served.trajectories, "document": served.documents}
    for kind, segment in segments.items():
        indexed = len(segment) - sum(segment.ordinal(id) is not None for id in changed[kind])
        kept = library.records.count(row.id, kind) - len(put[kind])
        if indexed != kept and library.collection(row.name).sequence == since:
            what = f"the index holds {indexed:,} unchanged records of kind {kind}, the store {kept:,}"
            yield problem(about, what, f"run: {again}")
    delta = sum(len(ids) for ids in put.values())
    if delta >= max(SMALL_DELTA, sum(map(len, segments.values())) // 2):
        yield warning(about, f"{delta:,} records wait in memory for the next generation", f"run: {again}")
