"""The deletions that end a run: which they are, and in which order they go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .resources import Graph, Resource
from .steps import BailError, Op, Step

if TYPE_CHECKING:
    from .planner import Planner


class Deletions:
    """Decides, for one run, what the program left out."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner

    def planned(self) -> tuple[list[Step], list[Step]]:
        """What stays untouched because it is not targeted, and what is to be deleted."""
        wanted = self._deletable()
        sames: list[Step] = []
        deletes: list[Step] = []
        for original in self.planner.run.base:
            resource = self.planner.refreshed.get(id(original), original)
            if not wanted(resource):
                if not self.planner.seen(resource.urn):
                    sames.append(
                        Step(Op.SAME, old=resource, new=resource.copy(id=""), untargeted=True)
                    )
                continue
            if resource.delete:
                if id(resource) in self.planner.going:
                    continue
                deletes.append(Step(_discard(resource, Op.DELETE_REPLACED), old=resource))
            elif not self.planner.seen(resource.urn):
                if resource.pending_replacement:
                    deletes.append(Step(Op.REMOVE_PENDING, old=resource))
                else:
                    deletes.append(Step(_discard(resource, Op.DELETE), old=resource))
            else:
                continue
            self.planner.run.deletes.add(resource.urn)
            if resource.provider and not resource.external:
                self.planner.run.providers.ensure(resource.provider)
        for resource in self.planner.to_delete:
            if wanted(resource):
                self.planner.run.deletes.add(resource.urn)
                deletes.append(Step(Op.DELETE, old=resource))
        self._refuse_untargeted(deletes)
        return sames, deletes

    def _refuse_untargeted(self, deletes: list[Step]) -> None:
        options = self.planner.run.options
        if not options.targets.given or options.target_dependents:
            return
        refused = False
        for step in deletes:
            if options.targets.names(step.urn):
                continue
            refused = True
            self.planner.report_error(
                step.urn,
                f"Resource '{step.urn}' will be destroyed but was not specified in --target "
                "list.\nEither include resource in --target list or pass --target-dependents to "
                "proceed.",
            )
        if refused:
            self.planner.errored = True
            if not self.planner.run.preview:
                raise BailError

    def _deletable(self) -> Callable[[Resource], bool]:
        options = self.planner.run.options
        graph = Graph([*self.planner.to_delete, *self.planner.run.base])
        if options.targets.given:
            allowed: set[str] = set()
            for resource in graph.resources:
                if options.targets.names(resource.urn):
                    allowed.add(resource.urn)
                    if options.target_dependents:
                        allowed.update(r.urn for r in graph.dependents(resource, children=True))
            for resource in list(graph.resources):
                if resource.urn in allowed and resource in self.planner.run.graph:
                    allowed.update(other.urn for other, _ in self.planner.dependents(resource))
                    allowed.update(other.urn for other in self.planner.bound_to(resource.urn))
            return lambda resource: resource.urn in allowed
        if options.excludes.given:
            kept: set[str] = set()
            waiting = [r for r in graph.resources if options.excludes.names(r.urn)]
            while waiting:
                resource = waiting.pop()
                if resource.urn in kept:
                    continue
                kept.add(resource.urn)
                waiting.extend(graph.needs(resource))
                if options.exclude_dependents:
                    waiting.extend(graph.dependents(resource, children=True))
            return lambda resource: resource.urn not in kept
        return lambda _: True

    def waves(self, deletes: list[Step]) -> list[list[Step]]:
        """The deletions in waves: nothing goes before what depends on it."""
        graph = Graph([*self.planner.to_delete, *self._current_base()])
        left = {id(step.resource): step for step in deletes}
        waves = []
        while left:
            wave = [
                step
                for step in left.values()
                if not any(id(other) in left for other in _all_needs(graph, step.resource))
            ]
            for step in wave:
                del left[id(step.resource)]
            waves.append(wave)
        waves.reverse()
        return waves

    def _current_base(self) -> list[Resource]:
        return [
            self.planner.refreshed.get(id(resource), resource) for resource in self.planner.run.base
        ]


def _all_needs(graph: Graph, resource: Resource) -> list[Resource]:
    """Everything that a resource needs, directly or not."""
    found: dict[int, Resource] = {}
    waiting = [resource]
    while waiting:
        for other in graph.needs(waiting.pop()):
            if id(other) not in found:
                found[id(other)] = other
                waiting.append(other)
    return list(found.values())


def _discard(resource: Resource, otherwise: Op) -> Op:
    """A resource that was only read is forgotten, not deleted."""
    if not resource.external:
        return otherwise
    return Op.DISCARD_REPLACED if otherwise is Op.DELETE_REPLACED else Op.DISCARD
