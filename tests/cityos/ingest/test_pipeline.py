"""One run, from the source to the store: what goes wrong is told and hurts nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cityos.connector import SourceRefused, SourceUnavailable
from tests.cityos.ingest.desk import TENANT, Desk, feed
from tests.cityos.store.building import reader_of
from tests.fakes import digest_of

_ALWAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


async def test_a_document_becomes_entities_and_is_archived(desk: Desk) -> None:
    run, result = await desk.run("1,a 2,b")
    assert (run.outcome, result.accepted, result.changed) == ("applied", 2, 2)
    assert desk.values() == {"1": "a", "2": "b"}
    assert desk.archive.get(digest_of(b"1,a 2,b")) == b"1,a 2,b"


async def test_the_same_document_again_is_unchanged_and_a_success(desk: Desk) -> None:
    await desk.run("1,a")
    run, result = await desk.run("1,a")
    assert (run.outcome, run.deliveries, result.changed) == ("unchanged", (), 0)
    assert desk.record().outcome == "unchanged"
    assert reader_of(desk.store).tenants() == {TENANT: 1}


@pytest.mark.parametrize("order", ["change", "raise", "die", "eat", "1,nan"])
async def test_a_document_that_cannot_be_read_holds_the_last_good_state(desk: Desk, order: str) -> None:
    await desk.run("1,a")
    run, result = await desk.run(order)
    assert run.outcome == "source_changed"
    assert [notice.code for notice in result.opened] == ["source_changed"]
    assert desk.values() == {"1": "a"}
    assert desk.archive.get(digest_of(order.encode())) == order.encode()
    run, result = await desk.run("1,b")
    assert (run.outcome, result.closed, desk.values()) == ("applied", 1, {"1": "b"})


async def test_a_document_that_could_not_be_read_is_tried_again_with_the_next_run(desk: Desk) -> None:
    await desk.run("raise")
    assert (await desk.run("raise"))[0].outcome == "source_changed"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (SourceUnavailable("a.csv answers 500"), "source_unavailable"),
        (SourceRefused("a.csv answers 401"), "source_refused"),
    ],
)
async def test_what_the_source_answers_is_told_as_it_is(
    desk: Desk, error: SourceUnavailable | SourceRefused, outcome: str
) -> None:
    run, _ = await desk.run(error)
    assert (run.outcome, run.detail) == (outcome, str(error))
    assert desk.record().failures == 1


@pytest.mark.parametrize(
    ("fails", "outcome", "told"),
    [("bug", "source_changed", "KeyError: 'token'"), ("expired", "source_refused", "has expired")],
)
async def test_a_connector_that_fails_while_fetching_is_a_run_too(
    desk: Desk, fails: str, outcome: str, told: str
) -> None:
    run, _ = await desk.run("1,a", feed(fails=fails))
    assert run.outcome == outcome
    assert told in run.detail


async def test_held_endings_are_ended_when_the_operator_accepts_them(desk: Desk) -> None:
    await desk.run("1,a 2,b 3,c")
    _, result = await desk.run("1,a")
    assert ([notice.code for notice in result.opened], len(desk.values())) == (["endings_held"], 3)
    _, result = await desk.run("1,a", accept=True)
    assert (result.ended, desk.values()) == (2, {"1": "a"})


async def test_a_replay_repeats_what_is_archived_past_what_cannot_be_read(desk: Desk, tmp_path: Path) -> None:
    for said in ("1,a", "raise", "1,b"):
        await desk.run(said)
    lost = digest_of(b"1,a")
    (tmp_path / "archive" / lost[:2] / f"{lost}.gz").unlink()
    result = await desk.pipeline.replay(feed(), *_ALWAYS)
    assert (result.accepted, result.changed, result.ended) == (1, 0, 0)
    assert desk.values() == {"1": "b"}
    nothing = await desk.pipeline.replay(feed(), _ALWAYS[0], _ALWAYS[0] + timedelta(days=1))
    assert nothing.accepted == 0
