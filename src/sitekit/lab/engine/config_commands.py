"""The commands of `pulumi config`."""

from __future__ import annotations

import shutil
import socket
import sys
from typing import Any

from . import project as projects
from .faults import EngineError, UsageError
from .options import Arguments
from .printing import columns, say, show
from .runs import interactive
from .workspace import Stack, Workspace


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
    entries = {key: shown_entry(merged[key], stack, secrets) for key in sorted(merged)}
    if arguments.on("json"):
        show(entries)
        return 0
    prefix = f"{stack.project.name}:"
    rows: list[tuple[str, ...]] = []
    for key, entry in entries.items():
        rows.append((key.removeprefix(prefix), entry.get("value", "[secret]")))
    rows.sort()
    for line in columns([("KEY", "VALUE"), *rows]):
        say(line)
    return 0


def shown_entry(value: Any, stack: Stack, secrets: bool) -> dict[str, Any]:
    """One value as `--json` has it; secrets only if they are asked for."""
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
    entry = shown_entry(value, stack, True)
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
    copy_config(source, target, arguments)
    return 0


def copy_config(source: Stack, target: Stack, arguments: Arguments | None = None) -> None:
    """Copy the configuration, or one key of it, encrypted for the other stack."""
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
