"""Which steps a registration leads to.

The planner runs in one thread, so checks and differences never overlap. Where it has to wait for a
step of its own (a refresh, an import), it goes on in a continuation that the run calls later.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from .differences import with_replace_on_changes
from .identity import Identities
from .plugins import CheckFailure, Difference, Provider, by_comparison
from .resources import (
    STACK_TYPE,
    Resource,
    is_provider,
    parse_reference,
    urn_type,
)
from .steps import BailError, Goal, Op, Reading, Registration, Step
from .targeting import Targets
from .values import UNKNOWN, Properties, copied, plain, redacted, reset

if TYPE_CHECKING:
    from .run import Run


class Planner:
    """Decides, for one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.identities = Identities(run)
        self.skipped: set[str] = set()
        self.provider_states: dict[str, Resource] = {}
        self.errored = False
        self._sames: set[str] = set()
        self._creates: set[str] = set()
        self._updates: set[str] = set()
        self._replaces: set[str] = set()
        self._reads: set[str] = set()
        self._refreshes: set[str] = set()
        self._imports: set[str] = set()
        self._dependent_keys: dict[str, list[str]] = {}
        #: States whose deletion is planned already.
        self.going: set[int] = set()
        self.to_delete: list[Resource] = []
        self.refreshed: dict[int, Resource] = {}
        self._targets_actual = Targets()
        self._excludes_actual = Targets()

    # -- registrations

    def register(self, registration: Registration) -> list[Step]:
        """The steps of a registration; the run goes on with it later if there are none."""
        goal = registration.goal
        urn = self.identities.claim(goal.parent, goal.type, goal.name)
        old, alias = self.identities.old(urn, goal)
        new = _state(urn, goal)
        if alias:
            new.aliases = [alias]
        if old is not None:
            new.created, new.modified = old.created, old.modified
        if is_provider(goal.type):
            self.provider_states[urn] = new
            if alias:
                self.provider_states[alias] = new
        if old is not None and self.run.refresh_with_program and self._included(old):
            self._refreshes.add(urn)
            step = Step(Op.REFRESH, old=old, new=new)

            def refreshed(state: Resource | None) -> list[Step]:
                if state is not None and state is not old:
                    self.refreshed[id(old)] = state
                return self._after_refresh(registration, urn, state, new)

            self.run.later(step, refreshed)
            return []
        return self._after_refresh(registration, urn, old, new)

    def report_error(self, urn: str, text: str) -> None:
        """Tell the person."""
        self.run.events.message("error", text, urn)

    # -- refresh with program, destroy with program

    def _after_refresh(
        self, registration: Registration, urn: str, old: Resource | None, new: Resource
    ) -> list[Step]:
        goal = registration.goal
        managed = goal.custom and not is_provider(goal.type)
        if self.run.mode == "refresh" and (managed or self._needs_skipped(new)):
            if old is None:
                self._sames.add(urn)
                self.skipped.add(urn)
                return [_skipped(registration, new)]
            registration.done(old)
            return []
        if self.run.mode == "destroy":
            if self._needs_skipped(new) or (managed and old is None):
                self.skipped.add(urn)
                if old is not None:
                    new.outputs = old.outputs
                return [_skipped(registration, new)]
            self.to_delete.append(new)
            if managed:
                assert old is not None
                self._sames.add(urn)
                new.inputs = old.inputs
                return [Step(Op.SAME, old=old, new=new, registration=registration)]
        provider = self._provider(goal)
        recreating = urn in self.run.deletes
        seed = secrets.token_bytes(32)
        if (
            goal.custom
            and goal.import_id
            and (old is None or old.external or (old.import_id or old.id) != goal.import_id)
        ):
            return self._import(registration, urn, old, new, provider, recreating, seed)
        return self._after_import(
            registration, urn, old, new, provider, recreating=recreating, seed=seed
        )

    def _needs_skipped(self, new: Resource) -> bool:
        needed = set(new.needs())
        if new.provider:
            needed.add(new.provider_urn())
        return bool(needed & self.skipped)

    def _provider(self, goal: Goal) -> Provider | None:
        if not goal.custom or is_provider(goal.type):
            return None
        provider = self.run.providers.get(goal.provider)
        if provider is None:
            if urn_type(parse_reference(goal.provider)[0]) == "pulumi:providers:pulumi":
                return None
            raise ValueError(f"unknown provider '{goal.provider}'")
        return provider

    def _import(
        self,
        registration: Registration,
        urn: str,
        old: Resource | None,
        new: Resource,
        provider: Provider | None,
        recreating: bool,
        seed: bytes,
    ) -> list[Step]:
        goal = registration.goal
        self._imports.add(urn)
        replacing = old is not None and not recreating
        step = Step(
            Op.IMPORT_REPLACEMENT if replacing else Op.IMPORT,
            old=old if replacing else None, new=new, registration=registration,
            ignore=goal.ignore_changes, seed=seed,
        )  # fmt: skip

        def imported(state: Resource | None) -> list[Step]:
            if state is None:
                return []
            again = _state(urn, goal)
            again.created, again.modified = state.created, state.modified
            return self._after_import(
                registration, urn, state, again, provider, recreating=recreating, seed=seed,
                imported=True,
            )  # fmt: skip

        following = [Step(Op.REPLACE, old=old, new=new, pending_delete=True)] if replacing else []
        self.run.later(step, imported, following)
        return []

    # -- check, then same, update, replace or create

    def _after_import(
        self,
        registration: Registration,
        urn: str,
        old: Resource | None,
        new: Resource,
        provider: Provider | None,
        *,
        recreating: bool,
        seed: bytes,
        imported: bool = False,
    ) -> list[Step]:
        goal = registration.goal
        external = old is not None and old.external
        implicit = is_provider(goal.type) or goal.type == STACK_TYPE
        targeted = implicit or self._included(new)
        forced = self.run.options.replace.names(urn) or (old is not None and old.taint)
        inputs = new.inputs
        if old is not None:
            inputs = reset(inputs, old.inputs, goal.ignore_changes)
        old_inputs = old.inputs if old is not None else {}
        if not targeted:
            if goal.custom:
                inputs = old_inputs
        elif provider is not None or is_provider(goal.type):
            fresh = recreating or external or forced or old is None
            checked, failures = self._check(
                provider, new, {} if fresh else old_inputs, goal.inputs if fresh else inputs, seed
            )
            if failures:
                self._report(new, failures)
                raise BailError
            inputs = checked
        new.inputs = inputs
        if (
            targeted
            and self.run.policies is not None
            and not self.run.policies.accept(new, goal, self.provider_states)
        ):
            raise BailError

        if recreating:
            assert old is not None
            return self._recreate(registration, urn, old, new)
        if external:
            assert old is not None
            self._creates.add(urn)
            return self._valid([
                Step(Op.CREATE_REPLACEMENT, old=old, new=new, registration=registration,
                     pending_delete=True),
                Step(Op.REPLACE, old=old, new=new, pending_delete=True),
            ])  # fmt: skip
        if self.run.options.excludes.given and not targeted:
            self._excludes_actual.add(urn)
        elif targeted and self.run.options.targets.given and self._targeted(new):
            self._targets_actual.add(urn)
        if old is None:
            if not targeted:
                self._sames.add(urn)
                self.skipped.add(urn)
                return [_skipped(registration, new)]
            self._creates.add(urn)
            return self._valid([Step(Op.CREATE, new=new, registration=registration)])
        if not targeted:
            return self._untouched(registration, urn, old)
        difference = self._difference(urn, old, new, old_inputs, goal, provider, forced=forced)
        if urn in self.run.deletes:
            return self._recreate(registration, urn, old, new)
        steps = self._changes(registration, urn, old, new, difference, provider, seed, forced)
        if steps:
            return self._valid(steps)
        if urn in self._imports:
            registration.done(old)
            return []
        self._sames.add(urn)
        return [Step(Op.SAME, old=old, new=new, registration=registration)]

    def _check(
        self,
        provider: Provider | None,
        new: Resource,
        olds: Properties,
        news: Properties,
        seed: bytes,
    ) -> tuple[Properties, list[CheckFailure]]:
        if provider is None:
            return self.run.providers.check(new, olds, news)
        return provider.check(new.urn, olds, news, seed)

    def _report(self, new: Resource, failures: list[CheckFailure]) -> None:
        for failure in failures:
            if failure.property:
                value = redacted(new.inputs.get(failure.property))
                self.report_error(
                    new.urn,
                    f"{new.type} resource '{new.name}': property {failure.property} value "
                    f"{{{value}}} has a problem: {failure.reason}",
                )
            else:
                self.report_error(
                    new.urn,
                    f"{new.type} resource '{new.name}' has a problem: {failure.reason}",
                )

    def _recreate(
        self, registration: Registration, urn: str, old: Resource, new: Resource
    ) -> list[Step]:
        """It was deleted before something on which it depends was replaced: make it again."""
        self.run.deletes.discard(urn)
        self._replaces.add(urn)
        return [
            Step(Op.REPLACE, old=old, new=new),
            Step(Op.CREATE_REPLACEMENT, old=old, new=new, registration=registration,
                 keys=self._dependent_keys.get(urn)),
        ]  # fmt: skip

    def _difference(
        self,
        urn: str,
        old: Resource,
        new: Resource,
        old_inputs: Properties,
        goal: Goal,
        provider: Provider | None,
        *,
        forced: bool,
    ) -> Difference:
        if forced:
            return Difference(some=True, replace_keys=["id"])
        if any(other in self._replaces for other in new.replace_with):
            return Difference(some=True, replace_keys=["replaceWith"])
        if new.deleted_with and new.deleted_with in self._replaces:
            return Difference(some=True, replace_keys=["deletedWith"])
        if self._provider_changed(old, new):
            return Difference(some=True, replace_keys=["provider"])
        if is_provider(new.type):
            return self.run.providers.diff(old, new, goal.ignore_changes)
        if provider is None:
            found = by_comparison(old_inputs, new.inputs)
            found.detailed = None
            return found
        return provider.diff(
            urn, old.id, old_inputs, old.outputs or {}, new.inputs, goal.ignore_changes
        )

    def _provider_changed(self, old: Resource, new: Resource) -> bool:
        """Whether the resource moves to a provider that cannot take it over."""
        if old.provider == new.provider:
            return False
        if not old.provider or not new.provider:
            return True
        old_urn, new_urn = old.provider_urn(), new.provider_urn()
        if self.identities.aliased.get(old_urn) == new_urn:
            return False
        provider = self.run.providers.get(new.provider)
        old_state, new_state = self.run.olds.get(old_urn), self.provider_states.get(new_urn)
        if provider is None or old_state is None or new_state is None:
            return False
        return self.run.providers.diff(old_state, new_state, []).replaces

    def _changes(
        self,
        registration: Registration,
        urn: str,
        old: Resource,
        new: Resource,
        difference: Difference,
        provider: Provider | None,
        seed: bytes,
        forced: bool,
    ) -> list[Step]:
        goal = registration.goal
        difference = with_replace_on_changes(
            difference, goal.replace_on_changes, unhealthy=bool(old.init_errors)
        )
        if difference.some or old.pending_replacement:
            if difference.replaces or old.pending_replacement:
                return self._replace(
                    registration, urn, old, new, difference, provider, seed, forced
                )
            self._updates.add(urn)
            return [self._update(registration, old, new, difference)]
        if old.init_errors:
            self._updates.add(urn)
            return [self._update(registration, old, new, difference)]
        return []

    def _update(
        self, registration: Registration, old: Resource, new: Resource, difference: Difference
    ) -> Step:
        return Step(
            Op.UPDATE, old=old, new=new, registration=registration,
            changed=difference.changed_keys, detailed=difference.detailed,
            ignore=registration.goal.ignore_changes,
        )  # fmt: skip

    # -- replacement

    def _replace(
        self,
        registration: Registration,
        urn: str,
        old: Resource,
        new: Resource,
        difference: Difference,
        provider: Provider | None,
        seed: bytes,
        forced: bool,
    ) -> list[Step]:
        goal = registration.goal
        if new.protect and old.protect and not self.run.options.ignore_protect:
            self.report_error(
                urn,
                f'unable to replace resource "{urn}"\n'
                "as it is currently marked for protection. To unprotect the resource, remove the "
                "`protect` flag from the resource in your Pulumi program and run `pulumi up`",
            )
            self.errored = True
            if not self.run.preview:
                raise BailError
        if goal.import_id:
            changes = "\n".join(
                f"{key}: {_shown(old.inputs.get(key))} => {_shown(new.inputs.get(key))}"
                for key in difference.replace_keys
            )
            text = (
                "previously-imported resources that still specify an ID may not be replaced; "
                f"please remove the `import` declaration from your program;\n{changes}"
            )
            if not self.run.preview:
                raise ValueError(text)
            self.run.events.message("warning", text, urn)
        self._replaces.add(urn)
        if (provider is not None or is_provider(goal.type)) and not forced:
            checked, failures = self._check(provider, new, {}, goal.inputs, seed)
            if failures:
                self._report(new, failures)
                raise BailError
            new.inputs = checked
        delete_first = difference.delete_first
        if goal.delete_before_replace is not None:
            delete_first = goal.delete_before_replace
        parts = {
            "keys": difference.replace_keys,
            "changed": difference.changed_keys,
            "detailed": difference.detailed,
        }
        if not delete_first:
            return [
                Step(Op.CREATE_REPLACEMENT, old=old, new=new, registration=registration,
                     pending_delete=True, **parts),  # type: ignore[arg-type]
                Step(Op.REPLACE, old=old, new=new, pending_delete=True,
                     **parts),  # type: ignore[arg-type]
            ]  # fmt: skip
        steps = self._delete_dependents(urn, old)
        if old.provider:
            self.run.providers.ensure(old.provider)
        if not old.pending_replacement:
            self.run.deletes.add(old.urn)
            steps.append(Step(Op.DELETE_REPLACED, old=old, replacing=True))
        return [
            *steps,
            Step(Op.REPLACE, old=old, new=new, **parts),  # type: ignore[arg-type]
            Step(Op.CREATE_REPLACEMENT, old=old, new=new, registration=registration,
                 **parts),  # type: ignore[arg-type]
        ]  # fmt: skip

    def _delete_dependents(self, urn: str, old: Resource) -> list[Step]:
        """Deletions of what cannot outlive `old`, last first."""
        condemned: list[tuple[Resource, list[str]]] = []
        if old in self.run.graph:
            condemned = self.dependents(old)
        condemned += [(resource, []) for resource in self.bound_to(urn)]
        steps = []
        for resource, keys in reversed(condemned):
            if id(resource) in self.going:
                continue
            self._dependent_keys[resource.urn] = keys
            if resource.delete:
                steps.append(Step(Op.DELETE, old=resource))
            else:
                if resource.protect and not self.run.options.ignore_protect:
                    self.report_error(
                        urn,
                        f'unable to replace resource "{resource.urn}" as part of replacing '
                        f'"{urn}" as it is currently marked for protection. To unprotect the '
                        "resource, remove the `protect` flag from the resource in your Pulumi "
                        "program and run `pulumi up`, or use the command:\n"
                        f"`pulumi state unprotect '{resource.urn}'`",
                    )
                    self.errored = True
                    raise BailError
                steps.append(Step(Op.DELETE_REPLACED, old=resource, replacing=True))
            self.run.deletes.add(resource.urn)
            self.going.add(id(resource))
        return steps

    def bound_to(self, urn: str) -> list[Resource]:
        """Those that say they go (deletedWith) or are replaced (replaceWith) with `urn`."""
        return [
            resource
            for resource in self.run.olds.values()
            if resource.deleted_with == urn or urn in resource.replace_with
        ]

    def dependents(self, root: Resource) -> list[tuple[Resource, list[str]]]:
        """Those dependents of `root` whose providers say that they must be replaced with it."""
        replaced = {root.urn}
        seen = frozenset(
            self._reads | self._creates | self._sames | self._updates | self._replaces
            | self.run.deletes
        )  # fmt: skip
        result = []
        for resource in self.run.graph.dependents(root, ignore=seen - {root.urn}):
            keys = self._must_follow(resource, replaced)
            if keys is not None:
                result.append((resource, keys))
                replaced.add(resource.urn)
        return result

    def _must_follow(self, resource: Resource, replaced: set[str]) -> list[str] | None:
        if not resource.custom or resource.external:
            return None
        if resource.provider and resource.provider_urn() in replaced:
            self.run.providers.ensure(resource.provider)
            return []
        if resource.deleted_with in replaced:
            return []
        affected = [
            key
            for key in resource.inputs
            if replaced & set(resource.property_dependencies.get(key, ()))
        ]
        if not affected or is_provider(resource.type):
            return None
        inputs = copied(resource.inputs)
        for key in affected:
            inputs[key] = UNKNOWN
        provider = self.run.providers.ensure(resource.provider)
        difference = provider.diff(
            resource.urn, resource.id, resource.inputs, resource.outputs or {}, inputs,
            resource.ignore_changes, supposed=True,
        )  # fmt: skip
        difference = with_replace_on_changes(difference, resource.replace_on_changes)
        return difference.replace_keys if difference.replaces else None

    # -- targets

    def _included(self, resource: Resource) -> bool:
        """Whether the run is about this resource."""
        if self.run.options.targets.given:
            return self._targeted(resource)
        if self.run.options.excludes.given:
            return not self._excluded(resource)
        return True

    def _targeted(self, resource: Resource) -> bool:
        if self.run.options.targets.names(resource.urn):
            return True
        return self.run.options.target_dependents and self._touches(resource, self._targets_actual)

    def _excluded(self, resource: Resource) -> bool:
        if self.run.options.excludes.names(resource.urn):
            return True
        return self.run.options.exclude_dependents and self._touches(
            resource, self._excludes_actual
        )

    @staticmethod
    def _touches(resource: Resource, targets: Targets) -> bool:
        return any(targets.names(urn) for urn in resource.needs()) or (
            bool(resource.provider) and targets.names(resource.provider_urn())
        )

    def _untouched(self, registration: Registration, urn: str, old: Resource) -> list[Step]:
        """Steps that keep a resource that is not targeted, and what it needs, as they are."""
        steps: list[Step] = []

        def keep(resource: Resource, answered: Registration | None) -> None:
            if resource.delete:
                return
            for needed in (*resource.needs(), resource.provider_urn()):
                other = self.run.olds.get(needed)
                if (
                    other is not None
                    and needed not in self.identities.urns
                    and needed not in self.identities.aliased
                ):
                    self.identities.urns.add(needed)
                    keep(other, None)
            self.identities.urns.add(resource.urn)
            self._sames.update((urn, resource.urn))
            steps.append(
                Step(Op.SAME, old=resource, new=resource.copy(id=""), registration=answered,
                     untargeted=True)
            )  # fmt: skip

        keep(old, registration)
        return steps

    def _valid(self, steps: list[Step]) -> list[Step]:
        """Refuse steps that need a creation that was left out because it is not targeted."""
        if not self.run.options.targets.given and not self.run.options.replace.given:
            return steps
        for step in steps:
            if step.new is None:
                continue
            needed = [*step.new.needs()]
            if step.new.provider:
                needed.append(step.new.provider_urn())
            for urn in needed:
                if urn in self.skipped:
                    self.report_error(
                        step.urn,
                        f"Resource '{step.urn}' depends on '{urn}' which was was not specified "
                        "in --target list.",
                    )
                    self.errored = True
                    if not self.run.preview:
                        raise BailError
                    self.skipped.discard(urn)
        return steps

    def check_targets(self, targets: Targets) -> bool:
        """Report targets that are neither in the state nor in the program."""
        fine = True
        for urn in targets.literals:
            if urn in self.run.olds or urn in self.identities.urns:
                continue
            fine = False
            hint = "" if "$" in urn else " Did you forget to escape $ in your shell?"
            self.report_error("", f"Target '{urn}' could not be found in the stack.{hint}")
        return fine

    # -- reading

    def read(self, reading: Reading) -> list[Step]:
        """The steps of a resource that the program only reads."""
        urn = self.identities.claim(reading.parent, reading.type, reading.name)
        old = self.run.olds.get(urn)
        new = Resource(
            urn=urn, type=reading.type, custom=True, id=reading.id, inputs=reading.inputs,
            parent=reading.parent, dependencies=reading.dependencies, provider=reading.provider,
            external=True, additional_secret_outputs=reading.additional_secret_outputs,
            source_position=reading.source_position, stack_trace=reading.stack_trace,
        )  # fmt: skip
        self._reads.add(urn)
        if old is not None and not old.external:
            self._replaces.add(urn)
            return [
                Step(Op.READ_REPLACEMENT, old=old, new=new, registration=reading,
                     pending_delete=True),
                Step(Op.REPLACE, old=old, new=new, pending_delete=True),
            ]  # fmt: skip
        return [Step(Op.READ, old=old, new=new, registration=reading)]

    def seen(self, urn: str) -> bool:
        """Whether the program registered it, under this URN or a new one."""
        urn = self.identities.aliased.get(urn, urn)
        return any(
            urn in group
            for group in (self._sames, self._updates, self._replaces, self._reads, self._refreshes)
        )


def _shown(value: object) -> str:
    text = redacted(value)
    return f"{{{plain(text)}}}" if text is not None else "{<null>}"


def _skipped(registration: Registration, new: Resource) -> Step:
    return Step(Op.SAME, old=new.copy(), new=new, registration=registration, skipped_create=True)


def _state(urn: str, goal: Goal) -> Resource:
    """The state of a goal, before anything was done."""
    return Resource(
        urn=urn,
        type=goal.type,
        custom=goal.custom,
        inputs=goal.inputs,
        parent=goal.parent,
        dependencies=list(goal.dependencies),
        provider=goal.provider,
        property_dependencies=dict(goal.property_dependencies),
        protect=bool(goal.protect),
        additional_secret_outputs=list(goal.additional_secret_outputs),
        create_timeout=goal.create_timeout,
        update_timeout=goal.update_timeout,
        delete_timeout=goal.delete_timeout,
        import_id=goal.import_id,
        retain_on_delete=bool(goal.retain_on_delete),
        deleted_with=goal.deleted_with,
        replace_with=list(goal.replace_with),
        ignore_changes=list(goal.ignore_changes),
        replace_on_changes=list(goal.replace_on_changes),
        hide_diff=list(goal.hide_diff),
        source_position=goal.source_position,
        stack_trace=list(goal.stack_trace),
    )
