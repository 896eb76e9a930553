"""A feed of the fickle connector, a source to put documents on, and the pipeline between them and the store."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cityos.clock import REAL, Clock
from cityos.connector.cadence import Cadence
from cityos.connector.error import SourceError
from cityos.connector.feed import Feed
from cityos.ingest.archive import Archive
from cityos.ingest.catalogue import get_connector
from cityos.ingest.pipeline import Pipeline
from cityos.ingest.references import References
from cityos.ingest.workers import Workers
from cityos.ngsi.entity import from_bytes
from cityos.ngsi.value import Json
from cityos.store.record import FeedRecord, Run, RunResult
from cityos.store.store import Store
from tests.cityos.store.building import reader_of
from tests.fakes import FakeFetcher

TENANT = "yukino"
URL = "http://source.example/a.csv"


def feed(clock: Clock = REAL, fails: str = "", poll: timedelta = timedelta(hours=1)) -> Feed:
    connector = get_connector("fickle")
    config = connector.config_type(fails=fails)
    hour = timedelta(hours=1)
    return Feed("koku", "工区", connector, config, Cadence(poll, every=hour), hour, clock)


class Desk:
    """What a test of ingest holds in its hands."""

    def __init__(self, store: Store, archive: Path, workers: Workers) -> None:
        self.store = store
        self.archive = Archive(archive)
        self.workers = workers
        self.source = FakeFetcher(REAL.now)
        references = References(store, TENANT, archive.with_name("references"))
        self.pipeline = Pipeline(store, TENANT, self.archive, workers, None, lambda feed: self.source, references)

    async def run(
        self, said: str | SourceError, of: Feed | None = None, *, accept: bool = False
    ) -> tuple[Run, RunResult]:
        """Lets the source say something and runs the feed."""
        self.source.put(URL, said)
        return await self.pipeline.run(of or feed(), accept_endings=accept)

    def values(self) -> dict[str, Json]:
        """What the store holds now, by local id."""
        found: dict[str, Json] = {}
        for entity_id, _, _ in reader_of(self.store).heads(TENANT, "", 100):
            stored = reader_of(self.store).find(TENANT, entity_id)
            assert stored is not None
            found[entity_id.rpartition(":")[2]] = from_bytes(stored.content).attributes["urn:a:a"][""].value
        return found

    def record(self) -> FeedRecord:
        return reader_of(self.store).feeds(TENANT)["koku"]
