"""The service's own database: quotes, bookings, duties, events. The only file that knows SQL.

One connection, used by one thread. What a method has returned from is on disk: SQLite with a write-ahead log and
synchronous=FULL. The database is locked by the process that has it open. Deleted bytes are overwritten (secure_delete).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    RowMapping,
    Select,
    Table,
    Text,
    create_engine,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from services.on_demand.duty import Duty
from services.on_demand.ride import Booking, Offer, Party, Quote, RideState

SCHEMA_VERSION = "1"

metadata = MetaData()


def _offer() -> list[Column[Any]]:
    texts, counts = ("origin", "destination"), ("adults", "children", "wheelchairs")
    instants = ("pickup_from", "pickup_until", "drop_by", "max_ride_s", "stay_s")
    amounts = ("fare", "walk_there_m", "walk_on_m")
    kinds = [(texts, Text), (counts, Integer), (instants, Float), (amounts, Integer)]
    return [Column(name, kind, nullable=False) for names, kind in kinds for name in names]


meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

quote = Table(
    "quote",
    metadata,
    Column("id", Text, primary_key=True),
    *_offer(),
    Column("contact", Text),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)

# quote_id and key are unique: whatever else goes wrong, a quote becomes one booking and a key answers with one.
booking = Table(
    "booking",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("token", Text, nullable=False, unique=True),
    Column("quote_id", Text, nullable=False, unique=True),
    Column("key", Text, unique=True),
    *_offer(),
    Column("contact", Text),
    Column("vehicle", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("created_at", Float, nullable=False),
    Column("boarded_at", Float),
    Column("ended_at", Float),
)

duty = Table(
    "duty",
    metadata,
    Column("vehicle", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("place", Text, nullable=False),
    Column("ready_at", Float, nullable=False),
    Column("stops", Text, nullable=False),
    Column("heading", Integer),
    Column("arrived", Boolean, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", Text, nullable=False),
    Column("vehicle", Text, nullable=False),
    Column("booking", Integer, nullable=False),
)


class StoreError(Exception):
    """The database cannot be used: it is locked by another process, of a newer version, or the disk fails."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened: the booking and the duty as they are now."""

    kind: str
    at: float
    booking: Booking
    duty: Duty


class Store:
    """All that must outlive the process. Use it from one thread. Methods raise StoreError."""

    def __init__(self, directory: Path) -> None:
        """Opens `on_demand.db` in the directory, making both where they are not there."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # contacts are nobody else's business
        url = f"sqlite:///{directory / 'on_demand.db'}"
        options = {"check_same_thread": False, "timeout": 0.5}
        self._engine = create_engine(url, poolclass=StaticPool, connect_args=options)
        try:
            self._connection = self._engine.connect()
            self._prepare()
        except OperationalError as error:
            self._engine.dispose()
            raise StoreError(f"{directory} cannot be opened; is another process using it? ({error.orig})") from error

    def _prepare(self) -> None:
        # An exclusive lock is taken once and held; a second process is told at once instead of spoiling the plan.
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            self._connection.exec_driver_sql(f"PRAGMA {pragma}")
        self._connection.commit()
        metadata.create_all(self._connection)
        self._connection.execute(
            upsert(meta).values(key="schema", value=SCHEMA_VERSION).on_conflict_do_nothing(index_elements=["key"])
        )
        self._connection.commit()
        if self.recall("schema") != SCHEMA_VERSION:
            raise StoreError(f"the database is of version {self.recall('schema')}, newer than this program knows")

    def close(self) -> None:
        """Lets the database go."""
        self._connection.close()
        self._engine.dispose()

    # What is written

    def add_quote(self, told: Quote) -> None:
        """Writes a quote."""
        row = {"id": told.id, **_offer_row(told.offer), "contact": told.contact}
        with self._transaction() as connection:
            connection.execute(insert(quote).values(**row, created_at=told.created_at, expires_at=told.expires_at))

    def add(self, change: Change) -> None:
        """Writes a new booking, the duty that drives it, and the event: all or nothing."""
        with self._transaction() as connection:
            connection.execute(insert(booking).values(_booking_row(change.booking)))
            # The quote has become the booking: its copy of the contact would outlive the ride.
            connection.execute(delete(quote).where(quote.c.id == change.booking.quote_id))
            _write_duty_and_event(connection, change)

    def alter(self, change: Change) -> None:
        """Writes what became of a booking, the duty as it goes on, and the event: all or nothing."""
        row = _booking_row(change.booking)
        with self._transaction() as connection:
            connection.execute(update(booking).where(booking.c.number == change.booking.number).values(row))
            _write_duty_and_event(connection, change)

    def remember(self, key: str, value: str) -> None:
        """Keeps a value under a key."""
        statement = upsert(meta).values(key=key, value=value)
        with self._transaction() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))

    def forget(self, rides_before: float, quotes_before: float) -> int:
        """Deletes contacts and keys of rides due before an instant, and quotes expired before another.

        Returns how many contacts were deleted. Nothing of them is left in the files.
        """
        old = (booking.c.drop_by < rides_before) & (booking.c.contact.is_not(None) | booking.c.key.is_not(None))
        with self._transaction() as connection:
            gone = connection.execute(update(booking).where(old).values(contact=None, key=None)).rowcount
            quotes = connection.execute(delete(quote).where(quote.c.expires_at < quotes_before)).rowcount
        if gone or quotes:
            self._connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.commit()
        return gone

    # What is read

    def recall(self, key: str) -> str | None:
        """What was kept under a key."""
        row = self._one(select(meta).where(meta.c.key == key))
        return None if row is None else str(row["value"])

    def find_quote(self, quote_id: str) -> Quote | None:
        """A quote that has not become a booking."""
        row = self._one(select(quote).where(quote.c.id == quote_id))
        if row is None:
            return None
        return Quote(row["id"], _offer_of(row), row["contact"], row["created_at"], row["expires_at"])

    def find_by_token(self, token: str) -> Booking | None:
        """The booking of a ride token."""
        return self._booking(select(booking).where(booking.c.token == token))

    def find_by_key(self, key: str) -> Booking | None:
        """The booking that was made under an Idempotency-Key."""
        return self._booking(select(booking).where(booking.c.key == key))

    def find_by_quote(self, quote_id: str) -> Booking | None:
        """The booking that a quote has become."""
        return self._booking(select(booking).where(booking.c.quote_id == quote_id))

    def find_by_number(self, number: int) -> Booking | None:
        """A booking by its number."""
        return self._booking(select(booking).where(booking.c.number == number))

    def list_open(self) -> list[Booking]:
        """Bookings of which something is still to be driven."""
        states = [RideState.CONFIRMED.value, RideState.ABOARD.value]
        rows = self._connection.execute(select(booking).where(booking.c.state.in_(states))).mappings().all()
        self._connection.rollback()
        return [_booking_of(row) for row in rows]

    def list_duties(self, since: date) -> list[Duty]:
        """Duties from a day on, and earlier ones that have stops left."""
        wanted = (duty.c.day >= since.isoformat()) | (duty.c.stops != "[]")
        rows = self._connection.execute(select(duty).where(wanted)).mappings().all()
        self._connection.rollback()
        return [_duty_of(row) for row in rows]

    def last_number(self) -> int:
        """The number of the newest booking; 0 before the first."""
        newest = self._connection.execute(select(func.max(booking.c.number))).scalar()
        self._connection.rollback()
        return newest or 0

    def _booking(self, statement: Select[Any]) -> Booking | None:
        row = self._one(statement)
        return None if row is None else _booking_of(row)

    def _one(self, statement: Select[Any]) -> RowMapping | None:
        row = self._connection.execute(statement).mappings().first()
        self._connection.rollback()
        return row

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)


class _Transaction:
    """Commits at the end, or leaves everything as it was and names the failure."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Connection:
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        try:
            if error is None:
                self._connection.commit()
        except OperationalError as failure:
            error = failure
            raise StoreError(f"nothing was written: {failure.orig}") from failure
        finally:
            if error is not None:
                self._connection.rollback()
        if isinstance(error, OperationalError):
            raise StoreError(f"nothing was written: {error.orig}") from error


def _write_duty_and_event(connection: Connection, change: Change) -> None:
    told = change.duty
    row = {
        "place": told.place, "ready_at": told.ready_at, "stops": json.dumps(told.stops),
        "heading": told.heading, "arrived": told.arrived,
    }  # fmt: skip
    statement = upsert(duty).values(vehicle=told.vehicle, day=told.day.isoformat(), **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["vehicle", "day"], set_=row))
    connection.execute(
        insert(event).values(at=change.at, kind=change.kind, vehicle=told.vehicle, booking=change.booking.number)
    )


def _offer_row(offer: Offer) -> dict[str, object]:
    row = {one.name: getattr(offer, one.name) for one in fields(Offer) if one.name != "party"}
    party = offer.party
    return {**row, "adults": party.adults, "children": party.children, "wheelchairs": party.wheelchairs}


def _offer_of(row: RowMapping) -> Offer:
    party = Party(row["adults"], row["children"], row["wheelchairs"])
    return Offer(party=party, **{one.name: row[one.name] for one in fields(Offer) if one.name != "party"})


_OWN = ("number", "token", "quote_id", "key", "contact", "vehicle", "created_at", "boarded_at", "ended_at")


def _booking_row(told: Booking) -> dict[str, object]:
    own = {name: getattr(told, name) for name in _OWN}
    return {**own, **_offer_row(told.offer), "day": told.day.isoformat(), "state": told.state.value}


def _booking_of(row: RowMapping) -> Booking:
    own = {name: row[name] for name in _OWN}
    return Booking(offer=_offer_of(row), day=date.fromisoformat(row["day"]), state=RideState(row["state"]), **own)


def _duty_of(row: RowMapping) -> Duty:
    day, stops = date.fromisoformat(row["day"]), tuple(json.loads(row["stops"]))
    return Duty(row["vehicle"], day, row["place"], row["ready_at"], stops, row["heading"], bool(row["arrived"]))
