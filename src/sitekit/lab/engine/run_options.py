"""What a run is told, and what it tells when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field

from .steps import Op
from .targeting import Targets


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about a run."""

    parallel: int = 8
    targets: Targets = field(default_factory=Targets)
    excludes: Targets = field(default_factory=Targets)
    replace: Targets = field(default_factory=Targets)
    target_dependents: bool = False
    exclude_dependents: bool = False
    refresh: bool = False
    run_program: bool = False
    continue_on_error: bool = False
    ignore_protect: bool = False
    clear_pending_creates: bool = False


@dataclass(frozen=True, slots=True)
class ImportSpec:
    """A resource to be imported by `pulumi import`."""

    type: str
    name: str
    id: str
    parent: str = ""
    provider: str = ""
    version: str = ""
    protect: bool = True
    properties: tuple[str, ...] = ()


@dataclass(slots=True)
class Summary:
    """How a run ended."""

    changes: dict[str, int] = field(default_factory=dict)
    failed: bool = False
    seconds: float = 0.0
    interrupts: int = 0

    @property
    def has_changes(self) -> bool:
        """Whether anything was not as it should be."""
        return any(count and op != Op.SAME for op, count in self.changes.items())
