"""A wire between two programs that a test can cut, slow down or empty: what a network does at its worst."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Self

PIECE = 65_536


class TcpProxy:
    """Passes on what comes to `port` of this machine to `target`, (host, port), and back, unless told otherwise.

    `latency` (seconds) holds back every piece; with `black_hole` nothing passes and nobody is told.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.latency = 0.0
        self.black_hole = False
        self.connections = 0
        """How many were accepted so far."""
        self._wires: list[_Wire] = []
        self._watch: Callable[[bytes], bool] | None = None
        self._quota: int | None = None
        self._guard = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = 0
        self.up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> None:
        """Listen, on the same port as ever."""
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port, self._listener = listener.getsockname()[1], listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self) -> None:
        """Refuse new connections, and reset those that are open."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # Closing alone does not wake the thread that accepts; the port would stay taken.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.reset()

    def reset(self) -> int:
        """Break every open connection, on both sides; how many."""
        with self._guard:
            wires, self._wires = self._wires, []
        for wire in wires:
            wire.reset()
        return len(wires)

    def cut_after(self, count: int) -> None:
        """Let `count` more bytes pass from the client, of all connections together, and then reset the connection."""
        self._quota = count

    def lose_answer_to(self, text: bytes, time: int = 1) -> None:
        """Pass on the next piece from a client that holds `text` (or the one after, as `time` says), wait for the
        answer, and reset instead of passing that back: done, and nobody knows."""
        left = [time]

        def watch(piece: bytes) -> bool:
            left[0] -= text in piece
            return left[0] == 0

        self._watch = watch

    @property
    def is_watching(self) -> bool:
        """Whether `lose_answer_to` has still to happen."""
        return self._watch is not None

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target, timeout=5)
            except OSError:
                _reset(client)
                continue
            server.settimeout(None)
            self.connections += 1
            wire = _Wire(self, client, server)
            with self._guard:
                self._wires = [*(each for each in self._wires if each.is_open), wire]
            wire.start()

    def may_pass(self, piece: bytes) -> bytes:
        """What of a client's piece still passes before the wire is cut."""
        if self._quota is None:
            return piece
        passing, self._quota = piece[: self._quota], max(0, self._quota - len(piece))
        return passing

    def is_the_one(self, piece: bytes) -> bool:
        with self._guard:
            if self._watch is None or not self._watch(piece):
                return False
            self._watch = None
            return True

    def pause(self) -> None:
        while self.black_hole:
            time.sleep(0.02)
        if self.latency:
            time.sleep(self.latency)


class _Wire:
    def __init__(self, proxy: TcpProxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.is_open = True
        self._loses_answer = False

    def start(self) -> None:
        pumps = [threading.Thread(target=pump, daemon=True) for pump in (self._upwards, self._downwards)]
        for pump in pumps:
            pump.start()
        threading.Thread(target=self._close_after, args=(pumps,), daemon=True).start()

    def _close_after(self, pumps: list[threading.Thread]) -> None:
        for pump in pumps:
            pump.join()
        self.is_open = False
        self.client.close()
        self.server.close()

    def reset(self) -> None:
        self.is_open = False
        _reset(self.client)
        _reset(self.server)

    def _upwards(self) -> None:
        with contextlib.suppress(OSError):
            while piece := self.client.recv(PIECE):
                self.proxy.pause()
                self._loses_answer = self._loses_answer or self.proxy.is_the_one(piece)
                passing = self.proxy.may_pass(piece)
                self.server.sendall(passing)
                if len(passing) < len(piece):
                    self.reset()
                    return
            self._pass_on_the_end(self.server)

    def _downwards(self) -> None:
        with contextlib.suppress(OSError):
            while piece := self.server.recv(PIECE):
                self.proxy.pause()
                if self._loses_answer:
                    self.reset()
                    return
                self.client.sendall(piece)
            self._pass_on_the_end(self.client)

    def _pass_on_the_end(self, other: socket.socket) -> None:
        # Who was reset must not be told of an orderly end first.
        if self.is_open:
            other.shutdown(socket.SHUT_WR)


def _reset(end: socket.socket) -> None:
    """Close with a reset, as a machine does that knows nothing of the connection, and wake who reads from it."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # A thread that waits in recv keeps the connection; shutting it down for reading ends the wait and sends nothing.
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        end.close()
