"""What one stream knows: how far it is, whether it is whole, and what a lost connection means. No input or output happens here;
``_stream`` and ``_async_stream`` read, wait and connect as this file decides.

    POST ──head──▶ events ──▶ [DONE], each choice finished ──▶ complete
                    │   ▲
       connection   │   │ GET …/events, Last-Event-ID: the last number
       lost         ▼   │ (the POST again, while nothing was delivered and the server keeps no stream)
                  retry ┘──attempts used up, refused──▶ StreamTruncatedError
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Mapping
from typing import Any, Literal, Optional, cast

from openai import APIError, APIStatusError, Timeout
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from ._call import Call
from ._errors import SilenceKind, StreamTimeoutError, StreamTruncatedError, error_of_event
from ._events import Event, EventDecoder, EventTooLarge
from ._http import httpx, is_timeout, shorter, timeout_of
from ._settings import Reconnect
from ._snapshot import Snapshot, as_object, objects

# A Tailrace server sends a comment after 10 s of silence.
_SILENCE_OF_A_KEPT_STREAM_S = 30.0
# A server that asks for more patience than this is not asked again: the generation waits 30 s for a reader.
_LONGEST_RETRY_AFTER_S = 60.0
# Refusals that another attempt may not meet.
_PASSING = (408, 409, 425, 429)

Way = Literal["resume", "repeat"]


class Unreadable(Exception):
    """Bytes of the stream that cannot be what the server wrote; the connection is given up, as if it were lost."""


class Session:
    """The state of one stream over all of its connections."""

    def __init__(self, call: Call, client: Any) -> None:
        self.call = call
        self.snapshot = Snapshot()
        self.request_id: str | None = None
        self.complete = False
        self.cancelled = False
        self.closed = False
        self.client_closed = False
        self.error: Exception | None = None
        self._client = client
        self._decoder = EventDecoder()
        self._response: httpx.Response | None = None
        self._header_id: str | None = None
        self._kept = False
        self._last_number = 0
        self._delivered = False
        self._repeats = 0
        self._failures = 0
        self._last_byte_s = self._last_chunk_s = time.monotonic()
        self._way: Way = "resume"
        self._wait_s = 0.0

    # The state, for users.

    @property
    def completion_id(self) -> str | None:
        return self._header_id or self.snapshot.completion_id

    @property
    def response(self) -> httpx.Response:
        """That of the current connection."""
        assert self._response is not None
        return self._response

    @property
    def can_cancel(self) -> bool:
        """True for a server that has named the completion in a header of its own: it has a route to stop it."""
        return self._header_id is not None

    @property
    def abandoned(self) -> bool:
        """True where the server may go on generating for a reader that comes back: a key makes it keep a stream, too."""
        gave_up = isinstance(self.error, StreamTimeoutError) and self.error.kind != "idle_bytes"
        over = self.complete or self.cancelled or (self.error is not None and not gave_up)
        return self.can_cancel and not over and not self._client.is_closed()

    def chunk(self, data: dict[str, Any]) -> ChatCompletionChunk:
        """What ``take`` gave, in openai's type."""
        made = self._client._process_response_data(data=data, cast_to=ChatCompletionChunk, response=self.response)
        return cast(ChatCompletionChunk, made)

    def completion(self) -> ChatCompletion:
        """What arrived so far."""
        made = self._client._process_response_data(data=self.snapshot.as_json(), cast_to=ChatCompletion, response=self.response)
        return cast(ChatCompletion, made)

    # Connections.

    def opened(self, response: httpx.Response) -> None:
        """A response that streams; the first one, or a later one that continues it."""
        self._response = response
        self._decoder = EventDecoder()
        self._last_byte_s = time.monotonic()
        if self._way == "repeat" or self.request_id is None:
            headers = cast("Mapping[str, str]", response.headers)
            self.request_id = headers.get("x-request-id")
            self._header_id = headers.get("tailrace-completion-id")
            # Only a stream that the server keeps has an address.
            self._kept = self._header_id is not None and "tailrace-stream-url" in headers
        self._way = "resume"

    @property
    def silence_s(self) -> float | None:
        """Seconds without a byte after which the connection counts as lost."""
        own = self.call.settings.timeouts.idle_bytes
        if own is not None:
            return own
        return shorter(self.call.read_s, _SILENCE_OF_A_KEPT_STREAM_S if self._kept else None)

    def output_due_s(self) -> float | None:
        """Seconds until ``check_times`` raises, unless a chunk arrives."""
        timeouts = self.call.settings.timeouts
        if self._delivered:
            began, bound = self._last_chunk_s, timeouts.idle_content
        else:
            began, bound = self.call.began_s, timeouts.first_token
        return None if bound is None else max(0.0, began + bound - time.monotonic())

    def due_s(self) -> float | None:
        """Seconds until a read has to be given up."""
        silence = self.silence_s
        byte_due = None if silence is None else max(0.0, self._last_byte_s + silence - time.monotonic())
        return shorter(byte_due, self.output_due_s())

    def asked_for_more(self) -> None:
        """The reader of the loop is back for the next chunk: the time that it took for itself was not the server's silence."""
        self._last_byte_s = self._last_chunk_s = time.monotonic()

    def check_times(self) -> None:
        """Raises StreamTimeoutError where no output came for too long, whatever else did."""
        if self.output_due_s() == 0.0:
            timeouts = self.call.settings.timeouts
            if self._delivered:
                raise self._timed_out("idle_content", timeouts.idle_content)
            raise self._timed_out("first_token", timeouts.first_token)

    # Events.

    def decode(self, piece: bytes) -> list[Event]:
        """The events in the next bytes. Raises Unreadable and StreamTimeoutError."""
        self._last_byte_s = time.monotonic()
        try:
            events = self._decoder.feed(piece)
        except EventTooLarge as error:
            raise Unreadable(str(error)) from error
        if not events:
            self.check_times()
        return events

    def decode_end(self) -> list[Event]:
        """The event that the end of a body leaves without its empty line, where it is a whole one."""
        event = self._decoder.end()
        # A stream that can be picked up again gives the event once more.
        if event is None or self._kept:
            return []
        if not event.data.startswith("[DONE]"):
            try:
                json.loads(event.data)
            except ValueError:
                return []
        return [event]

    def take(self, event: Event) -> dict[str, Any] | None:
        """The chunk that this event is; ``None`` for one that is none.

        Sets ``complete`` at the end. Raises the exception of an error event, Unreadable, and StreamTruncatedError for a stream
        that says it is done and is not.
        """
        if not self._is_next(event):
            return None
        done = event.data.strip().startswith("[DONE]")
        data = {} if done else self._json_of(event)
        self._reached(event)
        if done:
            # A server that gives fewer choices than asked for says here that these are all.
            if not self.snapshot.finished(1):
                raise self.truncated("The stream said that it was done before its answer was finished.")
            self.complete = True
            return None
        error = data.get("error") or (data if event.name == "error" else None)
        if error:
            raise error_of_event(self._client._make_status_error, error, response=self.response, request_id=self.request_id)
        choices = cast("object", data.get("choices"))
        if not isinstance(choices, list):
            if not as_object(data.get("usage")):
                return None
            data["choices"] = []
        for position, choice in enumerate(objects(cast("object", choices))):
            choice["delta"] = as_object(choice.get("delta"))
            if not isinstance(choice.get("index"), int):
                choice["index"] = position
        self.snapshot.add(data)
        self._delivered = True
        self._last_chunk_s = time.monotonic()
        return data

    def _is_next(self, event: Event) -> bool:
        if not self._kept:
            return True
        number = _number_of(event)
        if number is None:
            # The server could not keep the stream any longer: it continues here, and only here.
            self._kept = False
            return True
        if number > self._last_number + 1:
            raise Unreadable(f"event {number} came after event {self._last_number}")
        return number > self._last_number

    def _reached(self, event: Event) -> None:
        if self._kept:
            self._last_number = _number_of(event) or self._last_number
        self._failures = 0

    def _json_of(self, event: Event) -> dict[str, Any]:
        try:
            return as_object(json.loads(event.data))
        except ValueError as error:
            # What does not even begin like an object is a heartbeat.
            if not event.data.lstrip().startswith("{"):
                return {}
            raise Unreadable("an event is no JSON") from error

    # Lost connections.

    def lost(self, cause: Exception | None) -> bool:
        """The body has ended, or its connection has failed. True: ``retry`` says how to go on. False: the answer is whole.

        Raises StreamTruncatedError where nothing can be done, and StreamTimeoutError where the reason is silence.
        """
        if self.closed or self.cancelled:
            return self.left()
        if not self._kept and self.snapshot.finished(self.call.choices):
            self.complete = True
            return False
        # A connection that was given up for them looks like any other that ended.
        self.check_times()
        if self._kept:
            return self._plan("resume", cause)
        if not self._delivered and self._repeats < self.call.repeats:
            self._repeats += 1
            return self._plan("repeat", cause)
        return self._give_up("The connection was lost before the answer was finished", cause)

    def refused(self, error: APIError) -> bool:
        """An attempt has failed. Like ``lost``."""
        if self.closed or self.cancelled or self.snapshot.finished(self.call.choices):
            return self._give_up("", error)
        status = error.status_code if isinstance(error, APIStatusError) else None
        # The server does not know the stream. While nothing was delivered, the request itself begins it again.
        if status in (404, 410) and not self._delivered and self._repeats < self.call.repeats:
            self._repeats += 1
            return self._plan("repeat", error)
        wait_s = _retry_after(error)
        final = status is not None and status < 500 and status not in _PASSING
        told_not_to = isinstance(error, APIStatusError) and error.response.headers.get("x-should-retry") == "false"
        if final or told_not_to or (wait_s is not None and wait_s > _LONGEST_RETRY_AFTER_S):
            return self._give_up("The stream could not be picked up again", error)
        return self._plan(self._way, error, wait_s)

    def left(self) -> Literal[False]:
        """Nothing can be read any more from a stream that was closed. Raises StreamTruncatedError where its reader did not want
        that: the client was closed, and the answer is not whole."""
        if self.client_closed and not self.complete:
            raise self._client_was_closed()
        return False

    def over(self) -> bool:
        """The server has nothing after the last event, and the stream has ended there."""
        return self._give_up("The stream ended before its answer was finished", None)

    def _plan(self, way: Way, cause: Exception | None, wait_s: float | None = None) -> bool:
        # The HTTP client of the caller's own can be closed without a word to its streams.
        if self._client.is_closed():
            raise self._client_was_closed() from cause
        policy = self.call.settings.reconnects
        self._failures += 1
        if self._failures > policy.attempts:
            return self._give_up("The connection was lost, and the stream could not be picked up again", cause)
        self._way = way
        if wait_s is None and self._failures > 1:
            longest = min(policy.first_delay * math.pow(2, self._failures - 2), policy.longest_delay)
            wait_s = longest * (1 - random.random() / 4)
        self._wait_s = wait_s or 0.0
        return True

    def _give_up(self, what: str, cause: Exception | None) -> Literal[False]:
        if self.closed or self.cancelled:
            return self.left()
        # Of a whole answer only the words that say so can be missing, and perhaps its usage.
        if self.snapshot.finished(self.call.choices):
            self.complete = True
            return False
        if cause is not None and is_timeout(cause):
            raise self._timed_out("idle_bytes", self.silence_s) from cause
        # Nothing was delivered, so the call has simply failed.
        if isinstance(cause, APIStatusError) and not self._delivered:
            raise cause
        raise self.truncated(f"{what}{'' if cause is None else f': {cause}'}.") from cause

    def retry(self, cause: Exception | None) -> Reconnect:
        """The attempt that ``lost`` or ``refused`` has decided on."""
        return Reconnect(self._failures, self._last_number, cause, self._wait_s)

    @property
    def way(self) -> Way:
        """How the next attempt asks: for the events of a kept stream, or with the request again."""
        return self._way

    def resume_options(self) -> dict[str, Any]:
        timeouts = self.call.settings.timeouts
        given = cast(Any, self.call.options.timeout)
        timeout = timeout_of(given, connect=timeouts.connect, read=self.silence_s)
        return self.call.resume(self._last_number, timeout)

    def check_head(self, response: httpx.Response) -> Optional[APIError]:
        """Why this answer to an attempt cannot continue the stream; ``None`` where it can."""
        kind = cast("Mapping[str, str]", response.headers).get("content-type", "")
        if response.status_code == 200 and kind.partition(";")[0].strip().lower() == "text/event-stream":
            return None
        # Something between here and the server has answered: a captive portal, a proxy's own page.
        return APIError(f"the answer is {response.status_code} {kind}, no stream", response.request, body=None)

    # Failures.

    def truncated(self, message: str) -> StreamTruncatedError:
        return StreamTruncatedError(message, **self._evidence())

    def _client_was_closed(self) -> StreamTruncatedError:
        return self.truncated("The client was closed before the answer was finished.")

    def _timed_out(self, kind: SilenceKind, seconds: float | None) -> StreamTimeoutError:
        what = {"first_token": "The first output did not come", "idle_bytes": "No byte came", "idle_content": "No output came"}
        within = "" if seconds is None else f" within {seconds:g} s"
        return StreamTimeoutError(f"{what[kind]}{within}.", kind=kind, **self._evidence())

    def _evidence(self) -> dict[str, Any]:
        return {
            "request": self.response.request,
            "partial_text": self.snapshot.text,
            "partial_completion": None if self.snapshot.empty else self.completion(),
            "request_id": self.request_id,
            "completion_id": self.completion_id,
        }


def _retry_after(error: APIError) -> float | None:
    """Seconds that the server asks to wait; ``None`` where it does not say."""
    if not isinstance(error, APIStatusError):
        return None
    headers = cast("Mapping[str, str]", error.response.headers)
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def _number_of(event: Event) -> int | None:
    return int(event.id) if event.id is not None and event.id.isdecimal() else None


def cancel_timeout() -> Timeout:
    """For a cancel that nobody waits for: it is sent while its caller leaves."""
    return Timeout(2.0)
