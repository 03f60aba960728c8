"""Tests reach this machine and nothing else: a connection or a look-up that goes further raises."""

import ipaddress
import socket
from typing import Any

import pytest


class OutsideConnection(Exception):
    """A test tried to reach another host."""


def _is_local(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _check(address: Any) -> None:
    if isinstance(address, tuple) and not _is_local(address[0]):
        raise OutsideConnection(f"A test tried to reach {address[0]}; use a server on 127.0.0.1.")


def forbid_outside_connections(patch: pytest.MonkeyPatch) -> None:
    """Make every way out of Python's own sockets raise. (libpq opens its own, to the database of the tests.)"""
    connect, connect_ex, sendto, look_up = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.socket.sendto,
        socket.getaddrinfo,
    )

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _check(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _check(address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: bytes, *rest: Any) -> int:
        _check(rest[-1])
        return sendto(self, data, *rest)

    def guarded_look_up(host: Any, *rest: Any, **named: Any) -> Any:
        if not _is_local(host):
            try:
                ipaddress.ip_address(host)
            except ValueError:
                raise OutsideConnection(f"A test tried to look up {host}; use 127.0.0.1.") from None
        return look_up(host, *rest, **named)

    patch.setattr(socket.socket, "connect", guarded_connect)
    patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    patch.setattr(socket.socket, "sendto", guarded_sendto)
    patch.setattr(socket, "getaddrinfo", guarded_look_up)
