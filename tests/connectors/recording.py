"""Recordings of a connector: documents under `<name>/recordings/`, described in `recordings.toml`, and what they mean.

`python -m tests.connectors.recording <name>` writes `<name>/expected/` anew: read the difference before you keep it.
"""

from __future__ import annotations

import sys
import tomllib
import zipfile
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
from google.protobuf import json_format
from google.transit import gtfs_realtime_pb2

import connectors
from cityos.connector import Batch, Config, Connector, Document
from cityos.connector.batch import batch_to_json
from cityos.ngsi.geo import Box
from tests.shared_data import find_shared

HERE = Path(__file__).parent
PROTOBUF_MESSAGE, PROTOBUF_AS_JSON = ".pb", ".json"


@dataclass(frozen=True)
class Recording:
    """One document, the config under which it is read, and the box its positions lie in."""

    connector: Connector[Any]
    document: Document
    config: Config
    box: Box
    is_ours: bool

    @property
    def expected(self) -> Path:
        """Where its meaning is written down."""
        return HERE / self.connector.manifest.name / "expected" / f"{self.document.name}.json"

    def normalise(self) -> Batch:
        """What the connector makes of it."""
        return self.connector.normalise(self.document, self.config)


def list_connectors() -> list[Connector[Any]]:
    """Every connector in `connectors/`."""
    folders = sorted(path.parent.name for root in connectors.__path__ for path in Path(root).glob("*/__init__.py"))
    return [import_module(f"connectors.{name}").connector for name in folders]


def list_recordings(connector: Connector[Any]) -> list[Recording]:
    """Its own recordings, and the real ones beside the project as far as they are on this machine."""
    folder = HERE / connector.manifest.name / "recordings"
    described = tomllib.loads((folder / "recordings.toml").read_text())
    found = []
    for name, about in described.items():
        path = find_shared(about["shared"]) if "shared" in about else folder / name
        if path is not None:
            found.append(_recording(connector, path, about))
    return found


def _recording(connector: Connector[Any], path: Path, about: dict[str, Any]) -> Recording:
    fetched_at: datetime = about["fetched_at"]
    url = f"https://source.example/{path.name}"
    west, south, east, north = about["box"]
    return Recording(
        connector=connector,
        document=Document(_name(path), _content(path), fetched_at, url),
        config=connector.config_type(url=url, feed=connector.manifest.name, **about.get("config", {})),
        box=(west, south, east, north),
        is_ours="shared" not in about,
    )


def _name(path: Path) -> str:
    is_message = path.name.endswith(PROTOBUF_MESSAGE + PROTOBUF_AS_JSON)
    return path.name.removesuffix(PROTOBUF_AS_JSON) if is_message else path.name


def _content(path: Path) -> bytes:
    """The bytes of a recording, kept to be read: a protobuf message as its JSON, a zip as the folder `<name>.d`."""
    folder = path.with_name(f"{path.name}.d")
    if folder.is_dir():
        return zip_texts({file.name: file.read_bytes() for file in folder.iterdir()})
    if not path.name.endswith(PROTOBUF_MESSAGE + PROTOBUF_AS_JSON):
        return path.read_bytes()
    message = json_format.Parse(path.read_text(), gtfs_realtime_pb2.FeedMessage())
    return bytes(message.SerializeToString(deterministic=True))


def zip_texts(members: dict[str, bytes]) -> bytes:
    """A zip of these members, the same bytes on every machine: stored, sorted, without a time of writing."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in sorted(members):
            file.writestr(zipfile.ZipInfo(name), members[name])
    return content.getvalue()


def meaning_of(batch: Batch) -> bytes:
    """A batch as it is written down: one JSON that people can read and compare."""
    return orjson.dumps(batch_to_json(batch), option=orjson.OPT_INDENT_2) + b"\n"


def write_expected(name: str) -> None:
    """Writes down what the connector makes of its own recordings now."""
    for recording in list_recordings(import_module(f"connectors.{name}").connector):
        if recording.is_ours:
            recording.expected.parent.mkdir(exist_ok=True)
            recording.expected.write_bytes(meaning_of(recording.normalise()))


if __name__ == "__main__":
    write_expected(sys.argv[1])
