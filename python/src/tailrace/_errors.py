"""How a stream fails: exceptions, and what an error event becomes."""

from __future__ import annotations

import json
from typing import Any, Literal, Mapping, cast

from openai import APIConnectionError, APIStatusError, APITimeoutError
from openai.types.chat import ChatCompletion

from ._http import httpx


SilenceKind = Literal["first_token", "idle_bytes", "idle_content"]


class StreamTruncatedError(APIConnectionError):
    """The stream ended before its answer did, and could not be picked up again.

    ``__cause__`` is how the connection, or the last attempt to pick the stream up, failed; it is ``None`` where the body ended in
    order, without a finish.
    """

    partial_text: str
    """What arrived of the text of the first choice."""
    partial_completion: ChatCompletion | None
    """All that arrived, as a completion without finish; ``None`` where nothing did."""
    request_id: str | None
    """The ``x-request-id`` of the request that began the stream."""
    completion_id: str | None

    def __init__(
        self,
        message: str,
        *,
        request: httpx.Request,
        partial_text: str = "",
        partial_completion: ChatCompletion | None = None,
        request_id: str | None = None,
        completion_id: str | None = None,
    ) -> None:
        # By name, for StreamTimeoutError: the class that follows in its order sets a message of its own.
        APIConnectionError.__init__(self, message=message, request=request)
        self.partial_text = partial_text
        self.partial_completion = partial_completion
        self.request_id = request_id
        self.completion_id = completion_id


class StreamTimeoutError(StreamTruncatedError, APITimeoutError):
    """The stream was silent for longer than its ``StreamTimeouts`` allow."""

    kind: SilenceKind
    """Which of them."""

    def __init__(self, message: str, *, kind: SilenceKind, **evidence: Any) -> None:
        StreamTruncatedError.__init__(self, message, **evidence)
        self.kind = kind


# The status that a code has where the error comes before the stream. docs/errors.md is the list; a test compares them.
_STATUS_OF_CODE: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "invalid_json",
            "invalid_type",
            "invalid_value",
            "missing_parameter",
            "unsupported_parameter",
            "context_length_exceeded",
            "content_policy_violation",
        ),
        400,
    ),
    **dict.fromkeys(("missing_api_key", "invalid_api_key", "expired_api_key"), 401),
    **dict.fromkeys(("model_not_allowed", "admin_required"), 403),
    **dict.fromkeys(("model_not_found", "completion_not_found", "unknown_url"), 404),
    "method_not_allowed": 405,
    **dict.fromkeys(("idempotency_key_reused", "completion_cancelled", "conflict"), 409),
    "events_gone": 410,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    **dict.fromkeys(("rate_limit_exceeded", "insufficient_quota"), 429),
    "internal_error": 500,
    **dict.fromkeys(("upstream_refused", "upstream_protocol", "upstream_auth", "upstream_cut"), 502),
    **dict.fromkeys(("overloaded", "no_healthy_upstream", "draining", "storage_unavailable"), 503),
    **dict.fromkeys(("first_token_timeout", "stall_timeout", "deadline_exceeded"), 504),
}

# For codes of other servers.
_STATUS_OF_TYPE: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "upstream_error": 502,
    "overloaded_error": 503,
    "timeout_error": 504,
}


def error_of_event(
    make: Any, error: object, *, response: httpx.Response, request_id: str | None
) -> APIStatusError:
    """The exception for ``{"error": …}`` in a stream: the one that ``openai`` raises for the same error before a stream.

    ``make`` is the client's own ``_make_status_error``. An error without a known code or type counts as 500.
    """
    said = cast("dict[str, Any]", error) if isinstance(error, dict) else {"message": str(error)}
    message = said.get("message")
    text = message if isinstance(message, str) and message else "The server reports an error in the stream."
    own_id = said.get("request_id")
    named_id = own_id if isinstance(own_id, str) else request_id
    # The answer itself had status 200. The exception classes take their status from a response.
    told = type(response)(
        status_of(said),
        headers={"content-type": "application/json", **({"x-request-id": named_id} if named_id else {})},
        content=json.dumps({"error": said}).encode(),
        request=response.request,
    )
    return cast(APIStatusError, make(text, body=said, response=told))


def status_of(error: Mapping[str, Any]) -> int:
    """The status that an error event stands for."""
    code = error.get("code")
    for number in (code, error.get("status"), error.get("status_code")):
        if isinstance(number, str) and number.isdecimal():
            number = int(number)
        if isinstance(number, int) and 400 <= number <= 599:
            return number
    kind = error.get("type")
    return _STATUS_OF_CODE.get(str(code)) or _STATUS_OF_TYPE.get(str(kind)) or 500
