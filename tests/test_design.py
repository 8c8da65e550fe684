"""Promises of the design: what follows from a site, and what never moves."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitekit.design import design_site
from sitekit.design.assign import assigned_text
from sitekit.design.result import (
    FirewallDesign,
    PortPurpose,
    SiteDesign,
    SwitchDesign,
)
from sitekit.load import SiteInputs
from sitekit.load.yaml_source import parse_yaml
from sitekit.model.site import Assigned, Device, Endpoint, Flow, Segment, Site
from tests.organisations import horizon

SITES = ("bdx01", "lyo01", "mrs01", "nce01", "par01", "par02")
site_codes = pytest.mark.parametrize("code", SITES)


def changed(inputs: SiteInputs, **values: object) -> SiteInputs:
    """The same site with some of its written values replaced."""
    return replace(inputs, site=inputs.site.model_copy(update=values))


def remembered(inputs: SiteInputs) -> SiteInputs:
    """The same site after `design --assign`."""
    text = assigned_text(inputs, design_site(inputs))
    document = parse_yaml(text.encode(), shown="assigned")
    assert not document.problems
    return replace(inputs, assigned=Assigned.model_validate(document.data))


def switches(design: SiteDesign) -> list[SwitchDesign]:
    return [d for d in design.devices if isinstance(d, SwitchDesign)]


def firewalls(design: SiteDesign) -> list[FirewallDesign]:
    return [d for d in design.devices if isinstance(d, FirewallDesign)]


@site_codes
def test_networks_are_inside_the_block_and_apart(code: str) -> None:
    design = design_site(horizon().sites[code])
    prefixes = [n.prefix for n in design.networks]
    assert all(p.subnet_of(design.facts.block) for p in prefixes)
    assert not any(a.overlaps(b) for a in prefixes for b in prefixes if a is not b)
    assert len({n.vlan for n in design.networks}) == len(design.networks)


@site_codes
def test_dhcp_ranges_leave_gateway_and_fixed_addresses_alone(code: str) -> None:
    design = design_site(horizon().sites[code])
    for network in design.networks:
        if network.dhcp is None:
            continue
        assert network.prefix.network_address < network.dhcp.first <= network.dhcp.last
        assert network.dhcp.last < network.prefix.broadcast_address
        assert network.gateway is not None
        assert network.gateway < network.dhcp.first
        for reservation in network.dhcp.reservations:
            assert reservation.address in network.prefix
            assert reservation.address < network.dhcp.first


@site_codes
def test_every_port_of_every_device_has_one_purpose(code: str) -> None:
    inputs = horizon().sites[code]
    design = design_site(inputs)
    seen = [(p.device, p.port) for p in design.ports]
    assert len(seen) == len(set(seen))
    for switch in switches(design):
        mine = {p.port for p in design.ports if p.device == switch.name}
        assert {port.name for port in switch.ports} == mine
        for port in switch.ports:
            if port.profile.purpose is PortPurpose.UNUSED:
                assert port.profile.vlan == inputs.catalogue.blackhole_vlan


@site_codes
def test_design_is_a_function(code: str) -> None:
    assert design_site(horizon().sites[code]) == design_site(horizon().sites[code])


@site_codes
def test_what_is_remembered_is_what_was_chosen(code: str) -> None:
    inputs = replace(horizon().sites[code], assigned=horizon().sites[code].assigned)
    before, after = design_site(inputs), design_site(remembered(inputs))
    assert before.ports == after.ports
    assert before.devices == after.devices


@site_codes
def test_trunks_agree_at_both_ends(code: str) -> None:
    design = design_site(horizon().sites[code])
    profiles = {(s.name, port.name): port.profile for s in switches(design) for port in s.ports}
    for cable in design.cables:
        if cable.kind not in ("inter-switch", "peer-link"):
            continue
        left = profiles[cable.left, cable.left_port]
        right = profiles[cable.right, cable.right_port]
        assert left.native_vlan == right.native_vlan
        assert left.allowed_vlans == right.allowed_vlans
        assert left.mtu == right.mtu


@site_codes
def test_exactly_one_querier_per_media_vlan(code: str) -> None:
    design = design_site(horizon().sites[code])
    asked = [e.vlan for s in switches(design) for e in s.igmp if e.querier]
    wanted = [n.vlan for n in design.networks if n.media and n.media.igmp_snooping]
    assert sorted(asked) == sorted(wanted)


@site_codes
def test_media_ports_keep_multicast_and_lose_energy_saving(code: str) -> None:
    design = design_site(horizon().sites[code])
    media = {n.name: n for n in design.networks if n.media}
    for switch in switches(design):
        for port in switch.ports:
            if port.network in media:
                assert port.profile.storm_control != "all"
                assert not port.profile.eee
                assert port.profile.mtu == media[port.network].mtu


@site_codes
def test_all_ten_never_rules_hold(code: str) -> None:
    proofs = design_site(horizon().sites[code]).proofs
    assert len(proofs) == 10
    assert all(proof.holds for proof in proofs)
    assert sum("set algebra" in proof.method for proof in proofs) == 6


@site_codes
def test_rules_have_unique_names_and_numbers_that_platforms_take(code: str) -> None:
    policy = design_site(horizon().sites[code]).policy
    assert len({r.number for r in policy}) == len(policy)
    assert len({r.name for r in policy}) == len(policy)
    assert all(len(r.name) <= 35 and r.reason for r in policy)
    assert all(r.nat == (r.destination_zone == "wan") for r in policy)


@pytest.mark.parametrize(
    ("flow", "broken"),
    [
        ({"source": "guest", "destination": "server"}, "never-guest-private"),
        ({"source": "guest", "destination": "10.127.0.0/16"}, "never-guest-private"),
        ({"source": "post", "destination": "wan"}, "never-content-internet"),
        ({"source": "storage", "destination": "9.9.9.9/32"}, "never-content-internet"),
        ({"source": "dmz", "destination": "post"}, "never-dmz-content"),
        ({"source": "data_io", "destination": "storage"}, "never-data-io-content"),
        ({"source": "10.96.71.64/26", "destination": "10.96.74.0/24"}, "never-data-io-content"),
    ],
)
def test_a_flow_that_breaks_a_never_rule_is_found_by_its_addresses(
    flow: dict[str, str], broken: str
) -> None:
    inputs = horizon().sites["par02"]
    local = Flow.model_validate({**flow, "services": ["ssh"], "reason": "somebody asked"})
    design = design_site(changed(inputs, flows=(*inputs.site.flows, local)))
    failed = [proof for proof in design.proofs if not proof.holds]
    assert [proof.rule for proof in failed] == [broken]
    assert "tcp/22 is permitted by rule" in failed[0].counterexample
    finding = next(f for f in design.findings if f.rule == broken)
    assert finding.severity == "error"


def test_pixels_of_the_broker_are_the_only_way_from_the_dmz() -> None:
    inputs = horizon().sites["par02"]
    rules = [r for r in design_site(inputs).policy if r.source_zone == "dmz"]
    towards = {r.destination_zone: r for r in rules if r.destination_zone in ("prod", "post")}
    assert set(towards) == {"prod", "post"}
    assert {a.name for r in towards.values() for a in r.sources} == {"par02-broker"}


def test_a_camera_on_the_doors_vlan_is_found() -> None:
    inputs = horizon().sites["par01"]
    camera = Endpoint.model_validate({"name": "x-cam", "kind": "camera", "segment": "eac"})
    design = design_site(changed(inputs, endpoints=(*inputs.site.endpoints, camera)))
    assert [p.rule for p in design.proofs if not p.holds] == ["never-cameras-with-doors"]


def test_a_machine_in_two_worlds_is_found() -> None:
    inputs = horizon().sites["par02"]
    both = Endpoint.model_validate(
        {"name": "x-ws", "kind": "workstation", "segment": "post", "also": ["corp"]}
    )
    design = design_site(changed(inputs, endpoints=(*inputs.site.endpoints, both)))
    assert [p.rule for p in design.proofs if not p.holds] == ["never-dual-homed"]


def test_red_and_blue_are_on_one_core_each() -> None:
    design = design_site(horizon().sites["mrs01"])
    cores = [s for s in switches(design) if s.mlag]
    has = [{v.name for v in core.vlans} & {"st2110_a", "st2110_b"} for core in cores]
    assert has == [{"st2110_a"}, {"st2110_b"}]
    for switch in switches(design):
        for lag in switch.lags:
            assert not {170, 171} & set(lag.profile.allowed_vlans)


def test_content_gateways_are_on_the_core_and_filtered_there() -> None:
    design = design_site(horizon().sites["par02"])
    core = switches(design)[0]
    assert {svi.description for svi in core.svis} == {"post", "storage", "render"}
    for acl in core.acls:
        assert acl.entries[-1].action == "deny"
        assert acl.entries[-1].log
    filtered = {svi.acl_in for svi in core.svis}
    assert filtered == {acl.name for acl in core.acls}


def test_an_interim_line_hands_over_to_the_final_one() -> None:
    design = design_site(horizon().sites["lyo01"])
    interim = next(u for u in design.uplinks if u.interim)
    final = next(u for u in design.uplinks if not u.interim)
    assert interim.cut_over == final.ready
    assert interim.ready <= horizon().sites["lyo01"].site.opens < final.ready


def test_tunnels_go_from_every_fixed_address_to_every_gateway() -> None:
    design = design_site(horizon().sites["par02"])
    assert [t.name for t in design.tunnels] == [
        "az0-fibre-a",
        "az1-fibre-a",
        "az0-fibre-b",
        "az1-fibre-b",
    ]
    assert all(len(t.name) <= 15 for t in design.tunnels)


def test_as_numbers_are_private_and_unique() -> None:
    numbers = [
        firewalls(design_site(inputs))[0].bgp.asn  # type: ignore[union-attr]
        for inputs in horizon().sites.values()
    ]
    assert len(set(numbers)) == len(numbers)
    assert all(4_200_000_000 <= n <= 4_294_967_294 for n in numbers)


# --- what people typed never moves -------------------------------------------------------------

additions = st.fixed_dictionaries(
    {},
    optional={
        "people": st.integers(1, 6),
        "camera": st.booleans(),
        "server": st.booleans(),
        "points": st.integers(1, 2),
        "segment": st.booleans(),
        "switch": st.booleans(),
    },
)


def added(site: Site, what: dict[str, int]) -> Site:
    """The site with more of everything that was drawn."""
    devices, endpoints, segments = list(site.devices), list(site.endpoints), list(site.segments)
    if "points" in what:
        devices.append(Device(role="access-point", model="fap-231g", count=what["points"] + 1))
    if what.get("switch"):
        like = next(d for d in devices if d.role == "access-switch")
        devices.append(like.model_copy(update={"name": None, "serial": None}))
    if what.get("camera"):
        endpoints.insert(
            0, Endpoint.model_validate({"name": "new-cam", "kind": "camera", "segment": "cctv"})
        )
    if what.get("server"):
        endpoints.insert(
            0,
            Endpoint.model_validate(
                {
                    "name": "new-server",
                    "kind": "server",
                    "segment": "server",
                    "links": 2,
                    "speed_mbps": 1000,
                }
            ),
        )
    if what.get("segment"):
        segments.insert(
            0,
            Segment.model_validate(
                {
                    "name": "added",
                    "zone": "iot",
                    "vlan": 301,
                    "slot": 50,
                    "prefix_length": 26,
                    "reason": "a test",
                }
            ),
        )
    return site.model_copy(
        update={
            "people": site.people + what.get("people", 0),
            "devices": tuple(devices),
            "endpoints": tuple(endpoints),
            "segments": tuple(segments),
        }
    )


@settings(max_examples=25, deadline=None)
@given(additions)
def test_adding_anything_moves_nothing(what: dict[str, int]) -> None:
    inputs = remembered(horizon().sites["lyo01"])
    before = design_site(inputs)
    after = design_site(replace(inputs, site=added(inputs.site, what)))
    assert {n.name: (n.vlan, n.prefix, n.gateway) for n in before.networks}.items() <= {
        n.name: (n.vlan, n.prefix, n.gateway) for n in after.networks
    }.items()
    old = {(p.device, p.port): (p.purpose, p.to, p.lag) for p in before.ports if p.to}
    new = {(p.device, p.port): (p.purpose, p.to, p.lag) for p in after.ports if p.to}
    replaced = {to for _, to, _ in old.values() if to.startswith("camera-")}
    for key, value in old.items():
        if value[1] not in replaced:  # a named camera takes the place of a counted one
            assert new.get(key) == value
    assert set(before.choices.management) <= set(after.choices.management)
    assert set(before.choices.addresses) <= set(after.choices.addresses)
    assert {r.number: r.name for r in before.policy}.items() <= {
        r.number: r.name for r in after.policy
    }.items()


slots = st.lists(st.integers(48, 62), unique=True, max_size=6)


@settings(max_examples=40, deadline=None)
@given(slots, st.randoms())
def test_order_and_neighbours_never_move_a_segment(chosen: list[int], random: object) -> None:
    inputs = horizon().sites["bdx01"]

    def local(slot: int) -> Segment:
        return Segment.model_validate(
            {
                "name": f"seg-{slot}",
                "zone": "corp",
                "vlan": 1000 + slot,
                "slot": slot,
                "prefix_length": 27,
                "reason": "a test",
            }
        )

    def places(segments: list[Segment]) -> dict[str, IPv4Network]:
        design = design_site(changed(inputs, segments=tuple(segments)))
        return {n.name: n.prefix for n in design.networks}

    alone = {f"seg-{slot}": places([local(slot)])[f"seg-{slot}"] for slot in chosen}
    together = places([local(slot) for slot in reversed(chosen)])
    assert alone.items() <= together.items()


def test_management_addresses_begin_at_the_hosts_of_their_role() -> None:
    design = design_site(horizon().sites["bdx01"])
    base = design.network["net_mgmt"].prefix.network_address
    assert dict(design.choices.management) == {
        "bdx01-fw-01": IPv4Address(int(base) + 1),
        "bdx01-sw-01": IPv4Address(int(base) + 10),
    }
