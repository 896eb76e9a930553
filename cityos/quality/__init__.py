"""One rule per file: a batch in, what is wrong with its rows out. A row is accepted or held (保留), never altered."""

from cityos.quality.examination import Examined, examine
from cityos.quality.rule import Facts, Finding, Known

__all__ = ["Examined", "Facts", "Finding", "Known", "examine"]
