"""Property values: plain JSON, secrets, unknowns, and their wire and state forms.

Inside the engine a property bag is a `dict` of JSON values in which a secret is a `Secret` and a
value that is not known yet is an `Unknown`. Assets and resource references travel as the tagged
objects that the SDK made of them. Integral numbers are `int`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from google.protobuf import struct_pb2

Value: TypeAlias = Any
Properties: TypeAlias = dict[str, Any]

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_TAG = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT_TAG = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE_TAG = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_STRINGS = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        UNKNOWN_STRING,
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that may be stored only encrypted and never printed."""

    value: Value

    def __repr__(self) -> str:
        return "Secret([secret])"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that only the real run will know; `wire` is its sentinel on the wire."""

    wire: str = UNKNOWN_STRING


UNKNOWN = Unknown()


# -- the wire -------------------------------------------------------------------------------------


def from_struct(struct: struct_pb2.Struct | None) -> Properties:
    """Decode a property bag that came over gRPC."""
    if struct is None:
        return {}
    return {key: _from_value(value) for key, value in sorted(struct.fields.items())}


def _from_value(value: struct_pb2.Value) -> Value:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return Unknown(text) if text in UNKNOWN_STRINGS else text
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _untagged(from_struct(value.struct_value))
    return None


def _untagged(bag: Properties) -> Value:
    """Turn a tagged object into what it stands for; leave every other object alone."""
    tag = bag.get(SIGNATURE)
    if tag == SECRET_TAG:
        return Secret(bag.get("value"))
    if tag == OUTPUT_TAG:
        inner = bag.get("value", UNKNOWN)
        return Secret(inner) if bag.get("secret") else inner
    return bag


def without_unknowns(value: Value) -> Value:
    """The value without the properties and elements that are not known, at every depth."""
    if isinstance(value, Secret):
        return Secret(without_unknowns(value.value))
    if isinstance(value, dict):
        return {key: without_unknowns(item) for key, item in value.items() if not _is_unknown(item)}
    if isinstance(value, list):
        return [without_unknowns(item) for item in value if not _is_unknown(item)]
    return value


def _is_unknown(value: Value) -> bool:
    return isinstance(value, Unknown) or (
        isinstance(value, Secret) and isinstance(value.value, Unknown)
    )


def to_struct(bag: Properties | None, *, secrets: bool = True) -> struct_pb2.Struct:
    """Encode a property bag for gRPC; without `secrets` the values travel in clear."""
    from google.protobuf import struct_pb2

    struct = struct_pb2.Struct()
    if bag is not None:
        _fill(struct, bag, secrets=secrets)
    return struct


def _fill(struct: struct_pb2.Struct, bag: Properties, *, secrets: bool) -> None:
    for key, value in bag.items():
        _set(struct.fields[key], value, secrets=secrets)


def _set(target: struct_pb2.Value, value: Value, *, secrets: bool) -> None:
    if value is None:
        target.null_value = 0
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, (int, float)):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, Unknown):
        target.string_value = value.wire
    elif isinstance(value, Secret):
        if secrets:
            fields = target.struct_value.fields
            fields[SIGNATURE].string_value = SECRET_TAG
            _set(fields["value"], value.value, secrets=True)
        else:
            _set(target, value.value, secrets=False)
    elif isinstance(value, dict):
        target.struct_value.SetInParent()
        _fill(target.struct_value, value, secrets=secrets)
    elif isinstance(value, list):
        target.list_value.SetInParent()
        for item in value:
            _set(target.list_value.values.add(), item, secrets=secrets)
    else:
        raise TypeError(f"not a property value: {type(value).__name__}")


# -- looking into values --------------------------------------------------------------------------


def plain(value: Value) -> Value:
    """The value in clear, at every depth."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def has_secret(value: Value) -> bool:
    """Whether there is a secret at any depth."""
    return _any(value, lambda item: isinstance(item, Secret))


def has_unknown(value: Value) -> bool:
    """Whether there is an unknown at any depth."""
    return _any(value, lambda item: isinstance(item, Unknown))


def _any(value: Value, test: Callable[[Value], bool]) -> bool:
    if test(value):
        return True
    if isinstance(value, Secret):
        return _any(value.value, test)
    if isinstance(value, dict):
        return any(_any(item, test) for item in value.values())
    if isinstance(value, list):
        return any(_any(item, test) for item in value)
    return False


def redacted(value: Value) -> Value:
    """The value as a log may show it: secrets replaced, unknowns as their sentinel."""
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, Unknown):
        return value.wire
    if isinstance(value, dict):
        return {key: redacted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return value


def marked(outputs: Properties, inputs: Properties) -> Properties:
    """Make secret again in `outputs` what is secret in `inputs` under the same name.

    For providers that take values in clear. A list with one secret element becomes secret as a
    whole, because its elements may have moved.
    """
    return {
        key: _marked(value, inputs[key]) if key in inputs else value
        for key, value in outputs.items()
    }


def _marked(value: Value, like: Value) -> Value:
    if isinstance(value, Secret):
        return value
    if isinstance(like, Secret):
        return Secret(plain(value))
    if isinstance(like, list) and has_secret(like):
        return Secret(plain(value))
    if isinstance(like, dict) and isinstance(value, dict):
        return marked(value, like)
    return value


def with_secrets(bag: Properties, names: list[str]) -> Properties:
    """Make the named properties secret."""
    return {
        key: Secret(value) if key in names and not isinstance(value, Secret) else value
        for key, value in bag.items()
    }


# -- differences ----------------------------------------------------------------------------------


def differences(old: Value, new: Value, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (property path, `add` | `delete` | `update`) for two property bags, secrets opened."""
    if isinstance(old, Secret) or isinstance(new, Secret):
        old, new = plain(old), plain(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            here = joined(path, key)
            if key not in old:
                yield here, "add"
            elif key not in new:
                yield here, "delete"
            else:
                yield from differences(old[key], new[key], here)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            here = f"{path}[{index}]"
            if index >= len(old):
                yield here, "add"
            elif index >= len(new):
                yield here, "delete"
            else:
                yield from differences(old[index], new[index], here)
    elif isinstance(new, Unknown) or old != new:
        yield path, "update"


def joined(path: str, key: str) -> str:
    """Append a key to a property path, quoted where it needs to be."""
    if key.replace("_", "a").replace("-", "a").isalnum() and not key[:1].isdigit():
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key)}]"


def path_parts(path: str) -> list[str | int]:
    """Split `a.b[0]["c.d"]` into its keys and indexes; `*` stays `*`."""
    parts: list[str | int] = []
    index, length = 0, len(path)
    while index < length:
        char = path[index]
        if char == ".":
            index += 1
        elif char == "[":
            if path[index + 1 : index + 2] == '"':
                end = index + 2
                while end < length and path[end] != '"':
                    end += 2 if path[end] == "\\" else 1
                parts.append(str(json.loads(path[index + 1 : end + 1])))
                index = end + 2
            else:
                end = path.find("]", index)
                end = length if end < 0 else end
                inner = path[index + 1 : end]
                parts.append(int(inner) if inner.isdigit() else inner)
                index = end + 1
        else:
            end = index
            while end < length and path[end] not in ".[":
                end += 1
            parts.append(path[index:end])
            index = end
    return parts


def covers(pattern: str, path: str) -> bool:
    """Whether a property path lies at or below `pattern` (in which `*` is any key or index)."""
    wanted, given = path_parts(pattern), path_parts(path)
    return len(wanted) <= len(given) and all(
        a in ("*", b) for a, b in zip(wanted, given, strict=False)
    )


def reset(new: Properties, old: Properties, paths: list[str]) -> Properties:
    """Give `new` its old values at `paths` (ignoreChanges): added, put back or removed again."""
    if not paths:
        return new
    result: Properties = copied(new)
    for path in paths:
        _reset(result, old, path_parts(path))
    return result


def copied(value: Value) -> Value:
    """A copy whose dictionaries and lists are its own."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def _reset(new: Value, old: Value, parts: list[str | int]) -> None:
    if not parts or not isinstance(new, (dict, list)):
        return
    head, rest = parts[0], parts[1:]
    if head == "*":
        if isinstance(new, dict):
            keys: list[Any] = sorted(set(new) | (set(old) if isinstance(old, dict) else set()))
        else:
            keys = list(range(len(new)))
        for key in keys:
            _reset(new, old, [key, *rest])
        return
    present_new, present_old = _has(new, head), _has(old, head)
    if rest:
        if present_new and present_old:
            _reset(new[head], old[head], rest)  # type: ignore[index]
        return
    if isinstance(new, list):
        if present_new and present_old and isinstance(head, int):
            new[head] = copied(old[head])
    elif present_old:
        new[str(head)] = copied(old[head])
    elif present_new:
        del new[str(head)]


def _has(value: Value, key: str | int) -> bool:
    if isinstance(value, dict):
        return key in value
    return isinstance(value, list) and isinstance(key, int) and key < len(value)


# -- the state ------------------------------------------------------------------------------------


def to_state(value: Value, encrypt: Callable[[str], str]) -> Value:
    """The value as a checkpoint stores it, secrets encrypted."""
    if isinstance(value, Secret):
        text = json.dumps(to_state(value.value, encrypt), separators=(",", ":"), sort_keys=True)
        return {SIGNATURE: SECRET_TAG, "ciphertext": encrypt(text)}
    if isinstance(value, Unknown):
        return value.wire
    if isinstance(value, dict):
        return {key: to_state(value[key], encrypt) for key in sorted(value)}
    if isinstance(value, list):
        return [to_state(item, encrypt) for item in value]
    return value


def from_state(value: Value, decrypt: Callable[[str], str]) -> Value:
    """The value that a checkpoint stores; secrets are opened with `decrypt`."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET_TAG:
            if "plaintext" in value:
                return Secret(from_state(json.loads(value["plaintext"]), decrypt))
            return Secret(from_state(json.loads(decrypt(value["ciphertext"])), decrypt))
        return {key: from_state(item, decrypt) for key, item in value.items()}
    if isinstance(value, list):
        return [from_state(item, decrypt) for item in value]
    return value
