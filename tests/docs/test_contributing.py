"""The story of CONTRIBUTING.md, executed: its files written into a copy of the project, its commands run there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cityos.city_file import CityFile
from tests.docs.story import ROOT, blocks_of

STORY = blocks_of("CONTRIBUTING.md")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the story touches, with the story's files in it."""
    copy = tmp_path_factory.mktemp("project")
    for part in ("cityos", "connectors", "tests", "cities"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "snow_removal"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for block in STORY:
        if block.path:
            path = copy / block.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.content)
    return copy


def run(project: Path, command: str) -> str:
    """Runs one line of the story as its reader would, in the copy."""
    arguments = [sys.executable, *command.split()[1:]]
    done = subprocess.run(
        arguments,
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_storys_commands_run_and_its_connector_passes_the_contract(project: Path) -> None:
    (commands,) = [block.content for block in STORY if block.language == "sh"]
    for line in commands.strip().splitlines():
        said = run(project, line)
    assert "passed" in said
    written = (project / "tests/connectors/snow_board/expected/boards.csv.json").read_text()
    assert "港町出張所" in written
    assert "102" in written, "the full-width number is read"
    assert "depth_unreadable" in written, "the missing one is told"


def test_the_storys_city_file_names_its_connector(project: Path) -> None:
    script = (
        "from pathlib import Path; from cityos.city_file import CityFile; from cityos.clock import REAL;"
        "print(CityFile.read(Path('cities/yukino-boards.toml')).feeds(REAL)[0].connector.manifest.name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "snow_board"


def test_the_citys_own_files_can_be_read() -> None:
    for path in sorted((ROOT / "cities").glob("*.toml")):
        assert CityFile.read(path).title
