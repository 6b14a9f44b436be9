"""The stream of ``AsyncTailrace``, on asyncio and on trio. ``_stream`` has its twin, and says why it does what it does."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from types import AsyncGeneratorType, TracebackType
from typing import TYPE_CHECKING, Any, cast

import anyio
from openai import APIConnectionError, APIStatusError, AsyncStream, OpenAIError
from openai._models import FinalRequestOptions
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from typing_extensions import Self

from ._call import Call, cancel_path, events_path
from ._events import Event
from ._http import httpx, set_read_timeout, transport_errors
from ._loop import Loop
from ._response import CurrentResponse
from ._session import Session, Unreadable, cancel_timeout
from ._settings import OnReconnect, StreamSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

# For what is closed while its task is being cancelled.
_CLOSING_S = 5.0
# Of one read of the socket: what a transport of another kind still has is not read to its end.
_MOST_PIECES_READ_AHEAD = 1000
_END = b""


class AsyncTailraceStream(AsyncStream[ChatCompletionChunk]):
    """The chunks of one answer, over as many connections as it takes. See TailraceStream, whose members it has, awaited.

    A task that is cancelled while it reads closes the connection before its cancellation goes on. After ``break``, and after an
    exception in the body of the loop, a task of its own closes the stream, once Python has collected the loop's iterator: at once
    on CPython. ``async with`` closes before it ends, everywhere.
    """

    def __init__(
        self,
        *,
        cast_to: type[ChatCompletionChunk],
        response: httpx.Response,
        client: AsyncOpenAI,
        options: FinalRequestOptions | None = None,
    ) -> None:
        call = Call(StreamSettings(), options or FinalRequestOptions.construct(method="post", url=""), 1, 0, None)
        self._session = Session(call, client)
        self._ended = anyio.Event()
        self._pieces: AsyncIterator[bytes] | None = None
        self._reads = False
        self._on_reconnect: OnReconnect | None = None
        self._current = CurrentResponse(lambda: self._session.response, self.close)
        arguments: dict[str, Any] = {} if options is None else {"options": options}
        super().__init__(cast_to=cast_to, response=response, client=client, **arguments)

    def _bind(self, call: Call) -> Self:
        """Tells the stream of the call that it answers."""
        response = self._session.response
        self._session = Session(call, self._client)
        self._session.opened(response)
        self._on_reconnect = call.settings.on_reconnect
        return self

    @property
    def response(self) -> httpx.Response:
        """That of the current connection. Closing it closes the stream."""
        return cast(Any, self._current)

    @response.setter
    def response(self, response: httpx.Response) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._session.opened(response)

    @property
    def request_id(self) -> str | None:
        """The ``x-request-id`` of the request that began the stream, as the server's log has it."""
        return self._session.request_id

    @property
    def completion_id(self) -> str | None:
        """The id of the completion: from the head of the answer, of other servers with the first chunk."""
        return self._session.completion_id

    @property
    def usage(self) -> CompletionUsage | None:
        """What the answer used, once the server has said so; Tailrace does with the last finish."""
        usage = self._session.snapshot.usage
        return None if usage is None else CompletionUsage.construct(**usage)

    @property
    def partial_text(self) -> str:
        """The text of the first choice so far."""
        return self._session.snapshot.text

    @property
    def complete(self) -> bool:
        """True once the whole answer has arrived."""
        return self._session.complete

    def on_reconnect(self, callback: OnReconnect | None) -> Self:
        """Sets what is called, and awaited where it can be, before each attempt to pick this stream up again."""
        self._on_reconnect = callback
        return self

    @property
    def text(self) -> AsyncIterator[str]:
        """The pieces of text of the first choice. Leaving its loop closes the stream, as leaving that of the chunks does."""
        return Loop(self.__anext__, self.close, _text_of)

    async def final_text(self) -> str:
        """Reads the rest, and returns the whole text of the first choice. Raises as iterating does, and StreamTruncatedError
        for a stream that was closed or cancelled before its end."""
        return (await self.final_completion()).choices[0].message.content or ""

    async def final_completion(self) -> ChatCompletion:
        """Reads the rest, and returns the whole answer as if it had not been streamed. Raises as ``final_text`` does."""
        async for _ in self:
            pass
        session = self._session
        if not session.complete:
            raise session.error or session.truncated("The stream was closed before its answer was finished.")
        return session.completion()

    async def cancel(self) -> str | None:
        """Stops the generation wherever it runs, and ends the stream; from any task, also after reconnects.

        Returns and raises what ``TailraceStream.cancel`` does.
        """
        session = self._session
        if session.complete:
            return "completed"
        session.cancelled = True
        await self.close()
        if not session.can_cancel:
            return None
        options = session.call.cancel(None, self._client.max_retries)
        answer = await self._client.post(
            cancel_path(session.completion_id or ""), cast_to=cast(Any, object), options=cast(Any, options)
        )
        return cast(str, answer.get("status"))

    async def close(self) -> None:
        """Closes the connection; no chunk comes any more. An answer that a Tailrace server would go on generating for the
        sake of a resume is cancelled, unless the client was made with ``cancel_on_close=False``."""
        session = self._session
        if session.closed:
            return
        # Asked now: a reader that wakes up because of what follows has an error of its own.
        cancels = session.abandoned and session.call.settings.cancel_on_close
        session.closed = True
        self._ended.set()
        # A cancelled task closes too, within a time that no server can stretch.
        with anyio.move_on_after(_CLOSING_S, shield=True):
            await self._release()
            await self._end_iterator()
            if cancels:
                options = session.call.cancel(cancel_timeout(), 0)
                with suppress(OpenAIError):
                    await self._client.post(
                        cancel_path(session.completion_id or ""), cast_to=cast(Any, object), options=cast(Any, options)
                    )

    async def _close_with_client(self) -> None:
        """Closes the stream because its client will be closed; its reader gets an exception where the answer is not whole."""
        session = self._session
        session.client_closed = not session.closed
        await self.close()

    async def _release(self) -> None:
        """Closes the connection, and ends the generators of the HTTP library that read from it.

        It leaves them where they are, one in the other, and closing the outer one drops the others: trio warns of each of them.
        Read on, they fail one after the other, because the connection is closed.
        """
        with suppress(*transport_errors()):
            await self._session.response.aclose()
        pieces, self._pieces = self._pieces, None
        # A read that still waits fails by itself.
        if pieces is None or self._reads:
            return
        with suppress(Exception):
            for _ in range(_MOST_PIECES_READ_AHEAD):
                await pieces.__anext__()

    async def _end_iterator(self) -> None:
        iterator = cast("AsyncGeneratorType[ChatCompletionChunk, None]", self._iterator)
        # Where it runs it is what closes the stream, or another task reads and is woken by the closed connection.
        if not iterator.ag_running:
            await iterator.aclose()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        return Loop(self.__anext__, self.close, lambda chunk: (chunk,))

    async def __anext__(self) -> ChatCompletionChunk:
        try:
            return await self._iterator.__anext__()
        except StopAsyncIteration:
            self._session.left()
            raise

    async def __stream__(self) -> AsyncIterator[ChatCompletionChunk]:
        session = self._session
        finished = False
        try:
            while not finished:
                cause = None
                pieces = self._begin_reading(session)
                while cause is None and not finished:
                    try:
                        piece = await self._next_piece(session, pieces)
                        events = session.decode(piece) if piece else session.decode_end()
                    except Unreadable as error:
                        cause = error
                        break
                    except transport_errors() as error:
                        cause = error
                        break
                    try:
                        for data in _chunks_of(session, events):
                            yield session.chunk(data)
                            if session.closed:
                                session.left()
                                return
                            session.asked_for_more()
                    except Unreadable as error:
                        cause = error
                    if session.complete and piece and session.can_cancel:
                        await self._read_end(pieces)
                    finished = session.complete or not piece
                finished = session.complete or not session.lost(cause) or not await self._reconnect(session, cause)
        except BaseException as error:
            if isinstance(error, Exception):
                session.error = error
            # A cancelled task; a generator that is closed in its midst is left to the one who closes it.
            if not isinstance(error, GeneratorExit):
                await self.close()
            raise
        if session.complete:
            await self.close()

    def _begin_reading(self, session: Session) -> AsyncIterator[bytes]:
        set_read_timeout(session.response, session.silence_s)
        self._pieces = session.response.aiter_bytes()
        return self._pieces

    async def _next_piece(self, session: Session, pieces: AsyncIterator[bytes]) -> bytes:
        """The next bytes of the body; none at its end. Raises ReadTimeout when a time of the stream is over."""
        self._reads = True
        try:
            with anyio.move_on_after(session.due_s()):
                async for piece in pieces:
                    # httpx gives no empty pieces, except for those of compressed bodies that say nothing yet.
                    if piece:
                        return piece
                return _END
        finally:
            self._reads = False
        raise httpx.ReadTimeout("the stream was silent for too long")

    async def _read_end(self, pieces: AsyncIterator[bytes]) -> None:
        with suppress(*transport_errors()), anyio.move_on_after(_CLOSING_S):
            async for _ in pieces:
                pass

    async def _reconnect(self, session: Session, cause: Exception | None) -> bool:
        """Opens the next connection. False: there is nothing to read any more."""
        while True:
            await self._release()
            attempt = session.retry(cause)
            if self._on_reconnect is not None:
                said = self._on_reconnect(attempt)
                if inspect.isawaitable(said):
                    await said
            with anyio.move_on_after(attempt.delay):
                await self._ended.wait()
            if session.closed:
                return session.left()
            try:
                response = await self._ask_again(session)
            except (APIStatusError, APIConnectionError) as error:
                cause = error
            else:
                if response.status_code == 204:
                    await response.aclose()
                    return session.over()
                refusal = session.check_head(response)
                if refusal is None:
                    session.opened(response)
                    if not session.closed:
                        return True
                    await response.aclose()
                    return session.left()
                await response.aclose()
                cause = refusal
            if not session.refused(cause):
                return False

    async def _ask_again(self, session: Session) -> httpx.Response:
        client = cast(Any, self._client)
        if session.way == "repeat":
            return await client.request(httpx.Response, session.call.repeat(), stream=True)
        options = session.resume_options()
        return await client.get(events_path(session.completion_id or ""), cast_to=httpx.Response, options=options, stream=True)


def _text_of(chunk: ChatCompletionChunk) -> Iterable[str]:
    return [choice.delta.content for choice in chunk.choices if choice.index == 0 and choice.delta.content]


def _chunks_of(session: Session, events: list[Event]) -> Iterator[dict[str, Any]]:
    for event in events:
        data = session.take(event)
        if data is not None:
            yield data
        if session.complete:
            return
