"""Only what is old goes, and never what is so now."""

from __future__ import annotations

from pathlib import Path

from cityos.ngsi.provision import upsert
from cityos.store.record import Retention
from cityos.store.retention import trim
from cityos.store.store import Store
from tests.cityos.store.building import (
    OTHER,
    TENANT,
    changes,
    delivery,
    entity,
    history,
    ingest,
    minutes,
    reader_of,
    value,
)
from tests.fakes import START, FakeClock, document

_KEEP = Retention(changes=7, history=30, documents=30, runs=30)


async def _trim(store: Store, keep: Retention = _KEEP) -> None:
    while await store.trim(TENANT, keep):
        pass


async def test_old_history_goes_and_the_present_stays_however_old(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        await store.apply(TENANT, [upsert(entity("1", minutes(number), a=number))])
    clock.forward(days=100)
    await _trim(store)
    assert history(store, "1", "a") == [3]
    assert value(store, "1", "a") == 3


async def test_young_history_stays(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    for number in (1, 2):
        await store.apply(TENANT, [upsert(entity("1", minutes(number), a=number))])
    clock.forward(days=29)
    await _trim(store)
    assert history(store, "1", "a") == [1, 2]


async def test_the_retention_of_a_type_wins_in_both_directions(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    for number in (1, 2):
        said = [upsert(entity("1", minutes(number), a=number)), upsert(entity("2", minutes(number), OTHER, a=number))]
        await store.apply(TENANT, said)
    clock.forward(days=40)
    await _trim(store, Retention(history=30, history_by_type={OTHER: 60}))
    assert (history(store, "1", "a"), history(store, "2", "a")) == ([2], [1, 2])
    await _trim(store, Retention(history=90, history_by_type={OTHER: 10}))
    assert history(store, "2", "a") == [2]


async def test_trimming_sets_the_mark_and_counts_down(store: Store, clock: FakeClock) -> None:
    await store.apply(TENANT, [upsert(entity(str(number), a=1)) for number in range(5)])
    clock.forward(days=6)
    await store.apply(TENANT, [upsert(entity("new", a=1))])
    clock.forward(days=2)
    await _trim(store)
    assert [item.seq for item in changes(store)] == [6]
    assert reader_of(store).check_cursor(TENANT, 0, None) == (6, 5)


async def test_a_clock_set_back_makes_no_hole_in_the_feed(store: Store, clock: FakeClock) -> None:
    await store.apply(TENANT, [upsert(entity("1", a=1))])
    clock.at = START.replace(year=2020)
    await store.apply(TENANT, [upsert(entity("1", a=2))])
    clock.at = START
    await _trim(store)
    assert [item.seq for item in changes(store)] == [1, 2]


async def test_old_runs_go(store: Store, clock: FakeClock) -> None:
    await ingest(store, delivery(), at=minutes(0))
    clock.forward(days=31)
    await ingest(store, delivery(), at=clock.now())
    await _trim(store)
    assert len(reader_of(store).runs(TENANT, "koku")) == 1


async def test_a_document_is_forgotten_unless_it_is_the_last_of_its_name(store: Store, clock: FakeClock) -> None:
    for name, content in (("a.csv", "1"), ("a.csv", "2"), ("b.csv", "3")):
        await store.add_document(TENANT, "koku", document(name, content))
    clock.forward(days=31)
    await _trim(store)
    left = reader_of(store).documents(TENANT, "koku", START, clock.now())
    assert [(one.name, one.digest) for one in left] == [
        ("a.csv", document("", "2").digest),
        ("b.csv", document("", "3").digest),
    ]
    assert reader_of(store).digests() == {one.digest for one in left}


async def test_what_became_the_present_while_it_was_found_too_old_stays(store: Store, clock: FakeClock) -> None:
    for number in (1, 2):
        await store.apply(TENANT, [upsert(entity("1", minutes(number), a=number))])
    clock.forward(days=100)
    old = reader_of(store).old_instances(TENANT, _KEEP, clock.now())
    assert len(old) == 1
    await store.delete_instance(TENANT, "urn:e:1", "urn:a:a", old[0] + 1)
    await store._write_directly(lambda session: trim(session, TENANT, _KEEP, old))
    assert (value(store, "1", "a"), history(store, "1", "a")) == (1, [1])
