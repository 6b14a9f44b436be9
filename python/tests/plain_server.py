"""A server that a test scripts by hand: one function answers each request, with bytes and at times that the test wants."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from dataclasses import dataclass
from typing import Any, Callable

KEPT = "tailrace-completion-id: chatcmpl-1\r\ntailrace-stream-url: http://x/v1/streams/chatcmpl-1\r\n"


@dataclass
class Asked:
    method: str
    path: str
    head: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Exchange:
    """One request, and the way to answer it."""

    def __init__(self, connection: socket.socket, asked: Asked) -> None:
        self.asked = asked
        self.connection = connection

    def send(self, data: bytes | str) -> None:
        self.connection.sendall(data.encode() if isinstance(data, str) else data)

    def stream_head(self, more: str = KEPT) -> None:
        self.send(f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req-1\r\nconnection: close\r\n{more}\r\n")

    def event(self, payload: Any, number: int | None = None) -> None:
        data = payload if isinstance(payload, str) else json.dumps(payload)
        self.send(f"{'' if number is None else f'id: {number}' + chr(10)}data: {data}\n\n")

    def answer(self, status: int, payload: Any, more: str = "") -> None:
        body = json.dumps(payload).encode()
        more += "connection: close\r\n"
        self.send(f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{more}\r\n")
        self.send(body)

    def wait_for_leave(self) -> bool:
        """True when the client has closed its side; False where it had sent something."""
        self.connection.settimeout(60)
        try:
            return self.connection.recv(1) == b""
        except ConnectionError:
            return True


def chunk(content: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    delta: dict[str, Any] = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


class PlainServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: Callable[[Exchange], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[Asked] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def paths(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no fault of the server."""

    def __exit__(self, *_: Any) -> None:
        self.shutdown()
        self.server_close()


class _Handler(socketserver.StreamRequestHandler):
    server: PlainServer

    def handle(self) -> None:
        line = self.rfile.readline().decode()
        if not line:
            return
        method, path, _ = line.split(" ")
        head: dict[str, str] = {}
        while (line := self.rfile.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            head[name.lower()] = value.strip()
        asked = Asked(method, path, head, self.rfile.read(int(head.get("content-length", "0"))))
        self.server.asked.append(asked)
        self.server.answer(Exchange(self.connection, asked))
