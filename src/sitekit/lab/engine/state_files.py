"""Commands that take a whole state elsewhere: export, import, rename, remove, encrypt anew."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

from . import backend as backends
from . import passphrase, snapshot
from . import project as projects
from .faults import EngineError, UsageError
from .options import Arguments
from .passphrase import Crypter
from .printing import say, write_file
from .resources import problems, urn_stack, with_stack
from .runs import interactive
from .values import SECRET_TAG, SIGNATURE
from .workspace import Stack, Workspace


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
        write_file(Path(file), text + "\n")
    else:
        say(text)
    return 0


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
        stack.backend.save(new, text)
        stack.backend.rename(stack.name, new)
    target = workspace.project.stack_file(new.name)
    if file.file.exists():
        file.file.replace(target)
    backends.select(workspace.project, workspace.backend.url, new)
    say(f"Renamed {stack.name.name} to {new.name}")
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
    stack.backend.save(stack.name, deployment.text(new.encrypt))
    return 0


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
