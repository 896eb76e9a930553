"""What can go wrong with the store, named by what the caller does about it."""


class StoreError(Exception):
    """Base of the store's failures."""


class StoreUnavailable(StoreError):
    """The database cannot be written or read now (disk full, closed): nothing was acknowledged; try again later."""


class DirectoryInUse(StoreError):
    """Another hub holds this data directory."""


class SchemaTooNew(StoreError):
    """A newer CityOS wrote this data; this one does not touch it."""


class SchemaTooOld(StoreError):
    """An earlier CityOS wrote this data, in a form that this one no longer reads."""


class CursorGone(StoreError):
    """The cursor is older than what is kept, beyond the head, or of another epoch: read the state, follow from head."""

    def __init__(self, detail: str, epoch: str, head: int) -> None:
        super().__init__(detail)
        self.epoch = epoch
        self.head = head


class QueryTooLong(StoreError):
    """A query ran longer than it may."""
