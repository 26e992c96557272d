"""The steps of a Containerfile that build, run in a folder in the place of a file system."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.image_steps import Step, filled, moved, read_steps

PLACES = ("/opt/precedent", "/src", "/data", "/var/lib/apt/lists")
"""What the steps make or touch: below the folder, not on this machine."""

BASE = re.compile(r"[a-z0-9._-]+(/[a-z0-9._-]+)?:[a-z0-9._-]+")
"""An image's name and tag, without a registry's host."""

FROM_A_LOCK = re.compile(r"install\b.* -r requirements")
OF_THE_LOCKS = re.compile(r" check$")
"""What looks at all packages: another environment's, which has more, aren't its concern."""


class Failed(Exception):
    """The image isn't what it should be; the message says where."""


@dataclass(slots=True)
class Image:
    """What the last stage says of how the image is run."""

    environment: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    workdir: str = "/"
    volumes: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)


class Build:
    """Runs the steps; one folder stands for the file systems of all stages."""

    def __init__(
        self,
        context: Path,
        root: Path,
        arguments: Mapping[str, str],
        reuse: bool,
        say: Callable[[str], None],
    ) -> None:
        self._context = context
        self._root = root
        self._given = {name: value for name, value in arguments.items() if value}
        self._reuse = reuse
        self._say = say
        self._stages: set[str] = set()
        self._variables: dict[str, str] = {}
        self._declared: dict[str, str] = {}
        self._image = Image()
        self._base = root / "base"

    def run(self, text: str) -> Image:
        """Every step, in order; raises Failed."""
        for step in read_steps(text):
            began = time.monotonic()
            getattr(self, f"_{step.name.lower()}")(step)
            if (took := time.monotonic() - began) > 1:
                self._say(f"line {step.line}, {took:.0f} s: {step.name} {step.rest[:80]}")
        return self._image

    def _path(self, place: str) -> Path:
        whole = place if place.startswith("/") else f"{self._image.workdir.rstrip('/')}/{place}"
        return self._root / whole.lstrip("/")

    def _arg(self, step: Step) -> None:
        name, _, default = step.rest.partition("=")
        self._declared[name] = self._given.get(name, default)
        self._variables[name] = self._declared[name]

    def _from(self, step: Step) -> None:
        image, _, stage = filled(step.rest, self._declared).partition(" AS ")
        if not BASE.fullmatch(image):
            raise Failed(f"line {step.line}: {image} should be a name and a tag without a host")
        self._stages.add(stage)
        self._variables, self._image = {}, Image()

    def _env(self, step: Step) -> None:
        self._image.environment |= step.pairs
        self._variables |= step.pairs

    def _workdir(self, step: Step) -> None:
        self._image.workdir = step.rest
        self._path(step.rest).mkdir(parents=True, exist_ok=True)

    def _copy(self, step: Step) -> None:
        *sources, target = step.words
        if stage := step.flags.get("from"):
            if stage not in self._stages:
                raise Failed(f"line {step.line}: there is no stage {stage}")
            if [target] != sources:
                raise Failed(f"line {step.line}: between stages a path stays where it is")
        else:
            for source in sources:
                self._take(source, self._path(target), step.line)
        if (owner := step.flags.get("chown")) and os.geteuid() == 0:
            for path in (self._path(target), *self._path(target).rglob("*")):
                os.chown(path, *map(int, owner.split(":")))

    def _take(self, source: str, target: Path, line: int) -> None:
        origin = self._context / source
        if not origin.exists():
            raise Failed(f"line {line}: {source} isn't in the build's context")
        if not is_let_in(source, (self._context / ".dockerignore").read_text()):
            raise Failed(f"line {line}: {source} is kept out by .dockerignore")
        if origin.is_dir():
            shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, target / source if target.is_dir() else target)

    def _run(self, step: Step) -> None:
        if step.rest.startswith("apt-get "):
            _has_openmp(step)
            return
        if self._reuse and FROM_A_LOCK.search(step.rest):
            self._link()
            return
        if self._reuse and OF_THE_LOCKS.search(step.rest):
            return
        if "python" in step.rest and not self._base.exists():
            subprocess.run([sys.executable, "-m", "venv", str(self._base)], check=True)
        command = moved(step.rest, str(self._root), PLACES)
        inherited = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
        environment = inherited | self._variables | {"HOME": str(self._root)}
        environment["PATH"] = f"{self._base / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self._path(self._image.workdir),
            env={name: value for name, value in environment.items() if value},
            check=False,
        )
        if done.returncode:
            raise Failed(f"line {step.line}: RUN {step.rest[:100]} ended with {done.returncode}")

    def _link(self) -> None:
        """Have the image's Python find the packages of this one."""
        (site,) = (self._path("/opt/precedent") / "lib").glob("python*/site-packages")
        (site / "of-this-environment.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def _user(self, step: Step) -> None:
        if not re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", step.rest):
            raise Failed(f"line {step.line}: the user should be a number that isn't root's")
        self._image.user = step.rest

    def _volume(self, step: Step) -> None:
        self._image.volumes = step.words

    def _healthcheck(self, step: Step) -> None:
        self._image.healthcheck = Step(step.line, "CMD", {}, step.rest.removeprefix("CMD ")).words

    def _entrypoint(self, step: Step) -> None:
        self._image.entrypoint = step.words

    def _cmd(self, step: Step) -> None:
        self._image.command = step.words

    def _label(self, step: Step) -> None:
        if not step.pairs:
            raise Failed(f"line {step.line}: a label without a value")

    def _expose(self, step: Step) -> None:
        if step.rest != self._image.environment.get("PRECEDENT_PORT"):
            raise Failed(f"line {step.line}: {step.rest} isn't PRECEDENT_PORT")

    def _stopsignal(self, step: Step) -> None:
        if step.rest != "SIGTERM":
            raise Failed(f"line {step.line}: the service stops at SIGTERM")


def is_let_in(source: str, ignored: str) -> bool:
    """Whether the last pattern that fits lets a file or folder at the context's top through."""
    let_in = True
    for line in ignored.splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and fnmatch.fnmatch(source, pattern.removeprefix("!")):
            let_in = pattern.startswith("!")
    return let_in


def _has_openmp(step: Step) -> None:
    """This machine's packages stay as they are: what the step would install must be here."""
    installed = re.findall(r"install -y --no-install-recommends ([\w -]+?) &&", step.rest)
    if installed != ["libgomp1"]:
        raise Failed(f"line {step.line}: only libgomp1 is expected from the distribution, not {installed}")
    command = [sys.executable, "-c", "import ctypes; ctypes.CDLL('libgomp.so.1')"]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        raise Failed("this machine lacks libgomp1, which the image installs; run: apt-get install libgomp1")
