"""The program of every stack: `stacks/*/__main__.py` call `run` and nothing else.

The stack's name is the code; the organisation's files say everything else. Of a stack's own
configuration these are read: `sitekit:organisation` (the folder), `sitekit:code`, `sitekit:tenant`
and `sitekit:subscription` (what `sitekit stack init` was told: refused where the files say
otherwise by now) and `sitekit:oldApiAliases` (true to adopt a stack of versioned modules).
Secrets come from the file that SITEKIT_SECRETS names, then from where each reference points to.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pulumi

from ..errors import InputError, SitekitError
from ..findings import Severity
from ..load import load_organisation
from ..load.secrets import Secrets
from . import plan_of
from .automation import SECRETS, meaning
from .components import COMPONENTS, PlannedStack, Providers
from .keyvault import KeyVault
from .spec import StackKind, StackPlan


def run(kind: str) -> PlannedStack:
    """Bring the current stack to what the organisation's files say.

    Raises pulumi.RunError, which the engine prints without a traceback, after naming everything
    that is wrong with the files.
    """
    config = pulumi.Config("sitekit")
    folder = Path(config.get("organisation") or ".")
    vaults = KeyVault()
    try:
        organisation = load_organisation(folder)
        plan = plan_of(
            organisation,
            StackKind(kind),
            pulumi.get_stack(),
            today=date.today(),
            at=datetime.now(UTC),
        )
        _refuse_another(plan, config)
        _refuse_errors(plan)
        providers = _providers(plan)
        file = os.environ.get(SECRETS)
        secrets = Secrets(Path(file) if file else None, folder, vaults.ask)
        stack = COMPONENTS[plan.kind](
            plan.stack,
            plan,
            providers=providers,
            reveal=secrets.reveal,
            drop_old_api_aliases=not config.get_bool("oldApiAliases"),
        )
    except InputError as error:
        raise _refusal(f"{p.place}: {p.message}; {p.hint}" for p in error.problems) from None
    except SitekitError as error:
        raise _refusal([f"{error.message}; {error.hint}"]) from None
    finally:
        vaults.close()
    for name, value in stack.outputs.items():
        pulumi.export(name, value)
    return stack


def _refuse_another(plan: StackPlan, config: pulumi.Config) -> None:
    """The stack was begun for these ids: a changed file must not move it without a word."""
    for key, now in (
        ("code", plan.stack),
        ("tenant", plan.tenant),
        ("subscription", plan.subscription),
    ):
        begun = config.get(key)
        if begun is not None and begun != now:
            raise SitekitError(
                f"this stack was begun with {key} {begun}, and the organisation's files say {now}",
                hint=f"correct the files; or, where it is meant: sitekit stack init {plan.stack}",
            )


def _refuse_errors(plan: StackPlan) -> None:
    errors = [f for f in plan.findings if f.severity is Severity.ERROR]
    if errors:
        raise _refusal(f"{f.place}: {f.message}; {f.remedy} [{f.rule}]" for f in errors)


def _refusal(texts: Iterable[str]) -> pulumi.RunError:
    """Every complaint as a line of its own, then the end of the program."""
    said = list(texts)
    for text in said:
        pulumi.log.error(text)
    return pulumi.RunError(
        f"{len(said)} thing{'s are' if len(said) != 1 else ' is'} wrong: nothing was touched"
    )


def _providers(plan: StackPlan) -> Providers:
    """Explicit providers, bound to the tenant of the files; the signed-in tenant must be it."""
    packages = {spec.package for spec in plan.specs}
    found: dict[str, pulumi.ProviderResource] = {}
    if "azure-native" in packages:
        from pulumi_azure_native import Provider as AzureProvider

        found["azure-native"] = AzureProvider(
            "azure", tenant_id=plan.tenant, subscription_id=plan.subscription
        )
        _same_tenant(plan, found["azure-native"])
    if "azuread" in packages:
        from pulumi_azuread import Provider as EntraProvider

        found["azuread"] = EntraProvider("entra", tenant_id=plan.tenant)
        if "azure-native" not in packages:
            _same_tenant(plan, found["azuread"])
    if "sitekit" in packages:
        found["sitekit"] = pulumi.ProviderResource("sitekit", "graph", {"tenantId": plan.tenant})
    return Providers(by_package=found)


def _same_tenant(plan: StackPlan, provider: pulumi.ProviderResource) -> None:
    """Ask who is signed in before anything is registered."""
    ask: Any
    if provider.package == "azuread":
        from pulumi_azuread import get_client_config as ask
    else:
        from pulumi_azure_native.authorization import get_client_config as ask

    try:
        client = ask(opts=pulumi.InvokeOptions(provider=provider))
    except Exception as error:  # of the engine's, with what the plug-in said
        said = str(error).rpartition("returned an error: ")[2]
        message, hint = meaning(f"error: {said}", plan.stack)
        raise SitekitError(message, hint=hint) from None
    if client.tenant_id != plan.tenant:
        raise SitekitError(
            f"signed in to tenant {client.tenant_id}, and organisation.yaml says {plan.tenant}",
            hint=f"az login --tenant {plan.tenant}",
        )
