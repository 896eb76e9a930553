"""Whatever its tables say, a feed is read or refused: never a crash, never a timetable that cannot be asked."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from cityos.connector import Batch, SourceChanged
from cityos.connector.batch import batch_from_bytes, batch_to_bytes
from cityos.ngsi.value import check_value
from tests.connectors.gtfs_jp.reading import RECORDED, read, timetable_of
from tests.connectors.recording import zip_texts

FEEDS = [
    {file.name: file.read_bytes() for file in RECORDED.with_name(f"yukigata_{edition}.zip.d").iterdir()}
    for edition in ("2nd", "3rd")
]
SPLINTERS = [
    *(
        b"",
        b",",
        b'"',
        b'""',
        b"\n",
        b"\r\n",
        b"\t",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"-1",
        b"1e999",
        b"NaN",
        b"99999999",
    ),
    *(
        text.encode()
        for text in (
            "９９：９９：９９",
            "20269999",
            "00010101",
            "ja-",
            "1_01",
            "\u3000",
            "_",
            "平日",
            "²",
            "٣",
            "\u200b",
        )
    ),
]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_table_is_read_or_refused(data: st.DataObject) -> None:
    members = dict(data.draw(st.sampled_from(FEEDS)))
    for _ in range(data.draw(st.integers(1, 5))):
        name = data.draw(st.sampled_from(sorted(members)))
        members[name] = _changed(members[name], data)
    batch = _read(zip_texts(members))
    if isinstance(batch, SourceChanged):
        assert "feed.zip" in str(batch)
        return
    assert batch_from_bytes(batch_to_bytes(batch)) == batch
    for row in batch.rows:
        for instances in row.entity.attributes.values():
            check_value(instances[""].value, row.where)
    if batch.datasets:
        timetable = timetable_of(batch)
        for stop in timetable.tables.stops:
            timetable.departures_on([stop.stop_id], date(2026, 1, 19))
        timetable.trips_in_service(datetime(2026, 1, 19, 16, 30, tzinfo=UTC))


def _read(content: bytes) -> Batch | SourceChanged:
    try:
        return read(content, at=datetime(2026, 1, 20, tzinfo=UTC))
    except SourceChanged as error:
        return error


def _changed(text: bytes, data: st.DataObject) -> bytes:
    """One field, or a piece of the text, becomes something else."""
    if data.draw(st.booleans()):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 30)))
        return text[:start] + data.draw(st.sampled_from(SPLINTERS)) + text[end:]
    lines = text.split(b"\n")
    row = data.draw(st.integers(0, len(lines) - 1))
    fields = lines[row].split(b",")
    fields[data.draw(st.integers(0, len(fields) - 1))] = data.draw(st.sampled_from(SPLINTERS))
    lines[row] = b",".join(fields)
    return b"\n".join(lines)
