"""One notification to one endpoint: an HTTP POST through the guarded egress, or an MQTT message (clause 7)."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote, urlsplit

from cityos.bus.address import BrokerAddress
from cityos.bus.contract import BusUnavailable
from cityos.bus.outlet import MqttOutlet, Target
from cityos.egress.guard import ENDPOINT_SCHEMES, AddressRefused, Guard
from cityos.egress.http import FetchFailed, FetchRefused
from cityos.egress.posting import Poster
from cityos.ngsi.endpoint import Endpoint
from cityos.notify.delivery import DeliveryFailed
from cityos.notify.notification import Notification

_DEADLINE_S = 10.0
_LOOKUP_S = 1.0
_PORTS = {"http": 80, "https": 443, "mqtt": 1883, "mqtts": 8883}
# Of the answers that say "not this way", those that may change by themselves (RFC 9110, 15.5).
_PASSING = frozenset((408, 425, 429))


class Sending:
    """Knows both ways. Addresses come from strangers: the guard is asked about each."""

    def __init__(self, guard: Guard, poster: Poster, outlet: MqttOutlet) -> None:
        self._guard = guard
        self._poster = poster
        self._outlet = outlet

    async def send(self, notification: Notification, endpoint: Endpoint) -> None:
        """Delivers a notification. Raises DeliveryFailed."""
        if endpoint.is_mqtt:
            await self._send_mqtt(notification, endpoint)
        else:
            await self._send_http(notification, endpoint)

    async def _send_http(self, notification: Notification, endpoint: Endpoint) -> None:
        deadline_s = endpoint.timeout_s or _DEADLINE_S
        try:
            status = await self._poster.post(
                endpoint.uri, notification.body, notification.headers, deadline_s=deadline_s
            )
        except FetchFailed as error:
            raise DeliveryFailed(str(error)) from None
        except FetchRefused as error:
            raise DeliveryFailed(str(error), is_final=True) from None
        if not 200 <= status < 300:
            is_final = 300 <= status < 500 and status not in _PASSING
            raise DeliveryFailed(f"the endpoint answers {status}", is_final=is_final)

    async def _send_mqtt(self, notification: Notification, endpoint: Endpoint) -> None:
        try:
            target = await _target(endpoint, self._guard)
            async with asyncio.timeout(endpoint.timeout_s or _DEADLINE_S):
                await self._outlet.send(target, endpoint.topic, notification.mqtt_payload(), endpoint.qos)
        except AddressRefused as error:
            raise DeliveryFailed(str(error), is_final=True) from None
        except (BusUnavailable, OSError) as error:  # TimeoutError is an OSError
            raise DeliveryFailed(str(error) or "no acknowledgement in time") from None


async def _target(endpoint: Endpoint, guard: Guard) -> Target:
    guard.check_address(endpoint.uri, ENDPOINT_SCHEMES)
    parts = urlsplit(endpoint.uri)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    user, password = (None if said is None else unquote(said) for said in (parts.username, parts.password))
    ips = await guard.resolve(host, port)
    return Target(BrokerAddress(parts.scheme, host, port, user=user, password=password), tuple(ips), endpoint.version)


async def check_endpoint(endpoint: Endpoint, guard: Guard) -> None:
    """Refuses an address that must not be reached, when it is taken down. Raises AddressRefused.

    A name that is not found, or not in time, may be found later: it is judged again whenever it is connected to.
    """
    guard.check_address(endpoint.uri, ENDPOINT_SCHEMES)
    parts = urlsplit(endpoint.uri)
    try:
        async with asyncio.timeout(_LOOKUP_S):
            await guard.resolve(parts.hostname or "", parts.port or _PORTS[parts.scheme])
    except (OSError, UnicodeError):
        return
