"""Lanes: each endpoint by itself, bounded, tried again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from cityos.ngsi.endpoint import Endpoint
from cityos.notify import delivery
from cityos.notify.delivery import Delivery, DeliveryFailed
from cityos.notify.notification import Notification

GOOD, BAD = Endpoint("http://good.example/"), Endpoint("http://bad.example/")


class World:
    """Endpoints as they are, and what the ledger heard."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []
        self.down: set[str] = set()
        self.refusing: set[str] = set()
        self.silent: set[str] = set()
        self.ledger: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter()

    async def send(self, notification: Notification, endpoint: Endpoint) -> None:
        self.attempts[endpoint.uri] += 1
        if endpoint.uri in self.silent:
            await asyncio.sleep(60)
        if endpoint.uri in self.down:
            raise DeliveryFailed("it is down")
        if endpoint.uri in self.refusing:
            raise DeliveryFailed("it refuses", is_final=True)
        self.taken.append((endpoint.uri, notification.seq))

    def delivered(self, tenant: str, subscription_id: str) -> None:
        self.ledger["delivered"] += 1

    def failed(self, tenant: str, subscription_id: str) -> None:
        self.ledger["failed"] += 1


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def lanes(world: World) -> AsyncIterator[Delivery]:
    made = Delivery(world.send, world, lane_limit=5, first_retry_s=0.01)
    yield made
    await made.close()


def told(seq: int, of: str = "s") -> Notification:
    return Notification(("default", of), seq, b"{}", ())


async def until_empty(lanes: Delivery) -> None:
    async with asyncio.timeout(5):
        while len(lanes):
            await asyncio.sleep(0.005)


async def test_notifications_of_an_endpoint_come_in_order(lanes: Delivery, world: World) -> None:
    for seq in range(5):
        lanes.put(told(seq), GOOD)
    await until_empty(lanes)
    assert world.taken == [(GOOD.uri, seq) for seq in range(5)]
    assert world.ledger == {"delivered": 5}


@pytest.mark.parametrize("how", ["down", "silent"])
async def test_a_dead_or_silent_endpoint_delays_nobody(lanes: Delivery, world: World, how: str) -> None:
    getattr(world, how).add(BAD.uri)
    for seq in range(3):
        lanes.put(told(seq, "bad"), BAD)
        lanes.put(told(seq, "good"), GOOD)
    async with asyncio.timeout(1):
        while len(world.taken) < 3:
            await asyncio.sleep(0.005)
    assert len(lanes) == 3


async def test_what_failed_is_tried_again_until_it_is_taken(lanes: Delivery, world: World) -> None:
    world.down.add(BAD.uri)
    lanes.put(told(1), BAD)
    lanes.put(told(2), BAD)
    await asyncio.sleep(0.1)
    world.down.clear()
    await until_empty(lanes)
    assert world.taken == [(BAD.uri, 1), (BAD.uri, 2)]
    assert world.ledger["failed"] >= 2
    assert world.ledger["delivered"] == 2


async def test_the_pauses_grow(world: World) -> None:
    lanes = Delivery(world.send, world, first_retry_s=0.01)
    world.down.add(BAD.uri)
    lanes.put(told(1), BAD)
    await asyncio.sleep(0.4)
    await lanes.close()
    assert 4 <= world.attempts[BAD.uri] <= 7, "0.01, 0.02, 0.04, ... seconds apart"


async def test_an_endpoint_that_wants_to_cool_down_is_left_alone(lanes: Delivery, world: World) -> None:
    """Clause 5.2.15: cooldown."""
    world.down.add(BAD.uri)
    lanes.put(told(1), Endpoint(BAD.uri, cooldown_s=30))
    await asyncio.sleep(0.1)
    assert world.attempts[BAD.uri] == 1


async def test_what_is_refused_is_not_tried_again(lanes: Delivery, world: World) -> None:
    world.refusing.add(BAD.uri)
    lanes.put(told(1), BAD)
    lanes.put(told(2), BAD)
    await until_empty(lanes)
    assert world.ledger == {"failed": 2}
    assert world.attempts[BAD.uri] == 2


async def test_beyond_the_limit_the_oldest_that_waits_is_dropped_and_counts_as_failed(
    lanes: Delivery, world: World
) -> None:
    world.silent.add(BAD.uri)
    lanes.put(told(0), BAD)
    await asyncio.sleep(0.01)  # it is on its way
    for seq in range(1, 8):
        lanes.put(told(seq), BAD)
    assert len(lanes) == 5
    assert world.ledger == {"failed": 3}
    assert lanes.oldest() == {("default", "s"): 0}


async def test_after_its_time_a_notification_is_given_up(world: World) -> None:
    lanes = Delivery(world.send, world, first_retry_s=0.01, give_up_s=0.05)
    world.down.add(BAD.uri)
    lanes.put(told(1), BAD)
    await until_empty(lanes)
    assert not world.taken
    await lanes.close()


async def test_what_waits_for_a_subscription_goes_with_it(lanes: Delivery, world: World) -> None:
    world.down.add(BAD.uri)
    lanes.put(told(1, "gone"), BAD)
    lanes.put(told(2, "stays"), BAD)
    await asyncio.sleep(0.02)
    lanes.forget("default", "gone")
    assert lanes.oldest() == {("default", "stays"): 2}
    world.down.clear()
    await until_empty(lanes)
    assert world.taken == [(BAD.uri, 2)]


async def test_a_fault_of_ours_stops_no_lane(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(notification: Notification, endpoint: Endpoint) -> None:
        if notification.seq == 1:
            raise ValueError("a fault")
        await world.send(notification, endpoint)

    lanes = Delivery(broken, world)
    lanes.put(told(1), GOOD)
    lanes.put(told(2), GOOD)
    await until_empty(lanes)
    assert world.taken == [(GOOD.uri, 2)]
    assert "cannot be sent" in caplog.text


def test_the_limits_are_those_the_reference_names() -> None:
    assert (delivery.LANE_LIMIT, delivery.GIVE_UP_S, delivery.LONGEST_RETRY_S) == (1_000, 3_600, 60)
