"""Organisations drawn at random, made by `new site`: whatever is wished, the design holds."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sitekit.crosscheck import cross_check
from sitekit.design import design_site, space
from sitekit.design.assign import assigned_text, block_text
from sitekit.design.result import FirewallDesign, PortPurpose, SiteDesign, SwitchDesign
from sitekit.errors import SitekitError
from sitekit.load import LoadedOrganisation, load_organisation
from sitekit.render import render_site
from sitekit.scaffold import SiteWishes, new_site
from tests.test_mistakes import BASE

ORDERED = date(2026, 11, 24)


@pytest.fixture(scope="module")
def organisation() -> Iterator[tuple[Path, LoadedOrganisation]]:
    folder = Path(tempfile.mkdtemp()) / "organisation"
    shutil.copytree(BASE, folder)
    yield folder, load_organisation(folder)
    shutil.rmtree(folder.parent)


@st.composite
def wishes(draw: st.DrawFn, organisation: LoadedOrganisation, code: str = "new01") -> SiteWishes:
    """An office within the bounds of its archetype."""
    archetype = draw(st.sampled_from(sorted(organisation.catalogue.archetypes)))
    bounds = organisation.catalogue.archetypes[archetype]
    people = draw(st.integers(bounds.people.min, bounds.people.max))
    opens = ORDERED + timedelta(days=draw(st.integers(1, 200)))
    return SiteWishes(
        code=code,
        name="An office",
        subsidiary=draw(st.sampled_from(sorted(organisation.subsidiaries))),
        archetype=archetype,
        people=people,
        area_m2=draw(st.integers(bounds.area_m2.min, bounds.area_m2.max)),
        street="1 rue du Test",
        postcode="75001",
        city="Paris",
        country="FR",
        opens=opens,
        closes=opens + timedelta(days=120),
        ordered=ORDERED,
    )


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_drawn_organisation_keeps_every_promise(
    organisation: tuple[Path, LoadedOrganisation], data: st.DataObject
) -> None:
    folder, loaded = organisation
    made: list[str] = []
    try:
        for number in range(data.draw(st.integers(1, 3))):
            code = f"new{number:02}"
            if write_site(folder, load_organisation(folder), data.draw(wishes(loaded, code))):
                made.append(code)
        grown = load_organisation(folder)
        for code in made:
            keeps_its_promises(grown, code)
        blocks_are_apart(grown)
        for code in made[:1]:
            numbers_stay(folder, grown, code)
    finally:
        for path in folder.glob("sites/new*"):
            path.unlink()


def write_site(folder: Path, loaded: LoadedOrganisation, wished: SiteWishes) -> bool:
    """Make the site; False where it is too large for any model: that is said, nothing written."""
    try:
        made = new_site(loaded, wished)
    except SitekitError as error:
        if "standard hardware" not in error.message:
            raise
        return False
    site, memory = (folder / "sites" / f"{wished.code}{end}" for end in (".yaml", ".assigned.yaml"))
    site.write_text(made.site, encoding="utf-8")
    memory.write_text(block_text(wished.code, str(made.assigned_block)), encoding="utf-8")
    return True


def keeps_its_promises(organisation: LoadedOrganisation, code: str) -> None:
    inputs = organisation.sites[code]
    design = design_site(inputs)
    assert design == design_site(inputs)
    assert [f for f in design.findings if f.severity == "error"] == []
    assert all(proof.holds for proof in design.proofs)
    addresses_are_apart(design)
    links_agree(design)
    no_rule_is_shadowed(design)
    artifacts = list(render_site(design, inputs.catalogue))
    again = render_site(design_site(inputs), inputs.catalogue)
    assert [(a.path, a.text) for a in artifacts] == [(a.path, a.text) for a in again]
    # By parsers of their own: the texts agree, and no rule of them is shadowed.
    found = cross_check((a for a in artifacts if a.path.parent.name != "day-0"), code)
    assert [f"{f.place}: {f.message}" for f in found if f.severity == "error"] == []


def blocks_are_apart(organisation: LoadedOrganisation) -> None:
    prefixes = [
        (code, n.prefix)
        for code, inputs in organisation.sites.items()
        for n in design_site(inputs).networks
    ]
    for index, (code, prefix) in enumerate(prefixes):
        for other, another in prefixes[index + 1 :]:
            assert not prefix.overlaps(another), f"{code} {prefix}, {other} {another}"


def numbers_stay(folder: Path, before: LoadedOrganisation, code: str) -> None:
    """What people typed stays when the site is given memory, one more device and a neighbour."""
    old = design_site(before.sites[code])
    memory = folder / "sites" / f"{code}.assigned.yaml"
    memory.write_text(assigned_text(before.sites[code], old), encoding="utf-8")
    site = folder / "sites" / f"{code}.yaml"
    text = site.read_text(encoding="utf-8")
    printer = "{name: one-more, kind: printer, segment: print, mac: '02:00:5e:99:00:01'}"
    if any(n.name == "print" for n in old.networks) and "endpoints:" not in text:
        site.write_text(f"{text}endpoints: [{printer}]\n", encoding="utf-8")
    new = design_site(load_organisation(folder).sites[code])
    assert numbers(old).items() <= numbers(new).items()


def numbers(design: SiteDesign) -> dict[tuple[str, ...], str]:
    """Everything of a design that people type into other machines, by what it belongs to."""
    found = {("network", n.name): f"{n.vlan} {n.prefix} {n.gateway}" for n in design.networks}
    found |= {("fixed", f.name): str(f.address) for f in design.fixed}
    for device in design.devices:
        if isinstance(device, SwitchDesign):
            found["switch", device.name] = str(device.management.address)
    found |= {("tunnel", t.name): str(t.local_address) for t in design.tunnels}
    found |= {
        ("port", p.device, p.port): p.to
        for p in design.ports
        if p.purpose in (PortPurpose.FIREWALL, PortPurpose.SWITCH, PortPurpose.INTER_SWITCH)
    }
    return found


def addresses_are_apart(design: SiteDesign) -> None:
    prefixes = [n.prefix for n in design.networks]
    assert not any(a.overlaps(b) for a in prefixes for b in prefixes if a is not b)
    taken = Counter(
        svi.address
        for d in design.devices
        if isinstance(d, SwitchDesign)
        for svi in (d.management, *d.svis)
    )
    taken.update(
        i.address
        for d in [d for d in design.devices if isinstance(d, FirewallDesign)][:1]
        for i in d.interfaces
    )
    assert set(taken.values()) == {1}


def links_agree(design: SiteDesign) -> None:
    """Every cable has two ends that name each other, and every used port is used once."""
    ends = {(p.device, p.port): p for p in design.ports}
    for cable in design.cables:
        if cable.kind == "uplink":
            continue
        left = ends[cable.left, cable.left_port]
        right = ends[cable.right, cable.right_port]
        assert (left.to, right.to) == (cable.right, cable.left)
    kinds = {p.purpose for p in design.ports}
    assert PortPurpose.FIREWALL in kinds
    assert PortPurpose.SWITCH in kinds


def no_rule_is_shadowed(design: SiteDesign) -> None:
    seen: dict[tuple[str, str], list[space.Box]] = {}
    for rule in design.policy:
        if any(a.kind == "fqdn" for a in rule.destinations):
            continue
        boxes = list(
            space.boxes(
                space.addresses(p for a in rule.sources for p in a.prefixes),
                space.addresses(p for a in rule.destinations for p in a.prefixes),
                space.services(rule.services),
            )
        )
        earlier = seen.setdefault((rule.ingress, rule.egress), [])
        assert any(space.subtract_all(box, earlier) for box in boxes), rule.name
        earlier += boxes
