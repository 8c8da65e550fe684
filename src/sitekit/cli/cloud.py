"""`sitekit cloud plan`: what a stack will hold, what it costs, what differs from its state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import Problem, SitekitError
from ..findings import Severity
from . import console
from .exit import Exit
from .locate import organisation_option, select

if TYPE_CHECKING:
    from ..cloud import Spec, StackPlan
    from ..cloud.compare import Difference
    from ..cloud.cost import Estimate
    from ..load import LoadedOrganisation

MAX_BYTES = 64 << 20
PLATFORM = "platform"
PEOPLE = "people"
_MARKS = {"create": "+", "update": "~", "delete": "-", "same": " "}


@click.group(short_help="What Azure and Entra will hold, and what it costs.")
def cloud() -> None:
    """Plan what Azure and Entra will hold, before anything touches them."""


@cloud.command(short_help="The resources of a stack, their cost, and what differs from its state.")
@click.argument("stacks", nargs=-1, metavar="[SITE|SUBSIDIARY|platform]...")
@organisation_option
@click.option(
    "--against",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="STATE",
    help="What `pulumi stack export` printed: show what the next up would change.",
)
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", hidden=True)
@click.option("--inputs", is_flag=True, help="Every input of every resource as well.")
@click.option("--json", "as_json", is_flag=True, help="Print the plans as JSON.")
def plan(
    stacks: tuple[str, ...],
    organisation: Path | None,
    against: Path | None,
    today: datetime | None,
    inputs: bool,
    as_json: bool,
) -> Exit:
    """Show the resources of the named stacks (default: of all of them).

    Needs no engine, no credentials and no cloud. Exits with 1 where a name would be refused, a
    licence is missing, or --against finds a difference.

    \b
    Examples:
      sitekit cloud plan par02
      sitekit cloud plan platform --inputs
      sitekit cloud plan par02 --against state.json
    """
    from ..cloud.compare import Step, compare
    from ..cloud.cost import estimate
    from ..load import load_organisation

    loaded = load_organisation(select((), organisation).folder)
    day = today.date() if today else date.today()
    plans = chosen(loaded, stacks, day)
    if against is not None and len(plans) != 1:
        raise click.UsageError("--against is about one stack: name it")
    differences = compare(plans[0], _state(against)) if against is not None else ()
    prices = loaded.catalogue.prices
    if as_json:
        console.say(
            console.as_json(
                {
                    "stacks": [
                        {"plan": p, "cost": estimate(p, prices), "total": estimate(p, prices).total}
                        for p in plans
                    ],
                    **({"differences": differences} if against is not None else {}),
                }
            )
        )
    elif against is not None:
        _print_differences(plans[0], differences)
    else:
        costs = [estimate(each, prices) for each in plans]
        for each, cost in zip(plans, costs, strict=True):
            _print(each, cost, inputs)
        if len(plans) > 1:
            total = sum(cost.total for cost in costs)
            console.say(f"{len(plans)} stacks: {total:.2f} {prices.currency} a month")
    if not as_json:
        console.findings(f for p in plans for f in p.findings)
    changed = any(d.step is not Step.SAME for d in differences)
    failed = any(f.severity is Severity.ERROR for p in plans for f in p.findings)
    return Exit.FINDINGS if changed or failed else Exit.AS_DESIGNED


def chosen(loaded: LoadedOrganisation, names: Sequence[str], day: date) -> list[StackPlan]:
    """The plans of what was named; everything where nothing was."""
    from ..cloud import StackKind, all_plans, plan_of

    now = datetime.now(UTC) if day == date.today() else None
    if not names:
        return list(all_plans(loaded, today=day, at=now))
    found = []
    for name in names:
        if name in (PLATFORM, loaded.organisation.code):
            kind, stack = StackKind.PLATFORM, loaded.organisation.code
        elif name in (PEOPLE, f"{loaded.organisation.code}-{PEOPLE}"):
            kind, stack = StackKind.PEOPLE, f"{loaded.organisation.code}-{PEOPLE}"
        elif name in loaded.subsidiaries:
            kind, stack = StackKind.SUBSIDIARY, name
        else:
            kind, stack = StackKind.SITE, name
        if kind is StackKind.SITE and stack not in loaded.sites:
            from difflib import get_close_matches

            known = [PLATFORM, *loaded.subsidiaries, *loaded.sites]
            close = get_close_matches(name, known, n=1)
            raise SitekitError(
                f"there is no site or subsidiary '{name}'",
                hint=f"did you mean '{close[0]}'?"
                if close
                else f"there is {', '.join(known[:12])}",
            )
        found.append(plan_of(loaded, kind, stack, today=day, at=now))
    return found


def _state(file: Path) -> str:
    from ..load.files import read_limited

    raw = read_limited(file, shown=str(file), limit=MAX_BYTES)
    if isinstance(raw, Problem):
        raise SitekitError(f"{file}: {raw.message}", hint=raw.hint)
    return raw.decode("utf-8", errors="replace")


# --- as text -----------------------------------------------------------------------------------


def _print(plan: StackPlan, cost: Estimate, inputs: bool) -> None:
    from ..cloud.spec import tree

    console.say(f"{plan.kind} {plan.stack}: {len(plan.specs)} resources in {plan.region}")
    shown = [("  " * depth + _kind(spec.type), spec) for depth, spec in tree(plan)]
    width = max((len(label) for label, _ in shown), default=0)
    longest = max((len(spec.name) for spec in plan.specs), default=0)
    for label, spec in shown:
        marks = [
            word
            for word, on in (
                ("protected", spec.protect),
                ("stays", spec.retain),
                ("adopted", spec.adopt is not None),
            )
            if on
        ]
        line = f"  {label:{width}}  {spec.name:{longest}}  {_called(spec, plan)}".rstrip()
        console.say(f"{line}  [{', '.join(marks)}]" if marks else line)
        if inputs:
            for path, value in _flat(spec.inputs):
                said = str(value).lower() if isinstance(value, bool) else value
                console.say(console.printable(f"      {path}: {said}"))
    if cost.items:
        console.table(
            f"Estimate a month, list prices of {cost.day} in {cost.currency}, without traffic",
            ("resource", "what", "quantity", "unit", "amount"),
            [(i.resource, i.what, f"{i.quantity:g}", i.unit, f"{i.amount:.2f}") for i in cost.items]
            + [("", "", "", "total", f"{cost.total:.2f}")],
        )
        if unread := [item.resource for item in cost.items if item.from_memory]:
            console.say(f"  from memory of the price list: {', '.join(dict.fromkeys(unread))}")
    console.say()


def _print_differences(plan: StackPlan, found: Iterable[Difference]) -> None:
    from ..cloud.compare import Step

    counts: dict[Step, int] = {}
    differences = list(found)
    width = max((len(_kind(d.type)) for d in differences if d.step is not Step.SAME), default=0)
    for difference in differences:
        counts[difference.step] = counts.get(difference.step, 0) + 1
        if difference.step is Step.SAME:
            continue
        held = (
            " [protected: refused]"
            if difference.step is Step.DELETE and difference.protected
            else ""
        )
        console.say(
            f"  {_MARKS[difference.step]} {_kind(difference.type):{width}}  {difference.name}{held}"
        )
        for change in difference.changes:
            console.say(
                console.printable(f"      {change.path}: {change.before} => {change.after}")
            )
    words = ", ".join(f"{count} {step}" for step, count in counts.items())
    console.say(f"{plan.kind} {plan.stack} against its state: {words or 'both are empty'}")


def _called(spec: Spec, plan: StackPlan) -> str:
    """Its name in Azure or Entra, with the names of others that it is made of."""
    from ..cloud.spec import references

    found = spec.called
    for ref in references(spec.inputs):
        found = found.replace(f"<{ref.name}.name>", plan[ref.name].called)
    return found


def _kind(type_: str) -> str:
    package, module, resource = type_.split(":")
    return f"{module}.{resource}" if package == "azure-native" else f"{package}.{resource}"


def _flat(value: object, path: str = "") -> Iterable[tuple[str, object]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value:
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{index}]")
    else:
        yield path, value
