"""A TCP relay whose connections can be cut."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading


class CuttingProxy:
    """Relays to one port. ``drop`` resets all connections; ``limits`` ends each next one after so many bytes of the answer."""

    def __init__(self, port: int, limits: list[int] | None = None) -> None:
        self._target = port
        self._limits = list(limits or [])
        self._open: set[_Relay] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.cuts = 0
        """How many connections have met their limit."""
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        relays = list(self._open)
        self.drop()
        for relay in relays:
            relay.join()

    def drop(self) -> None:
        for relay in list(self._open):
            relay.reset()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                relay = _Relay(self, near, self._target, self._limits.pop(0) if self._limits else None)
                self._open.add(relay)
                relay.start()

    def ended(self, relay: _Relay, *, cut: bool) -> None:
        self._open.discard(relay)
        self.cuts += cut


class _Relay(threading.Thread):
    """One connection. Only this thread reads, writes and closes its sockets."""

    def __init__(self, proxy: CuttingProxy, near: socket.socket, target: int, limit: int | None) -> None:
        super().__init__(daemon=True)
        self._proxy = proxy
        self._near = near
        self._far = socket.create_connection(("127.0.0.1", target))
        self._left = limit
        self._wake, self._woken = socket.socketpair()

    def reset(self) -> None:
        with contextlib.suppress(OSError):
            self._wake.send(b"x")

    def run(self) -> None:
        cut = False
        with self._near, self._far, self._wake, self._woken, contextlib.suppress(OSError):
            while True:
                ready, _, _ = select.select([self._near, self._far, self._woken], [], [])
                if self._woken in ready:
                    self._near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
                source = ready[0]
                data = source.recv(65536)
                if source is self._far and self._left is not None:
                    cut = len(data) >= self._left
                    data, self._left = data[: self._left], self._left - len(data)
                (self._near if source is self._far else self._far).sendall(data)
                if cut or not data:
                    break
        self._proxy.ended(self, cut=cut)
