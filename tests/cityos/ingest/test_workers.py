"""A worker may hang, eat, die or fail; the hub goes on."""

from __future__ import annotations

import asyncio

import pytest

from cityos.connector import SourceChanged
from cityos.ingest.workers import NormaliseFailed, Workers
from tests.cityos.ingest.desk import feed
from tests.fakes import document


async def _count(workers: Workers, content: str) -> int:
    return len((await workers.normalise(feed(), document("a.csv", content))).rows)


async def test_a_document_comes_back_as_a_batch(workers: Workers) -> None:
    batch = await workers.normalise(feed(), document("a.csv", "1,雪 2,b"))
    assert [row.entity.id for row in batch.rows] == ["urn:e:1", "urn:e:2"]
    assert batch.rows[0].entity.attributes["urn:a:a"][""].value == "雪"


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("sleep", r"longer than 2 s"),
        ("eat", "more memory than a worker may have"),
        ("die", "the worker died"),
        ("raise", "ZeroDivisionError: by a bug"),
        ("1,nan", "1: urn:a:a is not a finite number"),
    ],
)
async def test_a_document_that_is_too_much_fails_alone(workers: Workers, order: str, told: str) -> None:
    with pytest.raises(NormaliseFailed, match=told):
        await _count(workers, order)
    assert await _count(workers, "1,a 2,b") == 2


async def test_a_form_the_connector_does_not_know_is_told_in_its_words(workers: Workers) -> None:
    with pytest.raises(SourceChanged, match="the column 工区 is gone"):
        await _count(workers, "change")


async def test_what_a_connector_prints_is_not_taken_for_its_answer(workers: Workers) -> None:
    assert await _count(workers, "print 1,a") == 2


async def test_a_large_document_passes_whole(workers: Workers) -> None:
    assert await _count(workers, " ".join(f"{number},{'x' * 50}" for number in range(5_000))) == 5_000


async def test_documents_wait_for_their_turn() -> None:
    workers = Workers(count=2)
    await workers.start()
    assert await asyncio.gather(*(_count(workers, f"{number},a") for number in range(6))) == [1] * 6
    await workers.close()


async def test_a_cancelled_run_gives_its_place_back(workers: Workers) -> None:
    waiting = asyncio.create_task(_count(workers, "sleep"))
    await asyncio.sleep(0.2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await _count(workers, "1,a") == 1


async def test_a_worker_that_cannot_be_started_loses_no_place(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NormaliseFailed):
        await _count(workers, "die")
    with monkeypatch.context() as world:
        world.setattr("sys.executable", "/no/such/python")
        with pytest.raises(NormaliseFailed):
            await _count(workers, "1,a")
    assert await _count(workers, "1,a") == 1
