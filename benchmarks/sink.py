"""`python -m benchmarks.sink --port N`: an SMTP server that takes every mail, after a delay where one is asked.

It speaks PIPELINING (RFC 2920) and any number of connections in one process. With --log it writes the host's monotonic
clock at each MAIL command, a line each: the moment a call reached the provider.
"""

import argparse
import asyncio
import os
import time
from pathlib import Path


class Sink:
    """One server; see the module. delay: seconds from a message's end to the answer that takes it."""

    def __init__(self, *, delay: float, log: Path | None) -> None:
        self.delay = delay
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if log else None

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        writer.write(b"220 sink ESMTP\r\n")
        try:
            while line := await reader.readline():
                word = line[:4].upper()
                if word == b"EHLO":
                    writer.write(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
                elif word == b"DATA":
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    if self.delay:
                        await asyncio.sleep(self.delay)
                    writer.write(b"250 2.0.0 Ok\r\n")
                elif word == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    if word == b"MAIL" and self.log is not None:
                        os.write(self.log, b"%.6f\n" % time.monotonic())
                    writer.write(b"250 2.0.0 Ok\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client is gone, which ends a conversation as QUIT does
        finally:
            writer.close()


async def serve(port: int, sink: Sink) -> None:
    """Until the process ends."""
    server = await asyncio.start_server(sink.talk, "127.0.0.1", port, limit=1 << 24, backlog=1_000)
    async with server:
        await server.serve_forever()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="An SMTP server that takes every mail.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before a message is taken")
    parser.add_argument("--log", type=Path)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, Sink(delay=arguments.delay, log=arguments.log)))


if __name__ == "__main__":
    main()
