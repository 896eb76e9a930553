from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import pytest

from cityos.client import FeedStatus
from cityos.client.words import Language
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE, ClaimCode, SnowRemoval
from services.portal.bus import Heard
from services.portal.page import Known, Page, compose, render, render_nothing_yet
from services.portal.text import EN, JA, TEXTS
from tests.services.portal.answers import answer, departure
from tests.services.portal.test_ride import SERVICE, VAN

_NOW = datetime(2026, 1, 15, 23, 5, tzinfo=UTC)
_LARGEST_BYTES = 14 * 1024  # what one round trip carries on a new connection
_LANGUAGES: tuple[Language, ...] = ("ja", "en")
_STATE = SnowRemoval(
    SNOW_REMOVAL_ZONE, "A-1", "Ａ－１", "作業中", ClaimCode.ORDERED,
    _NOW - timedelta(hours=3), "作業を指令し、その日の夜から始めるもの", planned_on=date(2026, 1, 16),
)  # fmt: skip
_FEED = FeedStatus(
    "snow_removal", "除雪の状況", "fresh", "正常", "fresh", _NOW - timedelta(hours=3), None, _NOW, None, None, 1, 0, 0,
    "雪野市", "CC-BY-4.0", "雪野市オープンデータ", "道路維持課", "０１７−７００−００００",
)  # fmt: skip
_HOSTILE = "\"><script>alert(1)</script><img src=x onerror='x'>{{ 7*7 }}&amp;\u202e"


@dataclass
class Reading(HTMLParser):
    """What a browser would make of the page."""

    html: str
    tags: Counter[str] = field(default_factory=Counter)
    attributes: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    _void = frozenset(("meta", "link", "input"))

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes.append((tag, dict(attrs)))
        if tag not in self._void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in self.open, f"</{tag}> closes nothing"
        while self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.attributes if name == tag]


def _known(states: Sequence[SnowRemoval] = (_STATE,), feeds: Sequence[FeedStatus] = (_FEED,)) -> Known:
    return Known(_NOW, [state.to_entity("snow_removal") for state in states], feeds)


def _read(known: Known, language: Language = "ja", query: str = "") -> Reading:
    return Reading(render(compose(known, language, query)))


def _many(count: int) -> list[SnowRemoval]:
    codes = list(ClaimCode)
    return [
        replace(
            _STATE,
            local_id=str(number),
            name=f"第{number}工区",
            claim_code=codes[number % len(codes)],
            claim=["作業中", "現場確認中", "作業予定あり"][number % 3],
            claimed_at=_NOW - timedelta(minutes=37 * number),
            remark=f"備考{number * 7919 % 1000}",
        )
        for number in range(count)
    ]


def test_a_zone_shows_word_meaning_age_and_evidence() -> None:
    text = _read(_known()).text
    for said in (
        "Ａ－１ 作業中 作業を指令し、その日の夜から始めるもの",
        "作業の予定日： 1月16日（金）",
        "3時間前に更新 1月16日（金）5時05分",
        "作業は観測できません",
        "「作業中」とあっても、今そこで除雪車が動いているとはかぎりません。",
    ):
        assert said.replace(" ", "") in text.replace(" ", "")


def test_a_feed_shows_state_age_owner_and_a_telephone_to_press() -> None:
    page = _read(_known())
    assert "○ 正常" in page.text
    assert "3時間前の情報" in page.text
    assert "道路維持課" in page.text
    assert "tel:0177000000" in [link["href"] for link in page.all("a")]


def test_a_feed_without_a_clock_of_its_own_has_brought_something() -> None:
    text = _read(_known(feeds=[replace(_FEED, as_of=None, last_success_at=_NOW)])).text
    assert JA.undated in text
    assert JA.no_data not in text
    assert JA.no_data in _read(_known(feeds=[replace(_FEED, as_of=None, last_success_at=None)])).text


def test_a_search_leads_to_its_own_part_and_the_page_says_early_that_it_stands_still() -> None:
    page = Reading(render(compose(replace(_known(), heard=Heard("", {})), "ja", "A-1")))
    assert [form["action"] for form in page.all("form")] == ["/#bus", "/#snow"]
    assert page.text.index(JA.reload_note) < page.text.index(JA.bus_heading)


def test_an_old_claim_is_marked_in_words() -> None:
    old = replace(_STATE, claimed_at=_NOW - timedelta(hours=30))
    assert JA.stale in _read(_known([old])).text
    assert JA.unknown_age in _read(_known([replace(_STATE, claimed_at=None)])).text
    assert JA.stale not in _read(_known()).text


def test_the_english_page_keeps_the_citys_own_word_and_marks_it_as_japanese() -> None:
    page = _read(_known(), "en")
    assert "作業中 work is ordered and begins on that day" in page.text
    assert page.all("html")[0]["lang"] == "en"
    assert page.all("b")[0]["lang"] == "ja"
    assert "updated 3 hours ago" in page.text


@pytest.mark.parametrize("language", _LANGUAGES)
def test_200_zones_fit_into_one_round_trip(language: Language) -> None:
    html = render(compose(_known(_many(200), [_FEED] * 6), language))
    assert len(gzip.compress(html.encode(), 6)) <= _LARGEST_BYTES


@pytest.mark.parametrize("language", _LANGUAGES)
def test_hostile_text_from_a_source_stays_text(language: Language) -> None:
    state = replace(_STATE, name=_HOSTILE, claim=_HOSTILE, meaning=_HOSTILE, order=_HOSTILE, remark=_HOSTILE)
    feed = replace(
        _FEED, title=_HOSTILE, state_ja=_HOSTILE, state_en=_HOSTILE, licence=_HOSTILE, attribution=_HOSTILE,
        owner=_HOSTILE, telephone="javascript:alert(1)",
    )  # fmt: skip
    page = _read(_known([state], [feed]), language, query=_HOSTILE)
    plain = replace(state, name="x", claim="x", meaning="x", order="x", remark="x")
    quiet = replace(feed, title="x", state_ja="x", state_en="x", licence="x", attribution="x", owner="x")
    assert page.tags == _read(_known([plain], [quiet]), language, query="x").tags
    assert page.tags["script"] == page.tags["img"] == 0
    assert not [name for _, attributes in page.attributes for name in attributes if name.startswith("on")]
    assert _HOSTILE in "".join(page.words)
    assert "tel:1" in [link["href"] for link in page.all("a")]


def test_hostile_text_from_the_transit_service_stays_text() -> None:
    line = {"name": _HOSTILE, "nameEn": _HOSTILE, "color": _HOSTILE}
    said = {"ja": _HOSTILE, "en": _HOSTILE}
    hostile = departure(line=line, headsign=_HOSTILE, said=said, platform={"code": _HOSTILE})
    pages = [
        Reading(render(compose(replace(_known(), heard=Heard(_HOSTILE, {"x": told})), "ja")))
        for told in (answer(departure()), answer(hostile))
    ]
    assert pages[0].tags == pages[1].tags
    assert pages[1].tags["script"] == pages[1].tags["img"] == 0
    assert _HOSTILE in "".join(pages[1].words)


def test_each_search_keeps_what_the_other_found() -> None:
    page = Reading(render(compose(replace(_known(), heard=Heard("さくら", {})), "en", "A-1")))
    hidden = [(one["name"], one["value"]) for one in page.all("input") if one["type"] == "hidden"]
    assert hidden == [("lang", "en"), ("q", "A-1"), ("lang", "en"), ("stop", "さくら")]
    assert page.all("a")[0]["href"] == "/?q=A-1&stop=%E3%81%95%E3%81%8F%E3%82%89"


def test_endless_text_from_a_source_is_cut() -> None:
    endless = replace(_STATE, name="雪" * 100_000, remark="x" * 100_000)
    assert len(render(compose(_known([endless]), "ja"))) < 10_000


def test_zones_are_found_whatever_the_keyboard_gives() -> None:
    known = _known([_STATE, replace(_STATE, local_id="B", name="湯ﾉ沢工区")])
    for query in ("a-1", "Ａ−１", "Aー1", " a - 1 "):
        assert [zone.name for zone in compose(known, "ja", query).zones] == ["Ａ－１"]
    assert [zone.name for zone in compose(known, "ja", "ユノ沢").zones] == []
    assert [zone.name for zone in compose(known, "ja", "湯ノ沢").zones] == ["湯ﾉ沢工区"]


def test_a_search_without_result_says_so_and_leads_back() -> None:
    page = _read(_known(), "en", "zzz")
    assert "No zone has “zzz” in its name." in page.text
    assert "/?lang=en#snow" in [link["href"] for link in page.all("a")]
    assert page.all("input")[-1]["value"] == "zzz"


def test_a_lost_hub_is_said_first_and_feed_states_are_marked_as_past() -> None:
    page = _read(replace(_known(), lost_s=1900.0))
    assert "31分前に受け取った最後の情報です" in page.text
    assert "最後に確認したとき：正常" in page.text
    assert page.text.index("つながりません") < page.text.index("工区ごとの状況")


@pytest.mark.parametrize("language", _LANGUAGES)
def test_nothing_known_is_an_apology_not_an_empty_list(language: Language) -> None:
    page = Reading(render_nothing_yet(language))
    assert TEXTS[language].nothing_yet in page.text
    assert page.tags["table"] == 0


def test_entities_that_are_no_zones_are_counted_on_the_page() -> None:
    strange = _STATE.to_entity("f")
    strange.attributes = {name: values for name, values in strange.attributes.items() if not name.endswith("evidence")}
    strange.find("https://uri.etsi.org/ngsi-ld/default-context/plannedOn").value = "明日"  # type: ignore[union-attr]
    assert "読み取れない工区の情報が1件あり" in _read(Known(_NOW, [strange], [])).text


def _pages() -> list[Page]:
    known = _known(_many(5))
    lost = replace(known, lost_s=60.0)
    rides = [SERVICE.to_entity(), VAN.to_entity(_NOW)]
    gone = departure(status="cancelled", expectedAt=None)
    whole = replace(
        known, entities=[*known.entities, *rides], heard=Heard("", {"a": answer(departure(), gone), "b": answer()})
    )
    astray = replace(whole, heard=Heard("zz", {"zz": {"like": [{"name": "桜川"}]}}, 5.0))
    return [
        compose(one, language, query)
        for one in (known, lost, whole, astray)
        for language in _LANGUAGES
        for query in ("", "zzz")
    ]


@pytest.mark.parametrize("page", _pages(), ids=lambda page: f"{page.language}-{page.query}")
def test_the_page_is_accessible_by_construction(page: Page) -> None:
    """What of WCAG 2.2 AA a machine can see: language, title, headings, labels, captions, header cells, no script."""
    html = render(page)
    read = Reading(html)
    assert html.lstrip().startswith("<!doctype html>")
    assert read.open == []
    assert read.all("html")[0]["lang"] == page.language
    assert read.tags["title"] == read.tags["h1"] == read.tags["main"] == 1
    assert read.tags["caption"] == read.tags["table"]
    assert all("scope" in header for header in read.all("th"))
    assert {label["for"] for label in read.all("label")} == {
        one["id"] for one in read.all("input") if one["type"] != "hidden"
    }
    ids = [attributes["id"] for _, attributes in read.attributes if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert read.tags["script"] == 0
    assert "//" not in html, "nothing is loaded from elsewhere"
    labels = [attributes.get("aria-label") for tag, attributes in read.attributes if tag == "form"]
    assert len(set(labels)) == len(labels), "two searches have two names"
    anchors = {link["href"][1:] for link in read.all("a") if (link["href"] or "").startswith("#")}  # type: ignore[index]
    assert anchors <= set(ids)
    assert "width=device-width" in str(read.all("meta"))


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("#1a1a1a", "#fff"), ("#0b3d91", "#fff"), ("#8a1c00", "#fff"), ("#8a1c00", "#fff4ec"), ("#fff", "#0b3d91"),
        ("#1a1a1a", "#f2f6fc"), ("#1a1a1a", "#fff4ec"), ("#1a1a1a", "#e9edf2"), ("#1a1a1a", "#f6f7f9"),
    ],
)  # fmt: skip
def test_colours_of_the_style_have_the_contrast_of_level_aaa(text: str, ground: str) -> None:
    style = render(_pages()[0])
    assert text in style
    assert ground in style
    light, dark = sorted((_luminance(text), _luminance(ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 7


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_both_languages_fill_in_the_same_blanks() -> None:
    for one in fields(JA):
        japanese, english = getattr(JA, one.name), getattr(EN, one.name)
        assert sorted(_blanks(japanese)) == sorted(_blanks(english)), one.name


def _blanks(sentence: str) -> list[str]:
    return [part.split("}")[0] for part in sentence.split("{")[1:]]
