"""A city file is read whole or refused with the place and the reason."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cityos.city_file import CityFile, CityFileError
from cityos.clock import REAL

_ROOT = Path(__file__).parents[2]
_CITY = '[city]\nname = "yukino"\ntitle = "雪野市"\n'
_FEED = (
    '[[feeds]]\nname = "koku"\nconnector = "snow_removal"\nconfig = { url = "http://source.example/${KEY}/koku.csv" }\n'
)


def _read(directory: Path, text: str, environment: dict[str, str] | None = None) -> CityFile:
    path = directory / "city.toml"
    path.write_text(text, "utf-8")
    return CityFile.read(path, {"KEY": "secret"} if environment is None else environment)


@pytest.mark.parametrize("path", sorted((_ROOT / "cities").glob("*.toml")), ids=lambda path: path.stem)
def test_the_cities_of_this_repository_can_be_read(path: Path) -> None:
    city = CityFile.read(path, {})
    assert city.feeds(REAL)
    assert city.retention.changes > 0


def test_a_feed_refers_to_another_feed_of_the_city(tmp_path: Path) -> None:
    two = _CITY + _FEED + 'refers_to = "bus"\n' + _FEED.replace("koku", "bus", 1)
    assert [feed.refers_to for feed in _read(tmp_path, two).feeds(REAL)] == ["bus", ""]
    for wrong in ("koku", "nobody"):
        with pytest.raises(CityFileError, match=rf"feed koku: refers_to is '{wrong}', which is no other feed"):
            _read(tmp_path, _CITY + _FEED + f'refers_to = "{wrong}"\n').feeds(REAL)


def test_secrets_come_from_the_environment(tmp_path: Path) -> None:
    (feed,) = _read(tmp_path, _CITY + _FEED).feeds(REAL)
    assert feed.config.requests()[0].url == "http://source.example/secret/koku.csv"
    with pytest.raises(CityFileError, match="environment variable KEY"):
        _read(tmp_path, _CITY + _FEED, {})


def test_a_feed_has_the_connectors_rhythm_unless_the_city_says_otherwise(tmp_path: Path) -> None:
    (feed,) = _read(tmp_path, _CITY + _FEED).feeds(REAL)
    assert feed.cadence == feed.connector.manifest.cadence
    assert (feed.title, feed.provider) == (feed.connector.manifest.title, feed.connector.manifest.provider)
    said = 'every = "10m"\ngrace = "0s"\nstale_after = "2d"\nseason = ["11-15", "02-29"]\ntitle = "工区"\n'
    (feed,) = _read(tmp_path, _CITY + _FEED + said).feeds(REAL)
    assert (feed.cadence.every, feed.cadence.at) == (timedelta(minutes=10), ())
    assert (feed.cadence.grace, feed.stale_after) == (timedelta(), timedelta(days=2))
    assert feed.cadence.calendar.season == ((11, 15), (2, 29))
    assert feed.title == "工区"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not toml", "is not TOML"),
        ("", "city: Field required"),
        ('[city]\nname = "雪野"\ntitle = "x"\n', r"city\.name"),
        ('[city]\nname = "yukino-internal"\ntitle = "x"\n', r"city\.name"),
        (_CITY + "speed = 0\n", r"city\.speed"),
        (_CITY + "starts_at = 2026-01-15T05:00:00\n", r"city\.starts_at.*timezone"),
        (_CITY + "colour = 1\n", r"city\.colour: Extra"),
        (_CITY + "[retention]\nchanges_days = 0\n", r"retention\.changes_days"),
        (_CITY + _FEED + 'poll = "soon"\n', r"feeds\.0\.poll.*'soon' is not a span such as 30s"),
        (_CITY + _FEED + 'season = ["13-01", "02-01"]\n', "'13-01' is not a month and day"),
        (_CITY + '[[recordings]]\nurl = "u"\nat = 2026-01-15T05:00:00\nfile = "f"\n', r"recordings\.0\.at.*timezone"),
        (
            _CITY + '[[recordings]]\nurl = "u"\nat = 2026-01-15T05:00:00Z\nfile = "f"\nzone = "Asia/Tokio"\n',
            "'Asia/Tokio' is not a time zone",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(CityFileError, match=told):
        _read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (_FEED + _FEED, "two feeds are named koku"),
        (_FEED.replace("snow_removal", "nothing"), "feed koku: There is no connector nothing; there are"),
        (_FEED.replace("url =", "uri ="), r"feed koku: config\.(url|uri)"),
        (_FEED + 'every = "1h"\nat = [17:00:00]\n', "feed koku: say either every or at"),
    ],
)
def test_a_feed_that_cannot_be_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(CityFileError, match=told):
        _read(tmp_path, _CITY + text).feeds(REAL)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CityFileError, match="cannot be read: No such file"):
        CityFile.read(tmp_path / "none.toml")


def test_recordings_lie_below_a_directory(tmp_path: Path) -> None:
    said = '[[recordings]]\nurl = "http://a/"\nat = 2026-01-15T05:00:00Z\nfile = "x.csv"\nlag = "5m"\n'
    (recording,) = _read(tmp_path, _CITY + said).recordings(Path("/shared"))
    assert (recording.path, recording.lag) == (Path("/shared/x.csv"), timedelta(minutes=5))
