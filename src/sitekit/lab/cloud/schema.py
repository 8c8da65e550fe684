"""What the installed provider SDKs accept, read off their own classes.

The generated `…Args` classes know the name on the wire, the type and the need of every argument;
their resource classes know the outputs. Reading them needs the modules to be imported (seconds), so
the answer is kept as a table of plain data: made once by `sitekit lab cloud up`, read in
milliseconds by the plug-ins.
"""

from __future__ import annotations

import collections.abc
import enum
import importlib
import inspect
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...errors import SitekitError
from . import wire

# A type on the wire: "string", "boolean", "integer", "number", "any", "asset",
# ["array", T], ["map", T], ["ref", name], ["enum", [values]], ["union", [T, …]].
Type = str | list[Any]
Table = dict[str, Any]

PACKAGES = {"azure-native": "pulumi-azure-native", "azuread": "pulumi-azuread"}
_SIMPLE = {str: "string", bool: "boolean", int: "integer", float: "number"}
_API_VERSION = re.compile(r"Uses Azure REST API version (\S+?)\.\s")


class SchemaError(SitekitError):
    """The provider SDKs cannot be read: not installed, or made in a way that is not known."""


def installed() -> dict[str, str]:
    """The version of each provider SDK; raises SchemaError when one is missing."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {package: version(name) for package, name in PACKAGES.items()}
    except PackageNotFoundError as error:
        raise SchemaError(
            f"{error.name} is not installed", hint="pip install 'sitekit[cloud]'"
        ) from None


def read_table(tokens: Iterable[str], functions: Iterable[str]) -> Table:
    """The arguments and outputs of resource types and the arguments of functions, as plain data.

    Raises SchemaError when an SDK is missing, or for a token that it does not have.
    """
    versions = installed()
    reader = _Reader()
    for token in tokens:
        reader.resource(token)
    for token in functions:
        reader.function(token)
    return {
        "versions": versions,
        "resources": reader.resources,
        "types": reader.types,
        "functions": reader.functions,
    }


def snake(name: str) -> str:
    """The module of a class: the SDK generator's way of spelling names."""
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z\d])([A-Z])", r"\1_\2", spaced).lower()


class _Reader:
    def __init__(self) -> None:
        self.resources: dict[str, Any] = {}
        self.types: dict[str, Any] = {}
        self.functions: dict[str, Any] = {}

    def resource(self, token: str) -> None:
        from pulumi import _types

        module, name = _home(token)
        holder = _module_of(module, name)
        try:
            resource = getattr(holder, name)
            # XInitArgs where a nested type is called XArgs as well
            arguments = getattr(holder, f"{name}InitArgs", None) or getattr(holder, f"{name}Args")
        except AttributeError:
            raise SchemaError(f"the installed SDK has no {token}") from None
        found = self._described(arguments)
        found["outputs"] = {
            key: self._type(kind, outputs=True)
            for key, kind in _types.resource_types(resource).items()
        }
        source = inspect.getsource(holder)
        secret = re.search(r"additional_secret_outputs=\[([^\]]*)\]", source)
        found["secrets"] = re.findall(r'"([^"]+)"', secret.group(1)) if secret else []
        api = _API_VERSION.search(source)
        found["apiVersion"] = api.group(1) if api else ""
        self.resources[token] = found

    def function(self, token: str) -> None:
        module, name = _home(token)
        holder = _module_of(module, name)
        call = getattr(holder, snake(name))
        names = [p for p in inspect.signature(call).parameters if p != "opts"]
        source = inspect.getsource(call)
        wire_names = {py: key for key, py in re.findall(r"__args__\['(\w+)'\] = (\w+)", source)}
        self.functions[token] = {"props": {wire_names.get(n, n): "any" for n in names}}

    def _described(self, arguments: type) -> dict[str, Any]:
        from pulumi import _types

        names = _types.input_type_py_to_pulumi_names(arguments)
        parameters = inspect.signature(arguments).parameters
        return {
            "props": {
                key: self._type(kind) for key, kind in _types.input_type_types(arguments).items()
            },
            "required": sorted(
                key
                for python, key in names.items()
                if python in parameters and parameters[python].default is inspect.Parameter.empty
            ),
        }

    def _type(self, kind: Any, *, outputs: bool = False) -> Type:
        kind = _unwrapped(kind)
        if kind in _SIMPLE:
            return _SIMPLE[kind]
        origin = typing.get_origin(kind)
        if origin in (typing.Union, types.UnionType):
            return self._union(typing.get_args(kind), outputs=outputs)
        if origin is collections.abc.Sequence:
            return ["array", self._type(*typing.get_args(kind), outputs=outputs)]
        if origin is collections.abc.Mapping:
            return ["map", self._type(typing.get_args(kind)[1], outputs=outputs)]
        if not isinstance(kind, type):
            return "any"
        if issubclass(kind, enum.Enum):
            return ["enum", [member.value for member in kind]]
        if kind.__module__.startswith("pulumi."):
            return "asset"
        if outputs:
            return "any"
        return self._nested(kind)

    def _nested(self, kind: type) -> Type:
        from pulumi import _types

        if not _types.is_input_type(kind):
            return "any"
        name = f"{kind.__module__.removesuffix('._inputs')}:{kind.__name__}"
        if name not in self.types:
            self.types[name] = {}  # it may hold itself
            self.types[name] = self._described(kind)
        return ["ref", name]

    def _union(self, members: Iterable[Any], *, outputs: bool) -> Type:
        kinds: list[Type] = []
        for member in members:
            kind = self._type(member, outputs=outputs)
            if kind not in kinds:
                kinds.append(kind)
        if len(kinds) == 1:
            return kinds[0]
        enums = [kind for kind in kinds if isinstance(kind, list) and kind[0] == "enum"]
        if len(kinds) == 2 and enums and "string" in kinds:
            return ["open", enums[0][1]]  # newer services may know more values
        return ["union", kinds]


def _unwrapped(kind: Any) -> Any:
    """Without Optional, Awaitable and Output, which say how a value arrives, not what it is."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    kept = [
        member
        for member in typing.get_args(kind)
        if member is not type(None)
        and typing.get_origin(member) is not collections.abc.Awaitable
        and "pulumi.output.Output" not in str(member)
        and not (isinstance(member, type) and issubclass(member, dict))
    ]
    if len(kept) == 1:
        return _unwrapped(kept[0])
    return typing.Union[tuple(kept)]  # noqa: UP007 - made at run time


def _home(token: str) -> tuple[str, str]:
    """The Python module and the class of a token."""
    package, module, name = token.split(":")
    root = PACKAGES[package].replace("-", "_")
    if package == "azuread":
        return root, name
    return f"{root}.{module}", name


def _module_of(module: str, name: str) -> Any:
    try:
        # The SDK loads its packages when something of them is first asked for. Asked for by its own
        # submodule, a package would miss that one's names for the rest of the process.
        getattr(importlib.import_module(module), name, None)
        return importlib.import_module(f"{module}.{snake(name)}")
    except ImportError as error:
        raise SchemaError(
            f"{module} has no {name}: {error}", hint="pip install 'sitekit[cloud]'"
        ) from None


# --- checking ----------------------------------------------------------------------------------


def mistakes(
    table: Mapping[str, Any], token: str, inputs: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """The property path and the reason of everything in `inputs` that the SDK's types refuse.

    Unknown values fit everywhere; a missing required argument, one that does not exist and one of
    another type are told.
    """
    yield from _object(table, table["resources"][token], inputs, "")


def _object(
    table: Mapping[str, Any], described: Mapping[str, Any], value: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str]]:
    for key in described["required"]:
        if value.get(key) is None:
            yield _below(path, key), f"missing required property '{key}'"
    for key, item in value.items():
        if item is None or key.startswith("__"):
            continue
        if (kind := described["props"].get(key)) is None:
            close = _closest(key, described["props"])
            yield _below(path, key), f"unknown property '{key}'{close}"
        else:
            yield from _value(table, kind, item, _below(path, key))


def _value(
    table: Mapping[str, Any], kind: Type, value: Any, path: str
) -> Iterator[tuple[str, str]]:
    if value is None or kind == "any" or wire.is_unknown(value):
        return
    if isinstance(kind, str):
        if not _is(kind, value):
            yield path, f"expected {_article(kind)}, got {_shown(value)}"
        return
    shape, inner = kind[0], kind[1]
    if shape == "array":
        if not isinstance(value, list):
            yield path, f"expected a list, got {_shown(value)}"
            return
        for index, item in enumerate(value):
            yield from _value(table, inner, item, f"{path}[{index}]")
    elif shape == "map":
        if not isinstance(value, dict):
            yield path, f"expected a map, got {_shown(value)}"
            return
        for key, item in value.items():
            yield from _value(table, inner, item, _below(path, key))
    elif shape == "ref":
        if not isinstance(value, dict):
            yield path, f"expected an object, got {_shown(value)}"
            return
        yield from _object(table, table["types"][inner], value, path)
    elif shape == "enum":
        if value not in inner:
            yield path, f"expected one of {', '.join(map(str, inner))}, got {_shown(value)}"
    elif shape == "open":
        if not isinstance(value, str):
            yield path, f"expected a string, got {_shown(value)}"
    else:
        answers = [list(_value(table, member, value, path)) for member in inner]
        if all(answers):
            # The one that understood most of it says best what is wrong.
            yield from min(answers, key=len)


def odd_values(
    table: Mapping[str, Any], token: str, inputs: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Values outside the enumerations that the SDK documents but does not insist on.

    The plug-in lets them through and the service refuses them, as in Azure.
    """
    yield from _odd_object(table, table["resources"][token], inputs, "")


def _odd_object(
    table: Mapping[str, Any], described: Mapping[str, Any], value: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if kind := described["props"].get(key):
            yield from _odd(table, kind, item, _below(path, key))


def _odd(table: Mapping[str, Any], kind: Type, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if value is None or isinstance(kind, str) or wire.is_unknown(value):
        return
    shape, inner = kind[0], kind[1]
    if shape == "open" and isinstance(value, str):
        if value.casefold() not in {str(known).casefold() for known in inner}:
            yield path, f"'{value}' is not one of {', '.join(map(str, inner))}"
    elif shape == "array" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _odd(table, inner, item, f"{path}[{index}]")
    elif shape == "map" and isinstance(value, dict):
        for key, item in value.items():
            yield from _odd(table, inner, item, _below(path, key))
    elif shape == "ref" and isinstance(value, dict):
        yield from _odd_object(table, table["types"][inner], value, path)


def _is(kind: str, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "number"):
        return isinstance(value, int if kind == "integer" else int | float) and not isinstance(
            value, bool
        )
    return isinstance(value, dict)  # an asset


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aio' else 'a'} {kind}"


def _shown(value: Any) -> str:
    """The kind of a value, never the value: it may be a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    kinds: dict[type, str] = {str: "a string", list: "a list", dict: "an object"}
    return kinds.get(type(value), "something else")


def _closest(key: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
