"""YAML, CSV and directories in, models out; every complaint has its place, all at once."""

from .organisation import LoadedOrganisation, SiteInputs, load_organisation

__all__ = ["LoadedOrganisation", "SiteInputs", "load_organisation"]
