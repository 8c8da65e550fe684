"""Commands that make, choose and show stacks."""

from __future__ import annotations

import json
import shlex
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import backend as backends
from . import snapshot
from .backend import StackName
from .config_commands import copy_config, shown_entry
from .faults import EngineError, StackNotFoundError, UsageError
from .options import Arguments
from .printing import ago, columns, compact, milliseconds, note, say, show, write_file
from .resources import urn_name
from .values import SECRET_TAG, SIGNATURE
from .workspace import Stack, Workspace


def stack_init(arguments: Arguments, workspace: Workspace) -> int:
    """Make a stack."""
    text = arguments.rest[0] if arguments.rest else arguments.get("stack")
    if not text:
        raise UsageError("missing stack name")
    provider = arguments.get("secrets-provider", "default")
    if provider not in ("default", "passphrase"):
        raise EngineError(
            f"the lab has the secrets provider passphrase only, not {provider.split(':')[0]}"
        )
    name = workspace.name(text)
    _create(workspace, name, arguments)
    source = arguments.get("copy-config-from")
    if source:
        copy_config(workspace.existing(source), Stack(workspace, name))
    if not arguments.on("no-select"):
        backends.select(workspace.project, workspace.backend.url, name)
    return 0


def _create(workspace: Workspace, name: StackName, arguments: Arguments) -> Stack:
    if workspace.backend.exists(name):
        raise EngineError(f"stack '{name.full}' already exists")
    project = workspace.project
    if name.project != project.name:
        raise EngineError(f'provided project name "{name.project}" doesn\'t match Pulumi.yaml')
    file = arguments.get("config-file")
    stack = Stack(workspace, name, Path(file) if file else None)
    deployment = snapshot.Deployment(salt=stack.crypter.state)
    workspace.backend.save(name, deployment.text(stack.crypter.encrypt))
    note(f"Created stack '{name.name}'")
    return stack


def stack_select(arguments: Arguments, workspace: Workspace) -> int:
    """Select a stack."""
    text = arguments.rest[0] if arguments.rest else arguments.get("stack")
    if not text:
        raise UsageError("no stack was named")
    name = workspace.name(text)
    if not workspace.backend.exists(name):
        if not arguments.on("create"):
            raise StackNotFoundError(text)
        _create(workspace, name, arguments)
    backends.select(workspace.project, workspace.backend.url, name)
    return 0


def stack_unselect(arguments: Arguments, workspace: Workspace) -> int:
    """Select no stack."""
    backends.select(workspace.project, workspace.backend.url, None)
    return 0


def stack_ls(arguments: Arguments, workspace: Workspace) -> int:
    """The stacks of the project, or of all."""
    project = workspace.project_or_none
    every = arguments.on("all") or project is None
    chosen = arguments.get("project") or (None if every or project is None else project.name)
    url = workspace.backend.url
    selected = backends.selected(project, url) if project else ""
    rows = []
    for name in workspace.backend.stacks(chosen):
        here = project is not None and name.project == project.name
        shown = name.name if here else name.full
        stored = workspace.backend.load(name) or {}
        time = (stored.get("manifest") or {}).get("time")
        is_current = here and selected in (name.name, name.full)
        row: dict[str, Any] = {"name": shown, "current": is_current}
        if time:
            row["lastUpdate"] = milliseconds(time)
        row["resourceCount"] = len(stored.get("resources") or [])
        rows.append((row, time))
    if arguments.on("json"):
        show([row for row, _ in rows])
        return 0
    table: list[tuple[str, ...]] = [("NAME", "LAST UPDATE", "RESOURCE COUNT")]
    for row, time in rows:
        mark = "*" if row["current"] else ""
        table.append((row["name"] + mark, ago(time), str(row["resourceCount"])))
    for line in columns(table):
        say(line)
    return 0


def stack_show(arguments: Arguments, workspace: Workspace) -> int:
    """What the stack holds."""
    stack = workspace.stack(arguments)
    if arguments.on("show-name"):
        say(stack.name.name)
        return 0
    stored = stack.stored
    resources = stored.get("resources") or []
    say(f"Current stack is {stack.name.name}:\n    Managed by {socket.gethostname()}")
    manifest = stored.get("manifest") or {}
    if manifest.get("time"):
        say(f"    Last updated: {ago(manifest['time'])} ({manifest['time']})")
        say(f"    Pulumi version used: {manifest.get('version')}")
    say(f"Current stack resources ({len(resources)}):")
    if resources:
        for line in _tree(resources, arguments):
            say(f"    {line}")
    else:
        say("    No resources currently in this stack")
    outputs = _stored_outputs(resources)
    if outputs:
        say("")
        _show_outputs(stack, arguments.on("show-secrets"))
    say("\nUse `pulumi stack select` to change stack; `pulumi stack ls` lists known ones")
    return 0


def _stored_outputs(resources: list[dict[str, Any]]) -> dict[str, Any]:
    for item in resources:
        if item["type"] == "pulumi:pulumi:Stack":
            return item.get("outputs") or {}
    return {}


def _tree(resources: list[dict[str, Any]], arguments: Arguments) -> list[str]:
    below: dict[str, list[dict[str, Any]]] = {}
    urns = {item["urn"] for item in resources}
    for item in resources:
        parent = item.get("parent", "")
        below.setdefault(parent if parent in urns else "", []).append(item)
    rows: list[tuple[str, str]] = [("TYPE", "NAME")]

    def add(items: list[dict[str, Any]], indent: str, top: bool) -> None:
        for place, item in enumerate(items):
            last = place == len(items) - 1
            joint = "" if top else ("└─ " if last else "├─ ")
            rows.append((f"{indent}{joint}{item['type']}", urn_name(item["urn"])))
            deeper = indent + ("" if top else ("   " if last else "│  "))
            children = below.get(item["urn"], [])
            if arguments.on("show-urns"):
                rows.append((f"{deeper}{'│  ' if children else '   '}URN: {item['urn']}", ""))
            if arguments.on("show-ids") and item.get("id"):
                rows.append((f"{deeper}{'│  ' if children else '   '}ID: {item['id']}", ""))
            add(children, deeper, False)

    add(below.get("", []), "", True)
    width = max(len(left) for left, right in rows if right)
    return [f"{left:<{width}}  {right}".rstrip() if right else left for left, right in rows]


def stack_output(arguments: Arguments, workspace: Workspace) -> int:
    """The stack's outputs, or one of them."""
    from .operations import plain_outputs, stack_outputs

    stack = workspace.stack(arguments)
    secrets = arguments.on("show-secrets")
    outputs = (
        _masked_outputs(stack) if not secrets else plain_outputs(stack_outputs(stack), secrets=True)
    )
    if arguments.rest:
        name = arguments.rest[0]
        if name not in outputs:
            raise EngineError(f"current stack does not have output property '{name}'")
        value = outputs[name]
        if arguments.on("json"):
            show(value)
        else:
            say(value if isinstance(value, str) else compact(value))
        return 0
    if arguments.on("json"):
        show(outputs)
    elif arguments.on("shell"):
        for name, value in outputs.items():
            text = value if isinstance(value, str) else compact(value)
            say(f"{name}={shlex.quote(text)}")
    else:
        _show_outputs(stack, secrets)
    return 0


def _masked_outputs(stack: Stack) -> dict[str, Any]:
    """The outputs with secrets hidden; needs no passphrase."""

    def masked(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get(SIGNATURE) == SECRET_TAG:
                return "[secret]"
            return {key: masked(item) for key, item in value.items()}
        if isinstance(value, list):
            return [masked(item) for item in value]
        return value

    outputs = _stored_outputs(stack.stored.get("resources") or [])
    return {key: masked(outputs[key]) for key in sorted(outputs)}


def _show_outputs(stack: Stack, secrets: bool) -> None:
    from .operations import plain_outputs, stack_outputs

    outputs = (
        plain_outputs(stack_outputs(stack), secrets=True) if secrets else _masked_outputs(stack)
    )
    say(f"Current stack outputs ({len(outputs)}):")
    if not outputs:
        say("    No output values currently in this stack")
        return
    rows: list[tuple[str, ...]] = [("OUTPUT", "VALUE")]
    for name, value in outputs.items():
        rows.append((name, value if isinstance(value, str) else compact(value)))
    for line in columns(rows):
        say(f"    {line}")


def stack_history(arguments: Arguments, workspace: Workspace) -> int:
    """The runs of a stack, newest first."""
    stack = workspace.stack(arguments)
    entries = stack.backend.history(stack.name)
    size, page = arguments.number("page-size", 10), arguments.number("page", 1)
    if arguments.given("page") or arguments.given("page-size"):
        entries = entries[size * (page - 1) : size * page]
    secrets = arguments.on("show-secrets")
    if arguments.on("json"):
        show([_history(entry, stack, secrets) for entry in entries])
        return 0
    if not entries:
        say("Stack has never been updated")
    for entry in entries:
        changes = entry.get("resourceChanges") or {}
        say(f"Version: 0\nUpdateKind: {entry['kind']}\nStatus: {entry['result']}")
        say(f"Message: {entry.get('message', '')} ")
        counts = [changes.get(op, 0) for op in ("create", "delete", "update", "same")]
        since = ago(datetime.fromtimestamp(entry["startTime"], UTC).isoformat())
        took = entry["endTime"] - entry["startTime"]
        say(f"+{counts[0]}-{counts[1]}~{counts[2]} {counts[3]} Updated {since} took {took}s")
        for key, value in (entry.get("environment") or {}).items():
            say(f"    {key}: {value}")
        say("")
    return 0


def _history(entry: dict[str, Any], stack: Stack, secrets: bool) -> dict[str, Any]:
    config = {}
    for key, value in (entry.get("config") or {}).items():
        config[key] = shown_entry(value, stack, secrets)
    result = {
        "version": 0,
        "kind": entry["kind"],
        "startTime": _second(entry["startTime"]),
        "message": entry.get("message", ""),
        "environment": entry.get("environment") or {},
        "config": config,
        "result": entry["result"],
        "endTime": _second(entry["endTime"]),
    }
    changes = {op: count for op, count in (entry.get("resourceChanges") or {}).items() if count}
    result["resourceChanges"] = changes
    return result


def _second(stamp: int) -> str:
    return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def stack_graph(arguments: Arguments, workspace: Workspace) -> int:
    """Write the dependencies as a Graphviz file."""
    if not arguments.rest:
        raise UsageError("missing the file's name")
    stack = workspace.stack(arguments)
    resources = stack.stored.get("resources") or []
    numbers = {item["urn"]: number for number, item in enumerate(resources)}
    lines = ["strict digraph {"]
    lines += [f"    r{numbers[i['urn']]} [label={json.dumps(i['urn'])}];" for i in resources]
    for item in resources:
        for urn in item.get("dependencies") or ():
            if urn in numbers:
                lines.append(f"    r{numbers[item['urn']]} -> r{numbers[urn]};")
        if item.get("parent") in numbers:
            lines.append(
                f"    r{numbers[item['urn']]} -> r{numbers[item['parent']]} [style=dashed];"
            )
    lines.append("}")
    write_file(Path(arguments.rest[0]), "\n".join(lines) + "\n")
    note(f"Wrote stack dependency graph to `{arguments.rest[0]}`")
    return 0


def stack_tag_ls(arguments: Arguments, workspace: Workspace) -> int:
    """The tags of a stack: file backends keep none."""
    workspace.stack(arguments)
    show({}) if arguments.on("json") else say("NAME  VALUE")
    return 0
