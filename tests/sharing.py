"""Which tests stay together when several processes share the tests between them.

Those of these modules build upon one another, or upon something that is dear to set up. The
marker of pytest-xdist for that (xdist_group) has no effect with pytest 9.2.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/stacks/", "tests/test_cloud_failures.py", "tests/test_cloud_policy_pack.py")


class ModulesTogether(LoadScopeScheduling):
    """One test after the other to whoever is free, but these modules whole."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if nodeid.startswith(TOGETHER) else nodeid


def scheduler(config: Any, log: Any) -> LoadScopeScheduling | None:
    """Ours where tests are spread as by default; None: as the command line says."""
    return ModulesTogether(config, log) if config.getvalue("dist") == "load" else None
