from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from environments.base import Task
from environments.errors import MissingEnvironment, NoEpisode, Stalled, UnknownTask
from environments.shell import Limits, Shell, ShellTask
from environments.shell_walls import file_wall
from tests.contract.environment import EnvironmentContract

ROOT = Path(__file__).resolve().parents[2]
MEND = ShellTask(
    "mend",
    "Make greet.sh say hello.",
    {"greet.sh": "echo helo\n", "src/notes/todo.txt": "mend greet.sh\n"},
    'test "$(bash greet.sh)" = hello',
)
SMALL = Limits(command_s=2, shown=400, memory=300 << 20, file_size=1 << 20, processes=16)
GREET = Task("mend")


class TestContract(EnvironmentContract):
    task = GREET
    winning = (
        "cd src && cat notes/todo.txt",
        "cd ..; sed -i s/helo/hello/ greet.sh",
        "bash greet.sh",
        "submit",
    )

    def make(self) -> Shell:
        return Shell([MEND], unwalled=True)


@pytest.fixture
def shell() -> Iterator[Shell]:
    shell = Shell([MEND], SMALL, unwalled=True)
    yield shell
    shell.close()


def said(shell: Shell, *commands: str) -> list[str]:
    return [shell.step(command).observation for command in commands]


def running(mark: str) -> list[int]:
    """The processes that have a mark among their arguments, whatever namespace they are in."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "cmdline").read_text(errors="replace"):
                found.append(int(process.name))
        except OSError:
            continue
    return [process for process in found if process != os.getpid()]


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("precedent-shell-*"))


def test_folder_variables_and_functions_stay(shell: Shell) -> None:
    start = shell.reset(GREET)
    assert (start.instruction, start.observation) == (MEND.instruction, "greet.sh\nsrc\n(exit 0; in ~)")
    assert said(
        shell,
        "cd src; near=1; export FAR='two  words'; greet() { echo \"hi $1\"; }; list=(a 'b c')",
        "pwd; greet $near; echo \"$FAR\"; bash -c 'echo $FAR'; echo ${#list[@]}",
        "cd - >/dev/null; false",
    ) == [
        "(exit 0; in ~/src)",
        "~/src\nhi 1\ntwo  words\ntwo words\n2\n(exit 0; in ~/src)",
        "(exit 1; in ~)",
    ]


def test_a_command_that_ends_its_shell_ends_nothing_else(shell: Shell) -> None:
    shell.reset(GREET)
    assert said(shell, "cd src; x=1; exit 3", "echo $x", "kill -9 $$", "echo 'x", "pwd") == [
        "(exit 3; in ~/src)",
        "1\n(exit 0; in ~/src)",
        "(killed by SIGKILL; in ~/src)",
        "bash: line 1: unexpected EOF while looking for matching `''\n(exit 2; in ~/src)",
        "~/src\n(exit 0; in ~/src)",
    ]


def test_what_hangs_is_killed_and_the_episode_goes_on(shell: Shell) -> None:
    shell.reset(GREET)
    hung = said(shell, "cd src; echo begun; sleep 1000", "trap '' TERM; while :; do :; done", "cat; pwd")
    assert hung == [
        "begun\n(killed: it took too long; in ~)",
        "(killed: it took too long; in ~)",
        "~\n(exit 0; in ~)",
    ]


def test_nothing_is_left_running(shell: Shell) -> None:
    mark = f"3{secrets.randbelow(10**9):09}"
    shell.reset(GREET)
    left = f"sleep {mark} & setsid sleep {mark} & env -i setsid sleep {mark} & (nohup sleep {mark} &)"
    assert shell.step(left + "; sleep 0.2; echo left").observation.startswith("left\n(exit 0")
    assert running(mark) == []
    shell.step(left + " sleep 1000")
    assert running(mark) == []


def test_memory_files_processes_and_output_are_limited(shell: Shell) -> None:
    shell.reset(GREET)
    assert "xhausted" in shell.step("dd bs=800M if=/dev/zero of=/dev/null count=1").observation
    shell.step("head -c 2M /dev/zero > big")
    assert shell.step("stat -c %s big").observation == f"{1 << 20}\n(exit 0; in ~)"
    assert "Resource temporarily unavailable" in shell.step("for i in {1..40}; do sleep 9 & done").observation
    assert shell.step(":(){ :|:& };:; wait").observation
    flood, much = said(shell, "yes", "seq 1 1000")
    assert flood.endswith("(killed: it wrote too much; in ~)")
    assert much.startswith("1\n2\n")
    assert "(… left out …)" in much
    assert much.endswith("\n1000\n(exit 0; in ~)")
    assert len(much) < 500


def test_the_wall_around_files_stands_or_is_asked_for(tmp_path: Path) -> None:
    secret, mark = tmp_path / "secret", f"precedent-{secrets.token_hex(8)}"
    secret.write_text(mark)
    shell = Shell([MEND], SMALL)
    if file_wall([], []) is None:
        with pytest.raises(MissingEnvironment, match="unwalled=True"):
            shell.reset(GREET)
        return
    shell.reset(GREET)
    outside = Path(tempfile.gettempdir()) / mark
    assert "files" in shell.walls()
    for command in (f"cat {secret}", f"touch {outside}", f"ls {Path.home()}", "echo > /etc/hostname"):
        assert "ermission denied" in shell.step(command).observation
    assert shell.step("echo x > /dev/null; echo $TMPDIR; mktemp > /dev/null").observation.startswith(
        "$TMPDIR\n"
    )
    assert not outside.exists()
    assert shell.step(f"ln -s {secret} link; cat link").observation.endswith("denied\n(exit 1; in ~)")
    shell.close()


def test_what_the_keeper_reads_is_no_way_out(shell: Shell, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    shell.reset(GREET)
    for trick in (f"ln -sf {secret} ~/../where", "mkfifo -m 666 ~/../pipe; mv ~/../pipe ~/../where"):
        assert "hidden" not in shell.step(f"trap - EXIT; {trick}").observation
        assert "hidden" not in shell.step("trap - EXIT").observation
        shell.step("trap - EXIT; rm -f ~/../where")


def test_localhost_is_there(shell: Shell) -> None:
    shell.reset(GREET)
    assert "Connection refused" in shell.step("exec 3<>/dev/tcp/127.0.0.1/9").observation


def test_a_lost_home_is_made_anew(shell: Shell) -> None:
    shell.reset(GREET)
    assert said(shell, "rm -rf ~; cd /", "cd; ls -A")[1] == "(exit 0; in ~)"


def test_the_check_decides_and_takes_nothing_from_the_agent(shell: Shell) -> None:
    shell.reset(GREET)
    said(shell, "test() { true; }; export -f test; alias test=true", "set -e")
    lost = shell.step(" submit ")
    assert (lost.observation, lost.reward, lost.done, lost.success) == ("The check failed.", 0.0, True, False)
    with pytest.raises(NoEpisode):
        shell.step("pwd")


def test_steps_and_time_of_an_episode_are_limited() -> None:
    for limits, last in ((Limits(steps=2), "echo 2"), (Limits(episode_s=1), "sleep 60")):
        shell = Shell([MEND], limits, unwalled=True)
        shell.reset(GREET)
        assert not shell.step("echo hello").done
        result = shell.step(last)
        assert (result.done, result.success) == (True, False)
        assert result.observation.endswith("The check failed.")


def test_nothing_is_left_of_an_episode() -> None:
    before = folders()
    with_left = Shell([MEND], SMALL, unwalled=True)
    with_left.reset(GREET)
    with_left.step("mkdir -m 0 locked; echo x > $TMPDIR/file")
    assert folders() - before
    with_left.close()
    assert folders() == before


def test_nothing_is_left_when_its_owner_is_killed() -> None:
    mark = f"4{secrets.randbelow(10**9):09}"
    code = (
        "from environments.base import Task\n"
        "from environments.shell import *\n"
        f"shell = Shell([ShellTask('t', 'i', {{}}, 'true')], unwalled=True)\n"
        "shell.reset(Task('t'))\n"
        f"shell.step('setsid sleep {mark} & sleep {mark}')\n"
    )
    before = folders()
    owner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    wait_until(lambda: len(running(f"sleep\0{mark}")) == 2)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    wait_until(lambda: not running(f"sleep\0{mark}") and folders() <= before)


def wait_until(holds: object) -> None:
    assert callable(holds)
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_broken_keeper_is_told_and_reset_mends(shell: Shell) -> None:
    shell.reset(GREET)
    keeper = shell._keeper
    assert keeper is not None
    keeper.kill()
    with pytest.raises(Stalled, match="reset"):
        shell.step("pwd")
    shell.reset(GREET)
    assert shell.step("pwd").observation == "~\n(exit 0; in ~)"


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", ""])
def test_files_outside_of_the_folder_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no file below"):
        ShellTask("t", "i", {name: ""}, "true")


def test_an_unknown_task_names_those_there_are(shell: Shell) -> None:
    with pytest.raises(UnknownTask, match="there are mend"):
        shell.reset(Task("other"))
