"""Microsoft Graph as the lab answers it, over HTTP, and beside the azuread plug-in."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.client import HTTPConnection, RemoteDisconnected
from typing import Any
from urllib.parse import quote

import pytest

from sitekit.lab.cloud import membership, odata
from sitekit.lab.cloud.folder import TENANT
from sitekit.lab.cloud.store import Store
from tests.lab_cloud.world import EXAMPLES, Engine

SKU = "05e9a617-0261-4cee-bb44-138d3ef5d965"
NOBODY = "00000000-0000-0000-0000-00000000dead"


@dataclass
class Reply:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def values(self) -> list[Any]:
        assert self.status == 200, self.body
        found: list[Any] = self.body["value"]
        return found


@dataclass
class Client:
    port: int

    def __call__(
        self, method: str, path: str, body: Any = None, *, token: str = "lab-token", **headers: str
    ) -> Reply:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        sent = {"Authorization": f"Bearer {token}", **headers}
        text = None
        if body is not None:
            text = body if isinstance(body, str) else json.dumps(body)
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, f"/v1.0{quote(path, safe='/?&=$,:@()%')}", text, sent)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        return Reply(response.status, json.loads(raw) if raw else None, dict(response.headers))

    def user(self, name: str, **more: Any) -> dict[str, Any]:
        reply = self("POST", "/users", person(name, **more))
        assert reply.status == 201, reply.body
        found: dict[str, Any] = reply.body
        return found

    def group(self, name: str, **more: Any) -> dict[str, Any]:
        body = {
            "displayName": name,
            "mailEnabled": False,
            "mailNickname": name,
            "securityEnabled": True,
            **more,
        }
        reply = self("POST", "/groups", body)
        assert reply.status == 201, reply.body
        found: dict[str, Any] = reply.body
        return found


def person(name: str, **more: Any) -> dict[str, Any]:
    return {
        "accountEnabled": True,
        "displayName": name.title(),
        "mailNickname": name,
        "userPrincipalName": f"{name}@lab.example",
        "passwordProfile": {"password": "Not-a-real-1"},
        **more,
    }


def ref(id: str) -> dict[str, str]:
    return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{id}"}


@pytest.fixture
def graph(port: int) -> Client:
    return Client(port)


# --- users -------------------------------------------------------------------------------------


def test_a_users_life(graph: Client) -> None:
    made = graph.user("ana", department="Edit", employeeId="e-1")
    id = made["id"]
    assert set(made) == {
        "@odata.context",
        "id",
        "businessPhones",
        "displayName",
        "givenName",
        "jobTitle",
        "mail",
        "mobilePhone",
        "officeLocation",
        "preferredLanguage",
        "surname",
        "userPrincipalName",
    }
    assert graph("GET", f"/users/{id}").body["displayName"] == "Ana"
    assert graph("GET", "/users/ana@lab.example").body["id"] == id
    chosen = graph("GET", f"/users/{id}?$select=id,department,accountEnabled").body
    assert {key: value for key, value in chosen.items() if key[0] != "@"} == {
        "id": id,
        "department": "Edit",
        "accountEnabled": True,
    }
    assert graph("PATCH", f"/users/{id}", {"department": None, "jobTitle": "Editor"}).status == 204
    after = graph("GET", f"/users/{id}?$select=department,jobTitle").body
    assert (after["department"], after["jobTitle"]) == (None, "Editor")
    assert graph("POST", f"/users/{id}/revokeSignInSessions").body["value"] is True
    assert graph("DELETE", f"/users/{id}").status == 204
    gone = graph("GET", f"/users/{id}")
    assert (gone.status, gone.code) == (404, "Request_ResourceNotFound")


def test_revoking_moves_the_moment(graph: Client, store: Store) -> None:
    id = graph.user("ana")["id"]
    select = f"/users/{id}?$select=signInSessionsValidFromDateTime"
    before = graph("GET", select).body["signInSessionsValidFromDateTime"]
    store.pass_time(60)
    graph("POST", f"/users/{id}/revokeSignInSessions")
    assert graph("GET", select).body["signInSessionsValidFromDateTime"] > before


def test_deleted_users_come_back_or_do_not(graph: Client) -> None:
    team = graph.group("team")["id"]
    id = graph.user("ana")["id"]
    graph("POST", f"/groups/{team}/members/$ref", ref(id))
    graph("DELETE", f"/users/{id}")
    listed = graph(
        "GET",
        "/directory/deletedItems/microsoft.graph.user?$select=id,userPrincipalName,deletedDateTime",
    ).values
    assert [item["id"] for item in listed] == [id]
    assert listed[0]["userPrincipalName"] == id.replace("-", "") + "ana@lab.example"
    assert graph("GET", f"/groups/{team}/members").values == []
    back = graph("POST", f"/directory/deletedItems/{id}/restore")
    assert (back.status, back.body["userPrincipalName"]) == (200, "ana@lab.example")
    assert [item["id"] for item in graph("GET", f"/groups/{team}/members").values] == [id]
    graph("DELETE", f"/users/{id}")
    assert graph("DELETE", f"/directory/deletedItems/{id}").status == 204
    assert graph("GET", f"/directory/deletedItems/{id}").status == 404
    # A security group is gone at once; a Microsoft 365 group is not.
    unified = graph.group("film", groupTypes=["Unified"], mailEnabled=True)["id"]
    for group in (team, unified):
        graph("DELETE", f"/groups/{group}")
    kept = graph("GET", "/directory/deletedItems/microsoft.graph.group").values
    assert [item["id"] for item in kept] == [unified]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (person("ana", userPrincipalName="ana@nowhere.example"), "verified domain names"),
        (person("ana", mailNickname=None), "mailNickname"),
        (person("ana", passwordProfile={"password": "x"}), "complexity"),
        (person("ana", passwordProfile=None), "passwordProfile"),
        (person("ana", shoeSize=4), "Invalid property 'shoeSize'"),
        (person("ana", createdDateTime="2026-01-01"), "read-only"),
        (person("ana", displayName=""), "displayName"),
        (person("ana", usageLocation="fr"), "usageLocation"),
        (person("first"), "same value for property userPrincipalName"),
    ],
)
def test_users_that_cannot_be(graph: Client, body: dict[str, Any], words: str) -> None:
    graph.user("first")
    reply = graph("POST", "/users", body, **{"client-request-id": "mine"})
    assert (reply.status, reply.code) == (400, "Request_BadRequest")
    error = reply.body["error"]
    assert words in error["message"]
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    assert reply.headers["client-request-id"] == "mine"
    if "same value" in words:
        assert error["details"][0] == {
            "code": "ObjectConflict",
            "message": error["message"],
            "target": "userPrincipalName",
        }


def test_lists_filters_and_pages(graph: Client) -> None:
    for number in range(7):
        graph.user(
            f"u{number}", department="Edit" if number % 2 else "Sound", employeeId=f"e-{number}"
        )
    seen, path, pages = [], "/users?$top=3&$select=id,userPrincipalName", 0
    while path:
        reply = graph("GET", path)
        seen += [item["userPrincipalName"] for item in reply.values]
        link = reply.body.get("@odata.nextLink", "")
        assert not link or link.startswith(f"http://127.0.0.1:{graph.port}/v1.0/users?")
        path, pages = link.partition("/v1.0")[2], pages + 1
    assert seen == [f"u{number}@lab.example" for number in range(7)]
    assert pages == 3

    def found(text: str) -> int:
        return len(graph("GET", f"/users?$filter={text}").values)

    assert found("userPrincipalName eq 'U3@LAB.example'") == 1
    assert found("employeeId eq 'e-3' or employeeId in ('e-4','e-5')") == 3
    assert found("department eq 'Edit' and accountEnabled eq true") == 3
    assert found("startswith(displayName,'U') and not (department ne 'Sound')") == 4
    assert found("endswith(userPrincipalName,'@lab.example')") == 7
    assert graph("GET", "/users?$count=true&$top=1").body["@odata.count"] == 7
    assert [
        item["displayName"]
        for item in graph("GET", "/users?$orderby=displayName desc&$top=2").values
    ] == ["U6", "U5"]
    for wrong in (
        "$filter=displayName is 'x'",
        "$top=1000",
        "$top=0",
        "$skiptoken=zzz",
        "$select=id,shoeSize",
        '$search="displayName:u"',
    ):
        assert graph("GET", f"/users?{wrong}").status == 400
    searched = graph("GET", '/users?$search="displayName:u3"', ConsistencyLevel="eventual")
    assert len(searched.values) == 1


def test_managers(graph: Client) -> None:
    boss, editor = graph.user("boss")["id"], graph.user("ed")["id"]
    assert graph("GET", f"/users/{editor}/manager").status == 404
    assert graph("PUT", f"/users/{editor}/manager/$ref", ref(boss)).status == 204
    assert graph("GET", f"/users/{editor}/manager").body["id"] == boss
    assert graph("GET", f"/users/{editor}?$expand=manager").body["manager"]["id"] == boss
    listed = graph("GET", "/users?$expand=manager($select=id)&$select=id").values
    assert [item.get("manager", {}).get("id") for item in listed] == [None, boss]
    assert graph("DELETE", f"/users/{editor}/manager/$ref").status == 204


# --- groups, licences, units -------------------------------------------------------------------


def test_groups_and_members(graph: Client) -> None:
    ana, bob = graph.user("ana")["id"], graph.user("bob")["id"]
    team = graph.group(
        "team",
        **{
            "members@odata.bind": [ref(ana)["@odata.id"]],
            "owners@odata.bind": [ref(bob)["@odata.id"]],
        },
    )["id"]
    assert [item["id"] for item in graph("GET", f"/groups/{team}/owners").values] == [bob]
    assert graph("POST", f"/groups/{team}/members/$ref", ref(bob)).status == 204
    twice = graph("POST", f"/groups/{team}/members/$ref", ref(bob))
    assert twice.status == 400
    assert "already exist" in twice.body["error"]["message"]
    members = graph("GET", f"/groups/{team}/members?$select=id").values
    assert members == [
        {"@odata.type": "#microsoft.graph.user", "id": ana},
        {"@odata.type": "#microsoft.graph.user", "id": bob},
    ]
    assert len(graph("GET", f"/groups/{team}/members/microsoft.graph.user").values) == 2
    assert [item["id"] for item in graph("GET", f"/users/{ana}/memberOf").values] == [team]
    assert graph("DELETE", f"/groups/{team}/members/{ana}/$ref").status == 204
    assert graph("DELETE", f"/groups/{team}/members/{ana}/$ref").status == 404
    for wrong in (ref(NOBODY), {"@odata.id": "x"}):
        assert graph("POST", f"/groups/{team}/members/$ref", wrong).status in (400, 404)
    outer = graph.group("outer")["id"]
    graph("POST", f"/groups/{outer}/members/$ref", ref(team))
    assert {item["id"] for item in graph("GET", f"/groups/{outer}/transitiveMembers").values} == {
        team,
        bob,
    }
    assert {item["id"] for item in graph("GET", f"/users/{bob}/transitiveMemberOf").values} == {
        team,
        outer,
    }
    patched = graph(
        "PATCH",
        f"/groups/{outer}",
        {"members@odata.bind": [ref(ana)["@odata.id"]], "description": "x"},
    )
    assert patched.status == 204
    assert graph("GET", f"/groups/{outer}").body["description"] == "x"


def test_sponsors_and_roles(graph: Client, engine: Engine) -> None:
    boss, guest = graph.user("boss")["id"], graph.user("guest")["id"]
    assert graph("POST", f"/users/{guest}/sponsors/$ref", ref(boss)).status == 204
    assert [item["id"] for item in graph("GET", f"/users/{guest}/sponsors").values] == [boss]
    assert graph("DELETE", f"/users/{guest}/sponsors/{boss}/$ref").status == 204
    ana = engine.example("ana").outputs["objectId"]
    roles = f"/users/{ana}/memberOf/microsoft.graph.directoryRole?$select=id"
    assert graph("GET", roles).values == []
    engine.example("membership")
    scoped = engine.example("role_assignment")
    assert graph("GET", roles).values == []  # in one unit only
    engine.create(scoped.token, {**scoped.inputs, "directoryScopeId": "/"}, "global")
    helpdesk = engine.example("helpdesk").outputs["objectId"]
    assert graph("GET", roles).values == [{"id": helpdesk}]
    groups = graph("GET", f"/users/{ana}/memberOf/microsoft.graph.group?$select=displayName").values
    assert [item["displayName"] for item in groups] == ["Staff"]
    assert graph("GET", f"/users/{ana}/memberOf/microsoft.graph.teapot").status == 400


def test_dynamic_groups_fill_themselves(graph: Client) -> None:
    group = graph.group(
        "editors",
        groupTypes=["DynamicMembership"],
        membershipRuleProcessingState="On",
        membershipRule='(user.department -eq "Edit") -and (user.accountEnabled -eq true)',
    )["id"]
    ana = graph.user("ana", department="Edit")["id"]
    graph.user("bob", department="Sound")
    assert [item["id"] for item in graph("GET", f"/groups/{group}/members").values] == [ana]
    assert graph("POST", f"/groups/{group}/members/$ref", ref(ana)).status == 403
    graph("PATCH", f"/users/{ana}", {"accountEnabled": False})
    assert graph("GET", f"/groups/{group}/members").values == []


def test_licences(graph: Client) -> None:
    ana = graph.user("ana")["id"]
    give = {"addLicenses": [{"skuId": SKU, "disabledPlans": []}], "removeLicenses": []}
    assert (
        "usage location"
        in graph("POST", f"/users/{ana}/assignLicense", give).body["error"]["message"]
    )
    graph("PATCH", f"/users/{ana}", {"usageLocation": "FR"})
    assert graph("POST", f"/users/{ana}/assignLicense", give).status == 200
    assert graph("POST", f"/users/{ana}/assignLicense", {"addLicenses": []}).status == 400
    shown = graph("GET", f"/users/{ana}?$select=assignedLicenses,licenseAssignmentStates").body
    assert shown["assignedLicenses"] == [{"skuId": SKU, "disabledPlans": []}]
    assert shown["licenseAssignmentStates"][0]["assignedByGroup"] is None
    team = graph.group("team")["id"]
    bob = graph.user("bob", usageLocation="FR")["id"]
    graph("POST", f"/groups/{team}/members/$ref", ref(bob))
    assert graph("POST", f"/groups/{team}/assignLicense", give).status == 202
    states = graph("GET", f"/users/{bob}?$select=licenseAssignmentStates").body[
        "licenseAssignmentStates"
    ]
    assert (states[0]["assignedByGroup"], states[0]["state"]) == (team, "Active")
    used = {item["skuId"]: item["consumedUnits"] for item in graph("GET", "/subscribedSkus").values}
    assert used[SKU] == 2
    assert len(graph("GET", f"/users/{bob}/licenseDetails").values) == 1
    take = {"addLicenses": [], "removeLicenses": [SKU]}
    assert graph("POST", f"/users/{ana}/assignLicense", take).status == 200
    assert graph("POST", f"/users/{bob}/assignLicense", take).status == 400  # it is the group's
    assert (
        graph(
            "GET",
            f"/users?$filter=assignedLicenses/any(x:x/skuId eq {SKU})&$select=id,assignedLicenses",
        ).values[0]["id"]
        == bob
    )


def test_units_and_guests(graph: Client) -> None:
    ana = graph.user("ana")["id"]
    unit = graph("POST", "/directory/administrativeUnits", {"displayName": "Kin"}).body["id"]
    assert (
        graph("POST", f"/directory/administrativeUnits/{unit}/members/$ref", ref(ana)).status == 204
    )
    assert [
        item["id"] for item in graph("GET", f"/directory/administrativeUnits/{unit}/members").values
    ] == [ana]
    invitation = {
        "invitedUserEmailAddress": "zed@freelance.example",
        "inviteRedirectUrl": "https://myapplications.example",
    }
    reply = graph("POST", "/invitations", invitation)
    assert reply.status == 201
    guest = graph(
        "GET",
        f"/users/{reply.body['invitedUser']['id']}?$select=userType,mail,externalUserState,userPrincipalName",
    ).body
    assert (guest["userType"], guest["mail"], guest["externalUserState"]) == (
        "Guest",
        "zed@freelance.example",
        "PendingAcceptance",
    )
    assert guest["userPrincipalName"] == "zed_freelance.example#EXT#@lab.onmicrosoft.example"
    again = graph("POST", "/invitations", invitation).body
    assert again["invitedUser"]["id"] == reply.body["invitedUser"]["id"]
    assert (
        graph("POST", "/invitations", {**invitation, "invitedUserEmailAddress": "x"}).status == 400
    )


# --- domains and policies ----------------------------------------------------------------------


def test_a_domain_is_verified_by_its_record(graph: Client, engine: Engine) -> None:
    assert graph("POST", "/domains", {"id": "studio.example"}).body["isVerified"] is False
    assert graph("POST", "/domains", {"id": "studio.example"}).status == 400
    records = graph("GET", "/domains/studio.example/verificationDnsRecords").values
    text = next(item["text"] for item in records if item["recordType"] == "Txt")
    assert text.startswith("MS=ms")
    assert (
        "was not found" in graph("POST", "/domains/studio.example/verify").body["error"]["message"]
    )
    assert (
        graph("POST", "/users", person("ana", userPrincipalName="ana@studio.example")).status == 400
    )
    record = engine.example("record")
    engine.update(record, {**record.inputs, "txtRecords": [{"value": [text]}]})
    assert graph("POST", "/domains/studio.example/verify").body["isVerified"] is True
    graph.user("ana", userPrincipalName="ana@studio.example")
    assert graph("DELETE", "/domains/studio.example").status == 400
    assert graph("PATCH", "/domains/studio.example", {"isDefault": True}).status == 204
    defaults = [item["id"] for item in graph("GET", "/domains").values if item["isDefault"]]
    assert defaults == ["studio.example"]
    assert graph("POST", "/domains", {"id": "mail.studio.example"}).body["isVerified"] is True


def test_policies(graph: Client) -> None:
    path = "/policies/authorizationPolicy"
    assert graph("GET", path).body["allowInvitesFrom"] == "everyone"
    assert (
        graph(
            "PATCH",
            path,
            {
                "allowInvitesFrom": "adminsAndGuestInviters",
                "defaultUserRolePermissions": {"allowedToCreateApps": False},
            },
        ).status
        == 204
    )
    after = graph("GET", path).body
    assert after["allowInvitesFrom"] == "adminsAndGuestInviters"
    assert after["defaultUserRolePermissions"]["allowedToCreateApps"] is False
    assert after["defaultUserRolePermissions"]["allowedToReadOtherUsers"] is True
    assert graph("PATCH", path, {"allowEverything": True}).status == 400
    methods = "/policies/authenticationMethodsPolicy"
    fido = f"{methods}/authenticationMethodConfigurations/fido2"
    assert graph("PATCH", fido, {"state": "enabled"}).status == 204
    assert graph("GET", fido).body["state"] == "enabled"
    assert graph("PATCH", fido, {"state": "on"}).status == 400
    assert graph("GET", f"{methods}/authenticationMethodConfigurations/none").status == 404


def test_cross_tenant_access(graph: Client) -> None:
    path = "/policies/crossTenantAccessPolicy"
    assert (
        graph("PATCH", f"{path}/default", {"inboundTrust": {"isMfaAccepted": True}}).status == 204
    )
    default = graph("GET", f"{path}/default").body
    assert default["isServiceDefault"] is False
    assert default["inboundTrust"]["isMfaAccepted"] is True
    other = "7a8b9c0d-1e2f-4a3b-8c4d-5e6f7a8b9c0d"
    made = graph(
        "POST", f"{path}/partners", {"tenantId": other, "inboundTrust": {"isMfaAccepted": True}}
    )
    assert made.status == 201
    assert made.body["b2bCollaborationInbound"] is None
    assert graph("POST", f"{path}/partners", {"tenantId": other}).status == 409
    assert graph("POST", f"{path}/partners", {"tenantId": TENANT}).status == 400
    wrong = {"b2bCollaborationInbound": {"usersAndGroups": {"accessType": "maybe"}}}
    assert graph("PATCH", f"{path}/partners/{other}", wrong).status == 400
    sync = f"{path}/partners/{other}/identitySynchronization"
    assert graph("GET", sync).status == 404
    assert graph("PUT", sync, {"userSyncInbound": {"isSyncAllowed": True}}).status == 204
    assert graph("GET", sync).body["userSyncInbound"]["isSyncAllowed"] is True
    assert graph("DELETE", f"{path}/partners/{other}").status == 400
    assert graph("DELETE", sync).status == 204
    assert graph("DELETE", f"{path}/partners/{other}").status == 204
    assert graph("GET", f"{path}/partners").values == []


# --- batches, errors, faults -------------------------------------------------------------------


def test_batches(graph: Client) -> None:
    requests = [
        {
            "id": "1",
            "method": "POST",
            "url": "/users",
            "body": person("ana"),
            "headers": {"Content-Type": "application/json"},
        },
        {
            "id": "2",
            "method": "GET",
            "url": "/users/ana@lab.example?$select=displayName",
            "dependsOn": ["1"],
        },
        {"id": "3", "method": "GET", "url": f"/users/{NOBODY}"},
        {"id": "4", "method": "GET", "url": "/users", "dependsOn": ["3"]},
    ]
    reply = graph("POST", "/$batch", {"requests": requests})
    found = {item["id"]: item for item in reply.body["responses"]}
    assert [found[id]["status"] for id in "1234"] == [201, 200, 404, 424]
    assert found["2"]["body"]["displayName"] == "Ana"
    assert found["3"]["body"]["error"]["code"] == "Request_ResourceNotFound"
    many = [{"id": str(n), "method": "GET", "url": "/users"} for n in range(21)]
    assert graph("POST", "/$batch", {"requests": many}).status == 400
    assert graph("POST", "/$batch", {"requests": [many[0], many[0]]}).status == 400


def test_who_may_ask(graph: Client) -> None:
    for token in ("", "wrong"):
        reply = graph("GET", "/users", token=token)
        assert (reply.status, reply.code) == (401, "InvalidAuthenticationToken")
        assert "WWW-Authenticate" in reply.headers
    assert graph("GET", "/teapots").code == "BadRequest"
    assert graph("PUT", "/users").status == 405
    assert graph("POST", "/users", "{not json").status == 400
    assert graph("GET", "/me").status == 400


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("expired", 401, "InvalidAuthenticationToken"),
        ("forbidden", 403, "Authorization_RequestDenied"),
        ("throttle", 429, "TooManyRequests"),
        ("unavailable", 503, "serviceNotAvailable"),
        ("missing", 404, "Request_ResourceNotFound"),
        ("quota", 403, "Directory_QuotaExceeded"),
        ("conflict", 409, "Directory_ConcurrencyViolation"),
    ],
)
def test_faults(graph: Client, store: Store, kind: str, status: int, code: str) -> None:
    id = graph.user("ana")["id"]
    store.add_fault(kind, type="user", name="ana@*", verb="read", count=1, options={"seconds": 7})
    reply = graph("GET", f"/users/{id}")
    assert (reply.status, reply.code) == (status, code)
    if status in (429, 503):
        assert reply.headers["Retry-After"] == "7"
    assert graph("GET", f"/users/{id}").status == 200


def test_no_network(graph: Client, store: Store) -> None:
    store.add_fault("offline", type="user", name="*", verb="list", count=1, options={})
    with pytest.raises((RemoteDisconnected, ConnectionError)):
        graph("GET", "/users")
    assert graph("GET", "/users").status == 200


def test_new_objects_are_seen_a_little_later(graph: Client, store: Store) -> None:
    store.set("scale", 1.0)
    store.set("replication", 60.0)
    id = graph.user("ana")["id"]
    assert graph("GET", f"/users/{id}").status == 404
    assert graph("GET", "/users").values == []
    store.pass_time(61)
    assert graph("GET", f"/users/{id}").status == 200


def test_the_plug_in_and_graph_see_the_same(graph: Client, engine: Engine) -> None:
    ana, staff = engine.example("ana"), engine.example("staff")
    engine.example("membership")
    id = ana.outputs["objectId"]
    shown = graph(
        "GET", f"/users/{id}?$select=employeeOrgData,department,companyName,passwordProfile"
    ).body
    assert shown["employeeOrgData"] == {"costCenter": "c1", "division": "d1"}
    assert shown["passwordProfile"] is None
    assert [
        item["id"] for item in graph("GET", f"/groups/{staff.outputs['objectId']}/members").values
    ] == [id]
    graph("PATCH", f"/users/{id}", {"department": "Sound"})
    found = engine.read(ana)
    assert found is not None
    assert found.inputs["department"] == "Sound"
    made = graph.user("bob")
    imported = engine.imported("azuread:index/user:User", f"/users/{made['id']}")
    assert imported is not None
    assert imported.inputs["userPrincipalName"] == "bob@lab.example"
    graph("DELETE", f"/users/{id}")
    assert engine.read(ana) is None
    assert EXAMPLES["ana"]["type"] == ana.token


def test_many_at_once(graph: Client) -> None:
    answers: list[int] = []

    def write(start: int) -> None:
        for number in range(start, start + 15):
            answers.append(graph("POST", "/users", person(f"u{number}")).status)

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 0, 15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] * 30 + [400] * 15
    assert len(graph("GET", "/users?$top=999").values) == 30


# --- languages ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        ('user.department -eq "Edit"', True),
        ("user.department -eq 'edit'", True),
        ('user.department -ne "Edit"', False),
        ('user.department -in ["Sound", "Edit"]', True),
        ('user.department -notIn ["Sound"]', True),
        ("user.mail -eq null", True),
        ('user.displayName -startsWith "An" -and -not (user.city -contains "yon")', False),
        ('(user.city -eq "Paris") -or (user.accountEnabled -eq true)', True),
        ('user.otherMails -contains "x@"', True),
        ('user.city -match "^Ly.n$"', True),
    ],
)
def test_membership_rules(rule: str, meant: bool) -> None:
    user = {
        "department": "Edit",
        "displayName": "Ana",
        "city": "Lyon",
        "accountEnabled": True,
        "otherMails": ["x@y.example"],
    }
    assert membership.parse(rule)(user) is meant


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "user.department",
        "user.department -eq",
        "device.x -eq 'a'",
        "user.a -is 'b'",
        "(user.a -eq 'b'",
        "user.a -in 'b'",
        "user.a -eq b",
    ],
)
def test_membership_rules_that_are_none(rule: str) -> None:
    with pytest.raises(membership.RuleError):
        membership.parse(rule)


@pytest.mark.parametrize(
    "text", ["", "a", "a eq", "a is 'b'", "a eq 'b' c", "(a eq 'b'", "startswith(a)", "a in ('b'"]
)
def test_filters_that_are_none(text: str) -> None:
    with pytest.raises(odata.QueryError):
        odata.where(text)


def test_filters() -> None:
    item = {"a": "It's", "n": 3, "d": "2026-11-24T00:00:00Z", "list": [{"x": "y"}], "none": None}
    for text in (
        "a eq 'it''s'",
        "n ge 3 and n lt 4",
        "d gt 2026-01-01T00:00:00Z",
        "list/any(i:i/x eq 'y')",
        "none eq null",
        "list/all(i:i/x eq 'y')",
        "contains(a,'t')",
    ):
        assert odata.where(text)(item), text
    assert not odata.where("list/any(i:i/x eq 'z') or n gt 3")(item)


# --- a restricted unit ---------------------------------------------------------------------------


def test_members_of_a_restricted_unit_change_for_nobody_without_a_role_over_it(
    graph: Client,
) -> None:
    ana, free = graph.user("ana")["id"], graph.user("bea")["id"]
    group = graph.group("editors")["id"]
    for restricted, inside in ((False, free), (True, ana), (True, group)):
        body = {"displayName": f"unit of {inside}", "isMemberManagementRestricted": restricted}
        unit = graph("POST", "/directory/administrativeUnits", body).body["id"]
        added = graph("POST", f"/directory/administrativeUnits/{unit}/members/$ref", ref(inside))
        assert added.status == 204
    for refused in (
        graph("PATCH", f"/users/{ana}", {"displayName": "Ana"}),
        graph("PATCH", f"/users/{ana}", {"accountEnabled": False}),
        graph("DELETE", f"/users/{ana}"),
        graph("POST", f"/groups/{group}/members/$ref", ref(free)),
    ):
        assert (refused.status, refused.code) == (403, "Authorization_RequestDenied")
        assert "restricted management administrative unit" in refused.body["error"]["message"]
    assert graph("PATCH", f"/users/{free}", {"displayName": "Béa"}).status == 204
    other = graph.group("writers")["id"]  # a group of its own may have them as a member
    assert graph("POST", f"/groups/{other}/members/$ref", ref(ana)).status == 204
    assert (
        graph("DELETE", f"/directory/administrativeUnits/{unit}/members/{group}/$ref").status == 204
    )
    assert graph("POST", f"/groups/{group}/members/$ref", ref(free)).status == 204
