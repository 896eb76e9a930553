"""Alerts: what one entity of a message tells riders, as a noun."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.transit import gtfs_realtime_pb2

from cityos.connector import Notice, Severity
from cityos.vocabulary.alert import NO_LANGUAGE, ActivePeriod, ServiceAlert, Target
from connectors.gtfs_rt.message import read_day, read_name, read_seconds
from connectors.gtfs_rt.told import Told


def read_alert(entity: Any, told: Told) -> ServiceAlert | None:
    """The alert of an entity, None where it has no readable id."""
    said = entity.alert
    local_id = read_name(entity.id)
    if not local_id:
        detail = "Alert has no readable entity id; it is left out"
        told.notices.append(Notice("row_left_out", Severity.ERROR, told.where(entity), detail))
        return None
    targets = tuple(target for one in said.informed_entity if (target := _target(one)) != Target())
    if not targets:
        detail = f"Alert {local_id} names no agency, route, stop or trip; it is told, but concerns nobody"
        told.notices.append(Notice("alert_without_target", Severity.WARNING, told.where(entity), detail, local_id))
    kinds = gtfs_realtime_pb2.Alert
    return ServiceAlert(
        local_id=local_id,
        header=dict(_texts(said.header_text)),
        description=dict(_texts(said.description_text)),
        url=dict(_texts(said.url)),
        cause=kinds.Cause.Name(said.cause),
        effect=kinds.Effect.Name(said.effect),
        severity=kinds.SeverityLevel.Name(said.severity_level),
        targets=targets,
        periods=tuple(ActivePeriod(read_seconds(one.start), read_seconds(one.end)) for one in said.active_period),
    )


def _texts(said: Any) -> Iterator[tuple[str, str]]:
    for one in said.translation:
        text = read_name(one.text)
        if text:
            yield read_name(one.language) or NO_LANGUAGE, text


def _target(said: Any) -> Target:
    return Target(
        agency_id=read_name(said.agency_id),
        route_id=read_name(said.route_id) or read_name(said.trip.route_id),
        route_type=said.route_type if said.HasField("route_type") else None,
        direction_id=said.direction_id if said.HasField("direction_id") else None,
        stop_id=read_name(said.stop_id),
        trip_id=read_name(said.trip.trip_id),
        start_on=read_day(said.trip.start_date),
    )
