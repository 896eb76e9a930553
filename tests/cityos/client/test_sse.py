from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cityos.client.sse import Event, EventReader

_STREAM = (
    'retry: 1000\n\n: still here\n\nevent: change\nid: e:1\ndata: {"雪\u2028": 1}\n\n'
    "event: head\r\nid: e:7\r\ndata: {}\r\n\r\nevent: change\rid: e:8\rdata: a\rdata: b\r\r"
).encode()
_EVENTS = [Event("change", '{"雪\u2028": 1}', "e:1"), Event("head", "{}", "e:7"), Event("change", "a\nb", "e:8")]


@given(st.lists(st.integers(0, len(_STREAM))))
def test_events_are_the_same_in_whatever_pieces_they_come(cuts: list[int]) -> None:
    reader = EventReader()
    ends = [*sorted(cuts), len(_STREAM)]
    pieces = [_STREAM[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    told = [event for piece in pieces for event in reader.feed(piece)]
    assert [*told, *reader.feed(b"\n")] == _EVENTS


def test_an_event_cut_off_is_not_told() -> None:
    assert EventReader().feed(b"event: change\nid: e:1\ndata: {}\n") == []
