"""Doing a plan: each operation rechecked, written down before and after, in the plan's order.

A run that is cut off at any moment leaves a tenant from which the next plan goes on: what was done
is not done again, what was not is in the new plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from ..errors import CloudError, CredentialError, ForbiddenError, RefusedError, UnreachableError
from ..graph import Graph, Reply, Request
from ..graph.client import BATCH, error_of
from ..model.identity import IdentityRules
from .entra import USERS, afterwards, find, made, owner_of, recheck, request_of
from .journal import Journal
from .planning import Action, Operation, Plan

_MAKES = frozenset({Action.CREATE, Action.INVITE, Action.NEW_GROUP})
_TAKES = frozenset({Action.DISABLE, Action.REVOKE, Action.REMOVE, Action.DELETE})
_JOINS = frozenset({Action.JOIN, Action.LICENSE, Action.ADD, Action.SPONSOR})


@dataclass(frozen=True, slots=True)
class Failure:
    """An operation that was not done, and why."""

    operation: Operation
    message: str
    hint: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of a plan. `stopped` is why the run could not go on, if it could not."""

    done: int = 0
    failures: list[Failure] = field(default_factory=list)
    stopped: CloudError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all of the plan is done."""
        return not self.failures and self.stopped is None


def apply(
    plan: Plan,
    rules: IdentityRules,
    graph: Graph,
    *,
    journal: Journal,
    remember: Callable[[str], None],
    progress: Callable[[Operation], None] | None = None,
) -> Outcome:
    """Do a plan in its tenant.

    `remember` writes the text of the register down; it is called before the first account is made,
    so that no name can be given twice, whatever happens. Raises TenantError, before anything is
    done, when the credentials are of another tenant; CloudError when even that cannot be asked.
    A refusal of one operation is in the outcome, and the others are done.
    """
    graph.require(plan.tenant)
    journal.begin(plan)
    remember(plan.register.text())
    run = _Run(plan, rules, graph, journal, progress or (lambda _: None))
    try:
        run.all()
    except (CredentialError, ForbiddenError, UnreachableError) as error:
        run.outcome.stopped = error
        return run.outcome
    journal.end()
    return run.outcome


class _Run:
    def __init__(
        self,
        plan: Plan,
        rules: IdentityRules,
        graph: Graph,
        journal: Journal,
        progress: Callable[[Operation], None],
    ) -> None:
        self.plan = plan
        self.rules = rules
        self.graph = graph
        self.journal = journal
        self.progress = progress
        self.outcome = Outcome()
        self.accounts: dict[str, str] = {}  # by person: made, restored or adopted by this run
        self.groups: dict[str, str] = {}  # by name: made by this run
        self.granted: set[str] = set()  # permissions that were seen to work

    def all(self) -> None:
        for _, alike in groupby(self.plan.operations, key=lambda o: o.action):
            operations = list(alike)
            for begin in range(0, len(operations), BATCH):
                self.some(operations[begin : begin + BATCH])

    def some(self, operations: Sequence[Operation]) -> None:
        """Do operations of one kind together."""
        ready = list(self._checked(operations))
        requests = [
            request_of(operation, self.graph, self.rules, account, target)
            for operation, account, target in ready
        ]
        if not requests:
            return
        self.journal.doing(operation for operation, _, _ in ready)
        replies = self.graph.batch(requests)
        self._stop_where_nothing_is_allowed(ready, requests, replies)
        fine = []
        for (operation, account, _), request, reply in zip(ready, requests, replies, strict=True):
            try:
                identity = self._result(operation, account, request, reply)
            except CloudError as error:
                self._fail(operation, error.message, error.hint)
                continue
            self._made(operation, identity)
            fine.append((operation, identity))
        self._second_steps(fine)

    def _second_steps(self, fine: Sequence[tuple[Operation, str]]) -> None:
        followed = [
            (operation, identity, request)
            for operation, identity in fine
            if (request := afterwards(operation, self.rules, identity)) is not None
        ]
        replies = self.graph.batch([request for _, _, request in followed])
        refused = set()
        for (operation, _, request), reply in zip(followed, replies, strict=True):
            if not reply.is_fine:
                error = error_of(request, reply)
                self._fail(operation, error.message, error.hint)
                refused.add(id(operation))
        self._done([pair for pair in fine if id(pair[0]) not in refused])

    # --- before -------------------------------------------------------------------------------

    def _checked(self, operations: Sequence[Operation]) -> Iterator[tuple[Operation, str, str]]:
        """The operations that may be done now, with the ids of their account and target."""
        asked = sorted(
            {
                operation.account
                for operation in operations
                if operation.account is not None
                and operation.action is not Action.RESTORE
                and operation.account not in self.accounts.values()
            }
        )
        said = dict(
            zip(asked, self.graph.batch([recheck(account) for account in asked]), strict=True)
        )
        for operation in operations:
            if operation.action is Action.NEW_GROUP and self._group_is_there(operation):
                continue
            if operation.action in _MAKES:
                yield operation, "", ""
                continue
            account = operation.account or self.accounts.get(operation.person)
            if account is None:
                self._fail(operation, "their account could not be made")
                continue
            if account in said and not self._still_theirs(operation, said[account]):
                continue
            target = operation.target_id or self._target(operation)
            if target is None:
                self._fail(operation, f"{operation.target} could not be made")
                continue
            yield operation, account, target

    def _target(self, operation: Operation) -> str | None:
        if operation.action is Action.SPONSOR:
            return self.accounts.get(operation.sponsor)
        if operation.action in _JOINS:
            return self.groups.get(operation.target)
        return ""

    def _still_theirs(self, operation: Operation, reply: Reply) -> bool:
        """Whether the account is still the one that was planned for; else done, or failed."""
        if reply.status == 404:
            if operation.action in _TAKES:
                self._done([(operation, operation.account or "")])
            else:
                self._fail(operation, "the account is gone since the plan was made", "plan again")
            return False
        if not reply.is_fine:
            error = error_of(recheck(operation.account or ""), reply)
            if not isinstance(error, RefusedError):
                raise error
            self._fail(operation, error.message, error.hint)
            return False
        account = owner_of(reply.body, self.rules)
        adoptable = operation.action is Action.ADOPT and not account.managed
        if adoptable or (account.managed and account.person == operation.person):
            return True
        self._fail(
            operation, "the account does not carry sitekit's mark for them any more", "plan again"
        )
        return False

    def _group_is_there(self, operation: Operation) -> bool:
        """Whether an earlier run made the group, and the list of groups did not show it yet."""
        known = self.journal.group_made(operation.name)
        if known is None:
            return False
        request = Request("GET", f"/groups/{known}?$select=id,displayName", needs="")
        (reply,) = self.graph.batch([request])
        if not reply.is_fine or reply.body.get("displayName") != operation.name:
            return False
        self._made(operation, known)
        self._done([(operation, known)])
        return True

    # --- after --------------------------------------------------------------------------------

    def _result(self, operation: Operation, account: str, request: Request, reply: Reply) -> str:
        """The id of what was acted on. Raises CloudError when it was refused."""
        if reply.is_fine:
            return made(operation, reply) if operation.action in _MAKES else account
        error = error_of(request, reply)
        if isinstance(error, ForbiddenError) and self._is_administrator(account):
            raise ForbiddenError(
                f"{operation.name} holds an administrator's role, and sitekit may not touch it",
                hint="a Privileged Authentication Administrator does this one by hand",
            )
        if not isinstance(error, RefusedError):
            raise error
        if operation.action is Action.CREATE and error.conflict:
            return self._own_account(operation, error)
        if operation.action in _JOINS and error.conflict:
            return account
        if operation.action in _TAKES and error.status == 404:
            return account
        if operation.action is Action.RESTORE and error.status == 404:
            (again,) = self.graph.batch([recheck(account)])
            if again.is_fine:
                return account
        raise error

    def _own_account(self, operation: Operation, refused: RefusedError) -> str:
        """The account that is in the way of making one: ours from a run whose answer was lost?"""
        (reply,) = self.graph.batch([find(operation.name)])
        if reply.is_fine:
            account = owner_of(reply.body, self.rules)
            if account.managed and account.person == operation.person:
                return account.id
        raise RefusedError(
            f"the name {operation.name} is taken in the tenant",
            hint="look in Entra, deleted users as well: adopt it, or write another upn",
            status=refused.status,
            code=refused.code,
            conflict=True,
        )

    def _made(self, operation: Operation, identity: str) -> None:
        if operation.action is Action.NEW_GROUP:
            self.groups[operation.name] = identity
        elif operation.action in (Action.CREATE, Action.INVITE, Action.RESTORE, Action.ADOPT):
            self.accounts[operation.person] = identity

    def _stop_where_nothing_is_allowed(
        self,
        ready: Sequence[tuple[Operation, str, str]],
        requests: Sequence[Request],
        replies: Sequence[Reply],
    ) -> None:
        """A permission that never worked is missing for all: say it once, and do nothing more."""
        self.granted |= {
            request.needs for request, reply in zip(requests, replies, strict=True) if reply.is_fine
        }
        for (operation, account, _), request, reply in zip(ready, requests, replies, strict=True):
            if reply.status == 401:
                raise error_of(request, reply)
            if (
                reply.status == 403
                and request.needs not in self.granted
                and not self._is_administrator(account)
            ):
                error = error_of(request, reply)
                self.journal.failed(operation, error.message)
                raise error

    def _is_administrator(self, account: str) -> bool:
        """Whether an account holds a role that keeps ordinary permissions off it."""
        if not account:
            return False
        path = f"/users/{account}/memberOf/microsoft.graph.directoryRole?$select=id"
        (reply,) = self.graph.batch([Request("GET", path, needs=USERS)])
        return reply.is_fine and bool(reply.body.get("value"))

    def _done(self, operations: Sequence[tuple[Operation, str]]) -> None:
        self.journal.done(operations)
        self.outcome.done += len(operations)
        for operation, _ in operations:
            self.progress(operation)

    def _fail(self, operation: Operation, message: str, hint: str = "") -> None:
        self.journal.failed(operation, message)
        self.outcome.failures.append(Failure(operation, message, hint))
        self.progress(operation)
