"""Load, check, design, render and write a generated organisation, beside two yardsticks.

The floor joins lines that are ready in memory; the other yardstick is one compiled Jinja2 template
that spells the same number of lines of access ports. Everything runs in one process, in one run.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import jinja2

from benchmarks.organisation import write
from sitekit import design_site, load_organisation, render_site
from sitekit.cli.output import write_artifacts

T = TypeVar("T")
PORT = """\
{% for port in ports %}
interface {{ port.name }}
   description {{ port.description }}
   switchport access vlan {{ port.vlan }}
   storm-control broadcast level 1
   spanning-tree portfast
   dot1x pae authenticator
!
{% endfor %}
"""


def measured(work: Callable[[], T]) -> tuple[T, float]:
    """What work gives, and the CPU seconds it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


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
    ready = "".join(texts).splitlines(keepends=True)
    _, floor = measured(lambda: ["".join(ready) for _ in range(50)])
    jinja_rate = jinja_lines_per_second()
    row = {
        "sites": sites,
        "devices": devices,
        "lines": lines,
        "load_s": loading,
        "design_s": designing,
        "render_s": rendering,
        "design_render_write_s": everything,
        "lines_per_s_design_and_render": lines / (designing + rendering),
        "lines_per_s_jinja_compiled_once": jinja_rate,
        "lines_per_s_floor": 50 * len(ready) / max(floor, 1e-9),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    for key, value in row.items():
        print(f"{key:34} {value:14,.2f}")
    print()
    return row


def jinja_lines_per_second() -> float:
    """One environment, one compiled template, 48 ports a device."""
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(PORT)
    ports = [
        {"name": f"Ethernet{n}", "description": f"access desk-{n:03}", "vlan": 20}
        for n in range(1, 49)
    ]
    texts, spent = measured(lambda: [template.render(ports=ports) for _ in range(500)])
    return sum(text.count("\n") for text in texts) / spent


if __name__ == "__main__":
    main()
