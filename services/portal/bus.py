"""From what the transit service answers to what the page shows of buses. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cityos.client.words import Language, age_in_words
from services.portal.text import TEXTS
from services.portal.wording import JST, clip

_COLOUR = re.compile("[0-9A-Fa-f]{6}")


class Unfit(ValueError):
    """The transit service answers in a form that is not known here."""


@dataclass(frozen=True, slots=True)
class BusRow:
    """One departure. `was` is the timetable's time where another is expected; `colour` six hex digits or "".

    `where` is its line and platform.
    """

    time: str
    was: str
    colour: str
    headsign: str
    where: str
    said: str
    is_warning: bool


@dataclass(frozen=True, slots=True)
class Board:
    """One stop. `notes` say how far its times can be trusted; `nothing` why there are no departures."""

    name: str
    rows: tuple[BusRow, ...]
    notes: tuple[str, ...]
    nothing: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What the transit service said: the answers of each stop asked for, by name. `lost_s`: real seconds since it did.

    `answers` holds a problem (404) as it was told; a stop nothing was ever heard of is missing. Where only one stop may
    have been meant, its answer stands beside.
    """

    stop: str
    answers: Mapping[str, Mapping[str, Any]]
    lost_s: float | None = None


@dataclass(frozen=True, slots=True)
class Buses:
    """The page's part on buses; `stop` is what was searched for, `like` are names that may have been meant."""

    stop: str
    warning: str
    alerts: tuple[str, ...]
    boards: tuple[Board, ...]
    not_found: str
    like: tuple[str, ...]


def compose_buses(heard: Heard, language: Language) -> Buses:
    """The part on buses. Raises Unfit."""
    text = TEXTS[language]
    warning = "" if heard.lost_s is None else text.transit_lost
    if heard.lost_s is not None and heard.answers:
        warning = text.transit_old.format(age=age_in_words(timedelta(seconds=heard.lost_s), language))
    try:
        told_boards = [one for told in heard.answers.values() for one in told.get("boards", ())]
        boards = [_board(one, language) for one in told_boards]
        alerts = [said for one in told_boards for alert in one["alerts"] if (said := _alert(alert, language))]
        like = [clip(str(one["name"])) for told in heard.answers.values() for one in told.get("like", ())]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unfit(f"the transit service's answer is not readable: {error!r}") from error
    is_missing = bool(heard.stop) and bool(heard.answers) and not boards
    not_found = text.stop_not_found.format(stop=clip(heard.stop)) if is_missing else ""
    if boards and like:
        not_found = text.shown_instead.format(stop=clip(heard.stop), name=like[0])
    return Buses(
        stop=heard.stop,
        warning=warning,
        alerts=tuple(dict.fromkeys(alerts)),
        boards=tuple(boards),
        not_found=not_found,
        like=tuple(dict.fromkeys(like)) if is_missing else (),
    )


def _board(told: Mapping[str, Any], language: Language) -> Board:
    feed, stop = told["feed"], told["stop"]
    notes = [str(feed["realtime"][language])]
    if feed["state"] not in ("fresh", "late"):
        label = str(feed["stateLabel"][language])
        notes.append(TEXTS[language].timetable_state.format(state=label))
    if feed["attribution"]:
        notes.append(TEXTS[language].source + str(feed["attribution"]))
    return Board(
        name=_named(stop, language),
        rows=tuple(_row(one, language) for one in told["departures"]),
        notes=tuple(map(clip, notes)),
        nothing=clip(str(told["nothing"][language])) if "nothing" in told else "",
    )


def _row(told: Mapping[str, Any], language: Language) -> BusRow:
    text = TEXTS[language]
    planned = datetime.fromisoformat(told["scheduledAt"])
    expected = datetime.fromisoformat(told["expectedAt"]) if told["expectedAt"] else planned
    platform = told["platform"]
    code = "" if platform is None or not platform["code"] else text.platform.format(code=platform["code"])
    colour = str(told["line"]["color"])
    was = _clock(planned) if _clock(expected) != _clock(planned) else ""
    english = told["headsignEn"] if language == "en" else ""
    return BusRow(
        time=_clock(expected),
        was=text.planned_time.format(time=was) if was else "",
        colour=colour if _COLOUR.fullmatch(colour) else "",
        headsign=text.bound_for.format(place=clip(str(english or told["headsign"]))),
        where=(", " if language == "en" else "　").join(
            one for one in (_named(told["line"], language), clip(code)) if one
        ),
        said=clip(str(told["said"][language])),
        is_warning=told["status"] != "running",
    )


def _alert(told: Mapping[str, Any], language: Language) -> str:
    parts: Sequence[object] = (told[language]["header"], told[language]["text"])
    return clip((": " if language == "en" else "：").join(str(part) for part in parts if part))


def _named(told: Mapping[str, Any], language: Language) -> str:
    return clip(str((told["nameEn"] if language == "en" else "") or told["name"]))


def _clock(instant: datetime) -> str:
    local = instant.astimezone(JST)
    return f"{local.hour}:{local.minute:02}"
