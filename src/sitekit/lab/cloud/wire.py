"""Property bags between the engine and plain Python.

A bag travels as a protobuf Struct. Special values are objects with a signature key; unknowns are
sentinel strings (pulumi, sdk/go/common/resource/properties.go and sdk/go/common/resource/plugin/
rpc.go). All numbers arrive as floats; whole ones are made integers, so that they are stored and
compared as people wrote them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct, Value

Bag = dict[str, Any]

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWNS = frozenset(
    {
        UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # an array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # an asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # an archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # an object
    }
)


def from_struct(struct: Struct) -> Bag:
    """A bag as it arrived, envelopes and unknowns included."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "struct_value":
        return from_struct(value.struct_value)
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)


def to_struct(bag: Mapping[str, Any]) -> Struct:
    """A bag as it travels. Raises TypeError for what JSON does not have."""
    from google.protobuf.struct_pb2 import Struct

    struct = Struct()
    for key, item in bag.items():
        _fill(struct.fields[key], item)
    return struct


def _fill(value: Value, item: Any) -> None:
    if item is None:
        value.null_value = 0
    elif isinstance(item, bool):
        value.bool_value = item
    elif isinstance(item, (int, float)):
        value.number_value = item
    elif isinstance(item, str):
        value.string_value = item
    elif isinstance(item, Mapping):
        value.struct_value.SetInParent()
        for key, inner in item.items():
            _fill(value.struct_value.fields[key], inner)
    elif isinstance(item, (list, tuple)):
        value.list_value.SetInParent()
        for inner in item:
            _fill(value.list_value.values.add(), inner)
    else:
        raise TypeError(f"{type(item).__name__} cannot travel")


def secret(item: Any) -> Bag:
    """Marked as secret: the engine encrypts it in the state whatever was negotiated."""
    return {SIGNATURE: SECRET, "value": item}


def is_unknown(item: Any) -> bool:
    """Whether a value will only be known after the run."""
    if isinstance(item, str):
        return item in UNKNOWNS
    return isinstance(item, dict) and item.get(SIGNATURE) == OUTPUT and "value" not in item


def has_unknown(item: Any) -> bool:
    """Whether a value or anything inside it is unknown."""
    if isinstance(item, dict):
        return is_unknown(item) or any(has_unknown(inner) for inner in item.values())
    if isinstance(item, list):
        return any(has_unknown(inner) for inner in item)
    return is_unknown(item)


def plain(item: Any) -> Any:
    """Without the envelopes of secrets, outputs and references; unknowns stay what they are."""
    if isinstance(item, dict):
        signature = item.get(SIGNATURE)
        if signature == SECRET:
            return plain(item.get("value"))
        if signature == OUTPUT:
            return plain(item["value"]) if "value" in item else UNKNOWN
        if signature == REFERENCE:
            return item.get("id") or item.get("urn")
        return {key: plain(inner) for key, inner in item.items()}
    if isinstance(item, list):
        return [plain(inner) for inner in item]
    return item


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The property path and `add`, `delete` or `update` of everything that differs.

    Nothing and null are the same; an unknown new value differs from every old one.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if key.startswith("__"):
                continue
            place = key if not path else f"{path}.{key}"
            before, after = old.get(key), new.get(key)
            if before is None and after is not None:
                yield place, "add"
            elif before is not None and after is None:
                yield place, "delete"
            else:
                yield from differences(before, after, place)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            place = f"{path}[{index}]"
            if index >= len(old):
                yield place, "add"
            elif index >= len(new):
                yield place, "delete"
            else:
                yield from differences(old[index], new[index], place)
    elif is_unknown(new) or old != new:
        yield path, "update"


def at(bag: Any, path: str) -> Any:
    """The value at `a.b.c`, or None; `*` is every item of a list, and then the answer is a list."""
    head, _, rest = path.partition(".")
    if head == "*":
        items = bag if isinstance(bag, list) else []
        found = [at(item, rest) if rest else item for item in items]
        return [item for item in found if item is not None] or None
    value = bag.get(head) if isinstance(bag, dict) else None
    return at(value, rest) if rest and value is not None else value


def put(bag: Bag, path: str, value: Any) -> None:
    """Set the value at `a.b.0.c`, making objects on the way; None takes the key away.

    Raises KeyError where a list has no such place.
    """
    head, _, rest = path.partition(".")
    holder: Any = bag
    while rest:
        holder = _step(holder, head, rest)
        head, _, rest = rest.partition(".")
    if isinstance(holder, list):
        if not head.isdigit() or int(head) >= len(holder):
            raise KeyError(head)
        if value is None:
            del holder[int(head)]
        else:
            holder[int(head)] = value
    elif value is None:
        holder.pop(head, None)
    else:
        holder[head] = value


def _step(holder: Any, head: str, rest: str) -> Any:
    if isinstance(holder, list):
        if not head.isdigit() or int(head) >= len(holder):
            raise KeyError(head)
        return holder[int(head)]
    if not isinstance(holder, dict):
        raise KeyError(head)
    if not isinstance(holder.get(head), (dict, list)):
        if rest.split(".")[0].isdigit():
            raise KeyError(head)
        holder[head] = {}
    return holder[head]


def strip(bag: Any, paths: list[str]) -> Any:
    """A copy without the values at `paths`, as `at` spells them."""
    if not paths:
        return bag
    if isinstance(bag, list):
        inner = [path.partition(".")[2] for path in paths if path.startswith("*")]
        return [strip(item, inner) for item in bag]
    if not isinstance(bag, dict):
        return bag
    kept = {}
    for key, item in bag.items():
        below = [path for path in paths if path.partition(".")[0] == key]
        if key in below:
            continue
        kept[key] = strip(item, [path.partition(".")[2] for path in below])
    return kept
