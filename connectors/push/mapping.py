"""What the city file says of a sender: which types it may write, and how its own words are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from cityos.connector import Config

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
_NOT_ATTRIBUTES = frozenset({"id", "type", "scope", "location", "createdAt", "modifiedAt", "deletedAt", "instanceId"})


class PushConfig(Config):
    """Either `allowed_types` (it sends NGSI-LD entities of these) or `type` (it sends observations of its own form).

    Of observations: `id` is the key that names the device, `name` that of its name, `observed_at` that of the time (ISO
    8601 with zone, or seconds or milliseconds since 1970), `latitude` and `longitude` those of the place, `values` maps
    keys to attributes (`{"depth" = "snowDepth"}`), `unit_codes` gives their UN/CEFACT codes by attribute. A key of a
    key is written `payload.depth`. `records` is the member that holds the list, where it is wrapped. `url` asks a
    partner for the document instead of waiting for it.
    """

    url: str = ""
    allowed_types: frozenset[Name] = frozenset()
    type: Name | None = None
    id: str = Field(default="id", min_length=1)
    name: str = ""
    observed_at: str = ""
    latitude: str = ""
    longitude: str = ""
    values: Mapping[str, Name] = {}
    unit_codes: Mapping[str, str] = {}
    records: str = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if bool(self.allowed_types) == bool(self.type):
            raise ValueError("say either allowed_types (entities) or type and values (observations)")
        if self.type and not self.values:
            raise ValueError("type needs values: which key is which attribute")
        if self.allowed_types and self._options_of_observations():
            raise ValueError(f"{self._options_of_observations()} belong to type, not to allowed_types")
        if bool(self.latitude) != bool(self.longitude):
            raise ValueError("latitude and longitude belong together")
        attributes = [*self.values.values(), *["name"] * bool(self.name)]
        if taken := {one for one in attributes if attributes.count(one) > 1 or one in _NOT_ATTRIBUTES}:
            raise ValueError(f"values name {', '.join(sorted(taken))} twice or where another option says it")
        if unknown := self.unit_codes.keys() - set(attributes):
            raise ValueError(f"unit_codes name {', '.join(sorted(unknown))}, to which no key is mapped")
        return self

    @property
    def types(self) -> frozenset[str]:
        """Short names of the types this sender may write."""
        return self.allowed_types or frozenset({self.type or ""})

    def _options_of_observations(self) -> str:
        options = ("name", "observed_at", "latitude", "longitude", "values", "unit_codes")
        return ", ".join(option for option in options if getattr(self, option))
