"""`pulumi import`: resources that exist are taken into the state, without a program."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from .faults import EngineError
from .plugins import ProviderError
from .registry import INTERNAL
from .resources import STACK_TYPE, Resource, reference
from .run_options import ImportSpec
from .steps import Op, Step
from .values import Properties

if TYPE_CHECKING:
    from .run import Run


class Importer:
    """Imports into one run."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def take(self, specs: list[ImportSpec]) -> None:
        """Take over resources that exist, without a program."""
        for resource in self.run.base:
            self.run.one(Step(Op.SAME, old=resource, new=resource.copy()))
        chain: list[Step] = []
        for spec in specs:
            parent = spec.parent or self._stack_resource()
            urn = self.run.urn_of(parent, spec.type, spec.name)
            if urn in self.run.olds:
                self.run.report(EngineError(f"resource '{urn}' already exists"), urn)
                self.run.fail()
                return
            provider = spec.provider
            try:
                if not provider:
                    provider = self._default_provider(spec)
                self.run.providers.ensure(provider)
            except (EngineError, ProviderError) as error:
                self.run.report(error, urn)
                self.run.fail()
                return
            new = Resource(
                urn=urn, type=spec.type, custom=True, parent=parent, provider=provider,
                import_id=spec.id, protect=spec.protect,
                inputs=dict.fromkeys(spec.properties),
            )  # fmt: skip
            chain.append(Step(Op.IMPORT, new=new, planned=True, seed=secrets.token_bytes(32)))
        self.run.perform_all(chain)

    def _stack_resource(self) -> str:
        for resource in self.run.base:
            if resource.type == STACK_TYPE:
                return resource.urn
        urn = self.run.urn_of("", STACK_TYPE, f"{self.run.project}-{self.run.stack}")
        if urn not in self.run.news:
            new = Resource(urn=urn, type=STACK_TYPE, custom=False)
            self.run.one(Step(Op.CREATE, new=new))
        return urn

    def _default_provider(self, spec: ImportSpec) -> str:
        """The default provider of an import that names none; made if it is not in the state."""
        from .monitor import default_name

        package = spec.type.split(":", 1)[0]
        kind = f"pulumi:providers:{package}"
        name = default_name(package, spec.version)
        urn = self.run.urn_of("", kind, name)
        known = self.run.olds.get(urn) or self.run.news.get(urn)
        if known is None:
            inputs: Properties = {"version": spec.version} if spec.version else {}
            new = Resource(urn=urn, type=kind, custom=True, inputs=inputs)
            checked, _ = self.run.providers.check(new, {}, inputs)
            new.inputs = {INTERNAL: {}, **checked}
            self.run.one(Step(Op.CREATE, new=new))
            known = new
        return reference(urn, known.id)
