"""The commands of `pulumi state`."""

from __future__ import annotations

from collections.abc import Callable

from . import snapshot
from .faults import EngineError, UsageError
from .options import Arguments
from .printing import say
from .resources import Resource, current
from .workspace import Workspace


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
