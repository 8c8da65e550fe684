"""Rendering with explanations available, beside rendering without, in turn and in one run.

Three processes render the same configurations, round by round in turn: one as always, one that has
imported `sitekit.render.explain` and explained a whole device before, and a control that is like
the first. Processes differ by luck (where memory falls), so there are several such trios; the
control says how far two equal processes are apart, that is what the measurement can tell.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.organisation import write
from sitekit import design_site, load_organisation
from sitekit.design.result import AccessPointDesign
from sitekit.load import LoadedOrganisation
from sitekit.render.engine import engine_of

BOUND = 1.03
KINDS = ("without", "control", "with")


def main() -> None:
    """Print both ratios and what an explanation costs; exit with 1 beyond the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=12)
    parser.add_argument("--trios", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = write(Path(name) / "organisation", arguments.sites)
        trios = [trio(folder, arguments.rounds) for _ in range(arguments.trios)]
        lines, seconds = explain_a_device(load_organisation(folder))
    for kind in KINDS[1:]:
        ratios = sorted(found[kind] / found["without"] for found in trios)
        print(
            f"{kind + '_against_without':34} {statistics.median(ratios):14,.4f}"
            f"   from {ratios[0]:.4f} to {ratios[-1]:.4f} in {len(ratios)} trios"
        )
    print(f"{'explained_lines_per_s':34} {lines / seconds:14,.2f}")
    sys.exit(statistics.median(t["with"] / t["without"] for t in trios) > BOUND)


def trio(folder: Path, rounds: int) -> dict[str, float]:
    """Median CPU seconds of a round in each of three processes that take turns."""
    with ExitStack() as stack:
        servers = {kind: stack.enter_context(server(kind, folder)) for kind in KINDS}
        spent: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for number in range(rounds):
            for kind in (*KINDS[number % 3 :], *KINDS[: number % 3]):
                spent[kind].append(asked(servers[kind]))
    return {kind: statistics.median(seconds) for kind, seconds in spent.items()}


def server(kind: str, folder: Path) -> subprocess.Popen[str]:
    """A process that renders whenever it is asked."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.explain", "--serve", kind, "--folder", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )


def asked(process: subprocess.Popen[str]) -> float:
    """CPU seconds of one more round."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("round\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def serve(kind: str, folder: Path) -> None:
    """Render everything for each line read; templates are compiled before."""
    organisation = load_organisation(folder)
    if kind == "with":
        explain_a_device(organisation)
    render = rendering(organisation)
    render()
    for _ in sys.stdin:
        start = time.process_time()
        render()
        print(time.process_time() - start, flush=True)


def rendering(organisation: LoadedOrganisation) -> Callable[[], None]:
    """What renders every configuration of every site."""
    devices = [
        device
        for inputs in organisation.sites.values()
        for device in design_site(inputs).devices
        if not isinstance(device, AccessPointDesign)
    ]
    engines = {d.platform: engine_of(d.platform, organisation.catalogue) for d in devices}

    def render() -> None:
        for device in devices:
            engines[device.platform].render(device)

    return render


def explain_a_device(organisation: LoadedOrganisation) -> tuple[int, float]:
    """Explain every line of the first device: how many lines, in how much CPU time."""
    from sitekit.render.explain import Explainer

    inputs = next(iter(organisation.sites.values()))
    design = design_site(inputs)
    start = time.process_time()
    explainer = Explainer(design, inputs, design.devices[0].name)
    for line in explainer.lines:
        explainer.explain(line.number)
    return len(explainer.lines), time.process_time() - start


if __name__ == "__main__":
    main()
