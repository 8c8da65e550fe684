"""Plans as Pulumi resources, one to one: no arithmetic here, and none in a stack's program.

`Platform`, `Subsidiary` and `Site` are ordinary components: they work in anybody's Pulumi program,
beside resources of its own. Only the modules of azure-native that a plan uses are imported.
"""

from __future__ import annotations

import importlib
import re
import secrets as random
import string
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pulumi
from pulumi._types import input_type_py_to_pulumi_names

from ..errors import SitekitError
from .spec import (
    Generated,
    Lookup,
    Ref,
    Secret,
    Spec,
    StackKind,
    StackPlan,
    Value,
    dependencies,
    lookups,
    references,
)

Reveal = Callable[[str], str]
_NOT_THERE = re.compile(r"(?i)not found|no administrativeunit|does not exist|404")
_ALPHABET = string.ascii_letters + string.digits + "-_.~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """The explicit providers of a stack, by package: azure-native, azuread, sitekit."""

    by_package: Mapping[str, pulumi.ProviderResource]

    def of(self, spec: Spec) -> pulumi.ProviderResource:
        """The provider of a resource. Raises SitekitError where the program made none for it."""
        try:
            return self.by_package[spec.package]
        except KeyError:
            raise SitekitError(
                f"{spec.name} needs a provider of {spec.package}",
                hint=f"make one and pass it in Providers(by_package={{'{spec.package}': …}})",
            ) from None


class PlannedStack(pulumi.ComponentResource):
    """Every resource of a plan, as children of one component; `resources` by logical name."""

    KIND: StackKind

    def __init__(
        self,
        name: str,
        plan: StackPlan,
        *,
        providers: Providers,
        reveal: Reveal,
        drop_old_api_aliases: bool = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register all resources of the plan.

        `reveal` gives the value of a secret reference. `drop_old_api_aliases` leaves out the
        aliases that azure-native adds for each old API version: five to ten times faster, and only
        to be switched off to adopt a stack that was written with versioned modules.
        Raises SitekitError where the plan is of another kind, or has errors.
        """
        if plan.kind is not self.KIND:
            raise SitekitError(
                f"{type(self).__name__} takes the plan of a {self.KIND}, not of a {plan.kind}",
                hint=f"plan_of(organisation, StackKind.{self.KIND.name}, …) makes one",
            )
        transformations: list[pulumi.ResourceTransformation] = (
            [_drop_old_api_aliases] if drop_old_api_aliases else []
        )
        super().__init__(
            f"sitekit:cloud:{type(self).__name__}",
            name,
            None,
            pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(transformations=transformations)
            ),
        )
        self.plan = plan
        self._asked = _asked_of(plan)
        self._found = _found(plan, providers)
        self.resources: dict[str, pulumi.CustomResource] = {}
        for spec in plan.specs:
            self.resources[spec.name] = self._register(name, spec, providers, reveal)
        self.outputs = {key: self._value(value, reveal) for key, value in plan.outputs.items()}
        self.register_outputs(self.outputs)

    def _register(
        self, name: str, spec: Spec, providers: Providers, reveal: Reveal
    ) -> pulumi.CustomResource:
        inputs = {key: self._value(value, reveal) for key, value in spec.inputs.items()}
        parent = self.resources[spec.parent] if spec.parent else self
        wanted = [self.resources[other] for other in spec.depends_on]
        made = spec.deleted_with and self.resources[spec.deleted_with]
        minutes = f"{spec.minutes}m" if spec.minutes else None
        options = pulumi.ResourceOptions(
            parent=parent,
            provider=providers.of(spec),
            depends_on=wanted,
            protect=spec.protect or None,
            retain_on_delete=spec.retain or None,
            deleted_with=made or None,
            ignore_changes=list(spec.ignore) or None,
            additional_secret_outputs=list(spec.secret_outputs) or None,
            delete_before_replace=spec.delete_first or None,
            import_=spec.adopt,
            custom_timeouts=pulumi.CustomTimeouts(create=minutes, update=minutes, delete=minutes)
            if minutes
            else None,
        )
        logical = f"{name}-{spec.name}"
        if spec.package == "sitekit":
            wanted_back = dict.fromkeys(self._asked.get(spec.name, ()))
            return pulumi.CustomResource(spec.type, logical, {**wanted_back, **inputs}, options)
        made_of, names = _class_of(spec.type)
        known = {names.get(key, key): value for key, value in inputs.items()}
        resource: pulumi.CustomResource = made_of(logical, opts=options, **known)
        return resource

    def _value(self, value: Value, reveal: Reveal) -> Any:
        """A value with its references turned into outputs and its secrets looked up."""
        if isinstance(value, Ref):
            return self._output(value)
        if isinstance(value, Lookup):
            return self._found[value]
        if isinstance(value, Secret):
            return pulumi.Output.secret(reveal(value.reference))
        if isinstance(value, Generated):
            return pulumi.Output.secret(_made_up(value.length))
        if isinstance(value, Mapping):
            return {key: self._value(inner, reveal) for key, inner in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self._value(inner, reveal) for inner in value]
        return value

    def _output(self, ref: Ref) -> pulumi.Output[Any]:
        resource = self.resources[ref.name]
        ours = resource.pulumi_resource_type.startswith("sitekit:")  # has no generated class
        attribute = ref.output if ours else _snake(ref.output)
        output: pulumi.Output[Any] = getattr(resource, attribute)
        if ref.form == "{}":
            return output
        return output.apply(ref.form.format)


class Platform(PlannedStack):
    """The tenant: management groups, hub, logs, guardrails, conditional access."""

    KIND = StackKind.PLATFORM


class Subsidiary(PlannedStack):
    """A subsidiary: its unit, groups, helpdesk and budget."""

    KIND = StackKind.SUBSIDIARY


class Site(PlannedStack):
    """A site: the Azure end of its tunnels, its network, vault and share."""

    KIND = StackKind.SITE


class People(PlannedStack):
    """The accounts of a tenant and what they belong to, where Pulumi owns them."""

    KIND = StackKind.PEOPLE


COMPONENTS: dict[StackKind, type[PlannedStack]] = {
    component.KIND: component for component in (Platform, Subsidiary, Site, People)
}


@cache
def _class_of(token: str) -> tuple[Any, dict[str, str]]:
    """The SDK's class of a type token, and its Python names by the provider's."""
    package, module, resource = token.split(":")
    if package == "azuread":
        loaded = importlib.import_module("pulumi_azuread")
    else:
        loaded = importlib.import_module(f"pulumi_azure_native.{module}")
    made_of = getattr(loaded, resource)
    inside = sys.modules[made_of.__module__]
    args = getattr(inside, f"{resource}InitArgs", None) or getattr(inside, f"{resource}Args")
    return made_of, {wire: python for python, wire in input_type_py_to_pulumi_names(args).items()}


def _drop_old_api_aliases(
    args: pulumi.ResourceTransformationArgs,
) -> pulumi.ResourceTransformationResult | None:
    """Leave out the aliases that generated classes add for old API versions, keep all others."""
    if not args.type_.startswith("azure-native:") or not args.opts.aliases:
        return None
    args.opts.aliases = [
        alias
        for alias in args.opts.aliases
        if not (
            isinstance(alias, pulumi.Alias)
            and isinstance(alias.type_, str)
            and alias.type_.startswith("azure-native:")
        )
    ]
    return pulumi.ResourceTransformationResult(args.props, args.opts)


def _found(plan: StackPlan, providers: Providers) -> dict[Lookup, Any]:
    """The object ids of groups and units that other stacks make.

    In a preview what is not there yet is unknown: the stack that makes it may be previewed beside.
    Raises SitekitError in a run that needs what is not there, or what is there twice.
    """
    wanted = sorted({x for spec in plan.specs for x in lookups(spec.inputs)}, key=str)
    if not wanted:
        return {}
    ids = _ids_by_name(wanted, pulumi.InvokeOptions(provider=providers.by_package["azuread"]))
    found: dict[Lookup, Any] = {}
    for each in wanted:
        known = ids.get(each, [])
        if len(known) == 1:
            found[each] = known[0]
        elif not known and pulumi.runtime.is_dry_run():
            found[each] = pulumi.Output.from_input(pulumi.output.UNKNOWN)
        elif known:
            raise SitekitError(
                f"{len(known)} {each.kind}s are called {each.name}",
                hint="rename all but one: a name has to say which is meant",
            )
        else:
            raise SitekitError(
                f"there is no {each.kind} {each.name} yet",
                hint="bring up the stacks of the subsidiaries first: sitekit up",
            )
    return found


def _ids_by_name(
    wanted: Sequence[Lookup], options: pulumi.InvokeOptions
) -> dict[Lookup, list[str]]:
    """What the tenant has by these names: one question for all groups of one beginning."""
    import pulumi_azuread as entra

    ids: dict[Lookup, list[str]] = {}
    for begin in sorted({x.name.partition("-")[0] for x in wanted if x.kind == "group"}):
        groups = entra.get_groups(
            display_name_prefix=f"{begin}-", ignore_missing=True, opts=options
        )
        for name, id_ in zip(groups.display_names, groups.object_ids, strict=True):
            ids.setdefault(Lookup("group", name), []).append(id_)
    for each in (x for x in wanted if x.kind == "unit"):
        try:
            unit = entra.get_administrative_unit(display_name=each.name, opts=options)
        except Exception as error:  # what the engine's SDK raises for every answer but a good one
            if _NOT_THERE.search(str(error)) is None:
                raise
            continue
        ids[each] = [unit.object_id]
    return ids


def _asked_of(plan: StackPlan) -> dict[str, set[str]]:
    """Which outputs of each resource something refers to, besides its id."""
    asked: dict[str, set[str]] = {}
    values = [*(spec.inputs for spec in plan.specs), plan.outputs]
    for ref in (ref for value in values for ref in references(value)):
        if ref.output != "id":
            asked.setdefault(ref.name, set()).add(ref.output)
    return asked


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _made_up(length: int) -> str:
    """A random secret: no engine, log or person has seen it before Pulumi encrypts it."""
    return "".join(random.choice(_ALPHABET) for _ in range(length))


def created_after(plan: StackPlan) -> dict[str, tuple[str, ...]]:
    """Which resources each one waits for, by logical name."""
    return {spec.name: dependencies(spec) for spec in plan.specs}
