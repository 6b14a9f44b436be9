"""The HTTP library of the installed ``openai``: httpx2 since its version 3, httpx before."""

from __future__ import annotations

import socket
import ssl
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import anyio
from openai import APITimeoutError, Timeout, _base_client

if TYPE_CHECKING:
    import httpx2 as httpx
else:
    httpx = getattr(_base_client, "httpx2", None) or _base_client.httpx

__all__ = ["httpx", "is_timeout", "set_read_timeout", "shorter", "stop_reading", "timeout_of", "transport_errors"]


def transport_errors() -> tuple[type[Exception], ...]:
    """What reading a response raises when its connection fails.

    Asked at each failure, as ``openai`` does: a client of the older httpx may be imported later.
    """
    own: tuple[type[Exception], ...] = (httpx.RequestError, httpx.StreamError, ssl.SSLError, OSError, anyio.EndOfStream)
    older = cast(Any, sys.modules.get("httpx"))
    return own if older is None else (*own, older.RequestError, older.StreamError)


def is_timeout(error: BaseException) -> bool:
    """True for timeouts of both HTTP libraries, and for what ``openai`` makes of them."""
    older = cast(Any, sys.modules.get("httpx"))
    if older is not None and isinstance(error, older.TimeoutException):
        return True
    return isinstance(error, (httpx.TimeoutException, APITimeoutError))


def timeout_of(base: float | Timeout | None, *, connect: float | None, read: float | None) -> Timeout:
    """A timeout like ``base``, with another one for connecting, and none longer than ``read`` for each read."""
    given = cast(Any, base)
    parts = cast(
        "dict[str, float | None]",
        given.as_dict()
        if hasattr(given, "as_dict")
        else dict.fromkeys(("connect", "read", "write", "pool"), given),
    )
    if connect is not None:
        parts["connect"] = connect
    parts["read"] = shorter(parts["read"], read)
    return Timeout(**parts)


def shorter(one: float | None, other: float | None) -> float | None:
    """The shorter of two times; ``None`` has no end."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def set_read_timeout(response: httpx.Response, seconds: float | None) -> None:
    """Bounds each read of a body that nobody has begun to read.

    The bound that a request has is also that of its head. The body takes it from the request once more when it is first read, so it
    can still be changed here. A transport that reads otherwise keeps the one of the head.
    """
    timeouts = cast("dict[str, Any] | None", response.request.extensions.get("timeout"))
    if timeouts is not None:
        timeouts["read"] = seconds


def stop_reading(response: httpx.Response) -> None:
    """Wakes a thread that reads this response: closing a socket alone does not."""
    stream = cast(Any, response.extensions.get("network_stream"))
    connection = stream.get_extra_info("socket") if stream is not None else None
    if isinstance(connection, socket.socket):
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
