"""What CITYOS_BROKER_URL may say."""

from __future__ import annotations

import pytest

from cityos.bus.address import BrokerAddress


@pytest.mark.parametrize(
    ("said", "url", "transport", "encrypted"),
    [
        ("mqtt://broker", "mqtt://broker:1883", "tcp", False),
        ("mqtts://broker", "mqtts://broker:8883", "tcp", True),
        ("ws://broker", "ws://broker:80/mqtt", "websockets", False),
        ("wss://broker:444/bus", "wss://broker:444/bus", "websockets", True),
        ("mqtt://u:p@[::1]:1884", "mqtt://[::1]:1884", "tcp", False),
    ],
)
def test_every_form_is_understood(said: str, url: str, transport: str, encrypted: bool) -> None:
    address = BrokerAddress.parse(said)
    assert (address.url, address.transport, address.encrypted) == (url, transport, encrypted)


def test_password_is_decoded_and_never_shown() -> None:
    address = BrokerAddress.parse("mqtt://hub:se%2Fcret@broker")
    assert (address.user, address.password) == ("hub", "se/cret")
    assert "cret" not in repr(address) + address.url


@pytest.mark.parametrize(
    "url", ["", "broker:1883", "http://broker", "mqtt://", "mqtt://broker/path", "ws://b/mqtt?x=1"]
)
def test_other_forms_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="Broker URL"):
        BrokerAddress.parse(url)
