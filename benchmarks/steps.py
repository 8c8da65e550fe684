"""One step of the benchmark in a process of its own: prints one line of JSON.

    python -m benchmarks.steps STEP FOLDER [--sites N] [--workers N] [--out DIR]

What is not the step (imports, loading for a step that designs, compiling templates) is done before
the clock starts. CPU seconds include those of processes that the step started.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import resource
import time
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import jinja2

from sitekit import check_organisation, design_site, load_organisation, render_site
from sitekit.cli.output import write_artifacts
from sitekit.design.result import AccessPointDesign, SiteDesign
from sitekit.load import LoadedOrganisation
from sitekit.load.spread import processes, spread
from sitekit.render import Artifact
from sitekit.render.engine import Engine, engine_of

TODAY = date(2026, 11, 24)
Figures = dict[str, Any]


class Clock:
    """Adds up CPU seconds and seconds on the wall."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0

    def __enter__(self) -> None:
        self._start = cpu(), time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.cpu += cpu() - self._start[0]
        self.wall += time.perf_counter() - self._start[1]

    def figures(self) -> Figures:
        """Both sums."""
        return {"cpu_s": self.cpu, "wall_s": self.wall}


def cpu() -> float:
    """CPU seconds of this process and of those it has waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, whose))


class Job:
    """What a step works on; loaded when it is first wanted."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.clock = Clock()
        self._organisation: LoadedOrganisation | None = None

    @property
    def organisation(self) -> LoadedOrganisation:
        """The organisation of the folder."""
        if self._organisation is None:
            self._organisation = load_organisation(self.arguments.folder)
        return self._organisation

    @property
    def codes(self) -> list[str]:
        """The sites that count."""
        return list(islice(self.organisation.sites, self.arguments.sites))

    def designs(self, clock: Clock | None = None) -> Iterator[SiteDesign]:
        """Design after design, each forgotten before the next."""
        for code in self.codes:
            with clock or Clock():
                made = design_site(self.organisation.sites[code])
            yield made

    def compiled(self) -> dict[str, Engine]:
        """The engines with every template compiled."""
        catalogue = self.organisation.catalogue
        engines = {name: engine_of(name, catalogue) for name in _platforms(self.organisation)}
        for engine in engines.values():
            for name in engine._environment.list_templates(extensions=["j2"]):
                engine._environment.get_template(name)
        return engines


def load(job: Job) -> Figures:
    """Files in, a checked organisation out."""
    with job.clock:
        organisation = job.organisation
    return {"sites": len(organisation.sites), "people": len(organisation.people)}


def check(job: Job) -> Figures:
    """Every site designed and looked at, and all of them together."""
    organisation, workers = job.organisation, job.arguments.workers
    with job.clock, processes(organisation, workers) as pool:
        report = check_organisation(organisation, today=TODAY, executor=pool, workers=workers)
    if not report.is_as_designed:
        raise SystemExit(f"the generated sites have errors: {report.findings[0]}")
    return {"sites": report.sites, "findings": len(report.findings)}


def design(job: Job) -> Figures:
    """The design of every site."""
    devices = 0
    _ = job.organisation
    for made in job.designs(job.clock):
        devices += sum(not isinstance(d, AccessPointDesign) for d in made.devices)
    return {"devices": devices}


def render(job: Job) -> Figures:
    """The configurations of designs that are there."""
    engines, count = job.compiled(), Count()
    for made in job.designs():
        with job.clock:
            texts = list(configurations(made, engines))
        count.add(texts)
    return count.figures()


def papers(job: Job) -> Figures:
    """Every file of designs that are there: configurations, documents, pictures, day 0."""
    job.compiled()
    count = Count()
    for made in job.designs():
        with job.clock:
            artifacts = list(render_site(made, job.organisation.catalogue))
        count.add([a.text for a in artifacts])
    return {**count.figures(), "devices": _devices(job)}


def write(job: Job) -> Figures:
    """Files that are rendered onto the disk: what is spent outside of making them."""
    job.compiled()
    making, count = Clock(), Count()

    def made() -> Iterator[tuple[str, Artifact]]:
        for code in job.codes:
            with making:
                inputs = job.organisation.sites[code]
                artifacts = list(render_site(design_site(inputs), job.organisation.catalogue))
            count.add([a.text for a in artifacts])
            yield from ((code, artifact) for artifact in artifacts)

    whole = Clock()
    with whole:
        write_artifacts(made(), job.arguments.out, prune=False)
    job.clock.cpu, job.clock.wall = whole.cpu - making.cpu, whole.wall - making.wall
    return {**count.figures(), "devices": _devices(job)}


def ours(job: Job) -> Figures:
    """Design and render, streamed: what the other renderers are compared with."""
    return _against(job, lambda engines: lambda made: configurations(made, engines))


def jinja(job: Job) -> Figures:
    """The same designs by Jinja2 with templates compiled once, and nothing else kept."""

    def ready(engines: dict[str, Engine]) -> Callable[[SiteDesign], Iterator[str]]:
        plain = {name: PlainJinja(engine) for name, engine in engines.items()}
        return lambda made: (
            plain[d.platform].render(d)
            for d in made.devices
            if not isinstance(d, AccessPointDesign)
        )

    return _against(job, ready)


def _against(
    job: Job, ready: Callable[[dict[str, Engine]], Callable[[SiteDesign], Iterator[str]]]
) -> Figures:
    texts_of = ready(job.compiled())
    designing, texting, count, digest = Clock(), Clock(), Count(), hashlib.sha256()
    for made in job.designs(designing):
        with texting:
            texts = list(texts_of(made))
        count.add(texts)
        for text in texts:
            digest.update(text.encode())
    job.clock.cpu = designing.cpu + texting.cpu
    job.clock.wall = designing.wall + texting.wall
    return {**count.figures(), "text_cpu_s": texting.cpu, "sha256": digest.hexdigest()}


def floor(job: Job) -> Figures:
    """Lines that are ready in memory, joined: nothing that makes text can be faster."""
    engines, count = job.compiled(), Count()
    for made in job.designs():
        texts = list(configurations(made, engines))
        lines = [text.splitlines(keepends=True) for text in texts]
        with job.clock:
            for each in lines:
                "".join(each)
        count.add(texts)
    return count.figures()


def spread_out(job: Job) -> Figures:
    """Design and render by processes, texts brought back."""
    organisation, workers, count = job.organisation, job.arguments.workers, Count()
    job.compiled()
    with job.clock, processes(organisation, workers) as pool:
        for texts in spread(texts_of_site, organisation, job.codes, executor=pool, workers=workers):
            count.add(texts)
    return count.figures()


def texts_of_site(organisation: LoadedOrganisation, code: str) -> list[str]:
    """The configurations of one site, for a worker."""
    made = design_site(organisation.sites[code])
    engines = {d.platform: engine_of(d.platform, organisation.catalogue) for d in made.devices
               if not isinstance(d, AccessPointDesign)}  # fmt: skip
    return list(configurations(made, engines))


STEPS: dict[str, Callable[[Job], Figures]] = {
    "load": load,
    "check": check,
    "design": design,
    "render": render,
    "papers": papers,
    "write": write,
    "ours": ours,
    "jinja": jinja,
    "floor": floor,
    "spread": spread_out,
}


# --- the parts ---------------------------------------------------------------------------------


class Count:
    """Devices and lines."""

    def __init__(self) -> None:
        self.texts = self.lines = 0

    def add(self, texts: list[str]) -> None:
        """Count these texts."""
        self.texts += len(texts)
        self.lines += sum(text.count("\n") for text in texts)

    def figures(self) -> Figures:
        """Both counts."""
        return {"devices": self.texts, "lines": self.lines}


class PlainJinja:
    """Templates as somebody would write them who lets Jinja2 do it all.

    The same templates, options and filters; a port's body and every other part is included where
    it stands, each time, instead of being rendered once for all that are alike.
    """

    _BODY = re.compile(r"\{\{ body\(([^)]+)\) (-?)\}\}")
    _PART = re.compile(r'\{\{ part\("([^"]+)", (\w+)=([^)]+)\) (-?)\}\}')

    def __init__(self, engine: Engine) -> None:
        ours = engine._environment
        self._environment = jinja2.Environment(
            loader=jinja2.FunctionLoader(lambda name: self._source(ours, name)),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            auto_reload=False,
            cache_size=-1,
        )
        self._environment.filters.update(ours.filters)
        self._environment.globals.update(ours.globals)
        self._templates: dict[str, jinja2.Template] = {}
        for name in ours.list_templates(extensions=["j2"]):
            self._environment.get_template(name)

    def render(self, device: Any) -> str:
        """The configuration of one device."""
        name = f"{device.role.value}.j2"
        template = self._templates.get(name)
        if template is None:
            template = self._templates[name] = self._environment.get_template(name)
        return template.render(device=device)

    def _source(self, ours: jinja2.Environment, name: str) -> str:
        assert ours.loader is not None
        text = ours.loader.get_source(ours, name)[0]
        text = self._PART.sub(r'{% set \2 = \3 %}{% include "\1" \4%}', text)
        return self._BODY.sub(r'{% set profile = \1 %}{% include "port.j2" \2%}', text)


def configurations(made: SiteDesign, engines: dict[str, Engine]) -> Iterator[str]:
    """The configuration of every device that has one."""
    for device in made.devices:
        if not isinstance(device, AccessPointDesign):
            yield engines[device.platform].render(device)


def _platforms(organisation: LoadedOrganisation) -> set[str]:
    models = organisation.catalogue.hardware
    return {
        models[d.model].platform
        for inputs in organisation.sites.values()
        for d in inputs.site.devices
        if "access-point" not in models[d.model].roles
    }


def _devices(job: Job) -> int:
    return sum(
        (d.count or 1)
        for code in job.codes
        for d in job.organisation.sites[code].site.devices
        if d.role != "access-point"
    )


def main() -> None:
    """Do one step and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sites", type=int)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path)
    job = Job(parser.parse_args())
    figures = STEPS[job.arguments.step](job)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    below = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        json.dumps(
            {**figures, **job.clock.figures(), "peak_mb": peak, "peak_mb_of_a_worker": below}
        )
    )


if __name__ == "__main__":
    main()
