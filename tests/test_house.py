"""The rules of the house that a program can keep."""

from __future__ import annotations

import ast
import doctest
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ("dialects", "indexing", "retrievers", "environments", "synthesis", "evaluation", "service")
EVERYWHERE = (*LIBRARY, "benchmarks", "examples", "samples", "scripts", "tests")
HEAVY = (
    "faiss", "gymnasium", "jericho", "lightgbm", "minigrid", "openai", "pydantic_ai", "py4j", "scienceworld",
    "scipy", "sentence_transformers", "sklearn", "textworld", "torch", "transformers",
)  # fmt: skip
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def sources(rooms: tuple[str, ...]) -> Iterator[Path]:
    for room in rooms:
        yield from sorted((ROOT / room).rglob("*.py"))


def nodes(rooms: tuple[str, ...]) -> Iterator[tuple[str, ast.AST]]:
    """Each syntax node with `file:line`."""
    for path in sources(rooms):
        for node in ast.walk(ast.parse(path.read_text())):
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def imported(node: ast.AST) -> list[str]:
    """Top-level names of what a node imports."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module.split(".")[0]]
    return []


def is_catch_all(node: ast.AST) -> bool:
    """Whether a handler swallows whatever comes; one that ends in `raise` only translates."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    raises = isinstance(node.body[-1], ast.Raise)
    names = {kind.id if isinstance(kind, ast.Name) else None if kind else "bare" for kind in caught}
    return not raises and bool(names & {"Exception", "BaseException", "bare"})


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in sources(EVERYWHERE)}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_library_code_never_prints() -> None:
    calls = ((where, node.func) for where, node in nodes(LIBRARY) if isinstance(node, ast.Call))
    assert [where for where, func in calls if isinstance(func, ast.Name) and func.id == "print"] == []


def test_no_error_is_swallowed_blindly() -> None:
    assert [where for where, node in nodes(LIBRARY) if is_catch_all(node)] == []


def test_nothing_is_pickled() -> None:
    pickles = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    assert [where for where, node in nodes(LIBRARY) if pickles & set(imported(node))] == []


def test_what_is_imported_is_declared() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    optional = extras["llm"] + extras["telemetry"] + extras["environments"]
    declared = PROJECT["project"]["dependencies"] + optional
    names = {plain(re.split(r"[\[<>=!~; ]", line)[0]) for line in declared}
    known = packages_distributions()
    missing = {
        f"{where} {name}"
        for where, node in nodes(LIBRARY)
        for name in imported(node)
        if name not in sys.stdlib_module_names and name not in LIBRARY
        if not names & {plain(distribution) for distribution in known.get(name, [name])}
    }
    assert missing == set()


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_room_is_under_the_import_contracts() -> None:
    settings = PROJECT["tool"]["importlinter"]
    contracts = {contract["name"]: contract for contract in settings["contracts"]}
    rooms = {room for room in LIBRARY if (ROOT / room / "__init__.py").is_file()}
    assert rooms <= set(settings["root_packages"])
    assert rooms <= set(contracts["No import cycle anywhere"]["ancestors"])
    grounded = contracts["Environments stand on the ground"]["forbidden_modules"]
    assert rooms - {"environments", "dialects"} <= set(grounded)


@pytest.mark.parametrize("room", [room for room in LIBRARY if (ROOT / room / "__init__.py").is_file()])
def test_importing_a_room_loads_nothing_heavy(room: str) -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sources((room,))
        if "migrations" not in path.parts and path.name != "__main__.py"
    ]
    code = (
        f"import importlib, sys\n"
        f"for name in {sorted(modules)!r}: importlib.import_module(name)\n"
        f"print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.split()) == (0, []), run.stderr


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_locks_pin_by_hash_and_name_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text.split("\n", 2)[2])
    assert [entry.split()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert re.findall(r"://|^--\S+", text, re.MULTILINE) == []
    assert re.findall(r"^(?:torch|triton|nvidia\S*|cuda\S*)==", text, re.MULTILINE) == []


def test_locks_hold_every_direct_dependency() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*])?==", (ROOT / "requirements.lock").read_text(), re.M))
    direct = {plain(re.split(r"[\[<>=]", line)[0]) for line in PROJECT["project"]["dependencies"]}
    assert direct - locked == {"torch"}


@pytest.mark.parametrize(
    "name",
    [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sources(tuple(room for room in EVERYWHERE if room != "tests"))
        if ">>> " in path.read_text()
    ],
)
def test_the_examples_in_docstrings_hold(name: str) -> None:
    results = doctest.testmod(import_module(name))
    assert results.attempted > 0
    assert results.failed == 0
