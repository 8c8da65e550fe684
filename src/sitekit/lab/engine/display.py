"""How a person reads a run: progress lines, messages, outputs, and what was changed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from threading import Lock
from typing import Any

from .events import Event
from .plugins import PropertyChange
from .policies import Violation
from .resources import STACK_TYPE, Resource, urn_name, urn_type
from .run import internal
from .run_options import Summary
from .steps import Op, Step
from .values import Properties, Secret, Unknown, path_parts, plain

MARKS = {
    Op.SAME: " ", Op.CREATE: "+", Op.UPDATE: "~", Op.DELETE: "-", Op.REPLACE: "+-",
    Op.CREATE_REPLACEMENT: "++", Op.DELETE_REPLACED: "--", Op.READ: ">", Op.READ_REPLACEMENT: ">>",
    Op.REFRESH: "~", Op.DISCARD: "<", Op.DISCARD_REPLACED: "<<", Op.IMPORT: "=",
    Op.IMPORT_REPLACEMENT: "=>", Op.REMOVE_PENDING: "~",
}  # fmt: skip
DOING = {
    Op.CREATE: "creating", Op.UPDATE: "updating", Op.DELETE: "deleting", Op.REPLACE: "replacing",
    Op.CREATE_REPLACEMENT: "creating replacement", Op.DELETE_REPLACED: "deleting original",
    Op.READ: "reading", Op.READ_REPLACEMENT: "reading for replacement", Op.REFRESH: "refreshing",
    Op.DISCARD: "discarding", Op.DISCARD_REPLACED: "discarding original", Op.IMPORT: "importing",
    Op.IMPORT_REPLACEMENT: "importing replacement", Op.REMOVE_PENDING: "completing deletion from "
    "previous run",
}  # fmt: skip
DONE = {
    Op.CREATE: "created", Op.UPDATE: "updated", Op.DELETE: "deleted", Op.REPLACE: "replaced",
    Op.CREATE_REPLACEMENT: "created replacement", Op.DELETE_REPLACED: "deleted original",
    Op.READ: "read", Op.READ_REPLACEMENT: "read for replacement", Op.REFRESH: "refresh",
    Op.DISCARD: "discarded", Op.DISCARD_REPLACED: "discarded original", Op.IMPORT: "imported",
    Op.IMPORT_REPLACEMENT: "imported replacement", Op.REMOVE_PENDING: "deleted (pending)",
}  # fmt: skip
SUMMED = (Op.CREATE, Op.UPDATE, Op.DELETE, Op.REPLACE, Op.IMPORT)
PAST = {Op.CREATE: "created", Op.UPDATE: "updated", Op.DELETE: "deleted", Op.REPLACE: "replaced",
        Op.IMPORT: "imported"}  # fmt: skip


def shown_type(kind: str) -> str:
    """A type token without the module path that repeats its name."""
    package, _, rest = kind.partition(":")
    module, _, name = rest.partition(":")
    if "/" in module:
        head, _, tail = module.partition("/")
        if tail.lower() == name.lower():
            return f"{package}:{head}:{name}"
    return kind


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


class Progress:
    """Prints a line for each thing that happens, and keeps the messages for the end."""

    def __init__(
        self, *, preview: bool, rich: bool, quiet: bool, show: frozenset[str] = frozenset()
    ) -> None:
        self._preview, self._rich, self._quiet = preview, rich, quiet
        #: Of `sames`, `reads`, `replacement-steps`: what is shown beyond the usual.
        #: With `no-progress`, only the end is shown.
        self._show = show
        self._lock = Lock()
        self._since: dict[int, float] = {}
        self.messages: dict[str, list[tuple[str, str]]] = {}
        self.violations: list[Violation] = []
        self.failed: set[str] = set()
        self.root = ""
        self.steps: list[Step] = []
        self._finished: set[int] = set()

    def tell(self, event: Event) -> None:
        """Print it."""
        with self._lock:
            if event.kind == "diagnosticEvent":
                self._message(event.body)
            elif event.step is not None:
                self._step(event.kind, event.step)

    def close(self) -> None:
        """Nothing."""

    def _message(self, body: dict[str, Any]) -> None:
        severity, text = body["severity"], body["message"].rstrip("\n")
        if severity == "debug" or self._quiet:
            return
        prefix = body["prefix"]
        if self._rich and severity in ("warning", "error"):
            sys.stderr.write(f"{prefix}{text}\n")
            sys.stderr.flush()
            if severity == "error":
                self.failed.add(body.get("urn") or self.root)
            return
        urn = body.get("urn") or self.root
        self.messages.setdefault(urn, []).append((prefix, text))
        if severity == "error":
            self.failed.add(urn)

    def _step(self, kind: str, step: Step) -> None:
        if self._quiet:
            return
        if kind == "resourcePreEvent":
            self._since[id(step)] = time.monotonic()
            if id(step) not in self._finished:
                self.steps.append(step)
        if self._rich or "no-progress" in self._show or not self._visible(step):
            return
        line = ""
        if kind == "resourcePreEvent":
            if not self._preview and step.op is not Op.SAME:
                line = f"{DOING.get(step.op, step.op)} (0s){_changed(step)}"
        elif kind == "resOutputsEvent":
            if id(step) in self._finished:
                return
            self._finished.add(id(step))
            if self._preview or step.op is Op.SAME:
                line = f"{step.found or step.op}{_changed(step)}"
            else:
                spent = time.monotonic() - self._since.get(id(step), time.monotonic())
                line = f"{_done(step)} ({spent:.2f}s){_changed(step)}"
        elif kind == "resOpFailedEvent":
            line = f"**{DOING.get(step.op, step.op)} failed**"
        if line:
            op = step.found if step.op is Op.REFRESH and step.found else step.op
            _write(f" {MARKS[op]:<2} {shown_type(step.resource.type)} "
                   f"{step.resource.name} {line}\n")  # fmt: skip

    def _visible(self, step: Step) -> bool:
        if internal(step.resource):
            return False
        if step.op is Op.SAME:
            return "sames" in self._show
        if step.op is Op.READ:
            return "reads" in self._show
        if step.op is Op.REFRESH:
            return step.found in (Op.UPDATE, Op.DELETE)
        if self._preview and "replacement-steps" not in self._show:
            return step.logical
        return True


def _done(step: Step) -> str:
    if step.op is Op.REFRESH:
        return "deleted" if step.found is Op.DELETE else "updated"
    return DONE.get(step.op, str(step.op))


def _changed(step: Step) -> str:
    """` [diff: ~a,+b]` of a step."""
    keys = step.changed
    if not keys:
        return ""
    detailed = step.detailed or {}
    shown = []
    for key in sorted(keys):
        kinds = {
            change.kind.removesuffix("-replace")
            for path, change in detailed.items()
            if path_parts(path)[:1] == [key] and len(path_parts(path)) == 1
        }
        mark = "+" if kinds == {"add"} else "-" if kinds == {"delete"} else "~"
        shown.append(f"{mark}{key}")
    return f" [diff: {','.join(shown)}]"


# -- the end of a run -----------------------------------------------------------------------------


def closing(
    progress: Progress, summary: Summary, *, preview: bool, outputs: list[str], counted: bool = True
) -> str:
    """What is printed after the progress lines."""
    parts = [*_policies(progress.violations), *_diagnostics(progress)]
    if outputs:
        parts += ["Outputs:", *outputs, ""]
    if counted:
        parts += ["Resources:", *_counts(progress, summary, preview=preview), ""]
        if not preview:
            parts += [f"Duration: {max(1, round(summary.seconds))}s", ""]
    return "\n".join(parts) + ("\n" if parts else "")


def _policies(violations: list[Violation]) -> list[str]:
    lines: list[str] = []
    for pack in sorted({(v.pack, v.version, v.folder) for v in violations}):
        name, version, folder = pack
        lines.append(f"    ❌ {name}@v{version} (local: {folder})")
        for item in sorted(
            {v for v in violations if (v.pack, v.version, v.folder) == pack},
            key=lambda v: (v.level != "mandatory", v.policy, v.urn),
        ):
            who = f"{shown_type(urn_type(item.urn))}: {urn_name(item.urn)}" if item.urn else ""
            lines.append(f"        - [{item.level}]  {item.policy}  ({who})")
            lines += [f"          {text}" for text in item.message.splitlines()]
    return ["Policies:", *lines, ""] if lines else []


def _diagnostics(progress: Progress) -> list[str]:
    lines: list[str] = []
    for urn, messages in progress.messages.items():
        if urn:
            lines.append(f"  {shown_type(urn_type(urn))} ({urn_name(urn)}):")
        else:
            lines.append("  global:")
        for prefix, text in messages:
            first, *others = text.split("\n")
            lines.append(f"    {prefix}{first}")
            lines += [f"    {line}" for line in others]
        lines.append("")
    return ["Diagnostics:", *lines] if lines else []


def _counts(progress: Progress, summary: Summary, *, preview: bool) -> list[str]:
    lines, changes = [], 0
    for op in SUMMED:
        count = summary.changes.get(op, 0)
        if count:
            changes += count
            what = f"to {op}" if preview else PAST[op]
            lines.append(f"    {MARKS[op] + (' ' if len(MARKS[op]) == 1 else '')}{count} {what}")
    same = summary.changes.get(Op.SAME, 0)
    if len(lines) > 1 or (lines and same):
        total = f"    {changes} changes." if len(lines) > 1 else "   "
        lines.append(f"{total} {same} unchanged" if same else total)
    elif same:
        lines.append(f"    {same} unchanged")
    if progress.failed:
        lines.append(f"    {len(progress.failed)} errored")
    return lines


# -- outputs --------------------------------------------------------------------------------------


def stack_outputs(
    old: Properties, new: Properties, *, show_same: bool, secrets: bool = False
) -> list[str]:
    """The stack's outputs, with marks where they change."""
    names = sorted(old.keys() | new.keys())
    if old == new and not show_same:
        return []
    if not old:  # a first run: nothing to compare with
        old = new
        show_same = True
    width = max((len(name) for name in names), default=0)
    lines: list[str] = []
    for name in names:
        if not show_same and name in old and name in new and old[name] == new[name]:
            continue
        label = f"{name:<{width}}: "
        lines += _entry(label, old.get(name, _MISSING), new.get(name, _MISSING), 2, secrets)
    return lines


_MISSING = object()


def _entry(
    label: str, old: Any, new: Any, indent: int, secrets: bool, *, terse: bool = False
) -> Iterator[str]:
    """The lines of one value, marked `+`, `-` or `~` if it differs; `terse` leaves out the rest."""
    pad = " " * indent
    if old is _MISSING:
        yield from _block(pad + "+ ", label, new, indent, secrets, "+ ")
    elif new is _MISSING:
        yield from _block(pad + "- ", label, old, indent, secrets, "- ")
    elif _same(old, new):
        if not terse:
            yield from _block(pad + "  ", label, new, indent, secrets, "  ")
    elif isinstance(old, dict) and isinstance(new, dict):
        yield f"{pad}~ {label}{{"
        keys = sorted(old.keys() | new.keys())
        width = max(len(key) for key in keys)
        for key in keys:
            before, after = old.get(key, _MISSING), new.get(key, _MISSING)
            if before is None and after is None:
                continue
            here = f"{key:<{width}}: "
            yield from _entry(here, before, after, indent + 4, secrets, terse=terse)
        yield f"{pad}  }}"
    elif isinstance(old, list) and isinstance(new, list):
        yield f"{pad}~ {label}["
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else _MISSING
            after = new[index] if index < len(new) else _MISSING
            yield from _entry(f"[{index}]: ", before, after, indent + 4, secrets, terse=terse)
        yield f"{pad}  ]"
    else:
        yield f"{pad}~ {label}{_scalar(old, secrets)} => {_scalar(new, secrets)}"


def _same(old: Any, new: Any) -> bool:
    return type(old) is type(new) and bool(old == new)


def _block(
    first: str, label: str, value: Any, indent: int, secrets: bool, mark: str
) -> Iterator[str]:
    if isinstance(value, Secret) and secrets:
        value = value.value
    inner = " " * (indent + 4)
    if isinstance(value, dict) and value:
        yield f"{first}{label}{{"
        width = max(len(key) for key in value)
        for key in sorted(value):
            yield from _block(
                inner + mark, f"{key:<{width}}: ", value[key], indent + 4, secrets, mark
            )
        yield " " * indent + "  }"
    elif isinstance(value, list) and value:
        yield f"{first}{label}["
        for index, item in enumerate(value):
            yield from _block(inner + mark, f"[{index}]: ", item, indent + 4, secrets, mark)
        yield " " * indent + "  ]"
    else:
        yield f"{first}{label}{_scalar(value, secrets)}"


def _scalar(value: Any, secrets: bool) -> str:
    if isinstance(value, Secret):
        return _scalar(value.value, secrets) if secrets else "[secret]"
    if isinstance(value, Unknown):
        return "[unknown]"
    if value is None:
        return "<null>"
    return json.dumps(plain(value), ensure_ascii=False)


# -- the rich difference --------------------------------------------------------------------------


def rich(steps: list[Step], *, replacement_steps: bool, outputs: list[str]) -> str:
    """`--diff`: the tree of what changes, with every property that does."""
    lines: list[str] = []
    shown: dict[str, int] = {}
    parents = {step.urn: step for step in steps}

    for step in steps:
        root = step.resource.type == STACK_TYPE
        if step.op is Op.SAME and not root:
            continue
        if step.op is Op.REFRESH and step.found is Op.SAME and not root:
            continue
        if not replacement_steps and not step.logical and step.op is not Op.REFRESH:
            continue
        level = sum(1 for urn in _ancestors(step.resource, parents) if urn in shown)
        shown[step.urn] = level
        lines += _rich_step(step, level)
    if outputs:
        lines += ["    --outputs:--", *outputs]
    return "\n".join(lines) + ("\n" if lines else "")


def _ancestors(resource: Resource, steps: dict[str, Step]) -> Iterator[str]:
    urn = resource.parent
    while urn:
        yield urn
        urn = steps[urn].resource.parent if urn in steps else ""


def _rich_step(step: Step, level: int) -> Iterator[str]:
    op = step.found if step.op is Op.REFRESH and step.found else step.op
    mark = MARKS[op]
    pad = " " * (4 * level)
    inner = " " * (4 * level + 4)
    head = f"{mark} " if len(mark) == 1 else mark
    yield f"{pad}{head}{step.resource.type}: ({op})"
    identity = step.old.id if step.old is not None else ""
    if identity:
        yield f"{inner}[id={identity}]"
    yield f"{inner}[urn={step.urn}]"
    if step.resource.provider:
        yield f"{inner}[provider={step.resource.provider}]"
    if op in (Op.CREATE, Op.IMPORT) and step.new is not None:
        yield from _bag(step.new.inputs, 4 * level + 2)
    elif op is Op.DELETE and step.old is not None:
        yield from _bag(step.old.inputs, 4 * level + 2)
    elif step.old is not None and step.new is not None and op in (Op.UPDATE, Op.REPLACE):
        yield from _changes(step.old.inputs, step.new.inputs, step.detailed, 4 * level + 2)


def _bag(bag: Properties, indent: int) -> Iterator[str]:
    names = [name for name in sorted(bag) if name != "__internal"]
    width = max((len(name) for name in names), default=0)
    for name in names:
        yield from _block(" " * (indent + 2), f"{name:<{width}}: ", bag[name], indent, False, "  ")


def _changes(
    old: Properties, new: Properties, detailed: dict[str, PropertyChange] | None, indent: int
) -> Iterator[str]:
    names = sorted(name for name in old.keys() | new.keys() if name != "__internal")
    if detailed is not None:
        tops = {str(path_parts(path)[0]) for path in detailed}
        names = [name for name in names if name in tops]
    for name in names:
        before, after = old.get(name, _MISSING), new.get(name, _MISSING)
        if before is not _MISSING and after is not _MISSING and _same(before, after):
            continue
        yield from _entry(f"{name}: ", before, after, indent, False, terse=True)
