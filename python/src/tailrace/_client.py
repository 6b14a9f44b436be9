"""The clients: ``openai``'s, with streams that heal."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Mapping
from typing import Any, Callable, TypedDict, cast
from weakref import WeakKeyDictionary, WeakSet

import anyio
from openai import NOT_GIVEN, AsyncOpenAI, InternalServerError, NotGiven, OpenAI, OpenAIError, Timeout
from openai._compat import cached_property
from openai._models import FinalRequestOptions
from typing_extensions import Self, override

from ._async_stream import AsyncTailraceStream
from ._call import begin_call, is_streamed_chat, keeps_by_itself
from ._resources import AsyncTailraceChat, TailraceChat
from ._settings import OnReconnect, ReconnectPolicy, StreamSettings, StreamTimeouts
from ._stream import TailraceStream

DEFAULT_BASE_URL = "http://127.0.0.1:7245/v1"

# Of these, ``openai`` makes its own address and credentials.
_OWN_ROUTES = ("provider", "data_residency", "workload_identity")


# By HTTP client: the copies of a client share it, and it is what closes under a stream.
_open_streams: WeakKeyDictionary[Any, WeakSet[Any]] = WeakKeyDictionary()
_lock = threading.Lock()


class _Own(TypedDict):
    resumable: bool
    stream_timeouts: StreamTimeouts
    reconnects: ReconnectPolicy
    on_reconnect: OnReconnect | None
    cancel_on_close: bool


class Tailrace(OpenAI):
    """OpenAI's client for a Tailrace server, or for any other that speaks OpenAI's protocol.

    All that ``openai.OpenAI`` has is here, with the same names and errors. What differs: streams of ``chat.completions`` are
    picked up again when their connection is lost, end in an exception where their answer is not whole, and close when their loop
    ends (see TailraceStream).
    """

    def __init__(
        self,
        *,
        api_key: str | Callable[[], str] | None = None,
        base_url: Any = None,
        timeout: float | Timeout | NotGiven | None = NOT_GIVEN,
        max_retries: int = 2,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        http_client: Any = None,
        resumable: bool = True,
        stream_timeouts: StreamTimeouts = StreamTimeouts(),
        reconnects: ReconnectPolicy = ReconnectPolicy(),
        on_reconnect: OnReconnect | None = None,
        cancel_on_close: bool = True,
        **more: Any,
    ) -> None:
        """Makes a client.

        Args:
            api_key: The key of the server. Default: the environment's ``TAILRACE_API_KEY``. Never ``OPENAI_API_KEY``.
            base_url: With ``/v1``. Default: the environment's ``TAILRACE_BASE_URL``, else ``http://127.0.0.1:7245/v1``.
            timeout, max_retries, default_headers, default_query, http_client: As ``openai`` has them.
            resumable: Ask for streams that the server keeps, so that they can be picked up again. Servers that know nothing of
                it ignore the header.
            stream_timeouts: How long streams may be silent.
            reconnects: How often and how fast a lost stream is picked up again.
            on_reconnect: Called before each attempt, with a Reconnect.
            cancel_on_close: Stop the generation where a stream is left before its end. False: a Tailrace server goes on for its
                grace (30 s), for other readers of the stream.
            more: Everything else that ``openai.OpenAI`` takes.

        Raises:
            OpenAIError: There is no key.
        """
        self._settings = StreamSettings(resumable, stream_timeouts, reconnects, on_reconnect, cancel_on_close)
        super().__init__(
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            default_query=default_query,
            http_client=http_client,
            **_place(api_key, base_url, more),
        )
        _forget_openai(self, more)

    @cached_property
    @override
    def chat(self) -> TailraceChat:
        return TailraceChat(self)

    @override
    def copy(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        *,
        resumable: bool | None = None,
        stream_timeouts: StreamTimeouts | None = None,
        reconnects: ReconnectPolicy | None = None,
        on_reconnect: OnReconnect | None = None,
        cancel_on_close: bool | None = None,
        **options: Any,
    ) -> Self:
        """A client like this one, with other options; also those of ``openai.OpenAI.copy``."""
        own = _changed(self._settings, resumable, stream_timeouts, reconnects, on_reconnect, cancel_on_close)
        more = cast("Mapping[str, Any]", options.pop("_extra_kwargs", {}))
        return super().copy(**options, _extra_kwargs={**own, **more})

    with_options = copy  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]

    @override
    def request(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        cast_to: Any,
        options: FinalRequestOptions,
        *,
        stream: bool = False,
        stream_cls: Any = None,
        **more: Any,
    ) -> Any:
        if not is_streamed_chat(options, stream) or stream_cls is None:
            return super().request(cast_to, options, stream=stream, stream_cls=stream_cls, **more)
        more = {**more, "stream": True, "stream_cls": TailraceStream}
        try:
            return super().request(cast_to, _begin(self, options), **more)
        except InternalServerError as error:
            if not _is_not_kept(error, options):
                raise
        return super().request(cast_to, _begin(self, options, kept=False), **more)

    @override
    def close(self) -> None:
        """Closes the client. Its streams are closed first: whoever reads one of them gets a StreamTruncatedError."""
        for stream in _streams_of(self):
            stream._close_with_client()
        super().close()


class AsyncTailrace(AsyncOpenAI):
    """``Tailrace`` for asyncio and trio; see there for its options and AsyncTailraceStream for its streams."""

    def __init__(
        self,
        *,
        api_key: str | Callable[[], Awaitable[str]] | None = None,
        base_url: Any = None,
        timeout: float | Timeout | NotGiven | None = NOT_GIVEN,
        max_retries: int = 2,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        http_client: Any = None,
        resumable: bool = True,
        stream_timeouts: StreamTimeouts = StreamTimeouts(),
        reconnects: ReconnectPolicy = ReconnectPolicy(),
        on_reconnect: OnReconnect | None = None,
        cancel_on_close: bool = True,
        **more: Any,
    ) -> None:
        """Makes a client; the options are those of ``Tailrace``."""
        self._settings = StreamSettings(resumable, stream_timeouts, reconnects, on_reconnect, cancel_on_close)
        super().__init__(
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            default_query=default_query,
            http_client=http_client,
            **_place(api_key, base_url, more),
        )
        _forget_openai(self, more)

    @cached_property
    @override
    def chat(self) -> AsyncTailraceChat:
        return AsyncTailraceChat(self)

    @override
    def copy(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        *,
        resumable: bool | None = None,
        stream_timeouts: StreamTimeouts | None = None,
        reconnects: ReconnectPolicy | None = None,
        on_reconnect: OnReconnect | None = None,
        cancel_on_close: bool | None = None,
        **options: Any,
    ) -> Self:
        """A client like this one, with other options; also those of ``openai.AsyncOpenAI.copy``."""
        own = _changed(self._settings, resumable, stream_timeouts, reconnects, on_reconnect, cancel_on_close)
        more = cast("Mapping[str, Any]", options.pop("_extra_kwargs", {}))
        return super().copy(**options, _extra_kwargs={**own, **more})

    with_options = copy  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]

    @override
    async def request(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        cast_to: Any,
        options: FinalRequestOptions,
        *,
        stream: bool = False,
        stream_cls: Any = None,
        **more: Any,
    ) -> Any:
        if not is_streamed_chat(options, stream) or stream_cls is None:
            return await super().request(cast_to, options, stream=stream, stream_cls=stream_cls, **more)
        more = {**more, "stream": True, "stream_cls": AsyncTailraceStream}
        try:
            return await super().request(cast_to, _begin(self, options), **more)
        except InternalServerError as error:
            if not _is_not_kept(error, options):
                raise
        return await super().request(cast_to, _begin(self, options, kept=False), **more)

    @override
    async def close(self) -> None:
        """Closes the client. Its streams are closed first: whoever reads one of them gets a StreamTruncatedError."""
        async with anyio.create_task_group() as group:
            for stream in _streams_of(self):
                group.start_soon(stream._close_with_client)
        await super().close()


def _place(api_key: Any, base_url: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    """Where the server is and what it is asked with."""
    if any(more.get(name) is not None for name in _OWN_ROUTES):
        given = {"api_key": api_key, "base_url": base_url}
        return {**more, **{name: value for name, value in given.items() if value is not None}}
    key = api_key if api_key is not None else os.environ.get("TAILRACE_API_KEY")
    if not key and not more.get("admin_api_key") and more.get("_enforce_credentials") is not False:
        raise OpenAIError(
            "There is no key. Pass api_key, or set TAILRACE_API_KEY. A Tailrace server keeps its first key in data/api-key."
        )
    if base_url is None or isinstance(base_url, NotGiven):
        base_url = os.environ.get("TAILRACE_BASE_URL") or DEFAULT_BASE_URL
    return {**more, "api_key": key, "base_url": base_url}


def _forget_openai(client: OpenAI | AsyncOpenAI, more: Mapping[str, Any]) -> None:
    """Takes back what ``openai`` has found in the environment: it is meant for OpenAI's servers, and names their customers."""
    if any(more.get(name) is not None for name in _OWN_ROUTES):
        return
    for name in ("organization", "project", "admin_api_key"):
        if more.get(name) is None and getattr(client, name, None) is not None:
            setattr(client, name, None)


def _is_not_kept(error: InternalServerError, options: FinalRequestOptions) -> bool:
    """Whether the server's store is away: an answer that cannot be picked up is better than none."""
    return error.status_code == 503 and error.code == "storage_unavailable" and keeps_by_itself(options)


def _begin(client: Tailrace | AsyncTailrace, options: FinalRequestOptions, *, kept: bool = True) -> FinalRequestOptions:
    """The options of a streaming call, whose stream learns which call it answers."""
    settings = cast(StreamSettings, getattr(client, "_settings"))  # noqa: B009
    call, sent = begin_call(options, settings, client_timeout=client.timeout, max_retries=client.max_retries, kept=kept)
    given = cast(Any, sent.post_parser)

    def bind(stream: Any) -> Any:
        bound = stream
        if isinstance(stream, (TailraceStream, AsyncTailraceStream)):
            bound = stream._bind(call)
            with _lock:
                _open_streams.setdefault(_http_client_of(client), WeakSet()).add(bound)
        return bound if isinstance(given, NotGiven) or given is None else given(bound)

    return sent.model_copy(update={"post_parser": bind})


def _http_client_of(client: Tailrace | AsyncTailrace) -> Any:
    return getattr(client, "_client", None)


def _streams_of(client: Tailrace | AsyncTailrace) -> list[Any]:
    """The streams that are read through this client, or through a copy of it, and have not been collected."""
    http_client = _http_client_of(client)
    with _lock:
        return [] if http_client is None else list(_open_streams.get(http_client, ()))


def _changed(
    settings: StreamSettings,
    resumable: bool | None,
    stream_timeouts: StreamTimeouts | None,
    reconnects: ReconnectPolicy | None,
    on_reconnect: OnReconnect | None,
    cancel_on_close: bool | None,
) -> _Own:
    return {
        "resumable": settings.resumable if resumable is None else resumable,
        "stream_timeouts": stream_timeouts or settings.timeouts,
        "reconnects": reconnects or settings.reconnects,
        "on_reconnect": on_reconnect or settings.on_reconnect,
        "cancel_on_close": settings.cancel_on_close if cancel_on_close is None else cancel_on_close,
    }
