"""The process that the engine starts: prints its port, answers, and ends with its parent."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent import futures

PARENT_S = 1.0  # how often it is looked whether the engine is still there


def main() -> None:
    """Serve until the engine is gone; its arguments (its address, flags) do not matter."""
    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    from .plugin import Plugin

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine says when to end
    parent = os.getppid()
    server = grpc.server(futures.ThreadPoolExecutor(16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while not ended.wait(PARENT_S) and os.getppid() == parent:
        pass
    server.stop(5).wait()


if __name__ == "__main__":
    main()
