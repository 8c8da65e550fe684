"""`sitekit lab cloud`: Azure, Entra and Graph on this machine, for tests and trials."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import SitekitError
from . import console
from .locate import TOP, organisation_option, select

if TYPE_CHECKING:
    from ..lab.cloud.catalogue import Catalogue
    from ..lab.cloud.folder import Lab
    from ..lab.cloud.store import Store
    from ..lab.cloud.view import Node

folder_option = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The lab's folder (default: .sitekit/lab beside organisation.yaml, else here).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(short_help="Azure, Entra and Graph on this machine, for tests and trials.")
def lab() -> None:
    """Stand-ins good enough to prove things on, without an account and without a cable."""


@lab.group(short_help="Azure, Entra and Graph on this machine.")
def cloud() -> None:
    """Azure, Entra and Microsoft Graph on this machine, out of one file.

    Programs use it while the lab's bin folder is on PATH: eval "$(sitekit lab cloud env)".

    \b
    Examples:
      sitekit lab cloud up
      sitekit lab cloud show
      sitekit lab cloud fault add throttle --type User --count 3
      sitekit lab cloud down
    """


@cloud.command(short_help="Set the lab cloud up, or turn it on again.")
@folder_option
@organisation_option
@click.option("--tenant", metavar="ID", help="The tenant (default: the organisation's).")
@click.option(
    "--subscription", "subscriptions", multiple=True, metavar="ID", help="Subscriptions that exist."
)
@click.option("--domain", "domains", multiple=True, metavar="NAME", help="Verified domains.")
@click.option(
    "--scale",
    type=click.FloatRange(min=1.0),
    metavar="N",
    help="Seconds of Azure's that are one of ours (default: 3600).",
)
@click.option(
    "--replication",
    type=click.FloatRange(min=0.0),
    metavar="SECONDS",
    help="Until a new Entra object is seen, in the cloud's seconds (default: 30).",
)
@json_option
def up(
    folder: Path | None,
    organisation: Path | None,
    tenant: str | None,
    subscriptions: tuple[str, ...],
    domains: tuple[str, ...],
    scale: float | None,
    replication: float | None,
    as_json: bool,
) -> None:
    """Set the lab cloud up, or turn it on again; what is in it stays.

    Tenant, subscription, domains and licences are those of the organisation, where there is one.
    """
    from ..lab.cloud import folder as lab_folder

    known = _organisation(organisation)
    if tenant:
        known["tenants"] = (tenant,)
    if subscriptions:
        known["subscriptions"] = subscriptions
    if domains:
        known["domains"] = (*known.get("domains", ()), *domains)
    place = _folder(folder, organisation)
    console.note(f"lab cloud in {place}")
    made = lab_folder.up(
        place, scale=scale, replication=replication, progress=console.note, **known
    )
    engine = lab_folder.real_pulumi(made.folder)
    own = (made.folder / "bin" / "pulumi").exists()
    if as_json:
        console.say(
            console.as_json(
                {
                    "folder": str(made.folder),
                    "graph": made.graph,
                    "pulumi": engine or ("lab" if own else None),
                }
            )
        )
        return
    console.say(f"Microsoft Graph answers on {made.graph}")
    if engine:
        console.say(f"stacks run through {engine}")
    elif own:
        console.say("stacks run through the lab's own engine")
    else:
        console.say("there is no pulumi on PATH, and this sitekit has no engine of its own")
    console.say(f'now: eval "$(sitekit lab cloud env{_dir(folder)})"')


@cloud.command(short_help="End the lab cloud.")
@folder_option
@organisation_option
@click.option("--remove", is_flag=True, help="Forget everything in it as well.")
def down(folder: Path | None, organisation: Path | None, remove: bool) -> None:
    """End the Graph server and take the plug-ins off PATH; what is in the cloud stays."""
    from ..lab.cloud import folder as lab_folder

    place = _folder(folder, organisation)
    ran = lab_folder.down(place, remove=remove)
    console.say(("ended" if ran else "was down") + (", and removed" if remove else ""))


@cloud.command(short_help="What is in the cloud.")
@folder_option
@organisation_option
@click.option("--deleted", is_flag=True, help="What can still be brought back.")
@click.option("--log", "last", type=click.IntRange(1), metavar="N", help="The last N operations.")
@json_option
def show(
    folder: Path | None, organisation: Path | None, deleted: bool, last: int | None, as_json: bool
) -> None:
    """Show what exists: Azure by resource group, Entra by kind, members below their groups."""
    from ..lab.cloud import view

    store, types = _opened(folder, organisation)
    if last is not None:
        operations = store.operations(last)
        if as_json:
            console.say(console.as_json(operations))
            return
        console.table(
            "operations",
            ("who", "verb", "type", "what", "outcome"),
            [
                (row["who"], row["verb"], row["type"], row["id"], row["outcome"])
                for row in operations
            ],
        )
    elif deleted:
        gone = view.deleted_rows(store)
        if as_json:
            console.say(console.as_json(gone))
            return
        console.table(
            "deleted",
            ("type", "name", "id"),
            [(row["type"], row["name"], row["id"]) for row in gone],
        )
    elif as_json:
        console.say(console.as_json(view.rows(store, types)))
    else:
        for node in view.tree(store, types):
            _print_tree(node, 0)


@cloud.command(short_help="The variables that make programs use the lab.")
@folder_option
@organisation_option
@json_option
def env(folder: Path | None, organisation: Path | None, as_json: bool) -> None:
    """Print what a shell needs to use the lab: eval "$(sitekit lab cloud env)".

    It holds the lab's own passphrase and token, which open nothing else.
    """
    from ..lab.cloud import environment

    variables = environment(_folder(folder, organisation))
    if as_json:
        console.say(console.as_json(variables))
        return
    own = variables.pop("PATH").partition(":")[0]
    console.say(f'export PATH={shlex.quote(own)}:"$PATH"')
    for name, value in variables.items():
        console.say(f"export {name}={shlex.quote(value)}")


@cloud.command("set", short_help="Change something behind everybody's back.")
@click.argument("type_")
@click.argument("name")
@click.argument("path")
@click.argument("value")
@folder_option
@organisation_option
def set_(
    type_: str, name: str, path: str, value: str, folder: Path | None, organisation: Path | None
) -> None:
    """Change a property of TYPE NAME: PATH is a.b.0.c, VALUE is JSON or a word; null removes it.

    \b
    Examples:
      sitekit lab cloud set NetworkSecurityGroup nsg-par01-corp securityRules.0.access Deny
      sitekit lab cloud set User ana@lab.example department null
    """
    from ..lab.cloud import view

    store, types = _opened(folder, organisation)
    try:
        parsed: Any = json.loads(value)
    except ValueError:
        parsed = value
    thing = view.set_value(store, types, type_, name, path, parsed)
    console.say(f"{thing.name}: {path} is {'gone' if parsed is None else json.dumps(parsed)}")


@cloud.command(short_help="Delete something behind everybody's back.")
@click.argument("type_")
@click.argument("name")
@folder_option
@organisation_option
def delete(type_: str, name: str, folder: Path | None, organisation: Path | None) -> None:
    """Delete TYPE NAME, with what lies below; a membership is GroupMember GROUP/MEMBER."""
    from ..lab.cloud import view

    store, types = _opened(folder, organisation)
    console.say(f"{view.delete(store, types, type_, name)} is gone")


@cloud.command(short_help="Forget deleted things for good.")
@click.argument("name")
@folder_option
@organisation_option
def purge(name: str, folder: Path | None, organisation: Path | None) -> None:
    """Forget what was deleted under NAME (* is everything), so that the name is free again."""
    from ..lab.cloud import view

    store, _ = _opened(folder, organisation)
    count = view.purge(store, name)
    if not count:
        raise SitekitError(
            f"nothing deleted is called {name}", hint="sitekit lab cloud show --deleted"
        )
    console.say(f"{count} purged")


@cloud.command("pass", short_help="Let days pass.")
@click.argument("days", type=click.FloatRange(min=0.0))
@folder_option
@organisation_option
def pass_(days: float, folder: Path | None, organisation: Path | None) -> None:
    """Move the lab's clock by DAYS: what is kept for a while is gone when its time is over."""
    store, _ = _opened(folder, organisation)
    store.pass_time(days * 86400)
    console.say(f"{days:g} days later")


# --- faults ------------------------------------------------------------------------------------


@cloud.group(short_help="Let things go wrong.")
def fault() -> None:
    """Let things go wrong, in every process that uses the lab."""


@fault.command("add", short_help="Let something go wrong.")
@click.argument("kind")
@click.option("--type", "type_", default="*", metavar="PATTERN", help="Types that it meets.")
@click.option("--name", default="*", metavar="PATTERN", help="Names that it meets.")
@click.option(
    "--verb",
    default="*",
    type=click.Choice(["*", "create", "read", "update", "delete", "list", "invoke", "configure"]),
    help="What is being done.",
)
@click.option("--count", default=1, type=int, metavar="N", help="How often; -1 until cleared.")
@click.option("--code", metavar="CODE", help="The service's error code.")
@click.option("--message", metavar="TEXT", help="The service's message.")
@click.option("--status", type=click.IntRange(400, 599), metavar="N", help="The HTTP status.")
@click.option("--seconds", type=float, metavar="N", help="How long, or Retry-After.")
@folder_option
@organisation_option
def add(
    kind: str,
    type_: str,
    name: str,
    verb: str,
    count: int,
    folder: Path | None,
    organisation: Path | None,
    **options: Any,
) -> None:
    """Let a request go wrong: KIND is one of `sitekit lab cloud fault kinds`.

    \b
    Examples:
      sitekit lab cloud fault add missing --type GroupMember --verb create
      sitekit lab cloud fault add throttle --type User --count 20 --seconds 10
      sitekit lab cloud fault add half --type VpnGateway
      sitekit lab cloud fault add refuse --type Vault --code VaultAlreadyExists --status 409
    """
    from ..lab.cloud.faults import KINDS

    if kind not in KINDS:
        raise SitekitError(f"there is no fault '{kind}'", hint=f"there are {', '.join(KINDS)}")
    store, _ = _opened(folder, organisation)
    given = {key: value for key, value in options.items() if value is not None}
    number = store.add_fault(kind, type=type_, name=name, verb=verb, count=count, options=given)
    console.say(f"fault {number}: {kind}, {'until cleared' if count < 0 else f'{count} times'}")


@fault.command("list", short_help="What will still go wrong.")
@folder_option
@organisation_option
@json_option
def list_(folder: Path | None, organisation: Path | None, as_json: bool) -> None:
    """List the faults that are still to come."""
    from ..lab.cloud import view

    store, _ = _opened(folder, organisation)
    rows = view.faults_rows(store)
    if as_json:
        console.say(console.as_json(rows))
        return
    console.table(
        "faults",
        ("no.", "kind", "type", "name", "verb", "count"),
        [
            (
                str(row["number"]),
                row["kind"],
                row["type"],
                row["name"],
                row["verb"],
                str(row["count"]),
            )
            for row in rows
        ],
    )


@fault.command(short_help="Let things go right again.")
@click.argument("number", type=int, required=False)
@folder_option
@organisation_option
def clear(number: int | None, folder: Path | None, organisation: Path | None) -> None:
    """Forget one fault, or all."""
    store, _ = _opened(folder, organisation)
    console.say(f"{store.clear_faults(number)} cleared")


@fault.command(short_help="What can go wrong.")
def kinds() -> None:
    """List the kinds of faults and what each does."""
    from ..lab.cloud.faults import KINDS

    for name, kind in KINDS.items():
        console.say(f"{name:12} {kind.explains}")


# --- where ------------------------------------------------------------------------------------


def _folder(folder: Path | None, organisation: Path | None) -> Path:
    from ..lab.cloud import DEFAULT

    if folder is not None:
        return folder
    top = _top(organisation)
    return (top / DEFAULT) if top else DEFAULT


def _top(organisation: Path | None) -> Path | None:
    """The organisation's folder: the named one, or the one around us if there is one."""
    if organisation is not None:
        return select((), organisation).folder
    here = Path.cwd()
    return next((place for place in (here, *here.parents) if (place / TOP).is_file()), None)


def _dir(folder: Path | None) -> str:
    return "" if folder is None else f" --dir {shlex.quote(str(folder))}"


def _organisation(organisation: Path | None) -> dict[str, Any]:
    """Tenant, subscription, domains and licences as they are written."""
    top = _top(organisation)
    if top is None:
        return {}
    from ..load import load_organisation

    loaded = load_organisation(top)
    group = loaded.organisation
    own = [
        item for item in loaded.subsidiaries.values() if item.tenant in (None, group.azure.tenant)
    ]
    domains = dict.fromkeys([*group.domains, *(name for item in own for name in item.domains)])
    return {
        "tenants": (str(group.azure.tenant),),
        "subscriptions": (str(group.azure.subscription),),
        "domains": tuple(domains),
        "licences": group.azure.licences,
    }


def _opened(folder: Path | None, organisation: Path | None) -> tuple[Store, Catalogue]:
    from ..lab.cloud import catalogue, find

    found: Lab = find(_folder(folder, organisation))
    return found.store(), catalogue.load(found.folder / catalogue.FILE)


def _print_tree(node: Node, depth: int) -> None:
    words = [
        node.label,
        f"({node.type})" if node.type else "",
        node.state if node.state != "Succeeded" else "",
    ]
    console.say("  " * depth + " ".join(word for word in words if word))
    for child in node.children:
        _print_tree(child, depth + 1)
