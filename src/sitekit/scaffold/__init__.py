"""New files for an organisation, a subsidiary or a site: returned as text, never written here."""

from .organisation import new_organisation, new_subsidiary
from .site import SiteWishes, assign_blocks, new_site, next_block

__all__ = [
    "SiteWishes",
    "assign_blocks",
    "new_organisation",
    "new_site",
    "new_subsidiary",
    "next_block",
]
