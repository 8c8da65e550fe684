"""All plans of the example as components under Pulumi's mocks, in a process of their own.

`python -m tests.cloud_mocks [aliases]` prints every registration as JSON: a process may have one
stack only, so tests read what this prints.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pulumi
import pulumi_azure_native
import pulumi_azuread
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.stack import wait_for_rpcs

from sitekit.cloud import all_plans
from sitekit.cloud.components import COMPONENTS, Providers
from sitekit.errors import SitekitError
from tests.organisations import WRITTEN, horizon

SHOWN = "shown-only-to-the-provider"


class Mocks(pulumi.runtime.Mocks):
    """Ids and outputs follow from names."""

    def new_resource(self, args: Any) -> tuple[str, dict[str, Any]]:
        own = {"objectId": f"object-of-{args.name}", "name": f"name-of-{args.name}"}
        return f"id-of-{args.name}", {**args.inputs, **own}

    def call(self, args: Any) -> dict[str, Any]:
        raise AssertionError(f"{args.token} was called")


def main() -> None:
    """Register everything, then print it."""
    pulumi.runtime.set_mocks(Mocks(), preview=False)
    monitor = pulumi.runtime.settings.get_monitor()
    assert monitor is not None
    register, requests = monitor.RegisterResource, dict[str, Any]()

    def noted(request: Any) -> Any:
        requests[request.name] = MessageToDict(request)
        return register(request)

    monitor.RegisterResource = noted
    found = {"refused": refused()}
    providers = Providers(
        by_package={
            "azure-native": pulumi_azure_native.Provider("azure"),
            "azuread": pulumi_azuread.Provider("entra"),
            "sitekit": pulumi.ProviderResource("sitekit", "graph", {}),
        }
    )
    for plan in all_plans(horizon(), today=WRITTEN):
        COMPONENTS[plan.kind](
            plan.stack,
            plan,
            providers=providers,
            reveal=lambda reference: SHOWN,
            drop_old_api_aliases="aliases" not in sys.argv,
            opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name=f"was-{plan.stack}")]),
        )
    asyncio.get_event_loop().run_until_complete(wait_for_rpcs())
    sys.stdout.write(json.dumps({**found, "requests": requests}))


def refused() -> list[str]:
    """What components say to a plan of another kind, and where a provider is missing."""
    plans = {plan.stack: plan for plan in all_plans(horizon(), today=WRITTEN)}
    said = []
    for component, stack in (("par02", "hmp"), ("hmp", "hmp")):
        try:
            COMPONENTS[plans[component].kind](
                "refused", plans[stack], providers=Providers(by_package={}), reveal=str
            )
        except SitekitError as error:
            said.append(error.message)
    return said


if __name__ == "__main__":
    main()
