from __future__ import annotations

import random

import pytest

from tailrace import _events
from tailrace._events import Event, EventDecoder, EventTooLarge

BODY = (
    "\ufeff: a comment\n\n: another\nid: 1\ndata: {\"a\": \"é日😀\"}\n\n"
    "event: message\r\ndata:no space\r\ndata:  two\r\n\r\n"
    "data: cr\r\rid: 2\r\n\r\n"
    "retry: 5\n\nunknown: field\ndata\n\nid: a\0b\ndata: nul\n\n"
    "data: [DONE]\n\n"
).encode()
EVENTS = [
    Event('{"a": "é日😀"}', "", "1"),
    Event("no space\n two", "message", None),
    Event("cr", "", None),
    Event("", "", None),
    Event("nul", "", None),
    Event("[DONE]", "", None),
]


def decode(pieces: list[bytes]) -> list[Event]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def test_the_events_are_those_of_the_specification() -> None:
    assert decode([BODY]) == EVENTS


@pytest.mark.parametrize("size", range(1, 40))
def test_bytes_may_be_cut_anywhere(size: int) -> None:
    assert decode([BODY[at : at + size] for at in range(0, len(BODY), size)]) == EVENTS


def test_random_cuts_and_empty_pieces_change_nothing() -> None:
    rng = random.Random(1)
    for _ in range(300):
        cuts = sorted(rng.choices(range(len(BODY) + 1), k=rng.randint(0, 20)))
        pieces = [BODY[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(BODY)])]
        assert decode(pieces) == EVENTS


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    assert decode([b"data: a\xff\xfeb\n\n"]) == [Event("a\ufffd\ufffdb", "", None)]


def test_an_event_without_its_empty_line_is_left_for_the_end() -> None:
    decoder = EventDecoder()
    assert decoder.feed(b"data: 1\n\nid: 7\ndata: {}") == [Event("1", "", None)]
    assert decoder.end() == Event("{}", "", "7")
    assert decoder.end() is None


def test_an_event_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_events, "MAX_EVENT_BYTES", 1000)
    decoder = EventDecoder()
    for _ in range(50):
        decoder.feed(b"data: whole events do not add up\n\n")
    with pytest.raises(EventTooLarge):
        for _ in range(50):
            decoder.feed(b"x" * 100)
