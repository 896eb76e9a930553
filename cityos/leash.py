"""A leash for child processes: the child ends as soon as its parent is gone, even when the parent is SIGKILLed.

The parent starts this file with the standard library alone (`python -I -S leash.py -- command ...`) and holds the
write end of its standard input. The kernel closes that end when the parent dies, however it dies; the leash reads
the end of file and ends the command. POSIX only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

GRACE_S = 3.0
"""How long a command has between SIGTERM and SIGKILL."""

_PARENT_CHECK_S = 1.0


class Leashed:
    """A command under the leash.

    The command gets its own session, so Ctrl-C in the terminal reaches the parent only, which then ends its children
    in its own order. Every method blocks or polls; from a coroutine call the constructor and `stop` in a thread.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        output: IO[bytes] | int | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start `command`; takes about 20 ms, most of it the leash's interpreter.

        `output` receives stdout and stderr of the command (None: inherited). Raises OSError (FileNotFoundError,
        PermissionError, ...) when the command itself cannot be started.
        """
        read_end, write_end = os.pipe()
        arguments = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), f"--report={write_end}", "--"]
        try:
            self._leash = subprocess.Popen(
                [*arguments, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=env,
                cwd=cwd,
                pass_fds=(write_end,),
                start_new_session=True,
            )
        except OSError:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        with os.fdopen(read_end) as report:
            said = report.read().strip()
        if not said.isdigit():
            self._leash.communicate()
            raise _start_error(said, command)
        self._pid = int(said)

    @property
    def pid(self) -> int:
        """The process id of the command, not of the leash."""
        return self._pid

    def poll(self) -> int | None:
        """The exit code, or None while the command runs; 128 + n when signal n ended it."""
        return self._leash.poll()

    def stop(self, timeout_s: float = GRACE_S + 2.0) -> int:
        """End the command (SIGTERM, SIGKILL after 3 s) and return its exit code; kill at once after `timeout_s`."""
        if self._leash.stdin is not None:
            self._leash.stdin.close()
        try:
            return self._leash.wait(timeout_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._leash.kill()
            return self._leash.wait()


def _start_error(said: str, command: Sequence[str]) -> OSError:
    # The report is empty when the leash itself died, "-<errno>" when it could not start the command.
    code = int(said[1:]) if said.startswith("-") else errno.ECHILD
    return OSError(code, f"Command does not start: {os.strerror(code)}", command[0])


def _end(child: subprocess.Popen[bytes], grace_s: float) -> None:
    _signal(os.kill, child.pid, signal.SIGTERM)
    time.sleep(grace_s)
    _signal(os.killpg, child.pid, signal.SIGKILL)


def _signal(send: Callable[[int, int], None], pid: int, number: int) -> None:
    # PermissionError is what macOS says of a group in which only a zombie is left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        send(pid, number)


def _await_orphanhood(parent: int) -> None:
    """Return when standard input ends or the parent is another process.

    The second test covers a parent that forked without exec: the fork holds the pipe open after the parent's death.
    """
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], _PARENT_CHECK_S)
        if readable and not os.read(0, 4096):
            return


def _guard(child: subprocess.Popen[bytes], parent: int) -> None:
    _await_orphanhood(parent)
    _end(child, GRACE_S)


def _report(descriptor: int, value: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # the parent died in the meantime; standard input tells
        os.write(descriptor, str(value).encode())
    os.close(descriptor)


def main(arguments: Sequence[str]) -> int:
    """Run as `leash.py --report=FD -- command ...`; return the command's exit code."""
    parent = os.getppid()
    descriptor, command = int(arguments[0].removeprefix("--report=")), list(arguments[2:])
    os.set_inheritable(descriptor, False)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    except OSError as error:
        _report(descriptor, -(error.errno or errno.EINVAL))
        return 127

    def pass_on(number: int, _frame: FrameType | None) -> None:
        _signal(os.kill, child.pid, number)

    signal.signal(signal.SIGTERM, pass_on)
    _report(descriptor, child.pid)
    threading.Thread(target=_guard, args=(child, parent), daemon=True).start()
    code = child.wait()
    _signal(os.killpg, child.pid, signal.SIGKILL)  # what the command started must not outlive it
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
