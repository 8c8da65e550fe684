"""The verbs that make no run: stack, config, state, and what is about the tool itself."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import backend as backends
from . import passphrase, snapshot
from . import project as projects
from .backend import StackName
from .faults import EngineError, StackNotFoundError, UsageError
from .options import Arguments, Flag, Kind
from .passphrase import Crypter
from .resources import Resource, current, problems, urn_name, urn_stack, with_stack
from .runs import interactive
from .values import SECRET_TAG, SIGNATURE
from .workspace import NO_STACK_SELECTED, Stack, Workspace

V, L = Kind.VALUE, Kind.LIST
STACK = Flag("stack", V, "s")
CONFIG = (STACK, Flag("config-file", V), Flag("path"))
JSON = Flag("json", short="j")
YES = Flag("yes", short="y")


def say(text: str) -> None:
    """Print for the person."""
    print(text, flush=True)  # noqa: T201


def note(text: str) -> None:
    """Print beside the answer."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def show(value: Any) -> None:
    """Print as JSON."""
    say(json.dumps(value, indent=2, ensure_ascii=False))


# -- about the tool -------------------------------------------------------------------------------


def version(arguments: Arguments, workspace: Workspace) -> int:
    """The version of the engine whose place the stand-in takes."""
    say(f"v{snapshot.ENGINE_VERSION}")
    return 0


def whoami(arguments: Arguments, workspace: Workspace) -> int:
    """Who works on which backend."""
    user, url = backends.user(), workspace.backend.url
    if arguments.on("json"):
        show({"user": user, "url": url})
    elif arguments.on("verbose"):
        say(f"User: {user}\nBackend URL: {url}")
    else:
        say(user)
    return 0


def login(arguments: Arguments, workspace: Workspace) -> int:
    """Choose a backend."""
    url = arguments.rest[0] if arguments.rest else arguments.get("cloud-url")
    if arguments.on("local"):
        url = "file://~"
    if not url:
        url = os.environ.get("PULUMI_BACKEND_URL", "")
    if not url:
        raise EngineError("the lab has file:// backends only: `pulumi login file://FOLDER`")
    backends.open_backend(url, workspace.project_or_none)
    backends.log_in(url)
    say(f"Logged in to {socket.gethostname()} as {backends.user()} ({url})")
    return 0


def logout(arguments: Arguments, workspace: Workspace) -> int:
    """Forget a backend."""
    gone = backends.log_out(arguments.rest[0] if arguments.rest else None)
    say(f"Logged out of {gone}")
    return 0


def about(arguments: Arguments, workspace: Workspace) -> int:
    """What there is: the tool, the backend, the project's Python."""
    from .language import python_of
    from .plugins import ALLOWED, find, is_labs

    project = workspace.project_or_none
    content: dict[str, Any] = {
        "cliAbout": {"version": snapshot.ENGINE_VERSION, "lab": True},
        "plugins": [
            {"name": name, "kind": "resource", "path": str(path), "lab": is_labs(path)}
            for name in ALLOWED
            if (path := find(name)) is not None
        ],
        "backend": {
            "name": socket.gethostname(),
            "url": workspace.backend.url,
            "user": backends.user(),
        },
    }
    if project is not None:
        content["runtime"] = {"language": project.runtime, "executable": str(python_of(project))}
        name = backends.selected(project, workspace.backend.url)
        content["currentStack"] = {"name": name} if name else None
    show(content)
    return 0


def plugin_ls(arguments: Arguments, workspace: Workspace) -> int:
    """Installed plug-ins: the lab takes them from $PATH, so there are none."""
    show([]) if arguments.on("json") else say("NAME  KIND  VERSION  SIZE  INSTALLED  LAST USED")
    return 0


def install(arguments: Arguments, workspace: Workspace) -> int:
    """Nothing to install: the program's Python has its packages already."""
    workspace.project  # noqa: B018 (fails where there is no project)
    say("The lab installs nothing: it uses the program's Python as it is.")
    return 0


def cancel(arguments: Arguments, workspace: Workspace) -> int:
    """Remove a stack's lock."""
    stack = workspace.existing(arguments.rest[0]) if arguments.rest else workspace.stack(arguments)
    if not arguments.on("yes") and interactive(arguments):
        typed = input(f"Type the stack's name to cancel its update ({stack.name.name}): ")
        if typed.strip() != stack.name.name:
            raise EngineError("confirmation declined")
    stack.backend.break_locks(stack.name)
    say(f"The currently running update for '{stack.name.name}' has been canceled!")
    return 0


# -- stack ----------------------------------------------------------------------------------------


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
        _copy_config(workspace.existing(source), Stack(workspace, name))
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
    workspace.backend.save(name, deployment.to_json(stack.crypter.encrypt))
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
            row["lastUpdate"] = _milliseconds(time)
        row["resourceCount"] = len(stored.get("resources") or [])
        rows.append((row, time))
    if arguments.on("json"):
        show([row for row, _ in rows])
        return 0
    table: list[tuple[str, ...]] = [("NAME", "LAST UPDATE", "RESOURCE COUNT")]
    for row, time in rows:
        mark = "*" if row["current"] else ""
        table.append((row["name"] + mark, _ago(time), str(row["resourceCount"])))
    for line in _columns(table):
        say(line)
    return 0


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _when(text: str) -> datetime:
    short = re.sub(r"(\.\d{1,6})\d*", r"\1", text.replace("Z", "+00:00"))
    return datetime.fromisoformat(short)


def _milliseconds(text: str) -> str:
    moment = _when(text)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _ago(text: str | None) -> str:
    if not text:
        return "n/a"
    seconds = int((datetime.now(UTC) - _when(text)).total_seconds())
    if seconds < 1:
        return "now"
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "now"


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
        say(f"    Last updated: {_ago(manifest['time'])} ({manifest['time']})")
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
            say(value if isinstance(value, str) else _compact(value))
        return 0
    if arguments.on("json"):
        show(outputs)
    elif arguments.on("shell"):
        for name, value in outputs.items():
            text = value if isinstance(value, str) else _compact(value)
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


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


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
        rows.append((name, value if isinstance(value, str) else _compact(value)))
    for line in _columns(rows):
        say(f"    {line}")


def stack_export(arguments: Arguments, workspace: Workspace) -> int:
    """The state, as `stack import` takes it."""
    stack = workspace.stack(arguments)
    if arguments.given("version"):
        raise EngineError(
            f"the current backend ({socket.gethostname()}) does not provide the ability to export "
            "previous deployments"
        )
    stored = dict(stack.stored)
    if arguments.on("show-secrets"):
        stored = _with_plaintexts(stored, stack.state_crypter.proven() if stored else None)
    text = json.dumps({"version": 3, "deployment": stored}, indent=4, ensure_ascii=False)
    file = arguments.get("file")
    if file:
        _write(Path(file), text + "\n")
    else:
        say(text)
    return 0


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EngineError(f"could not write {file}: {error.strerror}") from None


def _with_plaintexts(value: Any, crypter: Crypter | None) -> Any:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET_TAG and "ciphertext" in value and crypter is not None:
            return {SIGNATURE: SECRET_TAG, "plaintext": crypter.decrypt(value["ciphertext"])}
        return {key: _with_plaintexts(item, crypter) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_plaintexts(item, crypter) for item in value]
    return value


def stack_import(arguments: Arguments, workspace: Workspace) -> int:
    """Replace the state by an exported one."""
    stack = workspace.stack(arguments)
    file = arguments.get("file")
    try:
        text = Path(file).read_text(encoding="utf-8") if file else sys.stdin.read()
        content = json.loads(text)
    except OSError as error:
        raise EngineError(f"could not open {file}: {error.strerror}") from None
    except ValueError as error:
        raise EngineError(f"could not read the deployment: {error}") from None
    if not isinstance(content, dict) or content.get("version") != 3:
        raise EngineError(
            f"the stack '{stack.name.name}' is newer than what this version of the Pulumi CLI "
            "understands. Please update your version of the Pulumi CLI"
        )
    stored = content.get("deployment") or {}
    with stack.backend.locked(stack.name):
        _import(stack, stored, force=arguments.on("force"))
    say("Import complete.")
    return 0


def _import(stack: Stack, stored: dict[str, Any], *, force: bool) -> None:
    found: list[str] = []
    for item in stored.get("resources") or []:
        other = urn_stack(str(item.get("urn", "")))
        if other != stack.name.name:
            found.append(
                f"resource '{item.get('urn')}' is from a different stack "
                f"({other} != {stack.name.name})"
            )
    salt = ((stored.get("secrets_providers") or {}).get("state") or {}).get("salt", "")
    opener = stack.crypter
    if salt and salt != opener.state:
        opener = passphrase.from_salt(salt, passphrase.phrase_from_environment()).proven()
    deployment = snapshot.read(stored, opener.decrypt)
    wrong = problems(deployment.resources)
    if wrong and not found:
        found.append(f"state file contains errors: {wrong}")
    if found and not force:
        found.append("importing this file could be dangerous; rerun with --force to proceed anyway")
        lines = "".join(f"\n    {number}) {text}" for number, text in enumerate(found, 1))
        raise EngineError(f"{len(found)} errors occurred:{lines}")
    deployment.salt = stack.crypter.state
    deployment.time = deployment.time or ""
    deployment.pending = []
    stack.save(deployment)


def stack_rm(arguments: Arguments, workspace: Workspace) -> int:
    """Remove a stack and its configuration."""
    text = arguments.rest[0] if arguments.rest else arguments.get("stack")
    stack = workspace.existing(text) if text else workspace.stack(arguments)
    name = stack.name.name
    if not arguments.on("yes"):
        if not interactive(arguments):
            raise EngineError("--yes must be passed in to proceed when running in non-interactive "
                              "mode")  # fmt: skip
        if input(f"This removes the stack {name}. Type its name to go on: ").strip() != name:
            raise EngineError("confirmation declined")
    if stack.stored.get("resources") and not arguments.on("force"):
        raise EngineError(
            f"'{name}' still has resources; removal rejected. Possible actions:\n"
            f"- Make sure that '{name}' is the stack that you want to destroy\n"
            "- Run `pulumi destroy` to delete the resources, then run `pulumi stack rm`\n"
            "- Run `pulumi stack rm --force` to override this error"
        )
    with stack.backend.locked(stack.name):
        stack.backend.remove(stack.name)
    project = workspace.project_or_none
    if project is not None:
        if not arguments.on("preserve-config") and stack.name.project == project.name:
            stack.file.file.unlink(missing_ok=True)
        url = workspace.backend.url
        if backends.selected(project, url) in (stack.name.full, name):
            backends.select(project, url, None)
    say(f"Stack '{name}' has been removed!")
    return 0


def stack_rename(arguments: Arguments, workspace: Workspace) -> int:
    """Give a stack another name."""
    if not arguments.rest:
        raise UsageError("missing the new name")
    stack = workspace.stack(arguments)
    new = workspace.name(arguments.rest[0])
    if workspace.backend.exists(new):
        raise EngineError(f"stack '{new.full}' already exists")
    file = stack.file
    with stack.backend.locked(stack.name):
        text = json.dumps(stack.stored)
        for urn in {item["urn"] for item in stack.stored.get("resources") or []}:
            text = text.replace(json.dumps(urn)[1:-1], json.dumps(with_stack(urn, new.name))[1:-1])
        stack.backend.save(new, json.loads(text))
        stack.backend.rename(stack.name, new)
    target = workspace.project.stack_file(new.name)
    if file.file.exists():
        file.file.replace(target)
    backends.select(workspace.project, workspace.backend.url, new)
    say(f"Renamed {stack.name.name} to {new.name}")
    return 0


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
        since = _ago(datetime.fromtimestamp(entry["startTime"], UTC).isoformat())
        took = entry["endTime"] - entry["startTime"]
        say(f"+{counts[0]}-{counts[1]}~{counts[2]} {counts[3]} Updated {since} took {took}s")
        for key, value in (entry.get("environment") or {}).items():
            say(f"    {key}: {value}")
        say("")
    return 0


def _history(entry: dict[str, Any], stack: Stack, secrets: bool) -> dict[str, Any]:
    config = {}
    for key, value in (entry.get("config") or {}).items():
        config[key] = _config_entry(value, stack, secrets)
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
    _write(Path(arguments.rest[0]), "\n".join(lines) + "\n")
    note(f"Wrote stack dependency graph to `{arguments.rest[0]}`")
    return 0


def stack_change_secrets_provider(arguments: Arguments, workspace: Workspace) -> int:
    """Encrypt configuration and state anew, with a new passphrase from standard input."""
    if arguments.rest != ["passphrase"]:
        raise EngineError("the lab has the secrets provider passphrase only")
    stack = workspace.stack(arguments)
    old = stack.proven()
    phrase = sys.stdin.readline().rstrip("\n")
    if sys.stdin.readline().rstrip("\n") != phrase or not phrase:
        raise EngineError("passphrases do not match")
    say("Migrating old configuration and state to new secrets provider")
    new = passphrase.with_new_salt(phrase)
    deployment = stack.deployment()
    stack.file.config = {
        key: projects.sealed_again(value, old.decrypt, new.encrypt)
        for key, value in stack.file.config.items()
    }
    stack.file.salt = new.state
    stack.file.write()
    deployment.salt = new.state
    stack.backend.save(stack.name, deployment.to_json(new.encrypt))
    return 0


def stack_tag_ls(arguments: Arguments, workspace: Workspace) -> int:
    """The tags of a stack: file backends keep none."""
    workspace.stack(arguments)
    show({}) if arguments.on("json") else say("NAME  VALUE")
    return 0


# -- config ---------------------------------------------------------------------------------------


def _key(stack: Stack, text: str, arguments: Arguments) -> tuple[str, str | None]:
    """The full key, and the path below it if `--path` is given."""
    if not arguments.on("path"):
        return projects.full_key(stack.project.name, text), None
    from .values import path_parts

    parts = path_parts(text)
    if not parts:
        raise UsageError("an empty path")
    return projects.full_key(stack.project.name, str(parts[0])), text


def config_show(arguments: Arguments, workspace: Workspace) -> int:
    """All keys and values."""
    stack = workspace.stack(arguments)
    secrets = arguments.on("show-secrets")
    merged = {**stack.project.config, **stack.file.config}
    entries = {key: _config_entry(merged[key], stack, secrets) for key in sorted(merged)}
    if arguments.on("json"):
        show(entries)
        return 0
    prefix = f"{stack.project.name}:"
    rows: list[tuple[str, ...]] = []
    for key, entry in entries.items():
        rows.append((key.removeprefix(prefix), entry.get("value", "[secret]")))
    rows.sort()
    for line in _columns([("KEY", "VALUE"), *rows]):
        say(line)
    return 0


def _config_entry(value: Any, stack: Stack, secrets: bool) -> dict[str, Any]:
    secret = projects.holds_secret(value)
    entry: dict[str, Any] = {}
    if not secret or secrets:
        opened = projects.opened(value, stack.crypter.decrypt) if secret else value
        entry["value"] = projects.as_text(opened)
        if isinstance(opened, (dict, list)):
            entry["objectValue"] = opened
    entry["secret"] = secret
    return entry


def config_get(arguments: Arguments, workspace: Workspace) -> int:
    """One value, in clear."""
    if not arguments.rest:
        raise UsageError("missing the key")
    stack = workspace.stack(arguments)
    key, path = _key(stack, arguments.rest[0], arguments)
    merged = {**stack.project.config, **stack.file.config}
    there, value = projects.get_value(merged, key, path)
    if not there:
        raise EngineError(
            f"configuration key '{arguments.rest[0]}' not found for stack '{stack.name.name}'"
        )
    entry = _config_entry(value, stack, True)
    show(entry) if arguments.on("json") else say(entry["value"])
    return 0


def config_set(arguments: Arguments, workspace: Workspace) -> int:
    """Set a value."""
    if not arguments.rest:
        raise UsageError("missing the key")
    stack = workspace.stack(arguments)
    text = arguments.rest[1] if len(arguments.rest) > 1 else _typed(arguments)
    _set(stack, arguments.rest[0], text, arguments, secret=arguments.on("secret"))
    stack.file.write()
    return 0


def _typed(arguments: Arguments) -> str:
    if interactive(arguments):
        return input("value: ")
    return sys.stdin.read().rstrip("\n")


def _set(stack: Stack, name: str, text: str, arguments: Arguments, *, secret: bool) -> None:
    key, path = _key(stack, name, arguments)
    value: Any = text
    if secret:
        value = {"secure": stack.proven().encrypt(text)}
    elif path is not None:
        value = _of_type(text, arguments.get("type"))
    projects.set_value(stack.file.config, key, value, path)


def _of_type(text: str, kind: str) -> Any:
    try:
        if kind == "string":
            return text
        if kind == "bool":
            return {"true": True, "false": False}[text]
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
    except (KeyError, ValueError):
        raise UsageError(f"'{text}' is not of the type {kind}") from None
    if kind:
        raise UsageError(f"there is no type {kind}")
    return projects.typed(text)


def config_set_all(arguments: Arguments, workspace: Workspace) -> int:
    """Set many values."""
    if arguments.given("json"):
        raise UsageError("the lab's engine takes --plaintext and --secret here, not --json")
    stack = workspace.stack(arguments)
    for flag, item in arguments.order:
        if flag in ("plaintext", "secret"):
            name, equals, text = item.partition("=")
            if not equals:
                raise UsageError(f"{item} is not of the form key=value")
            _set(stack, name, text, arguments, secret=flag == "secret")
    stack.file.write()
    return 0


def config_rm(arguments: Arguments, workspace: Workspace) -> int:
    """Remove values; those that are not there are no error."""
    if not arguments.rest:
        raise UsageError("missing the key")
    stack = workspace.stack(arguments)
    for name in arguments.rest:
        projects.remove_value(stack.file.config, *_key(stack, name, arguments))
    stack.file.write()
    return 0


def config_cp(arguments: Arguments, workspace: Workspace) -> int:
    """Copy the configuration to another stack, encrypted for it."""
    destination = arguments.get("dest", arguments.get("d"))
    if not destination:
        raise UsageError("missing --dest")
    source, target = workspace.stack(arguments), workspace.existing(destination)
    _copy_config(source, target, arguments)
    return 0


def _copy_config(source: Stack, target: Stack, arguments: Arguments | None = None) -> None:
    entries = source.file.config
    if arguments is not None and arguments.rest:
        key, _ = _key(source, arguments.rest[0], arguments)
        if key not in entries:
            raise EngineError(f"configuration key '{arguments.rest[0]}' not found")
        entries = {key: entries[key]}
    for key, value in entries.items():
        if projects.holds_secret(value):
            value = projects.sealed_again(value, source.proven().decrypt, target.proven().encrypt)
        target.file.config[key] = value
    target.file.write()


def config_refresh(arguments: Arguments, workspace: Workspace) -> int:
    """Take the configuration of the last run."""
    stack = workspace.stack(arguments)
    entries = stack.backend.history(stack.name)
    if not entries:
        raise EngineError("getting latest configuration: no previous deployment")
    if stack.file.file.exists() and not arguments.on("force"):
        shutil.copyfile(stack.file.file, f"{stack.file.file}.bak")
    stack.file.config = dict(entries[0].get("config") or {})
    stack.file.write()
    say(f"refreshed configuration for stack '{stack.name.name}'")
    return 0


def config_env(arguments: Arguments, workspace: Workspace) -> int:
    """Environments belong to Pulumi Cloud."""
    raise EngineError(
        f"backend {socket.gethostname()} does not support environments; Pulumi ESC environments "
        "require the Pulumi Cloud backend, use `pulumi login` without arguments to log into the "
        "Pulumi Cloud backend"
    )


# -- state ----------------------------------------------------------------------------------------


def _edit(
    arguments: Arguments,
    workspace: Workspace,
    edit: Callable[[list[Resource]], list[Resource]],
) -> None:
    """Change the resources of a state under its lock."""
    stack = workspace.stack(arguments)
    with stack.backend.locked(stack.name):
        deployment = stack.deployment()
        deployment.resources = edit(deployment.resources)
        stack.save(deployment)


def _one(resources: list[Resource], urn: str) -> Resource:
    found = current(resources).get(urn)
    if found is not None:
        return found
    import difflib

    near = difflib.get_close_matches(urn, [resource.urn for resource in resources], 1, 0.8)
    hint = f"Did you mean:\n  {near[0]}\n" if near else ""
    raise EngineError(
        f'No such resource "{urn}" exists in the current state\n{hint}'
        "To list the resource URNs in the stack, run `pulumi stack --show-urns`; to inspect the "
        "full state, run `pulumi stack export`."
    )


def _protect(arguments: Arguments, workspace: Workspace, *, on: bool) -> int:
    counted = 0

    def edit(resources: list[Resource]) -> list[Resource]:
        nonlocal counted
        chosen = (
            [r for r in resources if r.protect is not on]
            if arguments.on("all")
            else [_one(resources, urn) for urn in arguments.rest]
        )
        for resource in chosen:
            resource.protect = on
        counted = len(chosen)
        return resources

    if not arguments.rest and not arguments.on("all"):
        raise UsageError("must provide a URN corresponding to a resource")
    _edit(arguments, workspace, edit)
    say(f"{counted} resources {'' if on else 'un'}protected")
    return 0


def state_unprotect(arguments: Arguments, workspace: Workspace) -> int:
    """Take protection away."""
    return _protect(arguments, workspace, on=False)


def state_protect(arguments: Arguments, workspace: Workspace) -> int:
    """Protect."""
    return _protect(arguments, workspace, on=True)


def state_delete(arguments: Arguments, workspace: Workspace) -> int:
    """Forget a resource, without deleting it."""

    def edit(resources: list[Resource]) -> list[Resource]:
        if arguments.on("all"):
            return []
        if not arguments.rest:
            raise UsageError("must provide a URN corresponding to a resource")
        condemned = {_one(resources, arguments.rest[0]).urn}
        chosen = _one(resources, arguments.rest[0])
        if chosen.protect and not arguments.on("force"):
            raise EngineError(
                f"{chosen.urn} can't be safely deleted because it is protected. Re-run this "
                "command with --force to force deletion"
            )
        dependents = []
        for resource in resources:
            needed = {*resource.needs(), resource.provider_urn()}
            if needed & condemned and resource.urn not in condemned:
                dependents.append(resource)
                if arguments.on("target-dependents"):
                    condemned.add(resource.urn)
        if dependents and not arguments.on("target-dependents"):
            lines = "".join(f' * "{r.name}"     ({r.urn})\n' for r in dependents)
            raise EngineError(
                f"{chosen.urn} can't be safely deleted because the following resources depend on "
                f"it:\n{lines}\nDelete those resources first or pass --target-dependents."
            )
        return [resource for resource in resources if resource.urn not in condemned]

    _edit(arguments, workspace, edit)
    say("Resource deleted")
    return 0


def state_rename(arguments: Arguments, workspace: Workspace) -> int:
    """Give a resource another logical name."""
    if len(arguments.rest) != 2:
        raise UsageError("a URN and the new name are needed")
    urn, name = arguments.rest

    def edit(resources: list[Resource]) -> list[Resource]:
        chosen = _one(resources, urn)
        new = f"{urn.rsplit('::', 1)[0]}::{name}"
        if new in current(resources):
            raise EngineError(f"a resource with the URN {new} exists already")
        chosen.urn, chosen.aliases = new, [urn]
        return snapshot.renamed(resources)

    _edit(arguments, workspace, edit)
    say("Resource renamed")
    return 0


Handler = Callable[[Arguments, Workspace], int]

#: Every command that makes no run: its words, its function, its flags.
COMMANDS: dict[tuple[str, ...], tuple[Handler, tuple[Flag, ...]]] = {
    ("version",): (version, ()),
    ("whoami",): (whoami, (JSON, Flag("verbose", short="v"))),
    ("login",): (login, (Flag("local", short="l"), Flag("cloud-url", V, "c"))),
    ("logout",): (logout, ()),
    ("about",): (about, (JSON, STACK)),
    ("plugin", "ls"): (plugin_ls, (JSON,)),
    ("install",): (install, ()),
    ("cancel",): (cancel, (STACK, YES)),
    ("stack",): (
        stack_show,
        (STACK, Flag("show-ids", short="i"), Flag("show-name"), Flag("show-secrets"),
         Flag("show-urns", short="u")),
    ),
    ("stack", "init"): (
        stack_init,
        (STACK, Flag("secrets-provider", V), Flag("no-select"), Flag("copy-config-from", V),
         Flag("config-file", V)),
    ),
    ("stack", "new"): (
        stack_init,
        (STACK, Flag("secrets-provider", V), Flag("no-select"), Flag("copy-config-from", V),
         Flag("config-file", V)),
    ),
    ("stack", "select"): (
        stack_select, (STACK, Flag("create", short="c"), Flag("secrets-provider", V),
                       Flag("config-file", V)),
    ),
    ("stack", "unselect"): (stack_unselect, ()),
    ("stack", "ls"): (
        stack_ls, (JSON, Flag("all", short="a"), Flag("project", V, "p"),
                   Flag("organization", V, "o")),
    ),
    ("stack", "output"): (stack_output, (STACK, JSON, Flag("shell"), Flag("show-secrets"))),
    ("stack", "export"): (
        stack_export, (STACK, Flag("file", V), Flag("show-secrets"), Flag("version", V)),
    ),
    ("stack", "import"): (stack_import, (STACK, Flag("file", V), Flag("force", short="f"))),
    ("stack", "rm"): (
        stack_rm, (STACK, YES, Flag("force", short="f"), Flag("preserve-config")),
    ),
    ("stack", "rename"): (stack_rename, (STACK,)),
    ("stack", "history"): (
        stack_history,
        (STACK, JSON, Flag("show-secrets"), Flag("page", V), Flag("page-size", V),
         Flag("full-dates")),
    ),
    ("stack", "graph"): (stack_graph, (STACK,)),
    ("stack", "change-secrets-provider"): (stack_change_secrets_provider, (STACK,)),
    ("stack", "tag", "ls"): (stack_tag_ls, (STACK, JSON)),
    ("history",): (
        stack_history,
        (STACK, JSON, Flag("show-secrets"), Flag("page", V), Flag("page-size", V)),
    ),
    ("config",): (config_show, (*CONFIG, JSON, Flag("show-secrets"))),
    ("config", "get"): (config_get, (*CONFIG, JSON, Flag("open"))),
    ("config", "set"): (
        config_set, (*CONFIG, Flag("secret"), Flag("plaintext"), Flag("type", V)),
    ),
    ("config", "set-all"): (
        config_set_all, (*CONFIG, Flag("secret", L), Flag("plaintext", L), Flag("json", V)),
    ),
    ("config", "rm"): (config_rm, CONFIG),
    ("config", "rm-all"): (config_rm, CONFIG),
    ("config", "cp"): (config_cp, (*CONFIG, Flag("dest", V, "d"))),
    ("config", "refresh"): (config_refresh, (*CONFIG, Flag("force", short="f"))),
    ("config", "env"): (config_env, (*CONFIG, JSON, YES)),
    ("state", "unprotect"): (state_unprotect, (STACK, YES, Flag("all"))),
    ("state", "protect"): (state_protect, (STACK, YES, Flag("all"))),
    ("state", "delete"): (
        state_delete,
        (STACK, YES, Flag("force"), Flag("all"), Flag("target-dependents")),
    ),
    ("state", "rename"): (state_rename, (STACK, YES)),
}  # fmt: skip

__all__ = ["COMMANDS", "NO_STACK_SELECTED"]
