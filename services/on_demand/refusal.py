"""Why something is not possible, and what to do instead, in Japanese and English."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Said:
    """A reason as people and programs are told it. `status` is the HTTP status."""

    status: int
    code: str
    ja: str
    en: str


class Reason(Enum):
    """Every reason there is."""

    UNREADABLE = Said(400, "unreadable", "依頼の形式が正しくありません", "The request does not have the right form")
    KEY_REQUIRED = Said(401, "key_required", "乗務員用のキーが必要です", "The driver's key is required")
    NOT_FOUND = Said(404, "not_found", "見つかりません", "There is no such thing here")
    UNKNOWN_POINT = Said(
        422, "unknown_meeting_point", "その乗降場所はありません。GET /meeting-points の id を使ってください",
        "There is no such meeting point in service; use an id of GET /meeting-points",
    )  # fmt: skip
    OUTSIDE_AREA = Said(
        422, "outside_area", "運行区域の外です。区域内の場所を選んでください",
        "The place is outside the service area; choose one inside it",
    )  # fmt: skip
    TOO_FAR_TO_WALK = Said(
        422, "too_far_to_walk", "歩ける範囲に乗降場所がありません。近くの乗降場所を選んでください",
        "No meeting point is within walking distance; choose a meeting point",
    )  # fmt: skip
    SAME_PLACE = Said(
        422, "same_place", "乗る場所と降りる場所が同じです", "The ride would begin and end at the same meeting point"
    )  # fmt: skip
    IN_THE_PAST = Said(422, "in_the_past", "過ぎた時刻です。これからの時刻を選んでください",
        "The time has passed; choose a later one",
    )  # fmt: skip
    TOO_FAR_AHEAD = Said(
        422, "too_far_ahead", "まだ予約を受け付けていない日です。もう少し後で予約してください",
        "Booking for that day has not opened; book nearer to the day",
    )  # fmt: skip
    OUTSIDE_HOURS = Said(
        422, "outside_hours", "運行時間の外です",
        "Vehicles do not run at that time",
    )  # fmt: skip
    PARTY_TOO_LARGE = Said(
        422, "party_too_large", "一台に乗れる人数を超えています。分けて予約してください",
        "No vehicle holds so many; book the party in parts",
    )  # fmt: skip
    NO_VEHICLE = Said(
        409, "no_vehicle", "その時間に間に合う車がありません。ほかの時刻で試してください",
        "No vehicle can be there in time; try another time",
    )  # fmt: skip
    QUOTE_EXPIRED = Said(
        409, "quote_expired", "この見積もりは期限が切れました。もう一度見積もりを取ってください",
        "The quote has expired; ask for a new quote",
    )  # fmt: skip
    PICKUP_PASSED = Said(
        409, "pickup_passed", "この見積もりの乗車時刻はすでに過ぎました。もう一度見積もりを取ってください",
        "The pick-up time of the quote has passed; ask for a new quote",
    )  # fmt: skip
    QUOTE_TAKEN = Said(
        409, "quote_taken", "この見積もりはすでに予約に使われました。新しい見積もりを取ってください",
        "The quote has already become a ride; ask for a new quote",
    )  # fmt: skip
    SEAT_GONE = Said(
        409, "seat_gone", "先にほかの予約が入り、席がなくなりました。もう一度見積もりを取ってください",
        "Somebody else has booked in the meantime; ask for a new quote",
    )  # fmt: skip
    KEY_REUSED = Said(
        422, "idempotency_key_reused", "この Idempotency-Key は別の見積もりに使われています",
        "The Idempotency-Key stands for another quote; make a new key for each ride",
    )  # fmt: skip
    TOO_LATE_TO_CANCEL = Said(
        409, "too_late_to_cancel", "すでに乗車が始まったか終わったため、取り消せません",
        "The ride has begun or ended and can no longer be cancelled",
    )  # fmt: skip
    WRONG_STOP = Said(
        409, "wrong_stop", "次に止まる場所ではありません。GET /vehicles/{id}/stops の順番を確かめてください",
        "It is not the stop the vehicle is at or drives to next; see GET /vehicles/{id}/stops",
    )  # fmt: skip
    WRONG_EVENT = Said(
        409, "wrong_event", "この停車では報告できません（乗車は乗る場所、降車は降りる場所で）",
        "Nothing of that kind can be told of this stop: people board at pick-ups and alight at drop-offs",
    )  # fmt: skip
    TOO_EARLY_TO_LEAVE = Said(
        409, "too_early_to_leave", "約束の時刻までお待ちください。不在の報告はその後にできます",
        "Wait until the promised time; only then can a no-show be told",
    )  # fmt: skip


class Refused(Exception):
    """A request that cannot be met. `detail` tells what is particular to this one.

    `next_at`: from when on it could be (seconds since 1970 UTC), where that is known.
    """

    def __init__(self, reason: Reason, detail: str = "", next_at: float | None = None) -> None:
        super().__init__(detail or reason.value.en)
        self.reason, self.detail, self.next_at = reason, detail, next_at
