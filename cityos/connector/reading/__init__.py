"""Readers for what Japanese sources really send. Pure and total: what cannot be read is None or a Notice."""

from cityos.connector.reading.finding import gather
from cityos.connector.reading.moment import (
    read_japanese_date,
    read_japanese_time,
    read_local_time,
    read_time,
    to_instant,
)
from cityos.connector.reading.number import read_int, read_number
from cityos.connector.reading.place import point, read_geometry
from cityos.connector.reading.table import Line, Table, read_table
from cityos.connector.reading.text import Text, decode, fold_width, is_readable, read_text
from cityos.connector.reading.tree import Json, JsonObject, as_list, as_object, as_text, read_tree

__all__ = [
    "Json",
    "JsonObject",
    "Line",
    "Table",
    "Text",
    "as_list",
    "as_object",
    "as_text",
    "decode",
    "fold_width",
    "gather",
    "is_readable",
    "point",
    "read_geometry",
    "read_int",
    "read_japanese_date",
    "read_japanese_time",
    "read_local_time",
    "read_number",
    "read_table",
    "read_text",
    "read_time",
    "read_tree",
    "to_instant",
]
