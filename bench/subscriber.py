"""`python -m bench.subscriber URL COUNT`: notes when each value of `n` is heard; tells it as JSON at the end."""

from __future__ import annotations

import sys
import threading
import time
from urllib.parse import urlsplit

import orjson
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

_LONGEST_S = 60.0


def main() -> None:
    """Listens until so many values were heard, or a minute is over."""
    url, count = urlsplit(sys.argv[1]), int(sys.argv[2])
    heard_at: dict[str, float] = {}
    subscribed, enough = threading.Event(), threading.Event()

    def hear(_: Client, __: object, message: MQTTMessage) -> None:
        now = time.monotonic()
        told = orjson.loads(message.payload) if message.payload else {}
        if message.retain or "entity" not in told:
            return
        heard_at[str(told["entity"]["n"])] = now
        if len(heard_at) >= count:
            enough.set()

    client = Client(CallbackAPIVersion.VERSION2, client_id=f"bench-{time.monotonic_ns()}")
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = hear
    client.connect(url.hostname or "", url.port or 1883)
    client.subscribe("cityos/#")
    client.loop_start()
    subscribed.wait(10)
    time.sleep(0.5)  # the retained messages go by
    print("subscribed", flush=True)
    enough.wait(_LONGEST_S)
    client.disconnect()
    client.loop_stop()
    print(orjson.dumps(heard_at).decode(), flush=True)


if __name__ == "__main__":
    main()
