"""A leashed command never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cityos import leash
from cityos.leash import Leashed


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wait_until(holds: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def test_exit_code_is_the_commands_own() -> None:
    command = Leashed([sys.executable, "-c", "raise SystemExit(7)"])
    assert _wait_until(lambda: command.poll() is not None)
    assert command.stop() == 7


def test_stop_ends_the_real_command() -> None:
    command = Leashed(["sleep", "60"])
    assert command.poll() is None
    # The kernel fills in the arguments a moment after the exec that the leash waits for.
    assert _wait_until(lambda: Path(f"/proc/{command.pid}/cmdline").read_bytes().startswith(b"sleep"))
    assert command.stop() == 128 + signal.SIGTERM
    assert not _alive(command.pid)


def test_stubborn_command_is_killed_after_the_grace_time() -> None:
    command = Leashed(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"])
    time.sleep(0.2)
    began = time.monotonic()
    assert command.stop() == 128 + signal.SIGKILL
    assert leash.GRACE_S - 0.1 <= time.monotonic() - began < leash.GRACE_S + 2


def test_what_the_command_started_ends_with_it(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    command = Leashed(["sh", "-c", f"sleep 60 & echo $! > {noted}; wait"])
    assert _wait_until(lambda: noted.exists() and noted.read_text() != "")
    grandchild = int(noted.read_text())
    command.stop()
    assert _wait_until(lambda: not _alive(grandchild))


def test_absent_command_raises_at_once() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-command"):
        Leashed(["no-such-command"])


def test_output_goes_to_the_given_file(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        command = Leashed(["sh", "-c", "echo 出力; echo 誤り >&2"], output=log)
    assert _wait_until(lambda: command.poll() is not None)
    assert command.stop() == 0
    assert (tmp_path / "log").read_text() == "出力\n誤り\n"


_PARENT = """
import os, sys, time
from cityos.leash import Leashed
command = Leashed(["sleep", "60"])
if "fork" in sys.argv and os.fork() == 0:
    time.sleep(30)
print(command.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("arguments", [[], ["fork"]])
def test_command_ends_when_its_parent_is_killed(arguments: list[str]) -> None:
    """With "fork", a copy of the parent holds the pipe open after the parent's death."""
    root = Path(leash.__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, *arguments], stdout=subprocess.PIPE, cwd=root, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _alive(pid)
        parent.kill()
        parent.wait()
        try:
            assert _wait_until(lambda: not _alive(pid))
        finally:
            if arguments:
                os.killpg(parent.pid, signal.SIGKILL)
