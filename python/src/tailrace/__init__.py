"""Tailrace for Python: OpenAI's client, with streams that heal.

    from tailrace import Tailrace

    client = Tailrace()
    stream = client.chat.completions.create(model="default", messages=[{"role": "user", "content": "Hi"}], stream=True)
    for piece in stream.text:
        print(piece, end="", flush=True)
"""

from ._async_stream import AsyncTailraceStream
from ._client import DEFAULT_BASE_URL, AsyncTailrace, Tailrace
from ._errors import StreamTimeoutError, StreamTruncatedError
from ._settings import Reconnect, ReconnectPolicy, StreamTimeouts
from ._stream import TailraceStream

__version__ = "0.1.0"

__all__ = [
    "DEFAULT_BASE_URL",
    "AsyncTailrace",
    "AsyncTailraceStream",
    "Reconnect",
    "ReconnectPolicy",
    "StreamTimeoutError",
    "StreamTimeouts",
    "StreamTruncatedError",
    "Tailrace",
    "TailraceStream",
]
