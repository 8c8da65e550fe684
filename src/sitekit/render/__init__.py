"""Text out, returned and never written: configurations and the documents of a site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from pathlib import PurePosixPath

from ..design import design_site
from ..design.result import AccessPointDesign, SiteDesign
from ..errors import DesignError
from ..load import LoadedOrganisation
from ..load.catalogue import Catalogue
from ..load.spread import spread
from ..load.undisturbed import undisturbed
from .artifact import Artifact
from .day0 import day0
from .documents import documents
from .engine import engine_of
from .fit_out import fit
from .room import room_papers
from .topology import topology

__all__ = ["Artifact", "render_site", "render_sites"]


def render_site(design: SiteDesign, catalogue: Catalogue) -> Iterator[Artifact]:
    """Every file of one site: a configuration per device, its documents and its picture, then the
    papers for its technical room and for the first day.

    Access points have no configuration of their own: the firewall's wireless controller holds it.
    Raises RenderError where a platform has no template for a role.
    """
    for device in design.devices:
        if isinstance(device, AccessPointDesign):
            continue
        engine = engine_of(device.platform, catalogue)
        path = PurePosixPath(f"{device.name}{engine.platform.suffix}")
        yield Artifact(path=path, text=engine.render(device), platform=device.platform)
    yield from documents(design)
    yield topology(design)
    fitted = fit(design, catalogue)
    yield from room_papers(design, fitted, catalogue.fit_out)
    yield from day0(design, fitted, catalogue)


def render_sites(
    organisation: LoadedOrganisation,
    codes: Iterable[str],
    *,
    executor: Executor | None = None,
    workers: int = 1,
    on_lost_workers: Callable[[], None] | None = None,
) -> Iterator[tuple[str, tuple[Artifact, ...]]]:
    """Design and render site after site, in order: each code with its files.

    `executor` spreads the sites over `workers` of it (see `sitekit.load.spread`); the bytes are
    the same. Raises DesignError in its turn for a site that cannot be designed.
    """
    wanted = list(codes)
    each = spread(
        files_of,
        organisation,
        wanted,
        executor=executor,
        workers=workers,
        on_lost_workers=on_lost_workers,
    )
    yield from zip(wanted, undisturbed(each), strict=True)


def files_of(organisation: LoadedOrganisation, code: str) -> tuple[Artifact, ...]:
    """Every file of one site of an organisation."""
    try:
        design = design_site(organisation.sites[code])
    except DesignError as error:
        raise DesignError(f"{code}: {error.message}", hint=error.hint) from None
    return tuple(render_site(design, organisation.sites[code].catalogue))
