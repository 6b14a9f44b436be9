"""Server-sent events out of bytes, as the WHATWG reads them, and a little more tolerant at the end."""

from __future__ import annotations

import re
from typing import NamedTuple

# Larger than any event of a server that keeps to its own bounds (1 MiB in Tailrace), and small enough not to fill the memory.
MAX_EVENT_BYTES = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n?|\n")


class EventTooLarge(Exception):
    """One event has more than ``MAX_EVENT_BYTES`` bytes."""


class Event(NamedTuple):
    """One event with data."""

    data: str
    """Its lines of data, joined by line feeds."""
    name: str
    """What its ``event:`` line says; empty where there is none."""
    id: str | None
    """What its own ``id:`` line says. An earlier event's id is not inherited."""


class EventDecoder:
    """Reads the events of one connection. The bytes may be cut anywhere, also inside of a character or between CR and LF.

    Comments, unknown fields and ``retry`` are skipped; a block without data is no event, whatever else it has. Bytes that are
    not UTF-8 become U+FFFD.
    """

    def __init__(self) -> None:
        self._unended: list[bytes] = []
        self._held_bytes = 0
        self._after_cr = False
        self._at_start = True
        self._data: list[str] = []
        self._name = ""
        self._id: str | None = None

    def feed(self, piece: bytes) -> list[Event]:
        """The events that end in this piece. Raises EventTooLarge."""
        if not piece:
            return []
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r") if piece else False
        self._hold(len(piece))
        if b"\n" not in piece and b"\r" not in piece:
            self._unended.append(piece)
            return []
        *lines, rest = _LINE_END.split(b"".join(self._unended) + piece)
        self._unended = [rest]
        events: list[Event] = []
        for line in lines:
            event = self._take_line(line)
            if event is not None:
                events.append(event)
        return events

    def end(self) -> Event | None:
        """The event that the end of the body leaves without its empty line.

        The specification drops it. Several servers end their last event with one line feed or none; so the caller decides, by
        whether the data is whole.
        """
        rest = b"".join(self._unended)
        self._unended = []
        if rest:
            self._take_line(rest)
        return self._take_line(b"")

    def _take_line(self, line: bytes) -> Event | None:
        if self._at_start:
            self._at_start = False
            line = line[len(_BOM) :] if line.startswith(_BOM) else line
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        text = value[1:] if value.startswith(b" ") else value
        if name == b"data":
            self._data.append(text.decode("utf-8", "replace"))
        elif name == b"event":
            self._name = text.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in text:
            self._id = text.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> Event | None:
        event = Event("\n".join(self._data), self._name, self._id) if self._data else None
        self._data = []
        self._name = ""
        self._id = None
        self._held_bytes = 0
        return event

    def _hold(self, count: int) -> None:
        # Counted by pieces, and anew after each event: what a piece holds after its last event is counted with the next one.
        self._held_bytes += count
        if self._held_bytes > MAX_EVENT_BYTES:
            raise EventTooLarge(f"an event has more than {MAX_EVENT_BYTES} bytes")
