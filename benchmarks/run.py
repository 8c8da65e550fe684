"""Load, check, design, render and write a generated organisation, beside two yardsticks.

The floor joins lines that are ready in memory; the other yardstick renders the same configurations
with compiled templates but every port body anew. Everything runs in one process, in one run.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from benchmarks.organisation import write
from sitekit import design_site, load_organisation, render_site, render_sites
from sitekit.cli.output import write_artifacts
from sitekit.design.result import AccessPointDesign, PortProfile
from sitekit.load import LoadedOrganisation
from sitekit.load.spread import processes
from sitekit.render.engine import engine_of

T = TypeVar("T")


class _Forgetful(dict[PortProfile, str]):
    """A cache that remembers nothing: every port body is rendered anew."""

    def get(self, key: object, default: object = None) -> None:  # type: ignore[override]
        return None


def measured(work: Callable[[], T]) -> tuple[T, float]:
    """What work gives, and the CPU seconds it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def wall(work: Callable[[], object]) -> float:
    """Seconds by the clock on the wall."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def consume(results: Iterable[object]) -> None:
    """Take every result and keep none."""
    for _ in results:
        pass


def main() -> None:
    """Print a table for each size and write build/bench.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    arguments = parser.parse_args()
    results = [measure(sites) for sites in arguments.sites]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"written to {arguments.out}", file=sys.stderr)


def measure(sites: int) -> dict[str, float]:
    """One size, all stages, CPU seconds on one core."""
    with tempfile.TemporaryDirectory() as name:
        folder = write(Path(name) / "organisation", sites)
        organisation, loading = measured(lambda: load_organisation(folder))
        designing = rendering = 0.0
        lines = devices = 0
        texts: list[str] = []
        for inputs in organisation.sites.values():
            design, spent = measured(lambda inputs=inputs: design_site(inputs))  # type: ignore[misc]
            designing += spent
            artifacts, spent = measured(
                lambda design=design: list(render_site(design, organisation.catalogue))  # type: ignore[misc]
            )
            rendering += spent
            devices += len(design.devices)
            lines += sum(a.text.count("\n") for a in artifacts)
            texts = [a.text for a in artifacts]
        pairs = (
            (code, artifact)
            for code, inputs in organisation.sites.items()
            for artifact in render_site(design_site(inputs), organisation.catalogue)
        )
        _, everything = measured(lambda: write_artifacts(pairs, Path(name) / "out", prune=False))
        alone = wall(lambda: consume(render_sites(organisation, organisation.sites)))
        with processes(organisation, 2) as pool:
            two = wall(
                lambda: consume(
                    render_sites(organisation, organisation.sites, executor=pool, workers=2)
                )
            )
    ready = "".join(texts).splitlines(keepends=True)
    _, floor = measured(lambda: ["".join(ready) for _ in range(50)])
    once, anew = configurations(organisation)
    row = {
        "sites": sites,
        "devices": devices,
        "lines": lines,
        "load_s": loading,
        "design_s": designing,
        "render_s": rendering,
        "design_render_write_s": everything,
        "lines_per_s_design_and_render": lines / (designing + rendering),
        "two_processes_against_one": alone / two,
        "lines_per_s_configurations": once,
        "lines_per_s_every_body_anew": anew,
        "lines_per_s_floor": 50 * len(ready) / max(floor, 1e-9),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    for key, value in row.items():
        print(f"{key:34} {value:14,.2f}")
    print()
    return row


def configurations(organisation: LoadedOrganisation) -> tuple[float, float]:
    """Configuration lines per second: identical port bodies once, and each body anew."""
    devices = [
        device
        for inputs in list(organisation.sites.values())[:12]
        for device in design_site(inputs).devices
        if not isinstance(device, AccessPointDesign)
    ]
    catalogue = organisation.catalogue
    engines = {name: engine_of(name, catalogue) for name in {d.platform for d in devices}}

    def everything() -> int:
        return sum(engines[d.platform].render(d).count("\n") for d in devices)

    everything()  # templates are compiled
    lines, once = measured(everything)
    kept = {name: engine._bodies for name, engine in engines.items()}
    for engine in engines.values():
        engine._bodies = _Forgetful()
    _, anew = measured(everything)
    for name, engine in engines.items():
        engine._bodies = kept[name]
    return lines / once, lines / anew


if __name__ == "__main__":
    main()
