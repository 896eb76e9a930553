"""The connector contract: one suite for every connector in `connectors/`. Each check passes, or is exempt and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import connectors
from cityos.connector import Batch, Connector, Document, Manifest, Request, SourceChanged
from cityos.connector.batch import batch_from_bytes, batch_to_bytes
from cityos.ngsi.entity import Attributes
from cityos.ngsi.expansion import is_uri
from cityos.ngsi.value import check_value
from cityos.quality import Facts, examine
from tests.connectors.recording import Recording, list_connectors, list_recordings, meaning_of

CONNECTORS = {connector.manifest.name: connector for connector in list_connectors()}
RECORDINGS = {
    f"{name}/{recording.document.name}": recording
    for name, connector in CONNECTORS.items()
    for recording in list_recordings(connector)
}
each_connector = pytest.mark.parametrize("connector", CONNECTORS.values(), ids=CONNECTORS)
each_recording = pytest.mark.parametrize("recording", RECORDINGS.values(), ids=RECORDINGS)
# Documents under mutation: long ones cost time and break in no other way than short ones.
LONGEST_MUTATED = 6_000


@pytest.fixture(autouse=True)
def exemption(request: pytest.FixtureRequest) -> None:
    """Skips a check that the connector's manifest exempts, with its reason."""
    known = request.node.callspec.params
    connector = known["connector"] if "connector" in known else known["recording"].connector
    reason = connector.manifest.exempt.get(request.node.originalname)
    if reason is not None:
        pytest.skip(reason)


@each_connector
def test_manifest_is_complete(connector: Connector[Any]) -> None:
    manifest = connector.manifest
    assert (_folder(manifest) / "__init__.py").exists()
    assert all([manifest.title, manifest.provider, manifest.licence, manifest.attribution])
    assert manifest.emits or _asks_config_for_types(connector)
    assert all("://" in type_iri for type_iri in manifest.emits)
    assert manifest.stale_after > timedelta()
    assert manifest.cadence.poll > timedelta()
    assert all(manifest.exempt.values()), "an exemption needs its reason"


@each_connector
def test_readme_says_what_an_operator_needs(connector: Connector[Any]) -> None:
    readme = (_folder(connector.manifest) / "README.md").read_text()
    assert connector.manifest.name in readme
    assert all(word in readme for word in ("情報源", "利用条件", "更新", "項目", "癖"))
    assert all(option in readme for option in connector.config_type.model_fields), "every option is explained"


@each_connector
def test_there_are_recordings_of_our_own(connector: Connector[Any]) -> None:
    assert any(recording.is_ours for recording in list_recordings(connector))


@each_recording
async def test_fetch_yields_what_config_names(recording: Recording) -> None:
    fetcher = _Recorder(recording.document)
    documents = [one async for one in recording.connector.fetch(recording.config, fetcher)]
    assert documents
    assert fetcher.asked == list(recording.config.requests())


@each_recording
def test_config_refuses_what_it_does_not_know(recording: Recording) -> None:
    with pytest.raises(ValueError, match="no_such_option"):
        type(recording.config).model_validate({**recording.config.model_dump(), "no_such_option": 1})


@each_recording
def test_recording_means_what_is_written_down(recording: Recording) -> None:
    batch = recording.normalise()
    _assert_sound(batch, _types_of(recording))
    assert batch.rows
    if recording.is_ours:
        assert meaning_of(batch) == recording.expected.read_bytes()


@each_recording
def test_normalising_twice_gives_the_same(recording: Recording) -> None:
    assert recording.normalise() == recording.normalise()


@each_recording
def test_ids_do_not_depend_on_fetch(recording: Recording) -> None:
    document = recording.document
    again = replace(document, fetched_at=document.fetched_at + timedelta(days=1, seconds=7), name="other.name")
    later = recording.connector.normalise(again, recording.config)
    assert [row.entity.id for row in later.rows] == [row.entity.id for row in recording.normalise().rows]


@each_recording
def test_observed_at_is_never_fetch_time(recording: Recording) -> None:
    fetched_at = recording.document.fetched_at + timedelta(seconds=1.234567)
    batch = recording.connector.normalise(replace(recording.document, fetched_at=fetched_at), recording.config)
    assert fetched_at not in {row.entity.latest_observation() for row in batch.rows}


@each_recording
def test_rows_of_an_entity_come_in_ascending_time(recording: Recording) -> None:
    newest: dict[str, Any] = {}
    for row in recording.normalise().rows:
        observed_at = row.entity.latest_observation()
        if observed_at is not None:
            assert newest.get(row.entity.id, observed_at) <= observed_at
            newest[row.entity.id] = observed_at


@each_recording
def test_quality_accepts_recording(recording: Recording) -> None:
    facts = Facts(recording.document.fetched_at, _types_of(recording), recording.box)
    assert examine(recording.normalise(), facts).held == ()


@each_recording
@pytest.mark.parametrize(
    "content", [b"", b"  \r\n\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00" * 64, b"null", b"[]", b"{}"]
)
def test_empty_documents_survive(recording: Recording, content: bytes) -> None:
    _assert_survives(recording, content)


@each_recording
def test_web_page_is_a_change_of_source(recording: Recording) -> None:
    page = "<!DOCTYPE html>\n<html lang='ja'><title>メンテナンス中</title></html>".encode()
    with pytest.raises(SourceChanged, match=r"web page.*メンテナンス中"):
        recording.connector.normalise(replace(recording.document, content=page), recording.config)


@each_recording
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_truncated_documents_say_nothing_new(recording: Recording, data: st.DataObject) -> None:
    content = recording.document.content[:LONGEST_MUTATED]
    cut = content[: data.draw(st.integers(0, len(content)))]
    batch = _assert_survives(recording, cut)
    if batch is not None:
        ids = {row.entity.id for row in recording.normalise().rows}
        assert {row.entity.id for row in batch.rows} <= ids


@each_recording
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_documents_survive(recording: Recording, data: st.DataObject) -> None:
    content = recording.document.content[:LONGEST_MUTATED]
    for _ in range(data.draw(st.integers(1, 4))):
        content = data.draw(st.sampled_from(MUTATIONS))(content, data)
    _assert_survives(recording, content)


@each_recording
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400))
def test_garbage_survives(recording: Recording, content: bytes) -> None:
    _assert_survives(recording, content)


def _replaced(content: bytes, data: st.DataObject) -> bytes:
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    new = data.draw(st.one_of(st.binary(max_size=8), st.sampled_from(SPLINTERS)))
    return content[:start] + new + content[end:]


def _line_again(content: bytes, data: st.DataObject) -> bytes:
    lines = content.split(b"\n")
    lines.insert(data.draw(st.integers(0, len(lines))), data.draw(st.sampled_from(lines)))
    return b"\n".join(lines)


def _recoded(content: bytes, data: st.DataObject) -> bytes:
    encoding = data.draw(st.sampled_from(["cp932", "utf-16", "utf-8-sig", "euc-jp"]))
    return content.decode("utf-8", "replace").encode(encoding, "replace")


def _digits_changed(content: bytes, data: st.DataObject) -> bytes:
    old, new = data.draw(
        st.sampled_from([(b"2026", b"0001"), (b"2026", b"9999"), (b"20", b"99"), (b"1", "１".encode())])
    )
    return content.replace(old, new)


MUTATIONS: list[Callable[[bytes, st.DataObject], bytes]] = [_replaced, _line_again, _recoded, _digits_changed]
SPLINTERS = [
    *(b'"', b",", b"\n", b"\r", b"\t", b"\x00", b"\\u0000", b"\\ud800", b"{", b"]", b"null", b"-1", b"1e999", b"NaN"),
    *(text.encode() for text in ("（", "不明(#FF00FF)", "13月45日", "２９時", "９" * 20, "\u200b", "\u3000")),
]


class _Recorder:
    """A Fetcher that answers everything with one document and remembers what it was asked."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.asked: list[Request] = []

    async def get(self, request: Request) -> Document:
        self.asked.append(request)
        await asyncio.sleep(0)
        return self._document


def _types_of(recording: Recording) -> frozenset[str]:
    return recording.connector.emits(recording.config)


def _asks_config_for_types(connector: Connector[Any]) -> bool:
    return type(connector).emits is not Connector.emits


def _folder(manifest: Manifest) -> Path:
    return Path(next(iter(connectors.__path__))) / manifest.name


def _assert_survives(recording: Recording, content: bytes) -> Batch | None:
    """A sound batch, or SourceChanged with a text that names the document."""
    document = replace(recording.document, content=content)
    told = _told(recording, document)
    if isinstance(told, SourceChanged):
        assert document.name in str(told)
        return None
    _assert_sound(told, _types_of(recording))
    return told


def _told(recording: Recording, document: Document) -> Batch | SourceChanged:
    try:
        return recording.connector.normalise(document, recording.config)
    except SourceChanged as error:
        return error


def _assert_sound(batch: Batch, emits: frozenset[str]) -> None:
    assert batch_from_bytes(batch_to_bytes(batch)) == batch
    assert batch.as_of is None or batch.as_of.tzinfo is not None
    assert (batch.covers or set()) <= emits
    for row in batch.rows:
        assert row.entity.types
        assert set(row.entity.types) <= emits
        assert is_uri(row.entity.id)  # minted here, or (push) the sender's own
        assert row.where
        _assert_storable(row.entity.attributes)
    for notice in batch.notices:
        assert notice.code
        assert notice.where
        assert notice.detail


def _assert_storable(attributes: Attributes) -> None:
    for name, instances in attributes.items():
        for instance in instances.values():
            check_value(instance.value, name)
            assert instance.observed_at is None or instance.observed_at.tzinfo is not None
            _assert_storable(instance.attributes)
