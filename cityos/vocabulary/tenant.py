"""Tenants by their name: `<city>` is for everybody, `<city>-internal` is not."""

INTERNAL = "-internal"


def is_internal(tenant: str) -> bool:
    """Whether a tenant is not for the public: not readable without the key, never on the open bus."""
    return tenant.endswith(INTERNAL)
