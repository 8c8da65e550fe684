"""Cloud plans and stack programs: `python -m benchmarks.cloud`. Ratios of one run, CPU seconds.

Three things: plans of 100 sites in plain Python; the same sites as components under Pulumi's mocks,
with and without the aliases of old API versions; and what a stack program imports.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from benchmarks.organisation import with_networks, write

TODAY = date(2026, 11, 24)
TIMES = 5  # dropping aliases makes a program at least this much faster


def main() -> None:
    """Print the figures; exit with 1 where dropping aliases saves less than it promises."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=100)
    parser.add_argument("--out", type=Path, help="Write the figures as JSON as well.")
    parser.add_argument("--program", choices=("fast", "aliases", "imports"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.program == "imports":
        print(json.dumps(imports(arguments.folder)))
        return
    if arguments.program:
        print(json.dumps(program(arguments.folder, aliases=arguments.program == "aliases")))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = write(Path(name) / "organisation", arguments.sites)
        with_networks(folder)
        figures = plans(folder)
        fast, aliases = _child("fast", folder), _child("aliases", folder)
        figures |= {
            "components_fast_cpu_s": fast["cpu_s"],
            "components_aliases_cpu_s": aliases["cpu_s"],
            "resources": fast["resources"],
            "aliases_ratio": aliases["cpu_s"] / fast["cpu_s"],
            **_child("imports", folder),
        }
    for key, value in figures.items():
        print(f"{key:34} {value:14,.3f}")
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    sys.exit(figures["aliases_ratio"] < TIMES)


def _child(program: str, folder: Path) -> dict[str, float]:
    """A process of its own: a process may have one stack only, and imports count once."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cloud", "--program", program, "--folder", str(folder)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _measured(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def plans(folder: Path) -> dict[str, float]:
    """CPU seconds of all plans: with the designs, and beside designs that are there already."""
    from sitekit import design_site, load_organisation
    from sitekit.cloud import all_plans, site_plan

    organisation = load_organisation(folder)
    designs = {}

    def design() -> None:
        for code, inputs in organisation.sites.items():
            designs[code] = design_site(inputs)

    first = _measured(design)
    again = min(
        _measured(lambda: [site_plan(organisation, d, TODAY) for d in designs.values()])
        for _ in range(3)
    )
    everything = _measured(lambda: list(all_plans(organisation, today=TODAY)))
    return {"designs_cpu_s": first, "plans_of_designs_cpu_s": again, "all_plans_cpu_s": everything}


def program(folder: Path, *, aliases: bool) -> dict[str, float]:
    """CPU seconds of all sites as components under mocks."""
    import asyncio

    import pulumi
    from pulumi.runtime.stack import wait_for_rpcs

    from sitekit import load_organisation
    from sitekit.cloud import StackKind, all_plans
    from sitekit.cloud.components import COMPONENTS, Providers, _class_of

    class Mocks(pulumi.runtime.Mocks):
        count = 0

        def new_resource(
            self, args: pulumi.runtime.MockResourceArgs
        ) -> tuple[str, dict[str, object]]:
            Mocks.count += 1
            return f"id-{args.name}", dict(args.inputs)

        def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, object]:
            return {}

    organisation = load_organisation(folder)
    found = [p for p in all_plans(organisation, today=TODAY) if p.kind is StackKind.SITE]
    for plan in found:
        for spec in plan.specs:
            _class_of(spec.type)  # imports are counted elsewhere
    pulumi.runtime.set_mocks(Mocks(), preview=False)
    import pulumi_azure_native
    import pulumi_azuread

    began = time.process_time()
    providers = Providers(
        by_package={
            "azure-native": pulumi_azure_native.Provider("azure"),
            "azuread": pulumi_azuread.Provider("entra"),
        }
    )
    for plan in found:
        COMPONENTS[plan.kind](
            plan.stack, plan, providers=providers, reveal=lambda r: "x" * 32,
            drop_old_api_aliases=not aliases,
        )  # fmt: skip
    asyncio.get_event_loop().run_until_complete(wait_for_rpcs())
    return {"cpu_s": time.process_time() - began, "resources": Mocks.count}


def imports(folder: Path) -> dict[str, float]:
    """What the program of a site loads before its first resource: modules and CPU seconds."""
    began = time.process_time()
    from sitekit import load_organisation
    from sitekit.cloud import StackKind, all_plans
    from sitekit.cloud.components import _class_of

    import_ours = time.process_time() - began
    plan = next(
        p for p in all_plans(load_organisation(folder), today=TODAY) if p.kind is StackKind.SITE
    )
    began = time.process_time()
    for spec in plan.specs:
        _class_of(spec.type)
    used = {spec.type.split(":")[1] for spec in plan.specs if spec.package == "azure-native"}
    loaded = {
        name.split(".")[1]
        for name in sys.modules
        if name.startswith("pulumi_azure_native.") and name.count(".") > 1
    }
    return {
        "import_sitekit_pulumi_cpu_s": import_ours,
        "import_sdk_modules_cpu_s": time.process_time() - began,
        "modules_loaded": len(sys.modules),
        "sdk_modules_used": len(used),
        "sdk_modules_loaded": len(loaded),
    }


if __name__ == "__main__":
    main()
