"""A connector as bad as its document tells it to be; workers find it through an entry point, as any outside package."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import ClassVar

from cityos.connector import (
    Batch,
    Cadence,
    Config,
    Connector,
    Document,
    Fetcher,
    Manifest,
    Row,
    SourceChanged,
    SourceRefused,
)
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.value import Json

ZONE = "urn:t:Zone"
_HOUR = timedelta(hours=1)


class KeyExpired(SourceRefused):
    """An error of this connector's own."""


class FickleConfig(Config):
    """`fails` is how fetching goes wrong, empty for not at all."""

    url: str = "http://source.example/a.csv"
    fails: str = ""


class Fickle(Connector[FickleConfig]):
    """Lines of `id,value`; a line of one word is an order."""

    manifest: ClassVar[Manifest] = Manifest(
        name="fickle",
        title="試験",
        provider="試験",
        licence="CC0-1.0",
        attribution="試験",
        emits=frozenset((ZONE,)),
        cadence=Cadence(poll=_HOUR, every=_HOUR),
        stale_after=_HOUR,
    )
    config_type = FickleConfig

    async def fetch(self, config: FickleConfig, fetcher: Fetcher) -> AsyncIterator[Document]:
        if config.fails == "bug":
            raise KeyError("token")
        if config.fails == "expired":
            raise KeyExpired("the key of source.example has expired")
        async for document in super().fetch(config, fetcher):
            yield document

    def normalise(self, document: Document, config: FickleConfig) -> Batch:
        rows = []
        for number, line in enumerate(document.content.decode().split(), 1):
            local, comma, value = line.partition(",")
            if not comma:
                _obey(line)
            held: Json = math.nan if value == "nan" else value
            rows.append(
                Row(Entity(f"urn:e:{local}", (ZONE,), {"urn:a:a": {"": Instance("Property", held)}}), f"{number}")
            )
        return Batch.of(rows, covers=(ZONE,))


def _obey(order: str) -> None:
    if order == "sleep":
        time.sleep(60)
    elif order == "eat":
        bytearray(1 << 40)
    elif order == "die":
        os._exit(3)
    elif order == "print":
        sys.stdout.write("hello\n")
    elif order == "change":
        raise SourceChanged("the column 工区 is gone")
    elif order == "raise":
        raise ZeroDivisionError("by a bug")


connector = Fickle()
