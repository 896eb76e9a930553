"""Whether what a service answers is up to date, in words: the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cityos.client.mirror import Mirror
from cityos.client.words import age_in_words

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class HubContact:
    """The hub in touch, or how long ago it last was (real seconds; None: never)."""

    reachable: bool
    age_s: float | None

    def to_json(self) -> Json:
        """For people and programs."""
        age = None if self.age_s is None else timedelta(seconds=self.age_s)
        return {
            "reachable": self.reachable,
            "ageSeconds": None if self.age_s is None else round(self.age_s),
            "ja": "市のデータ基盤につながっています" if self.reachable else _lost_ja(age),
            "en": "The city's data hub is reachable" if self.reachable else _lost_en(age),
        }


def contact_of(mirror: Mirror) -> HubContact:
    """That of a mirror."""
    return HubContact(mirror.trouble is None, mirror.age_s)


def _lost_ja(age: timedelta | None) -> str:
    if age is None:
        return "市のデータ基盤につながらず、まだ情報を受け取れていません"
    return f"市のデータ基盤につながりません。{age_in_words(age, 'ja')}に受け取った情報です"


def _lost_en(age: timedelta | None) -> str:
    if age is None:
        return "The city's data hub is not reachable, and nothing has been received yet"
    return f"The city's data hub is not reachable. This was received {age_in_words(age, 'en')}"
