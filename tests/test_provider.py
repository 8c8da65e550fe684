"""Our plug-in over a tenant in memory: what an engine asks, and what it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pulumi")
httpx = pytest.importorskip("httpx")

import grpc  # noqa: E402
from google.protobuf import json_format, struct_pb2  # noqa: E402
from pulumi.runtime.proto import provider_pb2  # noqa: E402

from sitekit.graph import FixedToken, Graph  # noqa: E402
from sitekit.provider.kinds import KINDS, verify  # noqa: E402
from sitekit.provider.plugin import UNKNOWN, Plugin  # noqa: E402

TENANT = "6f1d2c3b-4a59-4e68-8b7c-9d0e1f2a3b4c"
OTHER = "7a8b9c0d-1e2f-4a3b-8c4d-5e6f7a8b9c0d"
TOKEN = "token-nobody-may-see"
METHODS = "policies/authenticationMethodsPolicy"
PARTNER = {"tenantId": OTHER, "displayName": "Kinolune", "trustMfa": True,
           "inboundCollaboration": True}  # fmt: skip


class Tenant:
    """As much of Graph as the resources ask, kept in a dictionary."""

    def __init__(self, id: str = TENANT) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.id, self.written, self.refuse, self.proofs = id, [], 0, 0
        self.methods = {
            name: {"@odata.type": f"#microsoft.graph.{name}", "id": name, "state": "disabled"}
            for name in ("Fido2", "Sms")
        }

    def handle(self, request: Any) -> Any:
        path = request.url.path.removeprefix("/v1.0/")
        body = json.loads(request.content) if request.content else {}
        if request.method != "GET":
            self.written.append((request.method, path, body))
        if self.refuse and path != "organization":
            return self.answer(self.refuse, {"error": {"code": "Refused", "message": "no"}})
        if path == "organization":
            return self.answer(200, {"value": [{"id": self.id, "displayName": "T"}]})
        if path == METHODS:
            return self.answer(
                200, {"authenticationMethodConfigurations": [*self.methods.values()]}
            )
        head, _, last = path.rpartition("/")
        if head.endswith("authenticationMethodConfigurations"):
            if request.method == "PATCH":
                self.methods[last] |= body
            return self.answer(200, self.methods[last])
        if last == "verificationDnsRecords":
            record = {"recordType": "Txt", "text": "MS=ms1", "label": head.rpartition("/")[2]}
            return self.answer(200, {"value": [record]})
        if last == "verify":
            self.proofs -= 1
            if self.proofs >= 0:
                return self.answer(400, {"error": {"code": "Unproved", "message": "no record"}})
            self.things[head]["isVerified"] = True
            return self.answer(200, self.things[head])
        if request.method == "POST":
            key = str(body.get("tenantId") or body.get("id") or f"made-{len(self.things)}")
            if f"{path}/{key}" in self.things:
                return self.answer(409, {"error": {"code": "Exists", "message": "it exists"}})
            self.things[f"{path}/{key}"] = {"id": key, **body}
            return self.answer(201, self.things[f"{path}/{key}"])
        if path not in self.things:
            return self.answer(404, {"error": {"code": "NotFound", "message": "not there"}})
        if request.method == "DELETE":
            del self.things[path]
            return self.answer(204, None)
        if request.method == "PATCH":
            self.things[path] |= body
        return self.answer(200, self.things[path])

    @staticmethod
    def answer(status: int, body: Any) -> Any:
        return httpx.Response(status, json=body) if body is not None else httpx.Response(status)


class Aborted(Exception):  # noqa: N818
    """What the engine would get."""


class Context:
    def abort(self, code: grpc.StatusCode, message: str) -> None:
        assert TOKEN not in message
        raise Aborted(code.name, message)


class Engine:
    """Calls the plug-in as an engine does."""

    def __init__(self, tenant: Tenant, configured: str | None = TENANT) -> None:
        graph = Graph(FixedToken(TOKEN), transport=httpx.MockTransport(tenant.handle),
                      sleep=lambda seconds: None)  # fmt: skip
        self.plugin = Plugin(graph)
        if configured:
            self("Configure", "Configure", args=struct({"tenantId": configured}))

    def __call__(self, method: str, message: str | None = None, **fields: Any) -> Any:
        request = getattr(provider_pb2, f"{message or method}Request")(**fields)
        return getattr(self.plugin, method)(request, Context())

    def create(self, token: str, inputs: dict[str, Any], *, preview: bool = False) -> Any:
        checked = self("Check", type=token, news=struct(inputs))
        assert not checked.failures, checked.failures
        return self("Create", type=token, properties=checked.inputs, preview=preview)


def struct(bag: dict[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(bag, struct_pb2.Struct())


def plain(message: struct_pb2.Struct) -> dict[str, Any]:
    return json_format.MessageToDict(message)  # type: ignore[no-any-return]


XTAP = "sitekit:entra:CrossTenantAccess"


def test_a_partner_is_made_read_changed_and_deleted() -> None:
    tenant = Tenant()
    engine = Engine(tenant)
    made = engine.create(XTAP, PARTNER)
    assert made.id == OTHER
    body = tenant.things[f"policies/crossTenantAccessPolicy/partners/{OTHER}"]
    assert body["inboundTrust"] == {
        "isMfaAccepted": True,
        "isCompliantDeviceAccepted": False,
        "isHybridAzureADJoinedDeviceAccepted": False,
    }
    assert body["b2bCollaborationInbound"]["usersAndGroups"]["accessType"] == "allowed"
    assert "displayName" not in body
    read = engine("Read", type=XTAP, id=OTHER, inputs=made.properties, properties=made.properties)
    assert plain(read.inputs) == plain(made.properties)  # a refresh finds nothing

    body["inboundTrust"]["isMfaAccepted"] = False  # drift
    read = engine("Read", type=XTAP, id=OTHER, inputs=made.properties, properties=made.properties)
    found = engine("Diff", type=XTAP, id=OTHER, old_inputs=read.inputs, news=made.properties)
    assert (list(found.diffs), list(found.replaces)) == (["trustMfa"], [])
    engine("Update", type=XTAP, id=OTHER, olds=read.properties, old_inputs=read.inputs,
           news=made.properties)  # fmt: skip
    assert body["inboundTrust"]["isMfaAccepted"] is True
    engine("Delete", type=XTAP, id=OTHER, old_inputs=made.properties)
    assert tenant.things == {}
    engine("Delete", type=XTAP, id=OTHER, old_inputs=made.properties)  # gone already: fine
    assert engine("Read", type=XTAP, id=OTHER, inputs=made.properties).id == ""


def test_an_import_reads_every_input() -> None:
    tenant = Tenant()
    Engine(tenant).create(XTAP, PARTNER)
    read = Engine(tenant)("Read", type=XTAP, id=OTHER)
    assert plain(read.inputs) == {
        "tenantId": OTHER,
        "trustMfa": True,
        "trustCompliantDevice": False,
        "trustHybridDevice": False,
        "inboundCollaboration": True,
        "automaticRedemption": False,
    }


def test_what_replaces_says_so_and_deletes_first() -> None:
    engine = Engine(Tenant())
    old, new = struct({"tenantId": OTHER}), struct({"tenantId": TENANT})
    found = engine("Diff", type=XTAP, old_inputs=old, news=new)
    assert (list(found.replaces), found.deleteBeforeReplace) == (["tenantId"], True)
    same = engine("Diff", type=XTAP, old_inputs=old, news=old)
    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE
    ignored = engine("Diff", type=XTAP, old_inputs=old, news=new, ignoreChanges=["tenantId"])
    assert ignored.changes == provider_pb2.DiffResponse.DIFF_NONE


@pytest.mark.parametrize(
    ("token", "inputs", "said"),
    [
        (XTAP, {}, "needs tenantId"),
        (XTAP, {"tenantId": OTHER, "trustMFA": True}, "no input 'trustMFA'"),
        (XTAP, {"tenantId": OTHER, "trustMfa": "yes"}, "it must be a boolean"),
        ("sitekit:entra:Domain", {"name": True}, "it must be a string"),
        (
            "sitekit:entra:AuthenticationMethodsPolicy",
            {"methods": {"Sms": "on"}},
            "'on' is none of",
        ),
    ],
)
def test_check_says_what_is_wrong(token: str, inputs: dict[str, Any], said: str) -> None:
    checked = Engine(Tenant())("Check", type=token, news=struct(inputs))
    assert said in "; ".join(failure.reason for failure in checked.failures)


def test_a_preview_asks_nobody() -> None:
    tenant = Tenant("another")
    made = Engine(tenant).create("sitekit:entra:Domain", {"name": UNKNOWN}, preview=True)
    assert made.id == ""
    assert plain(made.properties)["verificationText"] == UNKNOWN
    assert tenant.written == []


def test_a_domain_waits_for_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = Tenant()
    engine = Engine(tenant)
    made = engine.create("sitekit:entra:Domain", {"name": "kinolune.example"})
    assert plain(made.properties) == {
        "name": "kinolune.example",
        "isVerified": False,
        "verificationText": "MS=ms1",
        "verificationLabel": "kinolune.example",
    }
    waited: list[float] = []
    tenant.proofs = 2
    graph = engine.plugin._graph
    assert graph is not None
    verify(graph, "kinolune.example", waited.append)
    assert waited == [10.0, 10.0]
    proof = engine.create("sitekit:entra:DomainVerification", {"domain": "kinolune.example"})
    assert proof.id == "kinolune.example"
    tenant.things["domains/kinolune.example"]["isVerified"] = False
    gone = engine("Read", type="sitekit:entra:DomainVerification", id="kinolune.example",
                  inputs=proof.properties)  # fmt: skip
    assert gone.id == ""  # the next up proves it again


def test_methods_that_are_not_named_stay() -> None:
    tenant, token = Tenant(), "sitekit:entra:AuthenticationMethodsPolicy"
    engine = Engine(tenant)
    made = engine.create(token, {"methods": {"Fido2": "enabled"}})
    assert {name: m["state"] for name, m in tenant.methods.items()} == {
        "Fido2": "enabled",
        "Sms": "disabled",
    }
    assert [path for _, path, _ in tenant.written] == [
        f"{METHODS}/authenticationMethodConfigurations/Fido2"
    ]
    read = engine("Read", type=token, id=made.id, inputs=made.properties)
    assert plain(read.inputs) == {"methods": {"Fido2": "enabled"}}
    imported = plain(engine("Read", type=token, id=made.id).inputs)
    assert set(imported["methods"]) == {"Fido2", "Sms"}
    engine("Delete", type=token, id=made.id, old_inputs=made.properties)
    assert tenant.methods["Fido2"]["state"] == "enabled"


def test_a_unit_is_restricted_from_the_beginning() -> None:
    tenant, token = Tenant(), "sitekit:entra:RestrictedAdministrativeUnit"
    made = Engine(tenant).create(token, {"displayName": "break-glass", "description": "x"})
    assert tenant.things[f"directory/administrativeUnits/{made.id}"]["isMemberManagementRestricted"]
    outputs = plain(made.properties)
    assert (outputs["objectId"], outputs["isMemberManagementRestricted"]) == (made.id, True)


# --- refusals ------------------------------------------------------------------------------------


def test_another_tenant_is_refused_before_anything_is_written() -> None:
    tenant = Tenant(OTHER)
    with pytest.raises(Aborted, match=f"belong to tenant {OTHER}") as caught:
        Engine(tenant).create(XTAP, PARTNER)
    assert caught.value.args[0] == "FAILED_PRECONDITION"
    assert tenant.written == []


def test_without_a_tenant_nothing_is_done() -> None:
    tenant = Tenant()
    with pytest.raises(Aborted, match="knows no tenant"):
        Engine(tenant, configured=None).create(XTAP, PARTNER)
    checked = Engine(tenant)("CheckConfig", "Check", news=struct({"tenant": TENANT}))
    assert {f.property for f in checked.failures} == {"tenant", "tenantId"}


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED"), (400, "FAILED_PRECONDITION"),
     (503, "UNAVAILABLE"), (409, "FAILED_PRECONDITION")],
)  # fmt: skip
def test_refusals_are_statuses_that_the_engine_can_trust(status: int, code: str) -> None:
    tenant = Tenant()
    tenant.refuse = status
    with pytest.raises(Aborted) as caught:
        Engine(tenant).create(XTAP, PARTNER)
    assert caught.value.args[0] == code
    assert code not in ("UNKNOWN", "INTERNAL", "DATA_LOSS")


def test_a_changed_tenant_replaces_the_provider() -> None:
    engine = Engine(Tenant())
    old, new = struct({"tenantId": TENANT}), struct({"tenantId": OTHER})
    found = engine("DiffConfig", "Diff", old_inputs=old, news=new)
    assert list(found.replaces) == ["tenantId"]
    assert engine("DiffConfig", "Diff", old_inputs=old, news=old).changes == (
        provider_pb2.DiffResponse.DIFF_NONE
    )


def test_the_schema_has_every_kind_and_what_is_unknown_is_refused() -> None:
    schema = json.loads(Engine(Tenant())("GetSchema").schema)
    assert set(schema["resources"]) == set(KINDS)
    partner = schema["resources"][XTAP]
    assert partner["requiredInputs"] == ["tenantId"]
    with pytest.raises(Aborted, match="there is no resource sitekit:entra:Nothing"):
        Engine(Tenant())("Check", type="sitekit:entra:Nothing", news=struct({}))


def test_what_the_subsidiary_plans_is_what_the_plug_in_takes() -> None:
    from sitekit.cloud import StackKind, plan_of
    from tests.organisations import WRITTEN, horizon

    for code in horizon().subsidiaries:
        plan = plan_of(horizon(), StackKind.SUBSIDIARY, code, today=WRITTEN)
        for spec in plan.specs:
            if spec.package == "sitekit":
                checked = Engine(Tenant())("Check", type=spec.type, news=struct(dict(spec.inputs)))
                assert not checked.failures


def test_the_process_prints_its_port_and_ends_with_its_parent() -> None:
    import subprocess
    import sys
    import time

    code = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-m', 'sitekit.provider', '127.0.0.1:1'],"
        " stdout=subprocess.PIPE, text=True)\n"
        "print(p.stdout.readline().strip(), p.pid, flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    port, pid = done.stdout.split()
    assert 1024 < int(port) < 65536
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.1)
    raise AssertionError("the plug-in outlived its parent")
