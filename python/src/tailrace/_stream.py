"""The stream of ``Tailrace``."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from openai import APIConnectionError, APIStatusError, OpenAIError, Stream
from openai._models import FinalRequestOptions
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from typing_extensions import Self

from ._call import Call, cancel_path, events_path
from ._http import httpx, set_read_timeout, stop_reading, transport_errors
from ._response import CurrentResponse
from ._session import Session, Unreadable, cancel_timeout
from ._settings import OnReconnect, StreamSettings

if TYPE_CHECKING:
    from openai import OpenAI

# For a read of another thread that was woken.
_CLOSING_S = 5.0


class TailraceStream(Stream[ChatCompletionChunk]):
    """The chunks of one answer, over as many connections as it takes.

    Iterate it, or its ``text``. Leaving the loop closes the connection and stops the generation; so do ``close()`` and the end of
    a ``with`` block. A loop that ends without an exception has seen the whole answer, unless the stream was closed or cancelled
    (``complete`` tells).

    Raises, while it is read: StreamTruncatedError, StreamTimeoutError, and for an error event the exception that ``openai`` has
    for its status. One thread may read; any thread may call ``close()`` and ``cancel()``.
    """

    def __init__(
        self,
        *,
        cast_to: type[ChatCompletionChunk],
        response: httpx.Response,
        client: OpenAI,
        options: FinalRequestOptions | None = None,
    ) -> None:
        call = Call(StreamSettings(), options or FinalRequestOptions.construct(method="post", url=""), 1, 0, None)
        self._session = Session(call, client)
        self._ended = threading.Event()
        # Notified when a read has ended.
        self._lock = threading.Condition()
        self._reader: int | None = None
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
        """Sets what is called before each attempt to pick this stream up again, in place of the client's ``on_reconnect``."""
        self._on_reconnect = callback
        return self

    @property
    def text(self) -> Iterator[str]:
        """The pieces of text of the first choice. Leaving its loop closes the stream, as leaving that of the chunks does."""
        try:
            for chunk in self._iterator:
                for choice in chunk.choices:
                    if choice.index == 0 and choice.delta.content:
                        yield choice.delta.content
        finally:
            self.close()

    def final_text(self) -> str:
        """Reads the rest, and returns the whole text of the first choice. Raises as iterating does, and StreamTruncatedError
        for a stream that was closed or cancelled before its end."""
        return self.final_completion().choices[0].message.content or ""

    def final_completion(self) -> ChatCompletion:
        """Reads the rest, and returns the whole answer as if it had not been streamed. Raises as ``final_text`` does."""
        for _ in self:
            pass
        session = self._session
        if not session.complete:
            raise session.error or session.truncated("The stream was closed before its answer was finished.")
        return session.completion()

    def cancel(self) -> str | None:
        """Stops the generation wherever it runs, and ends the stream; from any thread, also after reconnects.

        Returns the status that the server has for the request (``cancelled``, or ``completed`` where the answer was faster);
        ``None`` for a server that cannot be told, where closing the connection has to do. Raises openai's errors.
        """
        session = self._session
        if session.complete:
            return "completed"
        session.cancelled = True
        self.close()
        if not session.can_cancel:
            return None
        options = session.call.cancel(None, self._client.max_retries)
        answer = self._client.post(
            cancel_path(session.completion_id or ""), cast_to=cast(Any, object), options=cast(Any, options)
        )
        return cast(str, answer.get("status"))

    def close(self) -> None:
        """Closes the connection; no chunk comes any more. An answer that a Tailrace server would go on generating for the
        sake of a resume is cancelled, unless the client was made with ``cancel_on_close=False``."""
        session = self._session
        with self._lock:
            if session.closed:
                return
            # Asked now: a reader that wakes up because of what follows has an error of its own.
            cancels = session.abandoned and session.call.settings.cancel_on_close
            session.closed = True
            reads_elsewhere = self._wake_reader()
        self._ended.set()
        if not reads_elsewhere:
            with suppress(*transport_errors()):
                session.response.close()
        if cancels:
            options = session.call.cancel(cancel_timeout(), 0)
            # Without an answer the server stops by itself after its grace.
            with suppress(OpenAIError):
                self._client.post(cancel_path(session.completion_id or ""), cast_to=cast(Any, object), options=cast(Any, options))

    def _close_with_client(self) -> None:
        """Closes the stream because its client will be closed; its reader gets an exception where the answer is not whole."""
        session = self._session
        session.client_closed = not session.closed
        self.close()
        with self._lock:
            # The client closes the sockets itself.
            self._lock.wait_for(lambda: self._reader in (None, threading.get_ident()), _CLOSING_S)

    def _wake_reader(self) -> bool:
        """Ends the read of another thread, which then closes the connection. False: no other thread reads now. Needs the lock.

        A socket must not be closed under a read: the read may continue on the next socket that has the same number.
        """
        if self._reader in (None, threading.get_ident()):
            return False
        stop_reading(self._session.response)
        return True

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        try:
            yield from self._iterator
        finally:
            # Also where the loop is left: its iterator is dropped, which closes this generator.
            self.close()

    def __stream__(self) -> Iterator[ChatCompletionChunk]:
        session = self._session
        self._watch_output(session)
        try:
            while True:
                cause = None
                try:
                    yield from self._read(session)
                except Unreadable as error:
                    cause = error
                except transport_errors() as error:
                    cause = error
                if session.complete or not session.lost(cause):
                    return
                if not self._reconnect(session, cause):
                    return
        except Exception as error:
            session.error = error
            raise
        except GeneratorExit:
            raise
        except BaseException:
            # Ctrl-C in the midst of a read: this generator cannot go on.
            self.close()
            raise
        finally:
            # A reader that stops between two chunks may come back for the next one.
            if session.complete or session.error is not None:
                self.close()
            if session.closed:
                with suppress(*transport_errors()):
                    session.response.close()

    def _read(self, session: Session) -> Iterator[ChatCompletionChunk]:
        """The chunks of one connection."""
        response = session.response
        set_read_timeout(response, session.silence_s)
        pieces = response.iter_bytes()
        while (piece := self._next_piece(session, pieces)) is not None:
            for event in session.decode(piece):
                yield from self._chunk_of(session, event)
                if session.closed:
                    return
                if session.complete:
                    # A Tailrace server ends the body with [DONE]: to have read that end keeps the connection for others.
                    if session.can_cancel:
                        self._next_piece(session, pieces)
                    return
        for event in session.decode_end():
            yield from self._chunk_of(session, event)

    def _next_piece(self, session: Session, pieces: Iterator[bytes]) -> bytes | None:
        """The next bytes of the body; ``None`` at its end, and once the stream is closed."""
        with self._lock:
            if session.closed:
                return None
            self._reader = threading.get_ident()
        try:
            return next(pieces, None)
        finally:
            with self._lock:
                self._reader = None
                self._lock.notify_all()

    def _chunk_of(self, session: Session, event: Any) -> Iterator[ChatCompletionChunk]:
        data = session.take(event)
        if data is not None:
            yield session.chunk(data)
            session.asked_for_more()

    def _reconnect(self, session: Session, cause: Exception | None) -> bool:
        """Opens the next connection. False: there is nothing to read any more."""
        while True:
            session.response.close()
            attempt = session.retry(cause)
            if self._on_reconnect is not None:
                self._on_reconnect(attempt)
            if self._ended.wait(attempt.delay) and session.closed:
                return session.left()
            try:
                response = self._ask_again(session)
            except (APIStatusError, APIConnectionError) as error:
                cause = error
            else:
                if response.status_code == 204:
                    response.close()
                    return session.over()
                refusal = session.check_head(response)
                if refusal is None:
                    session.opened(response)
                    if not session.closed:
                        return True
                    response.close()
                    return session.left()
                response.close()
                cause = refusal
            if not session.refused(cause):
                return False

    def _ask_again(self, session: Session) -> httpx.Response:
        client = cast(Any, self._client)
        if session.way == "repeat":
            return client.request(httpx.Response, session.call.repeat(), stream=True)
        options = session.resume_options()
        return client.get(events_path(session.completion_id or ""), cast_to=httpx.Response, options=options, stream=True)

    def _watch_output(self, session: Session) -> None:
        """Starts a thread that ends the read when output is due, where the stream has such a bound.

        A read ends by itself only when no byte comes. A server that sends comments keeps it waiting.
        """
        timeouts = session.call.settings.timeouts
        if timeouts.first_token is None and timeouts.idle_content is None:
            return
        ended = self._ended
        # The thread must not keep a stream that its reader has dropped: nothing else would close the connection.
        watched = weakref.ref(self, lambda _: ended.set())

        def seconds_to_wait() -> float | None:
            stream = watched()
            if stream is None:
                return None
            due = stream._session.output_due_s()
            if due == 0.0:
                with stream._lock:
                    stream._wake_reader()
            return timeouts.idle_content if due is None else max(due, 0.05)

        def watch() -> None:
            while not ended.is_set():
                # The clock begins anew with each chunk, perhaps while this thread waits.
                ended.wait(seconds_to_wait())

        threading.Thread(target=watch, name="tailrace-output", daemon=True).start()
