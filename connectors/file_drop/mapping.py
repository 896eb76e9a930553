"""What the city file says of a table: which column is which attribute of which type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cityos.connector import Config
from cityos.ngsi.instant import parse_instant
from connectors.file_drop.cell import Kind
from connectors.file_drop.form import Form, key_of

_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
# Members of every entity, and what the config says in other options.
_NOT_ATTRIBUTES = frozenset({"id", "type", "scope", "location", "createdAt", "modifiedAt", "deletedAt", "instanceId"})


class Column(BaseModel):
    """One column's attribute, and what its cells hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attribute: str = Field(pattern=_NAME)
    kind: Kind = "text"


def _column(said: Any) -> Any:
    return {"attribute": said} if isinstance(said, str) else said


def _columns(said: Any) -> Any:
    return (said,) if isinstance(said, str) else said


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone such as Asia/Tokyo")
    return name


def _instant_or_column(said: Any) -> Any:
    """Text that is an instant means it: on its way to a worker a TOML date-time becomes text."""
    try:
        return parse_instant(said) if isinstance(said, str) else said
    except ValueError:
        return said


class FileDropConfig(Config):
    """How a table is read. Columns are named as in the table; width (NFKC) and spaces do not matter.

    `type` is the short name of the entities' type. `id` is the column, or the columns, by which a row is known again;
    `name` that of the name. The place is in `latitude` and `longitude`, or in one `location` ("lat,lon", in JSON also a
    GeoJSON geometry). `columns` maps columns to attributes: `{"所在地" = "address", "定員" = {attribute = "capacity",
    kind = "integer"}}`. `unit_codes` are UN/CEFACT codes by attribute. `observed_at` is the column that says when the
    row was true, or a fixed instant. `nothing` are words that say nothing, as an empty cell does.

    `complete`: the table holds all of the type, so that absent rows have ended. `zone` is that of its clock.
    `header_row` counts rows with content, from 1; without it the header is found by its columns. Rows below the header
    that begin with `comment` are no data. `sheet` is that of a workbook (default: the first), `records` the member of a
    JSON document that is the list. `url` fetches the table, where nobody drops it.
    """

    url: str = ""
    type: str = Field(pattern=_NAME)
    id: Annotated[tuple[str, ...], BeforeValidator(_columns), Field(min_length=1)]
    name: str = ""
    latitude: str = ""
    longitude: str = ""
    location: str = ""
    columns: Mapping[str, Annotated[Column, BeforeValidator(_column)]] = {}
    unit_codes: Mapping[str, str] = {}
    observed_at: Annotated[AwareDatetime | str | None, BeforeValidator(_instant_or_column)] = None
    nothing: tuple[str, ...] = ("-", "ー", "―", "—")
    complete: bool = True
    zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Tokyo"
    header_row: int | None = Field(default=None, ge=1)
    comment: str = "#"
    sheet: str = ""
    records: str = ""
    ends_with_line_break: bool = True

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if bool(self.latitude) != bool(self.longitude) or (self.location and self.latitude):
            raise ValueError("the place is either latitude and longitude, or location")
        attributes = [column.attribute for column in self.columns.values()] + ["name"] * bool(self.name)
        if taken := {one for one in attributes if attributes.count(one) > 1 or one in _NOT_ATTRIBUTES}:
            raise ValueError(f"columns name {', '.join(sorted(taken))} twice or where another option says it")
        if unknown := self.unit_codes.keys() - set(attributes):
            raise ValueError(f"unit_codes name {', '.join(sorted(unknown))}, to which no column is mapped")
        if not all(map(key_of, self.wanted)):
            raise ValueError("a column has no name")
        return self

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every column that is mapped, once."""
        at = [self.observed_at] if isinstance(self.observed_at, str) else []
        said = [*self.id, *(one for one in (self.name, self.latitude, self.longitude, self.location) if one), *at]
        return tuple(dict.fromkeys([*said, *self.columns]))

    @property
    def clock(self) -> ZoneInfo:
        """The zone of the table's dates and times."""
        return ZoneInfo(self.zone)

    def form(self) -> Form:
        """What its reader needs to be told."""
        return Form(
            wanted=self.wanted,
            header_row=self.header_row,
            comment=self.comment,
            sheet=self.sheet,
            records=self.records,
            ends_with_line_break=self.ends_with_line_break,
        )
