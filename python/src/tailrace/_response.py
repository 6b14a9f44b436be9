"""The ``response`` of a stream that has several of them, one after the other."""

from __future__ import annotations

from typing import Any, Callable


class CurrentResponse:
    """Stands for the response of the stream's connection of now; closing it closes the stream.

    ``openai``'s own helpers (``chat.completions.stream()``) keep ``stream.response`` from the start and close that.
    """

    def __init__(self, current: Callable[[], Any], close: Callable[[], Any]) -> None:
        self._current = current
        self._close = close

    def close(self) -> None:
        self._close()

    async def aclose(self) -> None:
        await self._close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._current(), name)

    @property
    def __class__(self) -> Any:
        # isinstance(stream.response, httpx.Response) holds.
        return type(self._current())
