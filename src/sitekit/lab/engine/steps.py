"""Registrations that the program makes, and the steps that they lead to, as data."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .plugins import Difference, PropertyChange
from .resources import Resource
from .values import Properties


class Op(StrEnum):
    """What a step does."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    READ_REPLACEMENT = "read-replacement"
    DISCARD = "discard"
    DISCARD_REPLACED = "discard-replaced"
    REFRESH = "refresh"
    IMPORT = "import"
    IMPORT_REPLACEMENT = "import-replacement"
    REMOVE_PENDING = "remove-pending-replace"


#: Steps that are parts of a replacement.
PARTS = (
    Op.CREATE_REPLACEMENT,
    Op.DELETE_REPLACED,
    Op.REMOVE_PENDING,
    Op.IMPORT_REPLACEMENT,
    Op.READ_REPLACEMENT,
    Op.DISCARD_REPLACED,
)
#: The kind under which an operation is stored while it is under way.
PENDING_KINDS = {
    Op.CREATE: "creating",
    Op.CREATE_REPLACEMENT: "creating",
    Op.UPDATE: "updating",
    Op.DELETE: "deleting",
    Op.DELETE_REPLACED: "deleting",
    Op.READ: "reading",
    Op.READ_REPLACEMENT: "reading",
    Op.IMPORT: "importing",
    Op.IMPORT_REPLACEMENT: "importing",
}


@dataclass(frozen=True, slots=True)
class AliasSpec:
    """Another name under which a resource may be in the state; nothing given means the same."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


@dataclass(slots=True)
class Goal:
    """What the program wants one resource to be."""

    type: str
    name: str
    custom: bool
    inputs: Properties
    parent: str = ""
    protect: bool | None = None
    dependencies: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[AliasSpec] = field(default_factory=list)
    import_id: str = ""
    create_timeout: float = 0.0
    update_timeout: float = 0.0
    delete_timeout: float = 0.0
    replace_on_changes: list[str] = field(default_factory=list)
    hide_diff: list[str] = field(default_factory=list)
    retain_on_delete: bool | None = None
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    source_position: str = ""
    stack_trace: list[dict[str, Any]] = field(default_factory=list)


class Outcome(StrEnum):
    """How a registration ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Registered:
    """The answer to a registration."""

    state: Resource
    outcome: Outcome = Outcome.DONE
    #: Whether the outputs are not known, because the resource was not made in this run.
    unknown: bool = False


@dataclass(slots=True, eq=False)
class Registration:
    """A resource that the program registered, and the answer that it waits for."""

    goal: Goal
    answer: Future[Registered] = field(default_factory=Future)

    def done(
        self, state: Resource, outcome: Outcome = Outcome.DONE, *, unknown: bool = False
    ) -> None:
        """Answer it."""
        if not self.answer.done():
            self.answer.set_result(Registered(state, outcome, unknown))


@dataclass(slots=True, eq=False)
class Reading:
    """A resource that the program only reads."""

    type: str
    name: str
    id: str
    parent: str
    inputs: Properties
    dependencies: list[str]
    provider: str
    additional_secret_outputs: list[str]
    source_position: str = ""
    stack_trace: list[dict[str, Any]] = field(default_factory=list)
    answer: Future[Registered] = field(default_factory=Future)

    def done(
        self, state: Resource, outcome: Outcome = Outcome.DONE, *, unknown: bool = False
    ) -> None:
        """Answer it."""
        if not self.answer.done():
            self.answer.set_result(Registered(state, outcome, unknown))


@dataclass(slots=True, eq=False)
class Step:
    """One thing to do to one resource."""

    op: Op
    old: Resource | None = None
    new: Resource | None = None
    registration: Registration | Reading | None = None
    #: Properties that make it a replacement, properties that change, and the details.
    keys: list[str] | None = None
    changed: list[str] | None = None
    detailed: dict[str, PropertyChange] | None = None
    ignore: list[str] = field(default_factory=list)
    #: The old one stays in the state, marked for deletion, until the end of the run.
    pending_delete: bool = False
    #: A deletion before the replacement is made: the old one stays, marked as being replaced.
    replacing: bool = False
    #: A creation that is left out because it is not targeted.
    skipped_create: bool = False
    untargeted: bool = False
    seed: bytes = b""
    #: Told to whoever waits for the step: the state, or the reason why there is none.
    waiting: Future[Resource | None] | None = None
    #: For a refresh: what was found (`same`, `update`, `delete`).
    found: Op | None = None
    #: For a planned import (`pulumi import`): nothing else follows.
    planned: bool = False
    failed: bool = False

    @property
    def resource(self) -> Resource:
        """The resource that the step is about: the new one, if there is one."""
        result = self.new or self.old
        assert result is not None
        return result

    @property
    def urn(self) -> str:
        """Its URN."""
        return self.resource.urn

    @property
    def logical(self) -> bool:
        """Whether the step counts by itself, or is a part of a replacement."""
        if self.op in PARTS:
            return False
        return self.op is not Op.REFRESH

    @property
    def counted(self) -> Op | None:
        """The operation under which the summary counts it."""
        if self.op is Op.REFRESH:
            return self.found
        if self.op in (Op.READ, Op.DISCARD):
            return None
        return self.op if self.logical else None


def with_difference(step: Step, difference: Difference) -> Step:
    """The step, with what the provider said of the change."""
    step.keys = difference.replace_keys
    step.changed = difference.changed_keys
    step.detailed = difference.detailed
    return step


class BailError(Exception):
    """The run cannot go on, and the reason has been reported."""
