"""The failures NGSI-LD names (clause 5.5.2); the API turns each into a problem detail."""


class NgsiError(Exception):
    """A request that cannot be carried out. `str(error)` is the detail a caller reads."""

    kind = "InternalError"
    title = "The request could not be carried out"


class InvalidRequest(NgsiError):
    """The request itself is malformed: not JSON, unknown parameter, bad header."""

    kind = "InvalidRequest"
    title = "The request is malformed"


class BadRequestData(NgsiError):
    """The request can be read but what it says does not make sense."""

    kind = "BadRequestData"
    title = "The data of the request is not valid"


class AlreadyExists(NgsiError):
    """An entity with this id is already there."""

    kind = "AlreadyExists"
    title = "The entity already exists"


class ResourceNotFound(NgsiError):
    """Nothing with this id is known."""

    kind = "ResourceNotFound"
    title = "The resource is not found"


class NonexistentTenant(NgsiError):
    """The tenant named by NGSILD-Tenant holds nothing."""

    kind = "NonexistentTenant"
    title = "The tenant does not exist"


class LdContextNotAvailable(NgsiError):
    """An @context is not known here and cannot be fetched."""

    kind = "LdContextNotAvailable"
    title = "The @context is not available"


class PreconditionFailed(NgsiError):
    """The entity is no longer the version that the request is meant for (RFC 9110, 13.1.1)."""

    kind = "PreconditionFailed"
    title = "The entity has changed since it was read"


class NotBuilt(NgsiError):
    """The operation is in the standard, but not here yet."""

    kind = "OperationNotSupported"
    title = "The operation is not supported"


class TooComplexQuery(NgsiError):
    """The query takes longer than it may."""

    kind = "TooComplexQuery"
    title = "The query is too complex"
