"""The plan of a site as an engineer would write it: one plain Pulumi program, without sitekit.

Modules of the SDK are imported at the top, arguments are the SDK's own classes, references are
outputs of variables, secrets come from the stack's configuration. Aliases are those that the
SDK's classes bring along, as in any program.
"""

from __future__ import annotations

import importlib
import keyword
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi._types import input_type_py_to_pulumi_names, input_type_types, is_input_type

from sitekit.cloud.components import _class_of
from sitekit.cloud.spec import Generated, Ref, Secret, Spec, StackPlan, Value

_EXPECTED = re.compile(r"Expected value is '([^']+)'")
# Modules that a resource is called like.
_MODULES = ("authorization", "keyvault", "monitor", "network", "resources", "storage")

HEAD = '''"""Site {code}, written by hand."""

import pulumi
{imports}
config = pulumi.Config()
azure = azure_native.Provider(
    "azure", tenant_id="{tenant}", subscription_id="{subscription}"
)
entra = azuread.Provider("entra", tenant_id="{tenant}")

'''


def empty(plan: StackPlan) -> str:
    """A program with the providers of the plan and nothing else."""
    return _head(plan, ())


def program(plan: StackPlan) -> tuple[str, dict[str, str]]:
    """The text, and the secret references by the name that they have in the configuration."""
    modules = sorted({spec.type.split(":")[1] for spec in plan.specs if _native(spec)})
    secrets: dict[str, str] = {}
    lines = [_head(plan, modules)]
    for spec in plan.specs:
        lines.append(_resource(plan.stack, spec, secrets))
    for key, value in plan.outputs.items():
        lines.append(f"pulumi.export({key!r}, {_value(value, None, secrets)})")
    return "\n".join(lines) + "\n", secrets


def _head(plan: StackPlan, modules: Sequence[str]) -> str:
    imports = "import pulumi_azure_native as azure_native\nimport pulumi_azuread as azuread\n"
    if modules:
        imports += f"from pulumi_azure_native import {', '.join(modules)}\n"
    return HEAD.format(
        code=plan.stack, imports=imports, tenant=plan.tenant, subscription=plan.subscription
    )


def _native(spec: Spec) -> bool:
    return spec.package == "azure-native"


def _variable(name: str) -> str:
    found = re.sub(r"\W", "_", name)
    taken = keyword.iskeyword(found) or found in ("azure", "azuread", "config", "entra", *_MODULES)
    return f"the_{found}" if taken else found


def _resource(stack: str, spec: Spec, secrets: dict[str, str]) -> str:
    made_of, names = _class_of(spec.type)
    args = _arguments_of(made_of)
    types = input_type_types(args)
    _, module, resource = spec.type.split(":")
    made = f"{module}.{resource}" if _native(spec) else f"azuread.{resource}"
    lines = [f"{_variable(spec.name)} = {made}(", f'    "{stack}-{spec.name}",']
    for key, value in spec.inputs.items():
        python = names.get(key, key)
        lines.append(f"    {python}={_value(value, types.get(key), secrets)},")
    options = ", ".join(f"{key}={text}" for key, text in _options(spec))
    return "\n".join([*lines, f"    opts=pulumi.ResourceOptions({options}),", ")"])


def _arguments_of(made_of: Any) -> type:
    inside = importlib.import_module(made_of.__module__)
    name = made_of.__name__
    found: type = getattr(inside, f"{name}InitArgs", None) or getattr(inside, f"{name}Args")
    return found


def _options(spec: Spec) -> Iterator[tuple[str, str]]:
    yield "provider", "azure" if _native(spec) else "entra"
    if spec.parent:
        yield "parent", _variable(spec.parent)
    if spec.depends_on:
        yield "depends_on", f"[{', '.join(map(_variable, spec.depends_on))}]"
    for key, on in (
        ("protect", spec.protect),
        ("retain_on_delete", spec.retain),
        ("delete_before_replace", spec.delete_first),
    ):
        if on:
            yield key, "True"
    if spec.deleted_with:
        yield "deleted_with", _variable(spec.deleted_with)
    if spec.ignore:
        yield "ignore_changes", repr(list(spec.ignore))
    if spec.secret_outputs:
        yield "additional_secret_outputs", repr(list(spec.secret_outputs))
    if spec.minutes:
        time = f'"{spec.minutes}m"'
        yield (
            "custom_timeouts",
            (f"pulumi.CustomTimeouts(create={time}, update={time}, delete={time})"),
        )


def _value(value: Value, kind: Any, secrets: dict[str, str]) -> str:
    """The text of a value, in the classes that the SDK has for it."""
    if isinstance(value, Ref):
        attribute = re.sub(r"[A-Z]", lambda m: f"_{m[0].lower()}", value.output)
        output = f"{_variable(value.name)}.{attribute}"
        if value.form == "{}":
            return output
        return f"pulumi.Output.format({value.form!r}, {output})"
    if isinstance(value, Secret):
        name = secrets.setdefault(value.reference, f"secret-{len(secrets) + 1}")
        return f'config.require_secret("{name}")'
    if isinstance(value, Generated):
        raise TypeError("an engineer's program has no such thing: sites make no secrets up")
    if isinstance(value, Mapping):
        made_of = next((k for k in _kinds(kind) if is_input_type(k) and _fits(k, value)), None)
        if made_of is None:
            inner = _inner(kind, dict)
            items = (f"{key!r}: {_value(one, inner, secrets)}" for key, one in value.items())
            return "{" + ", ".join(items) + "}"
        types = input_type_types(made_of)
        python = {wire: name for name, wire in input_type_py_to_pulumi_names(made_of).items()}
        fields = ", ".join(
            f"{python[key]}={_value(one, types.get(key), secrets)}" for key, one in value.items()
        )
        module = made_of.__module__.split(".")
        place = "azuread" if module[0] == "pulumi_azuread" else module[1]
        return f"{place}.{made_of.__name__}({fields})"
    if isinstance(value, Sequence) and not isinstance(value, str):
        inner = _inner(kind, list)
        return f"[{', '.join(_value(one, inner, secrets) for one in value)}]"
    return repr(value)


def _fits(kind: type, value: Mapping[str, Value]) -> bool:
    """Of several classes for one argument, the one that the value is of."""
    wires = {wire: python for python, wire in input_type_py_to_pulumi_names(kind).items()}
    if not wires.keys() >= value.keys():
        return False
    for key, one in value.items():
        wanted = _EXPECTED.search(getattr(kind, wires[key]).__doc__ or "")
        if wanted and wanted[1] != one:
            return False
    return True


def _kinds(kind: Any) -> Iterator[type]:
    """Every class in a type, however it is wrapped: Optional, Input, Awaitable, Output."""
    if isinstance(kind, type) and not typing.get_args(kind):
        yield kind
    origin = typing.get_origin(kind)
    if isinstance(origin, type) and issubclass(origin, Mapping | Sequence):
        return  # what is in there is inside of the value
    for part in typing.get_args(kind):
        yield from _kinds(part)


def _inner(kind: Any, of: type) -> Any:
    """What a list or a map in a type is of."""
    wanted = Mapping if of is dict else Sequence
    waiting = [kind]
    while waiting:
        found = waiting.pop()
        origin = typing.get_origin(found)
        parts = typing.get_args(found)
        if isinstance(origin, type) and issubclass(origin, wanted):
            return parts[-1] if parts else None
        waiting.extend(parts)
    return None
