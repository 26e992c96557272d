"""The process that stands between `environments.shell` and bash, one for each episode.

It is alone in its process, so it may prepare its children between fork and exec, adopts what they
leave behind, and ends all of it with the command, or when whoever started it is gone. It reads its
settings and then a command a line as JSON from standard input, and answers each with a line.

Each command has a bash of its own, which takes up the folder, variables and functions where the one
before left them. So a command may hang, exit or crash, and the next one finds the state before it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from environments.shell_walls import (
    adopt_orphans,
    descendants,
    file_wall,
    raise_loopback,
    stay_within,
    threads_of,
)

BASH = r"""
__root=$1; shift
cd -- "$(<"$__root/where")" 2>/dev/null || cd
[ -f "$__root/state" ] && . "$__root/state"
__save() {
    set +eu
    local __name __names
    mapfile -t __names < <(compgen -v)
    for __name in "${__names[@]}"; do
        case $__name in
            BASH*|COMP_*|DIRSTACK|EPOCH*|FUNCNAME|GROUPS|HISTCMD|LINENO|PIPESTATUS|PWD) continue ;;
            RANDOM|SECONDS|SHLVL|SRANDOM|_|__*) continue ;;
        esac
        [[ ${!__name@a} == *r* ]] || declare -p "$__name"
    done > "$__root/state.new" 2>/dev/null
    declare -f >> "$__root/state.new" && mv -f -- "$__root/state.new" "$__root/state"
    printf '%s\n' "$PWD" > "$__root/where"
}
trap __save EXIT
. "$__root/command"
"""
CHUNK = 65_536
FLOOD = 64
"""A command is broken off when it has written this many times what is shown of it."""


class Keeper:
    """Runs commands in a folder that holds `home` and `tmp`."""

    def __init__(
        self, folder: str, readable: list[str], user: int | None, memory: int, file_size: int, processes: int,
        shown: int, own_network: bool,
    ) -> None:  # fmt: skip
        self._folder, self._shown = Path(folder), shown
        self._home = str(self._folder / "home")
        self._user = user if user is not None and self._hand_over(user) else None
        self._wall = file_wall(readable, [folder])
        others = threads_of(os.getuid()) if self._user is None else 0
        self._limits = {
            resource.RLIMIT_AS: memory,
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_FSIZE: file_size,
            resource.RLIMIT_NOFILE: 256,
            resource.RLIMIT_NPROC: processes + others,
        }
        self.walls = [
            name for name, stands in (("files", self._wall is not None), ("user", self._user)) if stands
        ]
        adopt_orphans()
        if own_network:
            raise_loopback()

    def run(self, command: str, seconds: float, fresh: bool) -> dict[str, Any]:
        """Run a command where the last one ended, or as the first one where `fresh`; never raises for it."""
        if fresh:
            for name in ("state", "where"):
                (self._folder / name).unlink(missing_ok=True)
            self._place("where", self._home + "\n")
        for name in ("home", "tmp"):
            self._make(name)
        self._place("command", command)
        child = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-c", BASH, "bash", str(self._folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=self._home, env=self._environment(), start_new_session=True,
            user=self._user, group=self._user, extra_groups=[] if self._user else None,
            preexec_fn=lambda: stay_within(self._wall, self._limits),
        )  # fmt: skip
        written, dropped, ended = self._listen(child, seconds)
        end_all()
        code = child.wait()
        return {
            "written": written.decode(errors="replace"),
            "dropped": dropped,
            "ended": ended,
            "code": code,
            "where": self._where(),
        }

    def _listen(self, child: subprocess.Popen[bytes], seconds: float) -> tuple[bytes, int, str]:
        """What a command writes until it ends, with what was left out of its middle, and how it ended."""
        assert child.stdout is not None
        written, total, until = bytearray(), 0, time.monotonic() + seconds
        with child.stdout as pipe:
            while True:
                left = until - time.monotonic()
                ready, _, _ = select.select([pipe, sys.stdin], [], [], max(0.0, min(left, 0.05)))
                if sys.stdin in ready:
                    sys.exit(0)
                if pipe in ready:
                    chunk = os.read(pipe.fileno(), CHUNK)
                    total += len(chunk)
                    written += chunk
                    if len(written) > 2 * self._shown + CHUNK:
                        del written[self._shown : -self._shown]
                    if not chunk:
                        return (
                            bytes(written),
                            total - len(written),
                            "itself" if _over(child, until) else "time",
                        )
                elif child.poll() is not None:
                    return bytes(written), total - len(written), "itself"
                if left <= 0:
                    return bytes(written), total - len(written), "time"
                if total > FLOOD * self._shown:
                    return bytes(written), total - len(written), "flood"

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": self._home,
            "LANG": "C.UTF-8",
            "PAGER": "cat",
            "PATH": os.environ.get("PATH", os.defpath),
            "TERM": "dumb",
            "TMPDIR": str(self._folder / "tmp"),
            "USER": "agent",
        }

    def _make(self, name: str) -> None:
        path = self._folder / name
        if not path.exists():
            path.mkdir()
            if self._user is not None:
                os.chown(path, self._user, self._user, follow_symlinks=False)

    def _place(self, name: str, text: str) -> None:
        path = self._folder / name
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace")
        if self._user is not None:
            os.chown(path, self._user, self._user)

    def _where(self) -> str:
        """The folder that the last command left the shell in; the file is the command's to write."""
        try:
            file = os.open(self._folder / "where", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return self._home
        with os.fdopen(file, encoding="utf-8", errors="replace") as text:
            found = os.fstat(file)
            own = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
            return text.read(4096).removesuffix("\n") if own else self._home

    def _hand_over(self, user: int) -> bool:
        try:
            for path in (self._folder, *self._folder.rglob("*")):
                os.chown(path, user, user, follow_symlinks=False)
        except OSError:
            return False
        return True


def _over(child: subprocess.Popen[bytes], until: float) -> bool:
    """Wait for a command that closed its output; False when it doesn't end in time."""
    try:
        child.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def end_all() -> None:
    """Kill all descendants, stopped first so that none can start another meanwhile."""
    while below := descendants():
        seen: set[int] = set()
        while below - seen:
            seen |= below
            for process in below:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGSTOP)
            below = descendants()
        for process in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.001)


def reap() -> None:
    """Take note of the adopted ones' ends."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def answer(value: dict[str, Any]) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until standard input ends; nothing is left then, nor is the folder."""
    settings = json.loads(sys.stdin.readline())
    keeper = Keeper(**settings)
    try:
        answer({"walls": keeper.walls})
        while line := sys.stdin.readline():
            answer(keeper.run(**json.loads(line)))
            reap()
    finally:
        end_all()
        shutil.rmtree(settings["folder"], ignore_errors=True)


if __name__ == "__main__":
    main()
