"""Text out, returned and never written: configurations and the documents of a site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from ..design.result import AccessPointDesign, SiteDesign
from ..load.catalogue import Catalogue
from .artifact import Artifact
from .day0 import day0
from .documents import documents
from .engine import engine_of
from .fit_out import fit
from .room import room_papers
from .topology import topology

__all__ = ["Artifact", "render_site"]


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
