"""Our own plug-in against the lab's Graph, beside the plug-ins of Azure and Entra."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sitekit.errors import RefusedError
from sitekit.graph import FixedToken, Graph
from sitekit.provider.kinds import KINDS, Found
from tests.lab_cloud.world import Engine

ENTRA = "sitekit:entra:"


@pytest.fixture
def graph(port: int) -> Iterator[Graph]:
    with Graph(
        FixedToken("lab-token"), url=f"http://127.0.0.1:{port}", sleep=lambda seconds: None
    ) as client:
        yield client


def made(graph: Graph, kind: str, **inputs: Any) -> Found:
    """A resource as it is right after it was made."""
    own = KINDS[f"{ENTRA}{kind}"]
    identity = own.create(graph, inputs)
    found = own.read(graph, identity, inputs)
    assert found is not None
    assert found.inputs == inputs  # a second run has nothing to change
    return found


def test_a_domain_is_proved_by_the_record_that_a_stack_writes(graph: Graph, engine: Engine) -> None:
    zone = engine.example("public_zone")
    name = str(zone.inputs["zoneName"])
    domain = made(graph, "Domain", name=name)
    assert domain.outputs["isVerified"] is False
    text = domain.outputs["verificationText"]
    with pytest.raises(RefusedError) as refused:
        made(graph, "DomainVerification", domain=name, wait=False)
    assert f'put TXT "{text}" into the public DNS of {name}' in refused.value.hint
    engine.create(
        "azure-native:dns:RecordSet",
        {
            "resourceGroupName": zone.inputs["resourceGroupName"], "zoneName": name,
            "recordType": "TXT", "relativeRecordSetName": "@", "ttl": 3600,
            "txtRecords": [{"value": ["v=spf1 -all"]}, {"value": [text]}],
        },
    )  # fmt: skip
    made(graph, "DomainVerification", domain=name, wait=False)
    below = made(graph, "Domain", name=f"films.{name}")
    assert below.outputs["isVerified"] is True
    made(graph, "DomainVerification", domain=f"films.{name}", wait=False)


def test_a_domain_that_is_there_already_is_taken_as_it_is(graph: Graph) -> None:
    domain = made(graph, "Domain", name="lab.example")
    assert domain.outputs["isVerified"] is True
    made(graph, "DomainVerification", domain="lab.example", wait=False)


def test_the_account_in_a_restricted_unit_is_closed_to_the_other_plug_in(
    graph: Graph, engine: Engine
) -> None:
    import grpc

    unit = made(graph, "RestrictedAdministrativeUnit", displayName="rau-lab", description="x")
    user = engine.example("ana")
    member = engine.create(
        "azuread:index/administrativeUnitMember:AdministrativeUnitMember",
        {
            "administrativeUnitObjectId": unit.outputs["objectId"],
            "memberObjectId": user.outputs["objectId"],
        },
    )
    with pytest.raises(grpc.RpcError, match="restricted management administrative unit"):
        engine.update(user, {**user.inputs, "displayName": "Somebody else"})
    role = engine.create(
        "azuread:index/directoryRoleAssignment:DirectoryRoleAssignment",
        {
            "roleId": "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
            "principalObjectId": engine.example("staff").outputs["objectId"],
            "directoryScopeId": f"/administrativeUnits/{unit.id}",
        },
    )
    assert engine.read(role) is not None
    engine.delete(member)
    engine.update(user, {**user.inputs, "displayName": "Somebody else"})


def test_ways_of_signing_in_are_set_and_read_back(graph: Graph) -> None:
    from tests.organisations import horizon

    methods = dict(horizon().catalogue.cloud.sign_in_methods)
    made(graph, "AuthenticationMethodsPolicy", methods=methods)
    policy = graph.get("/policies/authenticationMethodsPolicy", needs="")
    states = {m["id"]: m["state"] for m in policy["authenticationMethodConfigurations"]}
    assert {name: states[name] for name in methods} == methods
    assert states["Email"] == "enabled"  # what is not named stays
