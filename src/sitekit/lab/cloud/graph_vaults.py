"""The lab's answers for secrets of key vaults, beside Graph on the same server."""

from __future__ import annotations

import base64
import hmac
import re

from .graph import Answer, Graph, Request, route


@route("GET", "/vaults/{vault}/secrets/{id}", "secret", "read")
def _secret(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    """What any secret of any vault is in this lab: always the same, and stored nowhere."""
    token = str(graph.store.setting("token", ""))
    name = f"{match['vault']}/{match['id']}".lower()
    value = hmac.new(token.encode(), name.encode(), "sha256").digest()
    return Answer(200, {"value": f"lab-{base64.urlsafe_b64encode(value[:24]).decode()}"})
