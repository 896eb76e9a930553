"""Settings are read once and refuse what is weak."""

from __future__ import annotations

import pytest

from cityos.settings import DEFAULT_URL, LOOPBACK, SettingError, Settings, check_bind, is_loopback


def test_without_environment_there_are_defaults() -> None:
    assert Settings.read({}) == Settings(url=DEFAULT_URL)
    assert Settings.read({"CITYOS_API_KEY": "", "CITYOS_URL": "", "CITYOS_BROKER_URL": ""}) == Settings()


def test_what_is_set_is_read() -> None:
    said = {
        "CITYOS_API_KEY": "k" * 16,
        "CITYOS_BROKER_URL": "mqtt://b:1883",
        "CITYOS_DATABASE_URL": "postgresql://u:p@d/city",
        "CITYOS_URL": "http://h:1",
        "CITYOS_CORS_ORIGINS": "https://map.example, http://127.0.0.1:3000",
    }
    assert Settings.read(said) == Settings(
        api_key="k" * 16,
        broker_url="mqtt://b:1883",
        database_url="postgresql://u:p@d/city",
        url="http://h:1",
        cors_origins=("https://map.example", "http://127.0.0.1:3000"),
    )


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CITYOS_DATABASE_URL", "mysql://h/d", "postgresql://"),
        ("CITYOS_CORS_ORIGINS", "map.example", "origins such as"),
        ("CITYOS_CORS_ORIGINS", "https://map.example/page", "origins such as"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_can(name: str, value: str, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        Settings.read({name: value})


def test_a_short_key_is_refused_with_the_way_to_make_one() -> None:
    with pytest.raises(SettingError, match="openssl rand -hex 16"):
        Settings.read({"CITYOS_API_KEY": "k" * 15})


@pytest.mark.parametrize(
    ("host", "holds"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_loopback_is_told_by_the_address(host: str, holds: bool) -> None:
    assert is_loopback(host) is holds


def test_networks_that_may_be_reached_are_read() -> None:
    read = Settings.read({"CITYOS_EGRESS_ALLOW": f" 10.0.0.0/8 ,, {LOOPBACK}"})
    assert [str(one) for one in read.egress_allow] == ["10.0.0.0/8", "127.0.0.0/8", "::1/128"]


@pytest.mark.parametrize("said", ["10.0.0.1/8", "example.org", "10.0.0.0/8 192.168.0.0/16", "*"])
def test_what_is_no_network_is_told_with_an_example(said: str) -> None:
    with pytest.raises(SettingError, match=r"CITYOS_EGRESS_ALLOW holds .* such as 10\.0\.0\.0/8"):
        Settings.read({"CITYOS_EGRESS_ALLOW": said})


def test_serving_others_needs_a_key() -> None:
    check_bind("127.0.0.1", Settings())
    check_bind("0.0.0.0", Settings(api_key="k" * 16))
    with pytest.raises(SettingError, match="CITYOS_API_KEY"):
        check_bind("0.0.0.0", Settings())


@pytest.mark.parametrize("said", ["0", "-1", "many", "1.5", "10000000"])
def test_a_page_of_the_past_is_a_whole_number(said: str) -> None:
    with pytest.raises(SettingError, match="CITYOS_HISTORY_PAGE"):
        Settings.read({"CITYOS_HISTORY_PAGE": said})
    assert Settings.read({"CITYOS_HISTORY_PAGE": "500"}).history_page == 500
