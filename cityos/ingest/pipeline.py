"""One run of one feed: fetch, archive, normalise, examine, apply. Formats are nobody's business here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from cityos.connector.batch import Batch, Dataset, Row
from cityos.connector.contract import Fetcher
from cityos.connector.document import Document
from cityos.connector.error import SourceChanged, SourceError, SourceRefused, SourceUnavailable
from cityos.connector.feed import Feed
from cityos.ingest.archive import Archive
from cityos.ingest.dropping import documents_in, put_into
from cityos.ingest.references import References
from cityos.ingest.workers import NormaliseFailed, Workers
from cityos.ngsi.geo import Box
from cityos.quality import Facts, examine
from cityos.quality.future import TOLERANCE
from cityos.store.error import StoreError
from cityos.store.record import DatasetRecord, Delivery, DocumentRecord, Run, RunOutcome, RunResult
from cityos.store.store import Store
from cityos.vocabulary.dataset import DatasetNews

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The rooms a run passes through. `box` is the city's, for positions; `fetcher_for` gives a feed its fetcher."""

    store: Store
    tenant: str
    archive: Archive
    workers: Workers
    box: Box | None
    fetcher_for: Callable[[Feed], Fetcher]
    references: References

    async def run(self, feed: Feed, *, accept_endings: bool = False) -> tuple[Run, RunResult]:
        """One attempt, from the source to the store; a failure is a run, too."""
        started_at = feed.clock.now()
        outcome: RunOutcome = "unchanged"
        detail = ""
        deliveries: list[Delivery] = []
        changed: SourceChanged | None = None
        try:
            async for document in self._documents(feed):
                if not await self._is_news(feed, document) and not accept_endings:
                    continue
                try:
                    deliveries.append(await self._deliver(feed, document))
                    outcome = "applied"
                except SourceChanged as error:  # the feed's other documents are not to blame
                    changed = changed or error
            if changed is not None:
                outcome, detail = "source_changed", str(changed)
        except SourceError as error:
            outcome, detail = _outcome_of(error), str(error)
        except (StoreError, OSError):
            raise  # ours, not the source's
        except Exception as error:
            log.exception("The connector %s fails while it fetches", feed.connector.manifest.name)
            outcome, detail = "source_changed", f"the connector fails: {type(error).__name__}: {error}"
        run = Run(
            feed.name, started_at, feed.clock.now(), outcome, detail, tuple(deliveries), accept_endings=accept_endings
        )
        return run, await self.store.ingest(self.tenant, run)

    async def take(self, feed: Feed, document: Document) -> tuple[Run, RunResult]:
        """A document that somebody brought: a run of its own. Raises SourceChanged where it cannot be read."""
        started_at = feed.clock.now()
        try:
            deliveries = [await self._deliver(feed, document)] if await self._is_news(feed, document) else []
        except SourceChanged as error:
            await self.store.ingest(
                self.tenant, Run(feed.name, started_at, feed.clock.now(), "source_changed", str(error))
            )
            raise
        if feed.folder is not None:
            await asyncio.to_thread(put_into, feed.folder, document)
        outcome: RunOutcome = "applied" if deliveries else "unchanged"
        run = Run(feed.name, started_at, feed.clock.now(), outcome, deliveries=tuple(deliveries))
        return run, await self.store.ingest(self.tenant, run)

    async def _documents(self, feed: Feed) -> AsyncIterator[Document]:
        """What this run reads: the feed's folder, or what its connector fetches."""
        if feed.is_pushed:
            for record in await self.store.read(lambda reader: reader.latest_documents(self.tenant, feed.name)):
                yield self._archived(record)
            return
        if feed.folder is None:
            async for document in feed.connector.fetch(feed.config, self.fetcher_for(feed)):
                yield document
            return
        for document in await asyncio.to_thread(lambda folder: list(documents_in(folder, feed)), feed.folder):
            yield document

    async def replay(self, feed: Feed, since: datetime, until: datetime) -> RunResult:
        """Normalises the archived documents of a span again, oldest first.

        Past ones mend history and nothing else; the latest of its name says again what is so now.
        """
        records = await self.store.read(lambda reader: reader.documents(self.tenant, feed.name, since, until))
        latest = await self.store.read(
            lambda reader: {one.name: reader.latest_document(self.tenant, feed.name, one.name) for one in records}
        )
        now = feed.clock.now()
        result = RunResult()
        for is_past in (True, False):
            chosen = [one for one in records if (one != latest[one.name]) == is_past]
            deliveries = [one for record in chosen if (one := await self._redeliver(feed, record)) is not None]
            if deliveries:
                run = Run(feed.name, now, now, "applied", deliveries=tuple(deliveries), replayed=is_past)
                result = result.plus(await self.store.ingest(self.tenant, run))
        return result

    async def _redeliver(self, feed: Feed, record: DocumentRecord) -> Delivery | None:
        """One document again; one that cannot be read any more does not stop the others."""
        try:
            return await self._deliver(feed, self._archived(record), is_new=False)
        except (SourceChanged, FileNotFoundError) as error:
            log.warning("Feed %s: %s of %s is not replayed: %s", feed.name, record.name, record.first_at, error)
            return None

    def _archived(self, record: DocumentRecord) -> Document:
        return Document(
            record.name,
            self.archive.get(record.digest),
            record.first_at,
            record.url,
            record.media_type,
            record.modified_at,
        )

    async def _is_news(self, feed: Feed, document: Document) -> bool:
        """Archives the document before anything is made of it; whether it is another than the one applied last."""
        await asyncio.to_thread(self.archive.keep, document.digest, document.content)
        return await self.store.add_document(self.tenant, feed.name, document)

    async def _deliver(self, feed: Feed, document: Document, *, is_new: bool = True) -> Delivery:
        batch = await self._normalise(feed, document)
        known = await self.references.known_to(feed.refers_to) if feed.refers_to else None
        facts = Facts(document.fetched_at, feed.connector.emits(feed.config), self.box, known)
        examined = await asyncio.to_thread(examine, batch, facts)  # large batches must not hold the loop
        rows = await self.store.read(lambda reader: reader.unknown_rows(self.tenant, examined.accepted))
        datasets = [await self._keep(feed, dataset, document) for dataset in batch.datasets if is_new]
        return Delivery(
            document=document,
            rows=(*rows, *(_announcement(dataset) for dataset in datasets)),
            notices=(*batch.notices, *examined.notices, *(notice for _, notice in examined.held)),
            held=len(examined.held),
            held_ids=frozenset(row.entity.id for row, _ in examined.held),
            covers=batch.covers,
            transient=feed.connector.manifest.transient,
            data_at=_data_clock(batch, examined.accepted, document.fetched_at),
            seen=len(examined.accepted),
            datasets=tuple(datasets),
        )

    async def _keep(self, feed: Feed, dataset: Dataset, document: Document) -> DatasetRecord:
        """Puts a dataset's content on disk before anything announces it."""
        await asyncio.to_thread(self.references.keep, dataset.digest, dataset.keys)
        await asyncio.to_thread(self.store.datasets.keep, dataset.digest, dataset.content)
        return DatasetRecord(
            feed=feed.name,
            kind=dataset.kind,
            version=dataset.version,
            media_type=dataset.media_type,
            size=len(dataset.content),
            digest=dataset.digest,
            valid_from=dataset.valid_from,
            valid_until=dataset.valid_until,
            licence=feed.licence,
            attribution=feed.attribution,
            created_at=document.fetched_at,
        )

    async def _normalise(self, feed: Feed, document: Document) -> Batch:
        """A connector's own fault is told like a changed source: the document is kept, the last state stays."""
        try:
            return await self.workers.normalise(feed, document)
        except NormaliseFailed as error:
            log.error("The connector %s fails on %s: %s", feed.connector.manifest.name, document.name, error)  # noqa: TRY400
            raise SourceChanged(f"{document.name} cannot be normalised: {error}") from None


def _outcome_of(error: SourceError) -> RunOutcome:
    """By what the runner must do; a connector may have errors of its own below these."""
    if isinstance(error, SourceUnavailable):
        return "source_unavailable"
    return "source_refused" if isinstance(error, SourceRefused) else "source_changed"


def _announcement(of: DatasetRecord) -> Row:
    """The one entity that tells of a dataset's newest version."""
    news = DatasetNews(
        of.feed,
        of.kind,
        of.version,
        of.media_type,
        of.size,
        of.digest,
        of.licence,
        of.attribution,
        of.valid_from,
        of.valid_until,
    )
    return Row(news.to_entity(), f"datasets/{of.feed}")


def _data_clock(batch: Batch, rows: tuple[Row, ...], fetched_at: datetime) -> datetime | None:
    """The data's own clock: its newest observation; the document's clock only where no row has one.

    A document made anew every hour from yesterday's data is a day old.
    """
    clocks = [at for row in rows if (at := row.entity.latest_observation()) is not None]
    if clocks:
        return max(clocks)
    # A document from the future would make the feed fresh for as long as its clock is wrong.
    return batch.as_of if batch.as_of is not None and batch.as_of <= fetched_at + TOLERANCE else None
