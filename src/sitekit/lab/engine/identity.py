"""Which resource of the state a registration is: by its URN, or by an alias of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .resources import Resource, make_urn, urn_name, urn_type
from .steps import AliasSpec, BailError, Goal

if TYPE_CHECKING:
    from .run import Run


class Identities:
    """The URNs of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.urns: set[str] = set()
        #: Old URN to new URN, and new URN to the old one that it took over.
        self.aliased: dict[str, str] = {}
        self.aliases: dict[str, str] = {}

    def claim(self, parent: str, kind: str, name: str) -> str:
        """The URN of a new registration. Raises BailError where it is taken."""
        if parent and parent not in self.urns:
            raise ValueError(f"could not find parent resource {parent}")
        urn = make_urn(self.run.stack, self.run.project, parent, kind, name)
        if urn in self.urns:
            self.run.planner.report_error(
                urn, f"Duplicate resource URN '{urn}'; try giving it a unique name"
            )
            raise BailError
        self.urns.add(urn)
        return urn

    def old(self, urn: str, goal: Goal) -> tuple[Resource | None, str]:
        """The state of the resource, and the alias under which it was found."""
        if urn in self.aliased:
            self.run.planner.report_error(
                urn,
                f"Duplicate resource URN '{urn}' conflicting with alias on resource with URN "
                f"'{self.aliased[urn]}'",
            )
            raise BailError
        olds = self.run.olds
        if urn in olds:
            return olds[urn], ""
        for alias in self._alias_urns(goal):
            if alias not in olds:
                continue
            other = urn if alias in self.urns else self.aliased.get(alias)
            if other is not None:
                self.run.planner.report_error(
                    urn,
                    f"Duplicate resource alias '{alias}' applied to resource with URN '{urn}' "
                    f"conflicting with resource with URN '{other}'",
                )
                raise BailError
            self.aliased[alias] = urn
            self.aliases[urn] = alias
            return olds[alias], alias
        return None, ""

    def _alias_urns(self, goal: Goal) -> Iterator[str]:
        inherited = self.aliases.get(goal.parent)
        for spec in goal.aliases:
            yield self._alias_urn(goal, spec)
        if inherited is None:
            return
        yield self._child_alias(goal.type, goal.name, goal.parent, inherited)
        for spec in goal.aliases:
            alias = self._alias_urn(goal, spec)
            yield self._child_alias(urn_type(alias), urn_name(alias), goal.parent, inherited)

    def _alias_urn(self, goal: Goal, spec: AliasSpec) -> str:
        if spec.urn:
            return spec.urn
        parent = "" if spec.no_parent else spec.parent or goal.parent
        return make_urn(
            spec.stack or self.run.stack,
            spec.project or self.run.project,
            parent,
            spec.type or goal.type,
            spec.name or goal.name,
        )

    def _child_alias(self, kind: str, name: str, parent: str, old_parent: str) -> str:
        """A child is renamed with its parent if its name begins with the parent's."""
        parent_name = urn_name(parent)
        if name.startswith(parent_name):
            name = urn_name(old_parent) + name[len(parent_name) :]
        return make_urn(self.run.stack, self.run.project, old_parent, kind, name)
