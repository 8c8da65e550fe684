"""Our own Pulumi plug-in, `pulumi-resource-sitekit`: what azuread lacks, over Microsoft Graph.

Nothing is pickled, nothing is guessed: typed resources with a real diff, read and import. The
engine starts it by its name; `python -m sitekit.provider` is the same.
"""

from __future__ import annotations

from .kinds import KINDS, Field, Kind

__all__ = ["KINDS", "Field", "Kind"]
