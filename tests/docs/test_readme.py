"""README.md as its reader meets it: every sample executed against a running sample city, both languages alike."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.story import ROOT, Block, blocks_of

_COMMENT = re.compile(r"^# .*$", re.M)
_NOT_HERE = (
    "make run",
    "make test",
    "--recordings DIR",
    "docker compose",
)  # these run everything else, or need what readers bring


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def shell_samples() -> list[Block]:
    return [b for b in blocks_of("README.md") if b.language == "sh" and not any(n in b.content for n in _NOT_HERE)]


Ports = dict[str, int]
"""The usual ports, and those used here instead."""


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """A sample city on ports of its own, up and told."""
    directory = tmp_path_factory.mktemp("readme")
    used = {usual: free_port() for usual in ("8080", "8081", "8082", "8084", "8085", "8790")}
    city = _with_ports((ROOT / "cities/sample.toml").read_text(), used)
    (directory / "city.toml").write_text(city)
    command = [sys.executable, "-m", "cityos", "up", "--city", str(directory / "city.toml")]
    command += ["--port", str(used["8080"]), "--data", str(directory / "data")]
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
    try:
        _await(used["8080"], "/ngsi-ld/v1/entities?type=SnowRemovalZone&format=simplified", b"urn:", directory / "log")
        for service in ("8084", "8085"):
            _await(used[service], "/health", b'"status":"ok"', directory / "log")
        yield used
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def _with_ports(text: str, used: Ports) -> str:
    """A text with the ports of this test. All at once: a new port may look like a usual one."""
    return re.sub("|".join(rf"\b{usual}\b" for usual in used), lambda found: str(used[found[0]]), text)


def _await(port: int, path: str, says: bytes, log: Path) -> None:
    url = f"http://127.0.0.1:{port}{path}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url) as answer:
                if says in answer.read():
                    return
        except OSError:
            pass
        time.sleep(0.2)
    pytest.fail(log.read_text())


def _here(sample: str, used: Ports) -> str:
    """The sample with the ports and the interpreter of this test instead of the reader's."""
    return _with_ports(sample, used).replace(".venv/bin/cityos", f"{sys.executable} -m cityos")


@pytest.mark.journey
@pytest.mark.parametrize("sample", shell_samples(), ids=lambda block: block.content.splitlines()[0][:40])
def test_shell_sample_runs_and_answers(sample: Block, ports: Ports) -> None:
    script = "set -e\n" + _here(sample.content, ports).replace("curl -s", "curl -sS --fail-with-body -s")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={**os.environ, "CITYOS_URL": f"http://127.0.0.1:{ports['8080']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip(), "it shows something"
    assert "[]" not in done.stdout.splitlines(), "no query is empty"


@pytest.mark.journey
def test_python_sample_shows_zones(ports: Ports) -> None:
    (sample,) = [block.content for block in blocks_of("README.md") if block.language == "python"]
    with subprocess.Popen(
        [sys.executable, "-u", "-c", _here(sample, ports)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.terminate()
    assert "SnowRemovalZone" in first


def test_both_languages_show_the_same_samples() -> None:
    english, japanese = (
        [(block.language, _COMMENT.sub("#", block.content).replace("NAME", "名前")) for block in blocks_of(page)]
        for page in ("README.md", "README.ja.md")
    )
    assert english == japanese


def test_links_in_the_pages_lead_somewhere() -> None:
    for page in ("README.md", "README.ja.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / page).read_text()):
            assert (ROOT / target).exists(), f"{page} links to {target}"
