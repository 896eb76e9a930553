"""What a feed's run does to entities, history, notices and its own record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cityos.connector.batch import Row
from cityos.ngsi.provision import delete, upsert
from cityos.store.record import Query
from cityos.store.store import Store
from tests.cityos.store.building import (
    OTHER,
    TENANT,
    ZONE,
    changes,
    delivery,
    entity,
    find,
    history,
    ingest,
    minutes,
    notice,
    reader_of,
    value,
)


async def test_the_newest_observation_wins_and_an_older_one_goes_to_history(store: Store) -> None:
    await ingest(store, delivery(entity("1", minutes(10), a=10)))
    await ingest(store, delivery(entity("1", minutes(5), a=5)))
    assert value(store, "1", "a") == 10
    assert history(store, "1", "a") == [5, 10]
    assert len(changes(store)) == 1


async def test_a_past_observation_is_corrected_in_its_place(store: Store) -> None:
    await ingest(store, delivery(entity("1", minutes(5), a=5)))
    await ingest(store, delivery(entity("1", minutes(10), a=10)))
    await ingest(store, delivery(entity("1", minutes(5), a=6)))
    assert history(store, "1", "a") == [6, 10]
    await ingest(store, delivery(entity("1", minutes(10), a=11)))
    assert history(store, "1", "a") == [6, 11]
    assert value(store, "1", "a") == 11


async def test_many_observations_of_one_entity_are_one_change_and_all_of_its_history(
    store: Store, tmp_path: Path
) -> None:
    said = [entity("1", minutes(number), a=number) for number in (3, 1, 2)]
    result = await ingest(store, delivery(*said))
    assert (result.accepted, result.changed, len(changes(store))) == (3, 1, 1)
    assert value(store, "1", "a") == 3
    assert history(store, "1", "a") == [1, 2, 3]


async def test_of_two_rows_of_one_instant_the_later_is_taken(store: Store) -> None:
    await ingest(store, delivery(entity("1", minutes(1), a=1), entity("1", minutes(1), a=2)))
    assert history(store, "1", "a") == [2]


async def test_the_same_document_again_writes_nothing(store: Store) -> None:
    said = delivery(entity("1", minutes(1), a=1), entity("1", minutes(2), a=2), entity("2", None, a=1))
    await ingest(store, said)
    result = await ingest(store, said)
    assert (result.changed, result.ended, len(changes(store))) == (0, 0, 2)
    assert history(store, "1", "a") == [1, 2]


async def test_rows_that_history_holds_are_left_out_but_never_an_entitys_last(store: Store) -> None:
    entities = [entity("1", minutes(number), a=number) for number in range(4)]
    rows = tuple(Row(one, "a.csv:1") for one in entities)
    await ingest(store, delivery(*entities))
    assert reader_of(store).unknown_rows(TENANT, rows) == rows[3:]
    corrected = (rows[0], Row(entity("1", minutes(1), a=99), ""), *rows[2:])
    assert reader_of(store).unknown_rows(TENANT, corrected) == (corrected[1], corrected[3])
    assert reader_of(store).unknown_rows("elsewhere", rows) == rows


async def test_an_entity_the_source_no_longer_names_ends(store: Store) -> None:
    everyone = [entity(str(number), a=1) for number in range(10)]
    await ingest(store, delivery(*everyone))
    result = await ingest(store, delivery(*everyone[1:]))
    assert result.ended == 1
    assert find(store, "0") is None
    assert changes(store)[-1].op == "delete"


async def test_a_delta_ends_nobody(store: Store) -> None:
    await ingest(store, delivery(entity("1", a=1), entity("2", a=1), covers=None))
    assert (await ingest(store, delivery(entity("1", a=2), covers=None), accept_endings=True)).ended == 0
    assert find(store, "2") is not None


async def test_only_the_types_that_are_covered_end(store: Store) -> None:
    await ingest(store, delivery(entity("1", a=1), entity("2", of=OTHER, a=1)))
    result = await ingest(store, delivery(entity("1", a=1), covers=(ZONE,)), accept_endings=True)
    assert result.ended == 0
    assert (await ingest(store, delivery(entity("1", a=1), covers=(ZONE, OTHER)), accept_endings=True)).ended == 1


async def test_what_comes_and_goes_may_all_end_at_once(store: Store) -> None:
    vehicles = [entity(name, a=1) for name in "123"]
    await ingest(store, delivery(*vehicles, covers=(ZONE,)))
    gone = replace(delivery(vehicles[0], covers=(ZONE,)), transient=frozenset({ZONE}))
    assert (await ingest(store, gone)).ended == 2


async def test_more_endings_than_likely_are_held_until_they_are_accepted(store: Store) -> None:
    everyone = [entity(str(number), a=1) for number in range(10)]
    await ingest(store, delivery(*everyone))
    result = await ingest(store, delivery(*everyone[4:]))
    assert [one.code for one in result.opened] == ["endings_held"]
    assert (result.ended, reader_of(store).count(TENANT)) == (0, 10)
    result = await ingest(store, delivery(*everyone[4:]), accept_endings=True)
    assert (result.ended, result.closed, reader_of(store).count(TENANT)) == (4, 1, 6)


async def test_three_of_ten_endings_are_not_too_many(store: Store) -> None:
    everyone = [entity(str(number), a=1) for number in range(10)]
    await ingest(store, delivery(*everyone))
    assert (await ingest(store, delivery(*everyone[3:]))).ended == 3


async def test_entities_of_held_rows_have_not_ended(store: Store) -> None:
    everyone = [entity(str(number), a=1) for number in range(10)]
    await ingest(store, delivery(*everyone))
    result = await ingest(store, delivery(*everyone[2:], held=["urn:e:0", "urn:e:1"]))
    assert (result.ended, result.held, reader_of(store).count(TENANT)) == (0, 2, 10)


async def test_an_entity_two_feeds_speak_of_keeps_what_the_other_says(store: Store) -> None:
    await ingest(store, delivery(entity("1", name="雪", claim="済"), entity("2", a=1)), feed="koku")
    await ingest(store, delivery(entity("1", name="雪", area=5)), feed="map")
    await ingest(store, delivery(entity("2", a=1)), feed="koku", accept_endings=True)
    assert {name: value(store, "1", name) for name in ("name", "claim", "area")} == {
        "name": "雪",
        "claim": None,
        "area": 5,
    }
    await ingest(store, delivery(), feed="map", accept_endings=True)
    assert find(store, "1") is None


async def test_documents_of_one_feed_do_not_end_each_others_entities(store: Store) -> None:
    await ingest(store, delivery(entity("1", a=1), name="a.csv"), delivery(entity("2", a=1), name="b.csv"))
    result = await ingest(store, delivery(entity("1", a=2), name="a.csv"), accept_endings=True)
    assert result.ended == 0


async def test_what_a_document_once_told_ends_with_it_too(store: Store) -> None:
    await ingest(store, delivery(entity("1", x=1, y=1), entity("2", a=1)), feed="koku")
    await ingest(store, delivery(entity("1", area=5)), feed="map")
    await ingest(store, delivery(entity("1", x=2), entity("2", a=1)), feed="koku")
    await ingest(store, delivery(entity("2", a=1)), feed="koku", accept_endings=True)
    found = find(store, "1")
    assert found is not None
    assert set(found.attributes) == {"urn:a:area"}


async def test_an_entity_ended_by_hand_comes_back_when_the_source_names_it(store: Store) -> None:
    await ingest(store, delivery(entity("1", a=1)))
    await store.apply(TENANT, [delete("urn:e:1")])
    await ingest(store, delivery(entity("1", a=1)))
    assert [item.op for item in changes(store)] == ["create", "delete", "create"]


async def test_ingest_owns_only_what_it_emits(store: Store) -> None:
    await store.apply(TENANT, [upsert(entity("1", note="by hand"))])
    await ingest(store, delivery(entity("1", a=1)))
    assert (value(store, "1", "note"), value(store, "1", "a")) == ("by hand", 1)


async def test_a_notice_is_opened_once_and_closed_by_a_document_free_of_it(store: Store) -> None:
    bad, worse = notice("bad", "row 1", "s"), notice("bad", "row 2", "s")
    assert (await ingest(store, delivery(notices=[bad]))).opened == (bad,)
    assert (await ingest(store, delivery(notices=[worse, worse]), at=minutes(5))).opened == ()
    (kept,) = reader_of(store).notices(TENANT, "koku")
    assert (kept.count, kept.open, kept.first_at, kept.last_at) == (2, True, minutes(0), minutes(5))
    assert kept.notice.detail == "row 2"
    assert (await ingest(store, delivery())).closed == 1
    assert [one.open for one in reader_of(store).notices(TENANT, "koku")] == [False]
    assert (await ingest(store, delivery(notices=[bad]))).opened == (bad,)


async def test_a_notice_of_one_document_is_not_closed_by_another(store: Store) -> None:
    await ingest(store, delivery(name="a.csv", notices=[notice("bad")]))
    assert (await ingest(store, delivery(name="b.csv"))).closed == 0
    assert reader_of(store).feeds(TENANT)["koku"].open_notices == 1


async def test_a_failing_source_is_one_notice_however_its_words_change(store: Store) -> None:
    first = await ingest(store, outcome="source_unavailable", detail="answers 500")
    again = await ingest(store, outcome="source_unavailable", detail="answers 502")
    back = await ingest(store, outcome="unchanged")
    assert (len(first.opened), len(again.opened), back.closed) == (1, 0, 1)


async def test_the_feeds_record_tells_success_and_failure(store: Store) -> None:
    await ingest(store, delivery(entity("1", a=1), data_at=minutes(-5)), at=minutes(0))
    await ingest(store, outcome="source_unavailable", detail="down", at=minutes(5))
    await ingest(store, outcome="source_unavailable", detail="down", at=minutes(10))
    record = reader_of(store).feeds(TENANT)["koku"]
    assert (record.attempted_at, record.succeeded_at) == (minutes(10), minutes(0))
    assert (record.failures, record.failing_since, record.detail) == (2, minutes(5), "down")
    assert (record.data_at, record.accepted) == (minutes(-5), 1)
    await ingest(store, outcome="unchanged", at=minutes(15))
    record = reader_of(store).feeds(TENANT)["koku"]
    assert (record.failures, record.failing_since, record.succeeded_at) == (0, None, minutes(15))
    assert (record.data_at, record.accepted) == (minutes(-5), 1)


async def test_a_document_set_back_does_not_make_the_feed_older(store: Store) -> None:
    await ingest(store, delivery(data_at=minutes(0)))
    await ingest(store, delivery(data_at=minutes(-60)))
    assert reader_of(store).feeds(TENANT)["koku"].data_at == minutes(0)


async def test_a_replay_mends_history_and_says_nothing_of_the_feed(store: Store) -> None:
    await ingest(store, delivery(entity("1", minutes(10), a=10), entity("2", a=1)))
    before = reader_of(store).feeds(TENANT)
    result = await ingest(store, delivery(entity("1", minutes(5), a=5)), replayed=True, at=minutes(60))
    assert (result.ended, reader_of(store).count(TENANT), reader_of(store).feeds(TENANT)) == (0, 2, before)
    assert history(store, "1", "a") == [5, 10]


async def test_runs_are_kept_newest_first(store: Store) -> None:
    await ingest(store, delivery(entity("1", a=1)))
    await ingest(store, outcome="source_changed", detail="no column 工区", at=minutes(5))
    runs = reader_of(store).runs(TENANT, "koku")
    assert [(run.outcome, run.detail, run.accepted) for run in runs] == [
        ("source_changed", "no column 工区", 0),
        ("applied", "", 1),
    ]


async def test_of_one_instant_told_twice_the_later_row_holds_whatever_stands_between(store: Store) -> None:
    rows = (entity("1", minutes(3), a=1), entity("1", a=2), entity("1", minutes(3), a="later"))
    await ingest(store, delivery(*rows))
    assert (value(store, "1", "a"), history(store, "1", "a")) == ("later", ["later"])
    page = await store.query(TENANT, Query(attributes=frozenset(("urn:a:a",))))
    assert [one.id for one in page.items] == ["urn:e:1"]
