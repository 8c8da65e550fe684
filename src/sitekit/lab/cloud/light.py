"""Only the messages of pulumi, not its runtime: half of the time that a plug-in takes to start.

The package `pulumi` runs its whole SDK when it is imported, and a plug-in needs nothing of it but
the generated messages. Two empty packages in front of them have the same search paths. Imported by
plug-in processes alone, and before anything else of pulumi.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def install() -> None:
    """Put the empty packages in place, unless pulumi is loaded already."""
    if "pulumi" in sys.modules:
        return
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        return
    root = Path(next(iter(spec.submodule_search_locations)))
    for name, path in (("pulumi", root), ("pulumi.runtime", root / "runtime")):
        package = ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
