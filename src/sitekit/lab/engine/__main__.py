"""`python -m sitekit.lab.engine`: the stand-in's `pulumi` command."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType


def without_sdk() -> None:
    """Let the protocol's modules be imported without the rest of the SDK, which takes 0.2 s.

    Only this process does so: programs run in their own.
    """
    if "pulumi" in sys.modules:
        return
    spec = find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        sys.stderr.write(
            "error: the lab's engine needs the Pulumi SDK: pip install 'sitekit[cloud]'\n"
        )
        sys.exit(1)
    root = next(iter(spec.submodule_search_locations))
    for name, path in (("pulumi", root), ("pulumi.runtime", f"{root}/runtime")):
        module = ModuleType(name)
        module.__path__ = [path]
        sys.modules[name] = module


if __name__ == "__main__":
    without_sdk()
    from sitekit.lab.engine.main import main

    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)
