"""Microsoft Graph over HTTPS: paging, batches, patience with throttling, errors in plain words.

from sitekit.graph import connect

with connect() as graph:
    print(graph.tenant().name)
"""

from __future__ import annotations

from .client import Graph, Reply, Request, Tenant
from .credentials import AzureToken, FixedToken, TokenSource, connect

__all__ = [
    "AzureToken",
    "FixedToken",
    "Graph",
    "Reply",
    "Request",
    "Tenant",
    "TokenSource",
    "connect",
]
