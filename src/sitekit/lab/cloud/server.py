"""Microsoft Graph on 127.0.0.1 out of the lab's file: `python -m sitekit.lab.cloud.server`.

Paths may begin with /v1.0, /beta or nothing.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from . import graph_listed, graph_objects, graph_policies, graph_tenant, graph_vaults  # noqa: F401 (they register routes)
from .base import Refused, Vanished
from .directory import bad
from .graph import Answer, Graph, Request
from .store import Store, StoreError

STORE = "cloud.sqlite"
WHERE = "graph.json"
_JSON = (
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;"
    "charset=utf-8"
)


class _Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length) if length else b""
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path.startswith("/lab/"):
            self._lab(path)
            return
        version = re.match(r"/(v1\.0|beta)(?=/|$)", path)
        port = self.server.server_port
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = None
        request = Request(
            self.command,
            path[version.end() :] if version else path,
            dict(parse_qsl(url.query, keep_blank_values=True)),
            body if isinstance(body, dict) else {},
            f"http://127.0.0.1:{port}{version.group(0) if version else '/v1.0'}",
            {key.lower(): value for key, value in self.headers.items()},
        )
        graph = Graph(self.server.store)
        try:
            if body is None:
                answer = graph.refuse(
                    bad("Unable to read JSON request payload.", code="BadRequest"), {}
                )
            else:
                answer = graph.answer(request, self.headers.get("Authorization", ""))
        except Vanished:
            self.close_connection = True
            return
        except Exception as error:
            import traceback

            traceback.print_exc()
            refused = Refused(
                500, "InternalServerError", f"the lab cloud has a bug: {type(error).__name__}"
            )
            answer = graph.refuse(refused, {})
        finally:
            self.server.store.close()
        error_body = (answer.body or {}).get("error")
        if isinstance(error_body, dict) and not error_body.get("code"):
            self.close_connection = True  # no network: the connection just breaks
            return
        self._send(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815

    def _send(self, answer: Answer) -> None:
        text = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status, _phrase(answer.status))
        for key, value in answer.headers.items():
            self.send_header(key, value)
        if answer.body is not None:
            self.send_header("Content-Type", _JSON)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _lab(self, path: str) -> None:
        """Questions of the lab itself; they need its token."""
        try:
            Graph(self.server.store).token(self.headers.get("Authorization", ""))
        except Refused:
            self._send(Answer(401))
            return
        if path == "/lab/ping":
            self._send(
                Answer(200, {"pid": os.getpid(), "folder": str(self.server.store.path.parent)})
            )
        elif path == "/lab/stop" and self.command == "POST":
            self._send(Answer(202))
            threading.Thread(target=self.server.shutdown, daemon=True).start()
        else:
            self._send(Answer(404))

    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests are in the store's log; standard error is for bugs."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store: Store, port: int) -> None:
        self.store = store
        super().__init__(("127.0.0.1", port), _Http)


def start(folder: Path, port: int = 0) -> _Server:
    """A server on the port, or on any if that is taken; not yet serving."""
    store = Store(folder / STORE)
    try:
        return _Server(store, port)
    except OSError:
        return _Server(store, 0)


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop, or until the lab's folder is gone."""
    folder = Path(arguments[0])
    try:
        server = start(folder, int(arguments[1]) if len(arguments) > 1 else 0)
    except StoreError as error:
        print(error, file=sys.stderr)  # noqa: T201 - into the log of the lab
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(
            number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start()
        )
    where = folder / WHERE
    aside = folder / f".{WHERE}.{os.getpid()}"
    aside.write_text(json.dumps({"pid": os.getpid(), "port": server.server_port}))
    aside.replace(where)

    def watch() -> None:
        while (folder / STORE).exists():
            time.sleep(2)
        server.shutdown()

    threading.Thread(target=watch, daemon=True).start()
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    try:
        if json.loads(where.read_text()).get("pid") == os.getpid():
            where.unlink()
    except (OSError, ValueError):
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
