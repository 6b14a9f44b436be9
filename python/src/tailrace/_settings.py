"""What a client is told about its streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional


@dataclass(frozen=True)
class StreamTimeouts:
    """How long a stream may be silent. All in seconds; ``None`` is described at each."""

    connect: Optional[float] = None
    """To open a connection. ``None``: that of the client's ``timeout`` (5 s)."""
    first_token: Optional[float] = None
    """From the call to the first output. ``None``: no bound of its own."""
    idle_bytes: Optional[float] = None
    """Without a byte, comments included. ``None``: 30 s where the stream can be picked up again, because a Tailrace server sends
    a comment every 10 s; else the read timeout of the client (600 s). A stream that can be picked up again is."""
    idle_content: Optional[float] = None
    """Without a chunk, although comments arrive. ``None``: no bound."""


@dataclass(frozen=True)
class ReconnectPolicy:
    """How often and how fast a lost stream is picked up again."""

    attempts: int = 6
    """In a row without a new event. 0: never."""
    first_delay: float = 0.5
    """Seconds before the second attempt in a row; the first one is made at once. Each further delay is twice as long, less up to
    a quarter by chance. A server's ``Retry-After`` takes its place."""
    longest_delay: float = 8.0
    """Seconds. The server keeps generating for 30 s without a reader (its ``stream.grace``)."""


@dataclass(frozen=True)
class Reconnect:
    """A lost connection, just before the next attempt to pick its stream up again."""

    attempt: int
    """1, and more for each attempt in a row without a new event."""
    after: int
    """The number of the last event that arrived; the stream continues with the next one."""
    cause: Optional[Exception]
    """How the connection or the last attempt failed; ``None`` for a body that ended early, in order."""
    delay: float
    """Seconds until the attempt."""


OnReconnect = Callable[[Reconnect], Any]
"""Called before each attempt, in the thread or task that reads the stream. AsyncTailrace awaits what it returns, where that can be
awaited."""


@dataclass(frozen=True)
class StreamSettings:
    """What one client does for each of its streams."""

    resumable: bool = True
    timeouts: StreamTimeouts = StreamTimeouts()
    reconnects: ReconnectPolicy = ReconnectPolicy()
    on_reconnect: Optional[OnReconnect] = None
    cancel_on_close: bool = True
