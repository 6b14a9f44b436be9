"""One call of ``chat.completions.create(stream=True)``: what was asked, and how to ask again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

from openai import NotGiven, Timeout
from openai._models import FinalRequestOptions

from ._http import shorter, timeout_of
from ._settings import StreamSettings
from ._snapshot import as_object

# Of the request that began the stream only.
_OF_THE_POST = ("tailrace-resumable", "idempotency-key", "content-type", "accept", "last-event-id")
# By these, ``openai`` marks that its caller wants the response instead of what it says.
_OF_OPENAI = ("x-stainless-raw-response", "____stainless_override_cast_to")


@dataclass(frozen=True)
class Call:
    """A streaming call."""

    settings: StreamSettings
    options: FinalRequestOptions
    choices: int
    """How many answers were asked for (``n``)."""
    repeats: int
    """How often the request may be sent again while nothing of its answer was delivered."""
    read_s: float | None
    """Seconds that the caller's ``timeout`` allows for each read."""
    began_s: float = field(default_factory=time.monotonic)

    @property
    def headers(self) -> dict[str, Any]:
        """What the caller added to the headers of this call, for the other requests of its stream."""
        return {
            name: value for name, value in own_headers(self.options).items() if name.lower() not in (*_OF_THE_POST, *_OF_OPENAI)
        }

    def repeat(self) -> FinalRequestOptions:
        """The request once more, under the same ``Idempotency-Key``; its response is wanted as it is."""
        headers = {name: value for name, value in own_headers(self.options).items() if name.lower() not in _OF_OPENAI}
        return self.options.model_copy(update={"headers": headers, "max_retries": 0, "post_parser": NotGiven()})

    def resume(self, after: int, timeout: Timeout) -> dict[str, Any]:
        """Options of the request for the events after this one."""
        headers = {**self.headers, "Accept": "text/event-stream", "Last-Event-ID": str(after)}
        return {"headers": headers, "params": self.options.params, "timeout": timeout, "max_retries": 0}

    def cancel(self, timeout: Timeout | None, max_retries: int) -> dict[str, Any]:
        """Options of the request that stops the generation."""
        given = {} if timeout is None else {"timeout": timeout}
        return {"headers": self.headers, "params": self.options.params, "max_retries": max_retries, **given}


def events_path(completion_id: str) -> str:
    return f"/chat/completions/{quote(completion_id, safe='')}/events"


def cancel_path(completion_id: str) -> str:
    return f"/chat/completions/{quote(completion_id, safe='')}/cancel"


def is_streamed_chat(options: FinalRequestOptions, stream: bool) -> bool:
    return stream and options.method.lower() == "post" and options.url == "/chat/completions"


def begin_call(
    options: FinalRequestOptions,
    settings: StreamSettings,
    *,
    client_timeout: float | Timeout | None,
    max_retries: int,
    kept: bool = True,
) -> tuple[Call, FinalRequestOptions]:
    """The call, and the options with which it is sent: one key for each try of it, and the wish for a stream that can be resumed;
    neither where the answer is not to be ``kept``.

    Headers of the caller's own are kept, and so is their absence (``openai.Omit()``).
    """
    headers = own_headers(options)
    named = {name.lower() for name in headers}
    if kept and "idempotency-key" not in named:
        headers["Idempotency-Key"] = f"tailrace-python-{uuid.uuid4()}"
    if kept and settings.resumable and "tailrace-resumable" not in named:
        headers["Tailrace-Resumable"] = "true"
    given = cast(Any, options.timeout)
    timeouts = settings.timeouts
    base = timeout_of(client_timeout if isinstance(given, NotGiven) else given, connect=timeouts.connect, read=None)
    timeout = timeout_of(base, connect=None, read=shorter(timeouts.first_token, timeouts.idle_bytes))
    sent = options.model_copy(update={"headers": headers, "timeout": timeout})
    body = as_object(cast(object, options.json_data))
    wanted = {**body, **as_object(options.extra_json)}.get("n")
    choices = wanted if isinstance(wanted, int) and wanted > 0 else 1
    return Call(settings, sent, choices, options.get_max_retries(max_retries), base.read), sent


def keeps_by_itself(options: FinalRequestOptions) -> bool:
    """Whether it is only our wish that the server keeps the answer; a key or a wish of the caller's own is never left out."""
    return not {"idempotency-key", "tailrace-resumable"} & {name.lower() for name in own_headers(options)}


def own_headers(options: FinalRequestOptions) -> dict[str, Any]:
    """A copy of the headers that the options have."""
    given = cast("Mapping[str, Any] | NotGiven", options.headers)
    return {} if isinstance(given, NotGiven) else dict(given)
