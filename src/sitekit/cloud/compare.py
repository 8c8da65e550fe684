"""A plan against an exported state: what the next `up` would do, told without an engine.

The state is what `pulumi stack export` prints. What only the cloud knows (ids, generated values,
secrets) is not compared; whether a change replaces a resource is the provider's to say, and is
not guessed here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..errors import SitekitError
from .spec import Generated, Lookup, Ref, Secret, StackPlan, Value

SECRET = "4dabf18193072939515e22adb298388d"  # the key that marks a secret in a state
ENGINE = ("pulumi:pulumi:", "pulumi:providers:")


class Step(StrEnum):
    """What would happen to a resource."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Change:
    """One input that differs; values are shown as text, secrets never."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One resource of the plan or of the state."""

    step: Step
    type: str
    name: str
    changes: tuple[Change, ...] = ()
    protected: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """A resource as the state has it; `name` is its logical name without the component's."""

    type: str
    name: str
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    protected: bool


def compare(plan: StackPlan, state: str) -> tuple[Difference, ...]:
    """Every resource with what would happen to it: in the order of the plan, deletions last.

    Raises SitekitError where the text is no exported state, or that of another stack.
    """
    known = {(resource.type, resource.name): resource for resource in _resources(plan, state)}
    by_name = {resource.name: resource for resource in known.values()}
    found = []
    for spec in plan.specs:
        before = known.pop((spec.type, spec.name), None)
        if before is None:
            found.append(Difference(step=Step.CREATE, type=spec.type, name=spec.name))
            continue
        changes = tuple(
            change
            for change in _Compared(spec.type, by_name).changes(spec.inputs, before.inputs)
            if change.path.partition(".")[0].partition("[")[0] not in spec.ignore
        )
        step = Step.UPDATE if changes else Step.SAME
        found.append(
            Difference(
                step=step,
                type=spec.type,
                name=spec.name,
                changes=changes,
                protected=before.protected,
            )
        )
    found += [
        Difference(step=Step.DELETE, type=gone.type, name=gone.name, protected=gone.protected)
        for gone in known.values()
    ]
    return tuple(found)


def _resources(plan: StackPlan, state: str) -> Iterator[_Known]:
    try:
        deployment = json.loads(state)["deployment"]
        resources = deployment.get("resources") or []
        entries = [(str(r["urn"]), str(r["type"]), r) for r in resources]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SitekitError(
            "this is not an exported state", hint="pulumi stack export --file FILE writes one"
        ) from None
    stacks = {urn.split("::")[0].removeprefix("urn:pulumi:") for urn, _, _ in entries}
    if stacks and stacks != {plan.stack}:
        raise SitekitError(
            f"this is the state of {', '.join(sorted(stacks))}, not of {plan.stack}",
            hint=f"pulumi stack export --stack {plan.stack} --file FILE",
        )
    for urn, type_, entry in entries:
        name = urn.rpartition("::")[2]
        if type_.startswith(ENGINE) or type_.startswith("sitekit:cloud:") or entry.get("delete"):
            continue
        yield _Known(
            type=type_,
            name=name.removeprefix(f"{plan.stack}-"),
            id=str(entry.get("id", "")),
            inputs=entry.get("inputs") or {},
            outputs=entry.get("outputs") or {},
            protected=bool(entry.get("protect")),
        )


class _Compared:
    """The inputs of one resource against those in the state."""

    def __init__(self, type_: str, known: Mapping[str, _Known]) -> None:
        self.known = known
        self.defaults = SDK_DEFAULTS.get(type_, {})

    def changes(self, now: Value, before: Any, path: str = "") -> Iterator[Change]:
        if isinstance(before, Mapping) and SECRET in before:
            return  # encrypted: nothing to compare, nothing to show
        if isinstance(now, Secret | Generated | Lookup):
            if before is None:
                yield Change(path, "(none)", str(now))
            return
        if isinstance(now, Ref):
            yield from self._reference(now, before, path)
        elif isinstance(now, Mapping):
            yield from self._mapping(now, before, path)
        elif isinstance(now, Sequence) and not isinstance(now, str):
            yield from self._list(now, before, path)
        elif not _same(now, before):
            yield Change(path, _text(before), _text(now))

    def _mapping(self, now: Mapping[str, Value], before: Any, path: str) -> Iterator[Change]:
        old: Mapping[str, Any] = before if isinstance(before, Mapping) else {}
        made = set(old.get("__defaults") or ())
        for key, value in now.items():
            yield from self.changes(value, old.get(key), _below(path, key))
        for key, value in old.items():
            here = _below(path, key)
            if key in now or key in made or key.startswith("__"):
                continue
            if value is not None and self.defaults.get(here) != value:
                yield Change(here, _text(value), "(none)")

    def _list(self, now: Sequence[Value], before: Any, path: str) -> Iterator[Change]:
        old: Sequence[Any] = before if isinstance(before, list) else ()
        for index in range(max(len(now), len(old))):
            here = f"{path}[{index}]"
            if index >= len(now):
                yield Change(here, _text(old[index]), "(none)")
            else:
                yield from self.changes(now[index], old[index] if index < len(old) else None, here)

    def _reference(self, now: Ref, before: Any, path: str) -> Iterator[Change]:
        other = self.known.get(now.name)
        if other is None:
            yield Change(path, _text(before), str(now))
            return
        value = other.id if now.output == "id" else other.outputs.get(now.output)
        if value is None:
            return  # an output that this provider does not keep: nothing is known
        if before != now.form.format(value):
            yield Change(path, _text(before), now.form.format(value))


# What the SDKs write by themselves where a program leaves it out; a test holds this against them.
SDK_DEFAULTS: dict[str, dict[str, object]] = {
    "azure-native:authorization:PolicyAssignment": {"enforcementMode": "Default"},
    "azure-native:network:VirtualNetwork": {
        "enableDdosProtection": False,
        "enableVmProtection": False,
    },
}


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _same(now: object, before: object) -> bool:
    return now == before and isinstance(now, bool) == isinstance(before, bool)


def _text(value: object) -> str:
    """A value as a person reads it; secrets inside it stay hidden."""
    if value is None:
        return "(none)"
    if isinstance(value, str):
        return value
    return json.dumps(_hidden(value), ensure_ascii=False, default=str)


def _hidden(value: object) -> object:
    if isinstance(value, Ref | Secret | Generated | Lookup):
        return str(value)
    if isinstance(value, Mapping):
        if SECRET in value:
            return "[secret]"
        return {key: _hidden(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(inner) for inner in value]
    return value
