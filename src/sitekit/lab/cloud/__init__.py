"""The lab cloud: Azure, Entra and Microsoft Graph out of one SQLite file, for tests and trials.

`up` sets one up, `environment` says how programs find it, `down` ends it. Nothing here is loaded
unless it is asked for.
"""

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
