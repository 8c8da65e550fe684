"""The installed SDKs as an authority: which inputs a resource has, and of which shape.

Nothing of it is written here: the classes of pulumi-azure-native and pulumi-azuread are generated
from Microsoft's API descriptions, and are read as they are installed.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pulumi._types import input_type_py_to_pulumi_names

from sitekit.cloud import Generated, Lookup, Ref, Secret, Spec
from sitekit.lab.cloud.schema import snake

SCALARS = {str: str, int: int, float: (int, float), bool: bool}


def problems(spec: Spec) -> Iterator[str]:
    """What the SDK does not know, or has another shape for."""
    package, module, _ = spec.type.split(":")
    resource = spec.type.rpartition(":")[2]
    name = {"azure-native": f"pulumi_azure_native.{module}", "azuread": "pulumi_azuread"}[package]
    loaded = importlib.import_module(name)
    if not hasattr(loaded, resource):  # a lazy package whose part somebody imported before it
        loaded = importlib.import_module(f"{name}.{snake(resource)}")
    made = getattr(loaded, resource)
    module_of_it = sys.modules[made.__module__]  # the Args of the resource, not of a nested type
    args = getattr(module_of_it, f"{resource}InitArgs", None) or getattr(
        module_of_it, f"{resource}Args"
    )
    yield from _object(args, spec.inputs, spec.name)


def _object(args: type, value: Mapping[str, Any], at: str) -> Iterator[str]:
    fields = _fields(args)
    for key, inner in value.items():
        if key not in fields:
            yield f"{at}.{key}: {args.__name__} has no such input; it has {', '.join(fields)}"
        else:
            yield from _value(fields[key][0], inner, f"{at}.{key}")
    for key, (_, required) in fields.items():
        if required and key not in value:
            yield f"{at}: {args.__name__} needs {key}"


@cache
def _fields(args: type) -> dict[str, tuple[Any, bool]]:
    names = input_type_py_to_pulumi_names(args)
    module = sys.modules[args.__module__]
    scope = {**vars(module)}
    inputs = sys.modules.get(f"{args.__module__.rpartition('.')[0]}._inputs")
    if inputs:
        scope |= vars(inputs)
    found = {}
    for python, parameter in inspect.signature(args.__init__).parameters.items():
        if python == "__self__" or python == "self":
            continue
        annotation = args.__init__.__annotations__.get(python)
        found[names.get(python, python)] = (
            (annotation, scope),
            parameter.default is inspect.Parameter.empty,
        )
    return found


def _resolve(annotation: Any, scope: dict[str, Any]) -> Any:
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        if annotation.endswith("ArgsDict"):
            return type(None)  # the same as the class beside it
        if annotation.startswith("Output["):
            return type(None)  # a value that is not known yet
        return eval(annotation, {**scope, "pulumi": importlib.import_module("pulumi")})
    return annotation


def _value(typed: tuple[Any, dict[str, Any]], value: Any, at: str) -> Iterator[str]:
    if isinstance(value, Ref | Secret | Generated | Lookup) or value is None:
        return
    annotation, scope = typed
    complaints = []
    for option in _options(annotation, scope):
        found = list(_against(option, scope, value, at))
        if not found:
            return
        complaints.append(found)
    yield from min(complaints, key=len) if complaints else [f"{at}: no type is known"]


def _options(annotation: Any, scope: dict[str, Any]) -> Iterator[Any]:
    annotation = _resolve(annotation, scope)
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin is typing.Union:
        for argument in arguments:
            yield from _options(argument, scope)
    elif origin is not None and getattr(origin, "__name__", "") in ("Awaitable", "Output"):
        return
    elif annotation is not type(None):
        yield annotation


def _against(option: Any, scope: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    origin = typing.get_origin(option)
    if origin in (list, Sequence) or getattr(origin, "__name__", "") == "Sequence":
        if not isinstance(value, list | tuple):
            yield f"{at}: a list is wanted"
            return
        for index, inner in enumerate(value):
            yield from _value((typing.get_args(option)[0], scope), inner, f"{at}[{index}]")
    elif origin in (dict, Mapping) or getattr(origin, "__name__", "") == "Mapping":
        if not isinstance(value, Mapping):
            yield f"{at}: a mapping is wanted"
            return
        for key, inner in value.items():
            yield from _value((typing.get_args(option)[1], scope), inner, f"{at}.{key}")
    elif option is typing.Any:
        return
    elif option in SCALARS:
        wanted = SCALARS[option]
        if not isinstance(value, wanted) or (option is not bool and isinstance(value, bool)):
            yield f"{at}: {option.__name__} is wanted, not {value!r}"
    elif isinstance(option, type) and issubclass(option, str):  # an enumeration
        values = [member.value for member in option]  # type: ignore[attr-defined]
        if value not in values:
            yield f"{at}: {value!r} is none of {', '.join(map(str, values))}"
    elif isinstance(option, type) and option is not dict:
        if isinstance(value, Mapping):
            yield from _object(option, value, at)
        else:
            yield f"{at}: {option.__name__} is wanted"
    else:
        yield f"{at}: not {option}"
