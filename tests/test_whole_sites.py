"""Offices drawn at random, made by `new site`: whatever is wished, the design keeps its word."""

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

from sitekit.design import design_site, space
from sitekit.design.assign import block_text
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
def wishes(draw: st.DrawFn, organisation: LoadedOrganisation) -> SiteWishes:
    """An office within the bounds of its archetype."""
    archetype = draw(st.sampled_from(sorted(organisation.catalogue.archetypes)))
    bounds = organisation.catalogue.archetypes[archetype]
    people = draw(st.integers(bounds.people.min, bounds.people.max))
    opens = ORDERED + timedelta(days=draw(st.integers(1, 200)))
    return SiteWishes(
        code="new01",
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
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_drawn_office_keeps_every_promise(
    organisation: tuple[Path, LoadedOrganisation], data: st.DataObject
) -> None:
    folder, loaded = organisation
    wished = data.draw(wishes(loaded))
    try:
        made = new_site(loaded, wished)
    except SitekitError as error:
        if "standard hardware" not in error.message:
            raise
        return  # too large for any model: that is said, and nothing is written
    site = folder / "sites" / "new01.yaml"
    memory = folder / "sites" / "new01.assigned.yaml"
    site.write_text(made.site, encoding="utf-8")
    memory.write_text(block_text("new01", str(made.assigned_block)), encoding="utf-8")
    try:
        inputs = load_organisation(folder).sites["new01"]
    finally:
        site.unlink()
        memory.unlink()
    design = design_site(inputs)
    assert design == design_site(inputs)
    assert [f for f in design.findings if f.severity == "error"] == []
    assert all(proof.holds for proof in design.proofs)
    addresses_are_apart(design)
    links_agree(design)
    no_rule_is_shadowed(design)
    first = [(a.path, a.text) for a in render_site(design, inputs.catalogue)]
    assert first == [(a.path, a.text) for a in render_site(design_site(inputs), inputs.catalogue)]


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
