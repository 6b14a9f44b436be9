"""``chat.completions`` with the types of our streams. What happens differently, happens in the client's ``request``."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Mapping, overload

from openai import NotGiven, Timeout
from openai.resources.chat import AsyncChat, AsyncCompletions, Chat, Completions
from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from typing_extensions import TypedDict, Unpack, override

from ._async_stream import AsyncTailraceStream
from ._stream import TailraceStream


class _CallOptions(TypedDict, total=False):
    extra_headers: Mapping[str, Any] | None
    extra_query: Mapping[str, object] | None
    extra_body: object | None
    timeout: float | Timeout | NotGiven | None


class StreamingParams(CompletionCreateParamsStreaming, _CallOptions):
    """What ``create(stream=True)`` takes."""


class WholeParams(CompletionCreateParamsNonStreaming, _CallOptions):
    """What ``create()`` takes."""


class TailraceCompletions(Completions):
    """``chat.completions`` of ``Tailrace``."""

    @overload
    def create(self, **params: Unpack[StreamingParams]) -> TailraceStream: ...
    @overload
    def create(self, **params: Unpack[WholeParams]) -> ChatCompletion: ...
    @overload
    def create(self, *, stream: bool, **params: Any) -> ChatCompletion | TailraceStream: ...
    @override
    def create(self, **params: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A completion: whole, or with ``stream=True`` as a TailraceStream."""
        return super().create(**params)


class AsyncTailraceCompletions(AsyncCompletions):
    """``chat.completions`` of ``AsyncTailrace``."""

    @overload
    async def create(self, **params: Unpack[StreamingParams]) -> AsyncTailraceStream: ...
    @overload
    async def create(self, **params: Unpack[WholeParams]) -> ChatCompletion: ...
    @overload
    async def create(self, *, stream: bool, **params: Any) -> ChatCompletion | AsyncTailraceStream: ...
    @override
    async def create(self, **params: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A completion: whole, or with ``stream=True`` as an AsyncTailraceStream."""
        return await super().create(**params)


class TailraceChat(Chat):
    """``chat`` of ``Tailrace``."""

    @cached_property
    @override
    def completions(self) -> TailraceCompletions:
        return TailraceCompletions(self._client)


class AsyncTailraceChat(AsyncChat):
    """``chat`` of ``AsyncTailrace``."""

    @cached_property
    @override
    def completions(self) -> AsyncTailraceCompletions:
        return AsyncTailraceCompletions(self._client)
