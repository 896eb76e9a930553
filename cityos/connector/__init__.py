"""The connector contract: what a source's reader declares, is handed and gives back. All a connector may import."""

from cityos.connector.batch import Batch, Dataset, Notice, Row, Severity
from cityos.connector.cadence import Cadence, Calendar
from cityos.connector.contract import Config, Connector, Fetcher, Manifest, Request
from cityos.connector.document import Document
from cityos.connector.error import SourceChanged, SourceError, SourceRefused, SourceUnavailable

__all__ = [
    "Batch",
    "Cadence",
    "Calendar",
    "Config",
    "Connector",
    "Dataset",
    "Document",
    "Fetcher",
    "Manifest",
    "Notice",
    "Request",
    "Row",
    "Severity",
    "SourceChanged",
    "SourceError",
    "SourceRefused",
    "SourceUnavailable",
]
