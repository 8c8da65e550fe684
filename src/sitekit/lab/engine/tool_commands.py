"""Commands about the tool itself, its backend and its plug-ins."""

from __future__ import annotations

import os
import socket
from typing import Any

from . import backend as backends
from . import snapshot
from .faults import EngineError
from .options import Arguments
from .printing import say, show
from .runs import interactive
from .workspace import Workspace


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
