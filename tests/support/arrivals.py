"""When something came in, by the kernel that took it: a busy reader, or one that is not let run, does not make it late.

On loopback that is when the sender wrote it (SO_TIMESTAMPNS, socket(7)).
"""

import socket
import struct
import time
from typing import Any, Self

_TIMESTAMPS = 35  # SO_TIMESTAMPNS, which the standard library has no name for
_STAMP = struct.Struct("@qq")  # a struct timespec


class Arrivals:
    """latest: when what was last read from any connection had come in, in seconds since the epoch, by the host."""

    latest = 0.0

    def listen(self, *, host: str, port: int) -> socket.socket:
        """A listening socket, for asyncio, whose connections are watched."""
        listener = _Listener(socket.AF_INET, socket.SOCK_STREAM)
        listener.arrivals = self
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        return listener


class _Listener(socket.socket):
    arrivals: Arrivals

    def accept(self) -> tuple["_Watched", Any]:
        taken, address = super().accept()
        watched = _Watched.taking_over(taken, arrivals=self.arrivals)
        return watched, address


class _Watched(socket.socket):
    arrivals: Arrivals

    @classmethod
    def taking_over(cls, taken: socket.socket, *, arrivals: Arrivals) -> Self:
        watched = cls(fileno=taken.detach())
        watched.arrivals = arrivals
        watched.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
        return watched

    def recv(self, size: int, flags: int = 0) -> bytes:
        data, words, _, _ = self.recvmsg(size, socket.CMSG_SPACE(_STAMP.size), flags)
        # The kernel turns its stamps on a moment after the first socket asked for them.
        self.arrivals.latest = time.time()
        for level, kind, word in words:
            if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMPS):
                seconds, nanoseconds = _STAMP.unpack(word)
                self.arrivals.latest = seconds + nanoseconds / 1e9
        return data
