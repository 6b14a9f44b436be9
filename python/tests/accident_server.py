"""A server on plain sockets that plays plans: the model of a request is the number of its plan."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import struct
import threading
from collections import defaultdict
from typing import Any

from accident_plan import Connection, Plan, draw_plan


class AccidentServer(socketserver.ThreadingTCPServer):
    """Listens on a free port until it is closed."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plans: dict[str, Plan] = {}
        self.connections_of: dict[str, int] = defaultdict(int)
        self.posts: dict[str, list[str]] = defaultdict(list)
        """The keys (``Idempotency-Key``) of the requests, by plan."""
        self.cancelled: dict[str, int] = defaultdict(int)
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no fault of the server."""

    def next_connection(self, name: str) -> tuple[Plan, Connection]:
        with self.lock:
            plan = self.plans.setdefault(name, draw_plan(int(name.partition("-")[0])))
            at = self.connections_of[name]
            self.connections_of[name] += 1
        return plan, plan.connections[min(at, len(plan.connections) - 1)]


class _Handler(socketserver.StreamRequestHandler):
    server: AccidentServer
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while True:
            asked = self._read_request()
            if asked is None or not self._answer(*asked):
                return

    def _read_request(self) -> tuple[str, str, dict[str, str], bytes] | None:
        line = self.rfile.readline().decode()
        if not line:
            return None
        method, path, _ = line.split(" ")
        head: dict[str, str] = {}
        while (line := self.rfile.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            head[name.lower()] = value.strip()
        return method, path, head, self.rfile.read(int(head.get("content-length", "0")))

    def _answer(self, method: str, path: str, head: dict[str, str], body: bytes) -> bool:
        parts = path.split("/")
        if method == "POST" and path.endswith("/cancel"):
            self.server.cancelled[parts[-2]] += 1
            return self._whole(200, "application/json", json.dumps({"id": parts[-2], "status": "cancelled"}).encode())
        if method == "POST":
            name = str(json.loads(body)["model"])
            self.server.posts[name].append(head.get("idempotency-key", ""))
            after = 0
        else:
            name = parts[-2]
            after = int(head["last-event-id"])
        plan, connection = self.server.next_connection(name)
        return self._play(plan, connection, name, after, resumed=method == "GET")

    def _whole(self, status: int, kind: str, body: bytes, more: str = "") -> bool:
        self.wfile.write(
            f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{more}content-length: {len(body)}\r\n\r\n".encode() + body
        )
        return True

    def _play(self, plan: Plan, connection: Connection, name: str, after: int, *, resumed: bool) -> bool:
        what = connection.what
        if what == "before_head":
            return False
        if what == "reset_before_head":
            return self._reset()
        if what.startswith("status_"):
            status = int(what[7:])
            code = {404: "completion_not_found", 429: "rate_limit_exceeded"}.get(status, "overloaded")
            error = {"error": {"message": "no", "type": "x", "code": code, "param": None}}
            return self._whole(status, "application/json", json.dumps(error).encode(), "retry-after-ms: 1\r\n")
        if what == "html":
            return self._whole(200, "text/html", b"<p>Sign in to this network</p>")
        own = f"tailrace-completion-id: {name}\r\ntailrace-stream-url: http://x/v1/streams/{name}\r\n" if plan.kept else ""
        framing = "transfer-encoding: chunked\r\n" if plan.chunked else "connection: close\r\n"
        head = (
            f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: req-{name}\r\n{own}{framing}\r\n"
        )
        if what == "in_head":
            self.wfile.write(head[: len(head) // 2].encode())
            return False
        if resumed and plan.repeats_events and after > 0:
            after -= 1
        if resumed and after >= len(plan.payloads):
            return self._whole(204, "text/plain", b"")
        self.wfile.write(head.encode())
        return self._stream(plan, connection, after)

    def _stream(self, plan: Plan, connection: Connection, after: int) -> bool:
        what = connection.what
        last = len(plan.payloads) if what == "whole" else min(after + connection.events, len(plan.payloads))
        body = b"\xef\xbb\xbf" if plan.bom else b""
        for number in range(after + 1, last + 1):
            body += self._event(plan, number)
        torn = b""
        if what == "in_event" and last < len(plan.payloads):
            torn = self._event(plan, last + 1)
            # Before the last byte of the JSON: an event that lacks its empty line only is a whole one to a tolerant client.
            size = len(torn) - 2 * len(plan.line_end) - 1
            torn = torn[: size - plan.seed % (size - 1)]
        self._write_body(plan, body + torn)
        if what == "idle":
            # Until the client gives up.
            self.connection.recv(1)
            return False
        if what == "reset":
            return self._reset()
        if plan.chunked and what in ("whole", "ended"):
            self.wfile.write(b"0\r\n\r\n")
            return True
        if plan.chunked and torn:
            # A chunk that promises more than comes.
            self.wfile.write(b"ff\r\nda")
        return False

    def _event(self, plan: Plan, number: int) -> bytes:
        end = plan.line_end
        lines = [b": a comment"] if plan.comments else []
        if plan.kept:
            lines.append(f"id: {number}".encode())
        lines.append(b"data: " + plan.payloads[number - 1].encode())
        return end.join(lines) + end + end

    def _write_body(self, plan: Plan, body: bytes) -> None:
        at = 0
        turn = 0
        while at < len(body):
            size = plan.write_sizes[turn % len(plan.write_sizes)]
            piece = body[at : at + size]
            at += size
            turn += 1
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if plan.chunked else piece)

    def _reset(self) -> bool:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The reset is sent when the last reference to the socket is closed.
        self.wfile.close()
        self.rfile.close()
        self.connection.close()
        return False

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
