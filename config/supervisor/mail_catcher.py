"""The mail catcher as a process: an SMTP server on 127.0.0.1 that keeps every message and passes none on."""

import asyncio
import os
import signal
import socket
import sys

from aiosmtpd.smtp import SMTP, Envelope, Session

from config.supervisor import lifeline
from execution.catcher import store_message


class PortTaken(Exception):
    """Something else listens on the catcher's port."""


class _Keeper:
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content or b""
        store_message(
            envelope_from=envelope.mail_from or "",
            envelope_to=envelope.rcpt_tos,
            content=content if isinstance(content, bytes) else content.encode(),
        )
        return "250 Caught"


async def _serve(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(_Keeper(), hostname="localhost", enable_SMTPUTF8=True, loop=loop), sock=sock
    )
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with server:
        while not ended.is_set():
            lifeline.beat()
            try:
                await asyncio.wait_for(ended.wait(), 2)
            except TimeoutError:
                continue


def catch(port: int) -> None:
    """Serve until SIGTERM or SIGINT. Raises PortTaken."""
    lifeline.watch()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError as error:
        raise PortTaken(
            f"The mail catcher cannot listen on 127.0.0.1:{port} ({os.strerror(error.errno or 0)}). Stop what does, "
            "or set MAIL_CATCHER_PORT to a free port."
        ) from error
    asyncio.run(_serve(sock))


if __name__ == "__main__":
    try:
        catch(int(sys.argv[1]))
    except PortTaken as error:
        sys.exit(f"countersign: {error}")
