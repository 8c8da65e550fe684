"""`sitekit new`: the first files of an organisation, a subsidiary or a site.

Asks in a terminal, takes flags in a script. Never overwrites a file, never moves what exists.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

import click

from ..errors import OutputError, SitekitError
from . import console
from .locate import select

DAY = click.DateTime(["%Y-%m-%d"])
FOLDER = click.option(
    "--organisation",
    "folder",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The folder that holds organisation.yaml (default: look upward from here).",
)


@click.group(short_help="Begin an organisation, a subsidiary or a site.")
def new() -> None:
    """Write a commented file that passes `sitekit check` at once.

    Asks for what is not given when there is a terminal. Existing files are never touched.
    """


@new.command(short_help="A folder with organisation.yaml.")
@click.argument("name", required=False)
@click.option("--folder", "target", type=click.Path(path_type=Path), help="Where to write.")
@click.option("--code", help="Two to six letters.")
@click.option("--domain", help="The group's mail domain.")
@click.option("--pool", help="Where site blocks come from, such as 10.96.0.0/11.")
@click.option("--language", type=click.Choice(["fr", "en"]), help="Language of documents.")
def organisation(
    name: str | None,
    target: Path | None,
    code: str | None,
    domain: str | None,
    pool: str | None,
    language: str | None,
) -> None:
    """Begin an organisation called NAME.

    \b
    Example:
      sitekit new organisation "Lumière Group" --code lum --domain lumiere.example
    """
    from ..load.schema import KINDS, schema_text
    from ..scaffold import new_organisation

    name = _ask("name", name, "Name of the group")
    code = _ask("code", code, "Code", _letters(name)[:3] or "grp", _code)
    domain = _ask("domain", domain, "Mail domain", f"{_letters(name) or code}.example")
    pool = _ask("pool", pool, "Address pool", "10.96.0.0/11")
    language = _ask("language", language, "Language of documents (fr or en)", "en")
    try:
        prefix = IPv4Network(pool)
    except ValueError:
        raise SitekitError(
            f"'{pool}' is not a prefix", hint="write one such as 10.96.0.0/11"
        ) from None
    if prefix.prefixlen > 20:
        raise SitekitError(f"{prefix} is too small for a pool", hint="take a /20 or larger")
    text = new_organisation(name=name, code=code, domain=domain, pool=prefix, language=language)
    folder = target or Path(code)
    files = {folder / "organisation.yaml": text}
    files |= {folder / ".schemas" / f"{kind}.json": schema_text(kind) for kind in KINDS}
    _create(files)
    _accept(folder)
    console.say(f"{folder / 'organisation.yaml'}: written")
    console.note(f"next: sitekit new subsidiary NAME --organisation {folder}")


@new.command(short_help="A legal entity of the group.")
@click.argument("name", required=False)
@click.option("--code", help="Two to sixteen letters, digits and hyphens: the file's name.")
@click.option("--domain", help="Its mail domain.")
@click.option("--registration", help="SIREN, or the like.")
@FOLDER
def subsidiary(
    name: str | None,
    code: str | None,
    domain: str | None,
    registration: str | None,
    folder: Path | None,
) -> None:
    """Begin a subsidiary called NAME.

    \b
    Example:
      sitekit new subsidiary "Lumière Films" --code films --domain films.example
    """
    from ..load import load_organisation
    from ..scaffold import new_subsidiary

    at = select((), folder)
    loaded = load_organisation(at.folder)
    name = _ask("name", name, "Name of the legal entity")
    code = _ask("code", code, "Code", _letters(name)[:6] or "sub", _code)
    domain = _ask("domain", domain, "Mail domain", loaded.organisation.domains[0])
    registration = _ask("registration", registration, "SIREN", "000000000")
    path = at.folder / "subsidiaries" / f"{code}.yaml"
    _create({path: new_subsidiary(name=name, domain=domain, registration=registration)})
    _accept(at.folder, path)
    console.say(f"{path}: written")
    console.note(f"next: sitekit new site NAME --subsidiary {code}")


@new.command(short_help="An office: sized, with a free block and free names.")
@click.argument("name", required=False)
@click.option("--code", help="Three letters and a number, such as lyo02: the file's name.")
@click.option("--subsidiary", help="Code of the subsidiary.")
@click.option("--archetype", help="The standard it is built to.")
@click.option("--people", type=click.IntRange(1, 5000), help="How many people (planned).")
@click.option("--area", type=click.IntRange(5, 100_000), help="Area in m².")
@click.option("--street", help="Street and number.")
@click.option("--postcode", help="Postcode.")
@click.option("--city", help="City.")
@click.option("--country", default="FR", show_default=True, help="Two letters.")
@click.option("--opens", type=DAY, help="Opening day.")
@click.option("--closes", type=DAY, help="Closing day, for a temporary office.")
@click.option("--ordered", type=DAY, help="Day the lines are ordered (default: today).")
@click.option(
    "--line-address",
    metavar="ADDRESS/LENGTH",
    help="Fixed address of the first line, where the carrier gave it: the tunnel needs one.",
)
@click.option("--line-gateway", metavar="ADDRESS", help="The carrier's end of that line.")
@FOLDER
def site(
    name: str | None,
    code: str | None,
    subsidiary: str | None,
    archetype: str | None,
    people: int | None,
    area: int | None,
    street: str | None,
    postcode: str | None,
    city: str | None,
    country: str,
    opens: datetime | None,
    closes: datetime | None,
    ordered: datetime | None,
    line_address: str | None,
    line_gateway: str | None,
    folder: Path | None,
) -> None:
    """Begin a site called NAME: hardware that is enough, a free block, lines that can be ready.

    \b
    Example:
      sitekit new site "Lille Euralille" --code lil01 --subsidiary hmp \\
          --archetype small-office --people 18 --area 240 \\
          --street "4 rue du Test" --postcode 59000 --city Lille --opens 2027-02-01
    """
    from ..design.assign import block_text
    from ..load import load_organisation
    from ..scaffold import SiteWishes, new_site

    line, gateway = _line(line_address, line_gateway)
    at = select((), folder)
    loaded = load_organisation(at.folder)
    name = _ask("name", name, "Name of the office")
    city = _ask("city", city, "City", name.split()[0])
    code = _ask("code", code, "Code", f"{_letters(city)[:3]}01", _site_code)
    subsidiary = _ask("subsidiary", subsidiary, "Subsidiary", next(iter(loaded.subsidiaries), None))
    known = loaded.as_for(subsidiary).catalogue.archetypes
    archetype = _ask(
        "archetype", archetype, f"Archetype ({', '.join(sorted(known))})", "small-office"
    )
    if archetype in known:
        people = people or _number("people", "People", known[archetype].people.default)
        area = area or _number("area", "Area in m²", known[archetype].area_m2.default)
    street = _ask("street", street, "Street and number")
    postcode = _ask("postcode", postcode, "Postcode")
    first_day = (date.today() + timedelta(days=15)).isoformat()
    opening = opens.date() if opens else _day(_ask("opens", None, "Opening day", first_day))
    closing = closes.date() if closes else None
    if closing is None and archetype == "temporary-office":
        closing = _day(_ask("closes", None, "Closing day"))
    path = at.folder / "sites" / f"{code}.yaml"
    memory = at.folder / "sites" / f"{code}.assigned.yaml"
    _refuse_existing([path, memory])
    made = new_site(
        loaded,
        SiteWishes(
            code=code,
            name=name,
            subsidiary=subsidiary,
            archetype=archetype,
            people=people,
            area_m2=area,
            street=street,
            postcode=postcode,
            city=city,
            country=country,
            opens=opening,
            closes=closing,
            ordered=ordered.date() if ordered else date.today(),
            line=line,
            gateway=gateway,
        ),
    )
    _create({path: made.site, memory: block_text(code, str(made.assigned_block))})
    _accept(at.folder, path, memory)
    console.say(f"{path}: written")
    console.say(f"{memory}: written, block {made.assigned_block}")
    console.note(f"next: sitekit design {code}, then sitekit design {code} --assign")


# --- asking ------------------------------------------------------------------------------------


def _ask(
    flag: str,
    given: str | None,
    prompt: str,
    default: str | None = None,
    check: Callable[[str], str] | None = None,
) -> str:
    """What was given, else what the person says; in a script a missing flag is an error."""
    if given is None:
        if not sys.stdin.isatty():
            if flag == "name":
                raise click.UsageError("NAME is missing")
            if default is None:
                raise click.UsageError(f"--{flag} is missing, and there is no terminal to ask in")
            given = default
        else:
            given = click.prompt(prompt, default=default, err=True, type=str)
    answer = str(given).strip()
    return check(answer) if check else answer


def _number(flag: str, prompt: str, default: int) -> int:
    answer = _ask(flag, None, prompt, str(default))
    if not answer.isdigit():
        raise click.UsageError(f"--{flag}: '{answer}' is not a whole number")
    return int(answer)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"'{text}' is not a day such as 2027-02-01") from None


def _line(
    address: str | None, gateway: str | None
) -> tuple[IPv4Interface | None, IPv4Address | None]:
    """A line's fixed address and the carrier's end of it: both or none."""
    if address is None and gateway is None:
        return None, None
    if address is None or gateway is None:
        raise click.UsageError("--line-address and --line-gateway go together")
    if "/" not in address:
        raise click.UsageError(f"--line-address: write the length too, such as {address}/30")
    try:
        return IPv4Interface(address), IPv4Address(gateway)
    except ValueError:
        raise click.UsageError(
            f"'{address}' and '{gateway}' are not a line's addresses: write them as "
            "198.51.100.38/30 and 198.51.100.37"
        ) from None


def _code(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,15}", text):
        raise click.UsageError(f"'{text}' cannot be a code: 2 to 16 lower case letters and digits")
    return text


def _site_code(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]{2,7}", text):
        raise click.UsageError(
            f"'{text}' cannot be a site's code: 3 to 8 lower case letters and digits, such as lyo02"
        )
    return text


def _letters(text: str) -> str:
    from ..render.words import ascii_words

    return re.sub(r"[^a-z]", "", ascii_words(text).lower())


# --- writing -----------------------------------------------------------------------------------


def _refuse_existing(paths: Any) -> None:
    for path in paths:
        if path.exists() or path.is_symlink():
            raise OutputError(
                f"{path} exists already", hint="choose another code; nothing was written"
            )


def _create(files: dict[Path, str]) -> None:
    """Write new files, all or none of them."""
    from .files import create_whole

    _refuse_existing(files)
    create_whole(files)


def _accept(folder: Path, *written: Path) -> None:
    """What was written must load; if it does not, it is taken back and the reason is said."""
    from ..load import load_organisation

    try:
        load_organisation(folder)
    except SitekitError:
        for path in written:
            path.unlink(missing_ok=True)
        raise
