"""What each kind of step does: the calls to providers, and what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .differences import inverted
from .faults import EngineError
from .plugins import CheckFailure, InitError, Provider
from .registry import BUILT_IN, package_of
from .resources import Resource, is_provider, now, urn_type
from .steps import Op, Step
from .values import Secret, copied, reset, with_secrets

if TYPE_CHECKING:
    from .run import Run


class ProtectedError(EngineError):
    """A protected resource is not deleted; others that do not need it go all the same."""


class Applier:
    """Does the steps of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def apply(self, step: Step) -> None:
        """Do the step; raises ProviderError and EngineError."""
        if step.op in (Op.DELETE, Op.DELETE_REPLACED):
            self._delete(step)
        elif step.op in (Op.CREATE, Op.CREATE_REPLACEMENT):
            self._create(step)
        elif step.op is Op.UPDATE:
            self._update(step)
        elif step.op is Op.SAME:
            self._same(step)
        elif step.op in (Op.READ, Op.READ_REPLACEMENT):
            self._read(step)
        elif step.op is Op.REFRESH:
            self._refresh(step)
        elif step.op in (Op.IMPORT, Op.IMPORT_REPLACEMENT):
            self._import(step)

    def _provider(self, resource: Resource) -> Provider:
        return self.run.providers.ensure(resource.provider)

    def _same(self, step: Step) -> None:
        old, new = step.old, step.new
        assert old is not None
        assert new is not None
        if step.skipped_create:
            return
        new.id, new.outputs = old.id, old.outputs
        if is_provider(new.type) and not step.untargeted:
            # Configured as it was: the provider said that the new arguments make no difference.
            self.run.providers.same(new.copy(inputs=old.inputs))

    def _create(self, step: Step) -> None:
        new = step.new
        assert new is not None
        if new.custom:
            if is_provider(new.type):
                new.id, new.outputs = self.run.providers.create(new)
            else:
                self._create_custom(new)
        stamp = now()
        new.created = new.modified = stamp

    def _create_custom(self, new: Resource) -> None:
        try:
            new.id, outputs = self._provider(new).create(
                new.urn, new.inputs, new.create_timeout, preview=self.run.preview
            )
        except InitError as error:
            new.id, new.init_errors = error.id, error.reasons
            new.outputs = with_secrets(error.outputs, new.additional_secret_outputs)
            new.created = new.modified = now()
            raise
        new.outputs = with_secrets(outputs, new.additional_secret_outputs)

    def _update(self, step: Step) -> None:
        old, new = step.old, step.new
        assert old is not None
        assert new is not None
        new.id, new.created, new.modified = old.id, old.created, old.modified
        if not new.custom:
            return
        if is_provider(new.type):
            new.outputs = self.run.providers.update(new)
        else:
            try:
                outputs = self._provider(new).update(
                    new.urn, old.id, old.inputs, old.outputs or {}, new.inputs,
                    new.update_timeout, step.ignore, preview=self.run.preview,
                )  # fmt: skip
            except InitError as error:
                new.init_errors = error.reasons
                new.outputs = with_secrets(error.outputs, new.additional_secret_outputs)
                raise
            new.outputs = with_secrets(outputs, new.additional_secret_outputs)
        new.modified = now()

    def _delete(self, step: Step) -> None:
        old = step.old
        assert old is not None
        if step.op is Op.DELETE and old.protect and not self.run.options.ignore_protect:
            raise ProtectedError(
                f'resource "{old.urn}" cannot be deleted\n'
                "because it is protected. To unprotect the resource, either remove the `protect` "
                "flag from the resource in your Pulumi program and run `pulumi up`, or use the "
                f"command:\n`pulumi state unprotect '{old.urn}'`"
            )
        if (
            self.run.preview
            or old.external
            or old.retain_on_delete
            or (old.deleted_with and old.deleted_with in self.run.deletes)
            or not old.custom
            or is_provider(old.type)
        ):
            return
        self._provider(old).delete(
            old.urn, old.id, old.inputs, old.outputs or {}, old.delete_timeout
        )

    def _read(self, step: Step) -> None:
        new = step.new
        assert new is not None
        if urn_type(new.provider_urn()) == f"pulumi:providers:{BUILT_IN}":
            self._read_built_in(new)
            return
        found = self._provider(new).read(
            new.urn, new.id, new.inputs, new.inputs, new.additional_secret_outputs
        )
        if not found.id:
            raise EngineError(f"resource '{new.id}' does not exist")
        new.id, new.init_errors = found.id, list(found.init_errors)
        new.outputs = with_secrets(found.outputs, new.additional_secret_outputs)
        if step.old is not None:
            new.created, new.modified = step.old.created, step.old.modified

    def _read_built_in(self, new: Resource) -> None:
        if new.type != "pulumi:pulumi:StackReference":
            raise EngineError(f"the lab does not know the built-in resource {new.type}")
        name = new.inputs.get("name")
        if not isinstance(name, str):
            raise EngineError("the name of a stack reference is not known")
        outputs, secret_names = self.run.stack_outputs(name)
        new.outputs = {"name": name, "outputs": outputs, "secretOutputNames": sorted(secret_names)}
        if any(isinstance(value, Secret) for value in outputs.values()):
            return

    def _refresh(self, step: Step) -> None:
        old = step.old
        assert old is not None
        if not is_read(old):
            step.new, step.found = old, Op.SAME
            if self.run.refresh_with_program:
                step.new = old.copy()
            return
        provider = self._provider(old)
        found = provider.read(
            old.urn, old.id, old.inputs, old.outputs or {}, old.additional_secret_outputs
        )
        if not found.id:
            step.new, step.found = None, Op.DELETE
            return
        if found.init_errors:
            reasons = "\n* ".join(found.init_errors)
            self.run.events.message(
                "warning", f"Refreshed resource is in an unhealthy state:\n* {reasons}", old.urn
            )
        new = old.copy(
            id=found.id,
            inputs=found.inputs,
            outputs=with_secrets(found.outputs, old.additional_secret_outputs),
            init_errors=list(found.init_errors),
        )
        if new.inputs != old.inputs or new.outputs != old.outputs:
            new.modified = now()
        step.new = new
        changes = provider.diff(
            old.urn, new.id, new.inputs, new.outputs or {}, old.inputs, old.ignore_changes
        )
        changes = inverted(changes)
        step.changed, step.detailed = changes.changed_keys, changes.detailed
        step.found = Op.UPDATE if changes.some else Op.SAME

    def _import(self, step: Step) -> None:
        new = step.new
        assert new is not None
        provider = self._provider(new)
        wanted = new.inputs
        found = provider.read(new.urn, new.import_id, {}, {}, new.additional_secret_outputs)
        if not found.id:
            raise EngineError(f"resource '{new.import_id}' does not exist")
        new.id, new.init_errors = found.id, list(found.init_errors)
        new.outputs = with_secrets(found.outputs, new.additional_secret_outputs)
        new.inputs = found.inputs
        new.created = new.modified = now()
        if step.planned:
            new.import_id = ""
            if wanted:
                new.inputs = {key: found.inputs[key] for key in wanted if key in found.inputs}
            _, failures = provider.check(new.urn, found.inputs, new.inputs, step.seed)
            self._warn_of(new, failures)
            return
        new.inputs = reset(copied(found.inputs), found.inputs, step.ignore)

    def _warn_of(self, new: Resource, failures: list[CheckFailure]) -> None:
        if failures:
            self.run.events.message(
                "warning",
                "One or more imported inputs failed to validate. The import will still proceed, "
                "but the program's arguments will have to differ from what was imported.",
                new.urn,
            )
        for failure in failures:
            where = f": property {failure.property}" if failure.property else ""
            self.run.events.message(
                "warning",
                f"{new.type} resource '{new.name}'{where} has a problem: {failure.reason}",
                new.urn,
            )


def is_read(resource: Resource) -> bool:
    """Whether a refresh asks a provider about it."""
    if not resource.custom or is_provider(resource.type) or resource.pending_replacement:
        return False
    provider = resource.provider_urn()
    return bool(provider) and package_of(urn_type(provider)) != BUILT_IN
