"""The process that calls Apprise: started for a handful of messages, told them on its input, gone after them.

A process of its own, so that what guards its connections binds nobody else, a service that hangs can be ended, and
the web and the workers never load Apprise. Run by path and isolated; it knows nothing of Django or the database.

Reads one JSON object: {"folder": where addresses.py lies, "allow_private": bool, "messages": [{"id", "url", "title",
"body", "severity"}]} or {"folder", "check": URL}. Writes a line {"id", "ok", "error"} as each message ends.
"""

import importlib.util
import json
import logging
import re
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_FORBIDDEN = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "os.forkpty", "os.spawn")
_CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LIFTS = {"info": "info", "warning": "warning", "critical": "failure"}

_refused: set[int] = set()  # the threads in which an address was refused
_out = sys.stdout
_said: dict[int, str] = {}  # by thread: the last thing Apprise complained of


def main() -> None:
    """See the module."""
    global _out
    # A plugin that prints must not be taken for an answer.
    _out, sys.stdout = sys.stdout, sys.stderr
    order = json.load(sys.stdin)
    addresses = _load(Path(order["folder"]) / "addresses.py")
    import apprise

    asset = apprise.AppriseAsset(storage_mode=apprise.PersistentStoreMode.MEMORY, app_id="Countersign")
    if "check" in order:
        known = apprise.Apprise.instantiate(order["check"], asset=asset, suppress_exceptions=True)
        _answer({"ok": known is not None})
        return
    _listen()
    _guard(is_public=addresses.is_public, allow_private=order["allow_private"])
    with ThreadPoolExecutor(max_workers=8) as pool:
        for message in order["messages"]:
            pool.submit(_send, apprise, asset, message)


def _send(apprise: Any, asset: Any, message: dict[str, str]) -> None:
    thread = threading.get_ident()
    _refused.discard(thread)
    _said.pop(thread, None)
    try:
        service = apprise.Apprise.instantiate(message["url"], asset=asset, suppress_exceptions=True)
        sent = service is not None and service.notify(
            title=message["title"],
            body=message["body"],
            notify_type=apprise.NotifyType(_LIFTS[message["severity"]]),
            body_format=apprise.NotifyFormat.TEXT,
        )
        error = "" if sent else ("The URL is not understood." if service is None else _said.get(thread, "It refused."))
    except Exception as wrong:  # noqa: BLE001  (whatever a plugin raises is the outcome of this one message)
        sent, error = False, f"It broke off ({type(wrong).__name__})."
    if not sent and thread in _refused:
        # Not which: what a name means inside the network is not for whoever may enter a URL.
        error = "It leads to an address that is not public. The operator may set ALERT_ALLOW_PRIVATE."
    _answer({"id": message["id"], "ok": bool(sent), "error": _without_secrets(error, message["url"])})


def _guard(*, is_public: Any, allow_private: bool) -> None:
    """From here on this process connects to public addresses alone, and starts no program. Cannot be undone.

    At the connection itself, so that neither a name that resolves to something else the second time nor a redirect
    gets round it.
    """

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN:
            raise PermissionError(f"{event} is not allowed here")
        if event not in _CONNECTS or allow_private:
            return
        sock, address = arguments[0], arguments[1]
        if sock.family in (socket.AF_INET, socket.AF_INET6) and is_public(str(address[0])):
            return
        _refused.add(threading.get_ident())
        raise PermissionError("not a public address")

    sys.addaudithook(hook)


def _listen() -> None:
    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            _said[threading.get_ident()] = record.getMessage()

    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    logger.addHandler(Keep())


def _without_secrets(text: str, url: str) -> str:
    """The complaint without any part of the URL that could be a token."""
    for part in sorted(re.split(r"[/?&=:@]+", url), key=len, reverse=True):
        if len(part) > 3:
            text = text.replace(part, "…")
    return text[:300]


def _answer(line: dict[str, Any]) -> None:
    _out.write(json.dumps(line) + "\n")
    _out.flush()


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("addresses", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
