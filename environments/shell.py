"""A shell in a throw-away folder: coding tasks, with a command that says whether they are done.

An observation is what a command wrote and, in its last line, how it ended and where the shell is then:
`(exit 0; in ~/src)`. Folder, variables and functions stay from one action to the next; what a command
leaves running ends with it. `submit` ends the episode: the task's check is run, in a shell of its own.

What stands between a command and the machine, see `Shell.walls`: Landlock ("files"), namespaces
("processes", "network") and, for root, a user without rights ("user"). Memory and processes are
limited without them too. No wall is made for hostile code: what the kernel lets through gets through.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from signal import Signals
from typing import Any

from environments.base import Start, StepResult, Task
from environments.errors import MissingEnvironment, NoEpisode, Stalled, UnknownTask
from environments.output import plain, shortened

SUBMIT = "submit"
READABLE = (
    "/bin", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/opt", "/proc", "/sbin", "/sys", "/usr",
)  # fmt: skip
"""What a command may read besides its own folder: the system, no one's home."""
NAMESPACES = ("--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--ipc")
GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class ShellTask:
    """What to do with some files; done when `check`, run in their folder, exits with 0."""

    name: str
    instruction: str
    files: Mapping[str, str]
    check: str

    def __post_init__(self) -> None:
        for name in self.files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(f"{self.name}: {name!r} is no file below the task's folder")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a command, and an episode, may take; sizes in bytes, `memory` of each process."""

    command_s: float = 30.0
    episode_s: float = 600.0
    steps: int = 50
    shown: int = 16_000
    memory: int = 2 << 30
    file_size: int = 64 << 20
    processes: int = 64


class Shell:
    """Tasks are those it was made with, by name; each has one variation, 0."""

    def __init__(
        self,
        tasks: Sequence[ShellTask],
        limits: Limits = Limits(),
        readable: Sequence[str] = READABLE,
        unwalled: bool = False,
    ) -> None:
        """`unwalled`: run even where the kernel makes no wall around files, as this user may."""
        self._tasks = {task.name: task for task in tasks}
        self._limits, self._readable, self._unwalled = limits, tuple(readable), unwalled
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._task: ShellTask | None = None
        self._walls: tuple[str, ...] = ()
        self._steps, self._until = 0, 0.0

    def reset(self, task: Task) -> Start:
        wanted = self._tasks.get(task.name)
        if wanted is None or task.variation:
            raise UnknownTask(f"no task {task.name!r} {task.variation}; there are {', '.join(self._tasks)}")
        self.close()
        self._begin(wanted)
        self._task, self._steps = wanted, 0
        self._until = time.monotonic() + self._limits.episode_s
        return Start(wanted.instruction, self._told(self._run("ls -A", fresh=True)))

    def step(self, action: str) -> StepResult:
        if self._task is None:
            raise NoEpisode("Shell: call reset first; an episode that is over takes no action")
        self._steps += 1
        submitted = action.strip() == SUBMIT
        observation = "" if submitted else self._told(self._run(action))
        over = time.monotonic() >= self._until
        if not (submitted or over or self._steps >= self._limits.steps):
            return StepResult(observation, 0.0, False, False)
        if over:
            observation += "\nThe time for this task is over."
        checked = self._run(self._task.check, fresh=True)
        success = checked["ended"] == "itself" and checked["code"] == 0
        parts = [observation, "The check passed." if success else "The check failed."]
        self.close()
        return StepResult("\n".join(filter(None, parts)), float(success), True, success)

    def admissible_actions(self) -> None:
        """Any command may be tried."""
        return

    def close(self) -> None:
        keeper, self._keeper, self._task = self._keeper, None, None
        folder, self._folder = self._folder, None
        if keeper is not None:
            _end(keeper)
        if folder is not None:
            folder.cleanup()

    def walls(self) -> tuple[str, ...]:
        """What stands around the present episode's commands: files, network, processes, user."""
        return self._walls

    def _begin(self, task: ShellTask) -> None:
        if sys.platform != "linux" or shutil.which("bash") is None:
            raise MissingEnvironment("the shell needs Linux and bash")
        self._folder = tempfile.TemporaryDirectory(prefix="precedent-shell-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name).resolve()
        for name in ("home", "tmp"):
            (folder / name).mkdir()
        for name, text in task.files.items():
            path = folder / "home" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        namespaces = _namespaces()
        self._keeper = subprocess.Popen(
            [*namespaces, sys.executable, "-S", "-m", "environments.shell_keeper"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            cwd=Path(__file__).parents[1], env={"PATH": os.environ.get("PATH", os.defpath)},
        )  # fmt: skip
        limits = self._limits
        settings = {
            "folder": str(folder),
            "readable": self._readable,
            "user": 61_184 + secrets.randbelow(4_336) if os.getuid() == 0 else None,
            "memory": limits.memory,
            "file_size": limits.file_size,
            "processes": limits.processes,
            "shown": limits.shown,
            "own_network": bool(namespaces),
        }
        walls = self._ask(settings, GRACE_S)["walls"]
        self._walls = tuple(sorted([*walls, *(["network", "processes"] if namespaces else [])]))
        if "files" not in self._walls and not self._unwalled:
            self.close()
            raise MissingEnvironment(
                "this kernel makes no wall around files (Landlock, Linux 5.13): a command could read "
                "and write all that this user may; Shell(..., unwalled=True) runs it nevertheless"
            )

    def _run(self, command: str, *, fresh: bool = False) -> dict[str, Any]:
        left = self._limits.command_s if fresh else max(0.0, self._until - time.monotonic())
        seconds = min(self._limits.command_s, left)
        return self._ask({"command": command, "seconds": seconds, "fresh": fresh}, seconds + GRACE_S)

    def _ask(self, line: Mapping[str, Any], patience: float) -> dict[str, Any]:
        keeper = self._keeper
        assert keeper is not None
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        try:
            keeper.stdin.write(json.dumps(line).encode() + b"\n")
            keeper.stdin.flush()
            ready, _, _ = select.select([keeper.stdout], [], [], patience)
            answer: dict[str, Any] = json.loads(keeper.stdout.readline() if ready else b"")
        except (OSError, ValueError):
            self.close()
            raise Stalled("the shell's keeper ended or gave no answer; reset it") from None
        return answer

    def _told(self, result: Mapping[str, Any]) -> str:
        written = shortened(self._named(result["written"]), self._limits.shown, result["dropped"] > 0)
        code, where = result["code"], self._named(result["where"])
        match result["ended"]:
            case "time":
                end = "killed: it took too long"
            case "flood":
                end = "killed: it wrote too much"
            case _ if code < 0:
                end = f"killed by {Signals(-code).name}"
            case _:
                end = f"exit {code}"
        return "\n".join(filter(None, [written.rstrip("\n"), f"({end}; in {where})"]))

    def _named(self, text: str) -> str:
        """Text with the folder under its steady name, without what is meant for a terminal."""
        assert self._folder is not None
        folder = str(Path(self._folder.name).resolve())
        for path, name in (("/home", "~"), ("/tmp", "$TMPDIR"), ("/command", "bash")):
            text = text.replace(folder + path, name)
        return plain(text)


@lru_cache(maxsize=1)
def _namespaces() -> tuple[str, ...]:
    """The beginning of a command line that gives it namespaces of its own; empty where none are given."""
    own_user = () if os.getuid() == 0 else ("--user", "--map-current-user")
    prefix = ("unshare", *own_user, *NAMESPACES)
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        tried = subprocess.run([*prefix, "true"], capture_output=True, check=False, timeout=GRACE_S)
        if tried.returncode == 0:
            return prefix
    return ()


def _end(keeper: subprocess.Popen[bytes]) -> None:
    """Ask the keeper to end by closing its input; it takes everything with it."""
    with contextlib.suppress(OSError):
        keeper.stdin.close()  # type: ignore[union-attr]
    try:
        keeper.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        keeper.kill()
        keeper.wait()
    keeper.stdout.close()  # type: ignore[union-attr]
