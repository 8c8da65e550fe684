"""`sitekit people`: accounts from contracts, planned and previewed first, then applied."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from ..errors import SitekitError
from . import console
from .exit import Exit
from .locate import organisation_option, select

if TYPE_CHECKING:
    from ..graph import Graph
    from ..load import LoadedOrganisation
    from ..people import Directory, Operation, Outcome, Plan


@click.group(short_help="Accounts from contracts: joiners, movers, leavers, planned, then applied.")
def people() -> None:
    """Bring the accounts of Entra to what people.csv says: see docs/people.md.

    Only accounts that sitekit made or was told to adopt are ever touched.
    """


_path = click.argument("path", required=False, type=click.Path(path_type=Path))
_subsidiary = click.option(
    "--subsidiary",
    metavar="CODE",
    help="Act on the own tenant of this subsidiary (default: on the group's).",
)
_adopt = click.option(
    "--adopt",
    multiple=True,
    metavar="NAME",
    help="Take over this existing account: a sign-in name, or a guest's address. Repeatable.",
)
_at = click.option(
    "--at",
    metavar="MOMENT",
    help="2027-01-04, or 2027-01-04T09:00 on the group's clock (default: now).",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@people.command(short_help="What apply would do, and why; does nothing.")
@_path
@organisation_option
@_subsidiary
@_at
@_adopt
@click.option(
    "--empty-tenant",
    is_flag=True,
    help="Ask no cloud: plan as for a tenant in which there is nothing yet.",
)
@_json
def plan(
    path: Path | None,
    organisation: Path | None,
    subsidiary: str | None,
    at: str | None,
    adopt: tuple[str, ...],
    empty_tenant: bool,
    as_json: bool,
) -> Exit:
    """Compare the contracts of the organisation here, or at PATH, with its tenant.

    Exits with 0 when there is nothing to do, with 1 when there is, with 3 when the tenant does not
    answer. Signs in as azure-identity does: az login, or AZURE_CLIENT_ID and its secret.

    \b
    Examples:
      sitekit people plan
      sitekit people plan --at 2027-01-04
      sitekit people plan examples/horizon --empty-tenant
    """
    from ..people import Directory, plan
    from ..people.journal import lines_in

    loaded = _load(path, organisation)
    tenant = _tenant(loaded, subsidiary)
    _refuse_a_stack(loaded, tenant)
    moment = _moment(at, loaded)
    if empty_tenant:
        directory = Directory(tenant=tenant)
    else:
        with _connected() as graph:
            directory = _read(loaded, graph, tenant)
    known = {*adopt, *lines_in(loaded.folder).open_invitations()}
    made = plan(loaded, moment, directory, adopt=known)
    _show(made, as_json=as_json)
    return Exit.AS_DESIGNED if made.is_empty and not made.obstacles else Exit.FINDINGS


@people.command(short_help="Show the plan, ask, and do it.")
@_path
@organisation_option
@_subsidiary
@_adopt
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option(
    "--yes-really",
    is_flag=True,
    help="Do it even if more people lose access than the catalogue takes for plausible.",
)
@click.option("--at", metavar="MOMENT", help="In a lab alone: as if it were this moment.")
@_json
def apply(
    path: Path | None,
    organisation: Path | None,
    subsidiary: str | None,
    adopt: tuple[str, ...],
    yes: bool,
    yes_really: bool,
    at: str | None,
    as_json: bool,
) -> Exit:
    """Show what is to be done, ask, and do it; run again, it goes on where it was cut off.

    Every step is in .sitekit/people/journal.jsonl. The sign-in names that are given are written to
    people.register.csv: commit it. New members get a random password that nobody knows; give them
    a Temporary Access Pass in Entra.

    \b
    Examples:
      sitekit people apply
      sitekit people apply --yes --json
    """
    from ..people import journal_in
    from ..people import plan as planned

    if as_json and not yes:
        raise click.UsageError("--json asks nothing: say --yes as well")
    loaded = _load(path, organisation)
    tenant = _tenant(loaded, subsidiary)
    _refuse_a_stack(loaded, tenant)
    with journal_in(loaded.folder) as journal, _connected() as graph:
        if at is not None and not graph.is_lab:
            raise click.UsageError("--at is for labs: in a real tenant apply acts for now")
        if cut := journal.cut_off():
            began, done, all_of = cut
            console.note(f"the run of {began} was cut off after {done} of {all_of}: going on")
        directory = _read(loaded, graph, tenant)
        known = {*adopt, *journal.open_invitations()}
        made = planned(loaded, _moment(at, loaded), directory, adopt=known)
        if not as_json:
            _show(made, as_json=False)
        if made.is_drastic and not yes_really:
            console.error(
                f"{made.leavers} of {made.enabled} enabled accounts would be disabled: more than "
                f"{made.leavers_percent} %; nothing was done",
                hint="is people.csv whole? if they do leave: --yes-really",
            )
            return Exit.FINDINGS
        if not made.is_empty and not yes and not _confirmed(made):
            console.note("nothing was done")
            return Exit.FINDINGS
        return _apply(loaded, made, graph, journal, as_json=as_json)


@people.command(short_help="Give sign-in names for the stack of people; asks no cloud.")
@_path
@organisation_option
@_at
@click.option(
    "--forget",
    multiple=True,
    metavar="PERSON",
    help="Somebody who is out of people.csv for good: their names end, and nobody gets them. "
    "Repeatable.",
)
@_json
def names(
    path: Path | None,
    organisation: Path | None,
    at: str | None,
    forget: tuple[str, ...],
    as_json: bool,
) -> Exit:
    """Write the names of newcomers to people.register.csv, where Pulumi owns people.

    A program of Pulumi's writes no file of yours: run this before `sitekit up people`, and commit
    the register. Exits with 1 where somebody has to decide something.

    \b
    Examples:
      sitekit people names
      sitekit people names --at 2027-01-04
      sitekit people names --forget P0042
    """
    from ..load.register import REGISTER
    from ..people import Directory, plan
    from .files import write_whole

    loaded = _load(path, organisation)
    if loaded.organisation.people.owned_by != "pulumi":
        raise SitekitError(
            "sitekit people apply gives names by itself: no stack owns people here",
            hint="write people: {owned_by: pulumi} in organisation.yaml to change that",
        )
    directory = Directory(tenant=loaded.organisation.azure.tenant)
    moment = _moment(at, loaded)
    made = plan(loaded, moment, directory)
    known = {person.person_id for person in loaded.people}
    for who in forget:
        if who in known:
            raise SitekitError(
                f"{who} is in people.csv", hint="take their rows out first: contracts give access"
            )
        if not made.register.end(who, moment.date()):
            raise SitekitError(
                f"{who} has no name in {REGISTER}", hint="write the person_id as the register does"
            )
    before = {entry.upn for entry in loaded.register if entry.until is None}
    given = [e for e in made.register.entries if e.until is None and e.upn not in before]
    obstacles = [o for o in made.obstacles if not o.is_of_a_stack]
    changed = bool(given or forget) and write_whole(loaded.folder / REGISTER, made.register.text())
    if as_json:
        console.say(
            console.as_json(
                {
                    "given": [{"person": e.person, "name": e.upn} for e in given],
                    "obstacles": obstacles,
                }
            )
        )
    else:
        for entry in given:
            console.say(f"{entry.person}: {entry.upn}")
        for obstacle in obstacles:
            where = f"{obstacle.place}: " if obstacle.place else ""
            console.error(f"{where}{obstacle.subject}: {obstacle.message}", hint=obstacle.remedy)
    if changed:
        ended = f", those of {_counted(len(forget), 'person')} ended" if forget else ""
        console.note(f"{_counted(len(given), 'new name')} in {REGISTER}{ended}: commit it")
    else:
        console.note("everybody who is here, or soon, has a name")
    return Exit.FINDINGS if obstacles else Exit.AS_DESIGNED


def _refuse_a_stack(loaded: LoadedOrganisation, tenant: str) -> None:
    """Two that make accounts in one tenant would undo each other's work."""
    group = loaded.organisation
    if group.people.owned_by == "pulumi" and tenant == group.azure.tenant:
        raise SitekitError(
            "the stack of people owns the accounts of this tenant",
            hint="sitekit people names, then sitekit up people; or write people: "
            "{owned_by: sitekit} in organisation.yaml and take the stack away first",
        )


def _apply(
    loaded: LoadedOrganisation, made: Plan, graph: Graph, journal: Any, *, as_json: bool
) -> Exit:
    from ..load.register import REGISTER
    from ..people import Action
    from ..people import apply as done
    from .files import write_whole

    register = loaded.folder / REGISTER
    before = register.read_text(encoding="utf-8") if register.exists() else ""

    def remember(text: str) -> None:
        if text.count("\n") > 1 or before:
            write_whole(register, text)

    with console.progress(len(made.operations), "applying") as advance:
        outcome = done(
            made,
            loaded.catalogue.identity,
            graph,
            journal=journal,
            remember=remember,
            progress=lambda _: advance(),
        )
    if as_json:
        console.say(console.as_json(_outcome(made, outcome)))
    else:
        for operation, message, hint in _told(outcome):
            console.error(f"{operation.action.value} {operation.name}: {message}", hint=hint)
    total = len(made.operations)
    console.note(f"{outcome.done} of {total} done{_after(outcome)}")
    if register.exists() and register.read_text(encoding="utf-8") != before:
        console.note(f"{register} has new names: commit it")
    new = [o for o in made.operations if o.action is Action.CREATE]
    if new and outcome.done and not as_json:
        console.note(
            f"{_counted(len(new), 'new member')}: nobody knows their password; an administrator "
            "gives each a Temporary Access Pass in Entra (Authentication methods) on the first day"
        )
    if outcome.stopped is not None:
        console.error(outcome.stopped.message, hint=outcome.stopped.hint)
        return Exit.REFUSED
    if outcome.failures:
        return Exit.REFUSED
    return Exit.FINDINGS if made.obstacles else Exit.AS_DESIGNED


def _after(outcome: Outcome) -> str:
    if outcome.stopped is not None:
        return "; what is done stays done: run it again when the cause below is gone"
    return f", {_counted(len(outcome.failures), 'refusal')}" if outcome.failures else ""


def _told(outcome: Outcome) -> Iterable[tuple[Operation, str, str]]:
    for failure in outcome.failures:
        yield failure.operation, failure.message, failure.hint


def _confirmed(made: Plan) -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is here to ask: read the plan, then say --yes")
    return click.confirm(f"Do these {len(made.operations)} in tenant {made.tenant}?", err=True)


# --- reading ------------------------------------------------------------------------------------


def _load(path: Path | None, organisation: Path | None) -> LoadedOrganisation:
    from ..load import load_organisation

    if path is not None and organisation is not None:
        raise click.UsageError("name the organisation once: PATH or --organisation")
    if path is not None and not path.exists():
        raise SitekitError(f"there is no folder {path}", hint="name the organisation's folder")
    return load_organisation(select([], organisation or path).folder)


def _tenant(loaded: LoadedOrganisation, code: str | None) -> str:
    if code is None:
        return loaded.organisation.azure.tenant
    subsidiary = loaded.subsidiaries.get(code)
    if subsidiary is None:
        raise click.UsageError(
            f"there is no subsidiary '{code}'; known: {', '.join(sorted(loaded.subsidiaries))}"
        )
    if subsidiary.tenant is None:
        raise click.UsageError(f"'{code}' has no tenant of its own: leave --subsidiary out")
    return subsidiary.tenant


def _moment(text: str | None, loaded: LoadedOrganisation) -> datetime:
    from ..people.access import zone_of

    if text is None:
        return datetime.now(UTC)
    zone = ZoneInfo(zone_of(loaded))
    try:
        moment = (
            datetime.combine(date.fromisoformat(text), time())
            if len(text) <= 10
            else datetime.fromisoformat(text)
        )
    except ValueError:
        raise click.UsageError(
            f"'{text}' is no moment: write 2027-01-04 or 2027-01-04T09:00"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _connected() -> Graph:
    try:
        from ..graph import connect
    except ModuleNotFoundError as error:
        raise SitekitError(
            f"{error.name} is not installed",
            hint="install what clouds need: pip install 'sitekit[cloud]'",
        ) from None
    # azure-identity tells of every source it tried; the message says it once.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    return connect()


def _read(loaded: LoadedOrganisation, graph: Graph, tenant: str) -> Directory:
    from ..people import read_directory

    with console.progress(4, "reading the tenant") as advance:
        return read_directory(
            graph, loaded.catalogue.identity, tenant=tenant, progress=lambda _: advance()
        )


# --- showing ------------------------------------------------------------------------------------


def _show(made: Plan, *, as_json: bool) -> None:
    if as_json:
        console.say(console.as_json(_plan(made)))
        return
    rows = []
    for _, alike in groupby(made.operations, key=lambda o: (o.action, o.person, o.name)):
        operations = list(alike)
        first = operations[0]
        rows.append(
            [
                first.action.value,
                first.person,
                first.name,
                ", ".join(_detail(operation) for operation in operations),
                first.reason,
                str(first.place or ""),
            ]
        )
    if rows:
        title = f"Tenant {made.tenant} at {made.at:%Y-%m-%d %H:%M} UTC"
        console.table(title, ["what", "person", "account", "to", "because", "written"], rows)
    by_remedy = sorted(made.obstacles, key=lambda o: (o.remedy, o.subject, o.message))
    for remedy, obstacles in groupby(by_remedy, key=lambda o: o.remedy):
        for obstacle in obstacles:
            where = f"{obstacle.place}: " if obstacle.place else ""
            console.note(f"{where}{obstacle.subject}: {console.printable(obstacle.message)}")
        console.note(f"  hint: {console.printable(remedy)}")
    console.note(_summary(made))


def _detail(operation: Operation) -> str:
    from ..people import Action

    if operation.action in (Action.ENABLE, Action.EXTEND):
        return operation.changes.get("state", "")
    if operation.action is Action.NEW_GROUP:
        return ""
    return operation.target


def _summary(made: Plan) -> str:
    from ..people import Action

    counts = [f"{made.count(action)} {action.value}" for action in Action if made.count(action)]
    said = ", ".join(counts) or "nothing to do"
    if made.obstacles:
        said += f"; {_counted(len(made.obstacles), 'thing')} to decide or make first"
    if made.is_drastic:
        said += (
            f"; {made.leavers} of {made.enabled} enabled accounts would be disabled: "
            "apply asks for --yes-really"
        )
    return said


def _plan(made: Plan) -> dict[str, object]:
    return {
        "tenant": made.tenant,
        "at": made.at.isoformat(),
        "operations": [_operation(o) for o in made.operations],
        "obstacles": made.obstacles,
        "enabled": made.enabled,
        "leavers": made.leavers,
        "drastic": made.is_drastic,
    }


def _operation(operation: Operation) -> dict[str, object]:
    return {
        "action": operation.action,
        "person": operation.person,
        "account": operation.name,
        "id": operation.account,
        "target": operation.target,
        "changes": operation.changes,
        "reason": operation.reason,
        "place": operation.place,
    }


def _outcome(made: Plan, outcome: Outcome) -> dict[str, object]:
    stopped = outcome.stopped
    return {
        **_plan(made),
        "done": outcome.done,
        "failures": [
            {"operation": _operation(f.operation), "message": f.message, "hint": f.hint}
            for f in outcome.failures
        ],
        "stopped": {"message": stopped.message, "hint": stopped.hint} if stopped else None,
    }


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
