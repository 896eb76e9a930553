"""`python -m bench.bus_subscriber URL`: notes when each vehicle's news is heard, by the time the news is of.

Tells it as JSON when its standard input ends.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import datetime
from urllib.parse import urlsplit

import orjson
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Listens until nobody asks any more."""
    url = urlsplit(sys.argv[1])
    heard: dict[str, list[float]] = {}
    subscribed = threading.Event()

    def hear(_: Client, __: object, message: MQTTMessage) -> None:
        now = time.monotonic()
        told = orjson.loads(message.payload) if message.payload else {}
        if not message.retain and "entity" in told:
            at = datetime.fromisoformat(told["entity"]["location"]["observedAt"])
            heard.setdefault(f"{at.timestamp():.0f}", []).append(now)

    client = Client(CallbackAPIVersion.VERSION2, client_id=f"bench-{time.monotonic_ns()}")
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = hear
    client.connect(url.hostname or "", url.port or 1883)
    client.subscribe("cityos/+/Vehicle/#")
    client.loop_start()
    subscribed.wait(10)
    time.sleep(0.5)  # the retained messages go by
    print("subscribed", flush=True)
    sys.stdin.buffer.read()
    client.disconnect()
    client.loop_stop()
    print(orjson.dumps(heard).decode(), flush=True)


if __name__ == "__main__":
    main()
