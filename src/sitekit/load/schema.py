"""JSON Schema of every file that people write, so that editors complete and check."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from ..model.catalogue import Archetype, FitOut, Flows, NetworkConstants, Sizing, Zones
from ..model.identity import IdentityRules
from ..model.organisation import Organisation, Productions, Subsidiary, Waivers
from ..model.platform import Platform
from ..model.site import Assigned, Site
from .catalogue import DestinationsFile, HardwareFile, MediaFile, ServicesFile, UplinkKindsFile
from .versions import current_version

KINDS: dict[str, type[BaseModel]] = {
    "organisation": Organisation,
    "subsidiary": Subsidiary,
    "site": Site,
    "assigned": Assigned,
    "productions": Productions,
    "waivers": Waivers,
    "archetype": Archetype,
    "hardware": HardwareFile,
    "zones": Zones,
    "network": NetworkConstants,
    "flows": Flows,
    "services": ServicesFile,
    "destinations": DestinationsFile,
    "wan": UplinkKindsFile,
    "media": MediaFile,
    "sizing": Sizing,
    "fit-out": FitOut,
    "identity": IdentityRules,
    "platform": Platform,
}


def schema(kind: str) -> dict[str, Any]:
    """The schema of one kind of file, draft 2020-12; titles and descriptions are the models'."""
    built = KINDS[kind].model_json_schema(by_alias=True, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"sitekit {kind} files, schema {current_version(KINDS[kind])}; "
        "written by sitekit schema",
        **built,
    }


def schema_text(kind: str) -> str:
    """The same as text, with a stable order of keys."""
    return json.dumps(schema(kind), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
