"""The MQTT door: a message on a feed's push topic is a document that somebody brought."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from cityos.bus.contract import Message
from cityos.bus.inbox import NotTaken
from cityos.bus.topic import parse_push_topic
from cityos.connector.document import Document
from cityos.connector.error import SourceChanged
from cityos.connector.feed import Feed
from cityos.ingest.dropping import BadName, checked_name
from cityos.store.error import StoreError

log = logging.getLogger(__name__)

UNNAMED = "document"
"""The name of a document that is brought without one."""

Take = Callable[[str, Document], Awaitable[object]]


class Receiving:
    """Makes documents of messages. Returns when a document is archived and applied, or refused for good.

    Whoever may not write is kept out by the broker; what is refused here is refused whatever its sender.
    """

    def __init__(self, feeds: Mapping[str, Feed], take: Take) -> None:
        self._feeds = feeds
        self._take = take

    async def take(self, message: Message) -> None:
        """One message. Raises NotTaken where it is our own fault and worth another try."""
        said = parse_push_topic(message.topic)
        feed = self._feeds.get(said.feed) if said is not None else None
        if said is None or feed is None:
            log.warning("A message on %s is for no feed that takes any; it is dropped", message.topic)
            return
        try:
            name = checked_name(said.document or UNNAMED)
            await self._take(feed.name, Document(name, message.payload, feed.clock.now()))
        except BadName as error:
            log.warning("A message on %s is dropped: %s", message.topic, error)
        except SourceChanged:
            pass  # it is kept, and the operator is told by the run
        except (StoreError, OSError) as error:
            raise NotTaken(str(error)) from None
        except Exception:
            # Sent again it would fail again, and everything behind it would wait for ever.
            log.exception("A message on %s fails and is dropped", message.topic)
