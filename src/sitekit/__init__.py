"""Standard office sites from one page of YAML: checked design and complete configurations.

    from sitekit import design_site, load_organisation, render_site

    organisation = load_organisation("examples/horizon")
    site = organisation.sites["bdx01"]
    for artifact in render_site(design_site(site), site.catalogue):
        print(artifact.path)

Names are imported when they are first used, so that `import sitekit` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .crosscheck import Answer, cross_check, reach
    from .design import design_site
    from .design.group import Report, check_organisation
    from .design.result import SiteDesign
    from .errors import (
        DesignError,
        InputError,
        OutputError,
        Place,
        Problem,
        RenderError,
        SitekitError,
    )
    from .findings import Finding, Severity
    from .load import LoadedOrganisation, SiteInputs, load_organisation
    from .render import Artifact, render_site, render_sites
    from .render.explain import Explanation, explain_line

__version__ = "0.1.0"

_WHERE = {
    "Answer": ".crosscheck",
    "cross_check": ".crosscheck",
    "reach": ".crosscheck",
    "design_site": ".design",
    "Report": ".design.group",
    "check_organisation": ".design.group",
    "SiteDesign": ".design.result",
    "DesignError": ".errors",
    "InputError": ".errors",
    "OutputError": ".errors",
    "Place": ".errors",
    "Problem": ".errors",
    "RenderError": ".errors",
    "SitekitError": ".errors",
    "Finding": ".findings",
    "Severity": ".findings",
    "LoadedOrganisation": ".load",
    "SiteInputs": ".load",
    "load_organisation": ".load",
    "Artifact": ".render",
    "render_site": ".render",
    "render_sites": ".render",
    "Explanation": ".render.explain",
    "explain_line": ".render.explain",
}

__all__ = [
    "Answer",
    "Artifact",
    "DesignError",
    "Explanation",
    "Finding",
    "InputError",
    "LoadedOrganisation",
    "OutputError",
    "Place",
    "Problem",
    "RenderError",
    "Report",
    "Severity",
    "SiteDesign",
    "SiteInputs",
    "SitekitError",
    "check_organisation",
    "cross_check",
    "design_site",
    "explain_line",
    "load_organisation",
    "reach",
    "render_site",
    "render_sites",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    try:
        value = getattr(import_module(_WHERE[name], __name__), name)
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
