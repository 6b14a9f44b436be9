"""The iterator of one ``async for``, which closes the stream when the loop is left.

No asynchronous generator: where ``break`` leaves one, the event loop closes it later, and trio warns of that, because the code
after the loop may depend on what is closed. Here nothing depends on it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import suppress
from typing import Any, Callable, Generic, TypeVar, cast

_Read = TypeVar("_Read")
_Given = TypeVar("_Given")

Close = Callable[[], Awaitable[None]]

# An event loop holds its tasks weakly.
_closing: set[asyncio.Task[None]] = set()


class Loop(AsyncIterator[_Given], Generic[_Read, _Given]):
    """What ``part`` makes of each thing that is read, one after the other."""

    def __init__(self, read: Callable[[], Awaitable[_Read]], close: Close, part: Callable[[_Read], Iterable[_Given]]) -> None:
        self._read = read
        self._close = close
        self._part = part
        self._waiting: deque[_Given] = deque()
        self._close_later: Callable[[], None] | None = None

    async def __anext__(self) -> _Given:
        if self._close_later is None:
            self._close_later = closer(self._close)
        try:
            while not self._waiting:
                self._waiting.extend(self._part(await self._read()))
        except BaseException:
            await self.aclose()
            raise
        return self._waiting.popleft()

    async def aclose(self) -> None:
        """Closes the stream, as leaving the loop does."""
        self._waiting.clear()
        await self._close()
        self._close_later = None

    def __del__(self) -> None:
        if self._close_later is not None:
            # The event loop may have ended before: then the connection has, too.
            with suppress(Exception):
                self._close_later()


def closer(close: Close) -> Callable[[], None]:
    """Starts ``close`` in the event loop of now; may be called from everywhere, for collectors run in any thread."""

    async def closing() -> None:
        # Its reader has left: there is nobody to tell.
        with suppress(Exception):
            await close()

    token = trio_token()
    if token is not None:
        spawn = cast(Any, sys.modules["trio"]).lowlevel.spawn_system_task
        return lambda: token.run_sync_soon(spawn, closing)
    loop = asyncio.get_running_loop()

    def start() -> None:
        task = loop.create_task(closing())
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    return lambda: cast(None, loop.call_soon_threadsafe(start))


def trio_token() -> Any:
    """By which a thread reaches the loop of now; ``None`` where it is not trio's."""
    trio = cast(Any, sys.modules.get("trio"))
    if trio is not None:
        with suppress(RuntimeError):
            return trio.lowlevel.current_trio_token()
    return None
