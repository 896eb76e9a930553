"""表ファイル: any table of a city, as CSV, Excel or JSON, read by a mapping in the city file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from cityos.connector import Batch, Cadence, Connector, Document, Manifest, Notice, Severity
from cityos.connector.reading import gather
from cityos.vocabulary.context import iri
from connectors.file_drop.mapping import FileDropConfig
from connectors.file_drop.statement import Interpreter, Statement
from connectors.file_drop.table import read_records

NAME = "file_drop"
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class FileDropConnector(Connector[FileDropConfig]):
    """Knows no noun: type and attributes are the city file's."""

    manifest: ClassVar[Manifest] = Manifest(
        name=NAME,
        title="表ファイル（CSV・Excel・JSON）",
        provider="市の各課（市のファイルで指定）",
        licence="提供者による（市のファイルで指定）",
        attribution="出典：各データの提供者（市のファイルで指定）",
        emits=frozenset(),
        # A table is looked for often, since somebody has just saved it, and expected rarely: lists live for months.
        cadence=Cadence(poll=timedelta(minutes=1), every=timedelta(days=31), grace=timedelta(days=7)),
        stale_after=timedelta(days=92),
    )
    config_type = FileDropConfig

    def emits(self, config: FileDropConfig) -> frozenset[str]:
        """The one type the city file names."""
        return frozenset({iri(config.type)})

    def normalise(self, document: Document, config: FileDropConfig) -> Batch:
        """One row per record, the oldest observation of an entity first."""
        reading = read_records(document, config.form())
        interpreter = Interpreter(config)
        found = [interpreter.read(record) for record in reading.records]
        faults = [one for one in found if isinstance(one, Notice)]
        remarks: list[Notice] = []
        said = _one_each((one for one in found if isinstance(one, Statement)), remarks)
        is_complete = config.complete and reading.is_whole and not faults and bool(said)
        return Batch.of(
            rows=(one.row for one in said),
            notices=gather([*reading.notices, *faults, *interpreter.notices, *remarks]),
            covers=self.emits(config) if is_complete else None,
        )


def _one_each(statements: Iterable[Statement], remarks: list[Notice]) -> list[Statement]:
    """One statement per entity and instant, oldest first; the first of two stays."""
    chosen: dict[tuple[str, datetime | None], Statement] = {}
    for one in statements:
        known = chosen.get((one.row.entity.id, one.observed_at))
        if one.is_empty:
            remarks.append(_nothing_said(one))
        elif known is None:
            chosen[one.row.entity.id, one.observed_at] = one
        else:
            remarks.append(_duplicate(known, one))
    return sorted(chosen.values(), key=lambda one: one.observed_at or _BEFORE_ALL)


def _nothing_said(one: Statement) -> Notice:
    detail = f"Row of {one.row.entity.id} says nothing else (a remark below the table?); it is left out"
    return Notice("row_left_out", Severity.WARNING, one.row.where, detail)


def _duplicate(known: Statement, again: Statement) -> Notice:
    where, subject = again.row.where, again.row.entity.id
    if known.row.entity == again.row.entity:
        return Notice("duplicate_id", Severity.INFO, where, f"{subject} is listed again, saying the same", subject)
    detail = f"{subject} is listed again, unlike {known.row.where}; the first is taken"
    return Notice("duplicate_id", Severity.WARNING, where, detail, subject)


connector = FileDropConnector()
