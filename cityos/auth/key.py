"""One key for those who may write: compared in constant time. Tenants named `-internal` need it to read, too."""

from __future__ import annotations

import hmac

from cityos.vocabulary.tenant import is_internal


def matches(key: str | None, given: str | None) -> bool:
    """Whether the given key is the right one. Without a configured key (loopback only) everybody may."""
    return key is None or (given is not None and hmac.compare_digest(key.encode(), given.encode()))


def may_read(tenant: str, key: str | None, given: str | None) -> bool:
    """Public tenants are for everybody; an internal one is closed where no key is configured at all."""
    return not is_internal(tenant) or (key is not None and matches(key, given))
