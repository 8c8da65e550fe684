"""The lab cloud: Azure, Entra and Microsoft Graph out of one SQLite file, for tests and trials.

`up` sets one up, `environment` says how programs find it, `down` ends it. Nothing is loaded before
it is asked for: a plug-in that starts needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .folder import DEFAULT, Lab, LabError, down, environment, find, up
    from .store import Store, StoreError

__all__ = [
    "DEFAULT",
    "Lab",
    "LabError",
    "Store",
    "StoreError",
    "down",
    "environment",
    "find",
    "up",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = "store" if name.startswith("Store") else "folder"
    return getattr(import_module(f".{module}", __name__), name)
