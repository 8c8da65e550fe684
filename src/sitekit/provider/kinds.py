"""The resources: what each is called, which inputs it has, and how it is made through Graph.

Nothing here knows of an engine. Inputs are plain values; a value that is not known yet (in a
preview) never gets further than `check`. Sources: Microsoft Graph v1.0 reference, the pages of
crossTenantAccessPolicyConfigurationPartner, domain, authenticationMethodsPolicy and
administrativeUnit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import RefusedError
from ..graph import Graph, Request

Inputs = Mapping[str, Any]
VERIFY_S = 300.0  # how long a DNS record may take to be seen
BETWEEN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input: its type, whether it must be there, and whether a change replaces the resource."""

    type: Literal["string", "boolean", "list", "map"]
    required: bool = False
    default: Any = None
    replaces: bool = False
    among: tuple[str, ...] = ()
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A resource as it is in the tenant."""

    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)  # beyond the inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A type of resource. Functions raise CloudError; `read` gives None for what is not there."""

    token: str
    says: str
    fields: Mapping[str, Field]
    outputs: tuple[str, ...]  # known once it is made
    create: Callable[[Graph, Inputs], str]
    read: Callable[[Graph, str, Inputs | None], Found | None]
    update: Callable[[Graph, str, Inputs, Inputs], None]  # id, old, new
    delete: Callable[[Graph, str, Inputs], None]


def check(
    kind: Kind, inputs: Inputs, unknown: Callable[[Any], bool]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Inputs with defaults, and what is wrong with them: name of the input and reason."""
    given = {key: value for key, value in inputs.items() if value is not None}
    wrong = []
    for name, value in given.items():
        if name not in kind.fields:
            wrong.append((name, f"{kind.token} has no input '{name}'; it has "
                          f"{', '.join(kind.fields)}"))  # fmt: skip
        elif not unknown(value) and (reason := _odd(kind.fields[name], value, unknown)):
            wrong.append((name, reason))
    for name, wanted in kind.fields.items():
        if name in given:
            continue
        if wanted.required:
            wrong.append((name, f"{kind.token} needs {name}: {wanted.says}"))
        elif wanted.default is not None:
            given[name] = wanted.default
    return given, wrong


def _odd(wanted: Field, value: Any, unknown: Callable[[Any], bool]) -> str:
    shapes: dict[str, tuple[type, ...]] = {
        "string": (str,), "boolean": (bool,), "list": (list,), "map": (dict,)
    }  # fmt: skip
    if not isinstance(value, shapes[wanted.type]):
        return f"it must be a {wanted.type}"
    if wanted.among:
        values = value.values() if isinstance(value, dict) else [value]
        odd = [v for v in values if not unknown(v) and v not in wanted.among]
        if odd:
            return f"{odd[0]!r} is none of {', '.join(wanted.among)}"
    return ""


def differences(kind: Kind, old: Inputs, new: Inputs) -> dict[str, tuple[str, bool]]:
    """Inputs that differ: add, update or delete, and whether it replaces the resource."""
    found = {}
    for name in (*new, *(name for name in old if name not in new)):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        how = "add" if before is None else "delete" if after is None else "update"
        found[name] = (how, name in kind.fields and kind.fields[name].replaces)
    return found


def _one(graph: Graph, path: str, needs: str) -> Mapping[str, Any] | None:
    """An object, or None where there is none."""
    try:
        return graph.get(path, needs=needs)
    except RefusedError as error:
        if error.status == 404:
            return None
        raise


def _gone(graph: Graph, path: str, needs: str) -> None:
    """Delete an object; what is not there is gone already."""
    try:
        graph.send(Request("DELETE", path, needs=needs))
    except RefusedError as error:
        if error.status != 404:
            raise


# --- access for the people of another tenant -----------------------------------------------------

_PARTNERS = "/policies/crossTenantAccessPolicy/partners"
_PARTNER_NEEDS = "Policy.ReadWrite.CrossTenantAccess"
_TRUST = {
    "trustMfa": "isMfaAccepted",
    "trustCompliantDevice": "isCompliantDeviceAccepted",
    "trustHybridDevice": "isHybridAzureADJoinedDeviceAccepted",
}


def _collaboration(allowed: bool) -> dict[str, Any]:
    access = "allowed" if allowed else "blocked"
    return {
        "usersAndGroups": {
            "accessType": access,
            "targets": [{"target": "AllUsers", "targetType": "user"}],
        },
        "applications": {
            "accessType": access,
            "targets": [{"target": "AllApplications", "targetType": "application"}],
        },
    }


def _partner_body(inputs: Inputs) -> dict[str, Any]:
    return {
        "inboundTrust": {theirs: inputs[ours] for ours, theirs in _TRUST.items()},
        "automaticUserConsentSettings": {"inboundAllowed": inputs["automaticRedemption"]},
        "b2bCollaborationInbound": _collaboration(inputs["inboundCollaboration"]),
    }


def _partner_create(graph: Graph, inputs: Inputs) -> str:
    body = {"tenantId": inputs["tenantId"], **_partner_body(inputs)}
    graph.send(Request("POST", _PARTNERS, body, needs=_PARTNER_NEEDS))
    return str(inputs["tenantId"])


def _partner_read(graph: Graph, id: str, before: Inputs | None) -> Found | None:
    body = _one(graph, f"{_PARTNERS}/{id}", _PARTNER_NEEDS)
    if body is None:
        return None
    trust = body.get("inboundTrust") or {}
    inbound = (body.get("b2bCollaborationInbound") or {}).get("usersAndGroups") or {}
    consent = body.get("automaticUserConsentSettings") or {}
    inputs: dict[str, Any] = {
        "tenantId": str(body["tenantId"]),
        **{ours: bool(trust.get(theirs)) for ours, theirs in _TRUST.items()},
        "inboundCollaboration": inbound.get("accessType") == "allowed",
        "automaticRedemption": bool(consent.get("inboundAllowed")),
    }
    if before and "displayName" in before:  # a label of ours: Graph has none
        inputs["displayName"] = before["displayName"]
    return Found(id=inputs["tenantId"], inputs=inputs)


def _partner_update(graph: Graph, id: str, old: Inputs, new: Inputs) -> None:
    graph.send(Request("PATCH", f"{_PARTNERS}/{id}", _partner_body(new), needs=_PARTNER_NEEDS))


def _partner_delete(graph: Graph, id: str, inputs: Inputs) -> None:
    _gone(graph, f"{_PARTNERS}/{id}", _PARTNER_NEEDS)


CROSS_TENANT_ACCESS = Kind(
    token="sitekit:entra:CrossTenantAccess",
    says="What the people of another tenant may use of ours, and what of theirs is trusted.",
    fields={
        "tenantId": Field(type="string", required=True, replaces=True, says="the other tenant"),
        "displayName": Field(type="string", says="a label; Graph keeps none"),
        "trustMfa": Field(type="boolean", default=False, says="their second factor counts here"),
        "trustCompliantDevice": Field(
            type="boolean", default=False, says="their compliant devices count here"
        ),
        "trustHybridDevice": Field(
            type="boolean", default=False, says="their hybrid joined devices count here"
        ),
        "inboundCollaboration": Field(
            type="boolean", default=False, says="their people may be invited"
        ),
        "automaticRedemption": Field(
            type="boolean", default=False, says="an invitation needs no consent"
        ),
    },
    outputs=(),
    create=_partner_create,
    read=_partner_read,
    update=_partner_update,
    delete=_partner_delete,
)


# --- a domain, and the proof that it is ours -----------------------------------------------------

_DOMAIN_NEEDS = "Domain.ReadWrite.All"


def _domain_create(graph: Graph, inputs: Inputs) -> str:
    """A domain that the tenant has already is taken as it is: nobody else can have it."""
    there = _one(graph, f"/domains/{inputs['name']}", _DOMAIN_NEEDS)
    if there is not None:
        return str(there["id"])
    body = {"id": inputs["name"]}
    return str(graph.send(Request("POST", "/domains", body, needs=_DOMAIN_NEEDS)).body["id"])


def _domain_read(graph: Graph, id: str, before: Inputs | None) -> Found | None:
    body = _one(graph, f"/domains/{id}", _DOMAIN_NEEDS)
    if body is None:
        return None
    records = graph.items(f"/domains/{id}/verificationDnsRecords", needs=_DOMAIN_NEEDS)
    texts = [r for r in records if str(r.get("recordType")).lower() == "txt"]
    return Found(
        id=str(body["id"]),
        inputs={"name": str(body["id"])},
        outputs={
            "isVerified": bool(body.get("isVerified")),
            "verificationText": str(texts[0].get("text") or "") if texts else "",
            "verificationLabel": str(texts[0].get("label") or "") if texts else "",
        },
    )


def _nothing_to_update(graph: Graph, id: str, old: Inputs, new: Inputs) -> None:
    """No input is kept in the tenant."""


def _domain_delete(graph: Graph, id: str, inputs: Inputs) -> None:
    _gone(graph, f"/domains/{id}", _DOMAIN_NEEDS)


DOMAIN = Kind(
    token="sitekit:entra:Domain",
    says="A domain of the tenant, not yet proved: put verificationText into its DNS.",
    fields={"name": Field(type="string", required=True, replaces=True, says="such as a.example")},
    outputs=("isVerified", "verificationText", "verificationLabel"),
    create=_domain_create,
    read=_domain_read,
    update=_nothing_to_update,
    delete=_domain_delete,
)


def verify(
    graph: Graph,
    domain: str,
    sleep: Callable[[float], None] = time.sleep,
    *,
    seconds: float = VERIFY_S,
) -> None:
    """Ask until the record is seen. Raises RefusedError where it is not within these seconds."""
    deadline = time.monotonic() + seconds
    while True:
        body = _one(graph, f"/domains/{domain}", _DOMAIN_NEEDS)
        if body is not None and body.get("isVerified"):
            return
        try:
            graph.send(Request("POST", f"/domains/{domain}/verify", needs=_DOMAIN_NEEDS))
            return
        except RefusedError as error:
            if error.status == 404:
                raise
            if time.monotonic() + BETWEEN_S > deadline:
                raise _unproved(graph, domain, error) from None
            sleep(BETWEEN_S)


def _unproved(graph: Graph, domain: str, error: RefusedError) -> RefusedError:
    """What Entra said, with the record that somebody has to write."""
    found = _domain_read(graph, domain, None)
    text = found.outputs["verificationText"] if found else ""
    return RefusedError(
        f"{domain} is not proved to be ours: {error.message}",
        hint=f'put TXT "{text}" into the public DNS of {domain}, wait until it is seen, run again',
        status=error.status,
        code=error.code,
    )


def _verification_create(graph: Graph, inputs: Inputs) -> str:
    seconds = VERIFY_S if inputs["wait"] else 0.0
    verify(graph, inputs["domain"], seconds=seconds)
    return str(inputs["domain"])


def _verification_read(graph: Graph, id: str, before: Inputs | None) -> Found | None:
    body = _one(graph, f"/domains/{id}", _DOMAIN_NEEDS)
    if body is None or not body.get("isVerified"):
        return None
    wait = bool((before or {}).get("wait", True))  # how it was asked: Graph keeps none of it
    return Found(id=str(body["id"]), inputs={"domain": str(body["id"]), "wait": wait})


def _verification_delete(graph: Graph, id: str, inputs: Inputs) -> None:
    """A domain stays proved; it goes with the domain itself."""


DOMAIN_VERIFICATION = Kind(
    token="sitekit:entra:DomainVerification",
    says="The proof that a domain is ours: waits until Entra has seen its DNS record.",
    fields={
        "domain": Field(type="string", required=True, replaces=True, says="the domain"),
        "wait": Field(
            type="boolean",
            default=True,
            says="wait up to five minutes for a record that was just written; false: ask once",
        ),
    },
    outputs=(),
    create=_verification_create,
    read=_verification_read,
    update=_nothing_to_update,
    delete=_verification_delete,
)


# --- how people may sign in ----------------------------------------------------------------------

_METHODS = "/policies/authenticationMethodsPolicy"
_METHODS_NEEDS = "Policy.ReadWrite.AuthenticationMethod"
_METHODS_ID = "authenticationMethodsPolicy"


def _methods_set(graph: Graph, states: Mapping[str, str]) -> None:
    for method, state in states.items():
        known = _method(graph, method)
        if known.get("state") == state:
            continue
        body = {"@odata.type": known["@odata.type"], "state": state}
        path = f"{_METHODS}/authenticationMethodConfigurations/{known['id']}"
        graph.send(Request("PATCH", path, body, needs=_METHODS_NEEDS))


def _method(graph: Graph, method: str) -> Mapping[str, Any]:
    return graph.get(
        f"{_METHODS}/authenticationMethodConfigurations/{method}", needs=_METHODS_NEEDS
    )


def _methods_create(graph: Graph, inputs: Inputs) -> str:
    _methods_set(graph, inputs["methods"])
    return _METHODS_ID


def _methods_read(graph: Graph, id: str, before: Inputs | None) -> Found | None:
    policy = graph.get(_METHODS, needs=_METHODS_NEEDS)
    every: Sequence[Mapping[str, Any]] = policy.get("authenticationMethodConfigurations") or ()
    states = {str(each["id"]): str(each["state"]) for each in every}
    lowered = {name.lower(): name for name in states}
    wanted = (before or {}).get("methods")
    ours = wanted if wanted is not None else states  # an import takes all of them
    methods = {
        method: states[lowered[method.lower()]] for method in ours if method.lower() in lowered
    }
    return Found(id=_METHODS_ID, inputs={"methods": methods})


def _methods_update(graph: Graph, id: str, old: Inputs, new: Inputs) -> None:
    _methods_set(graph, new["methods"])


def _methods_delete(graph: Graph, id: str, inputs: Inputs) -> None:
    """The policy is part of the tenant: it stays as it is."""


AUTHENTICATION_METHODS = Kind(
    token="sitekit:entra:AuthenticationMethodsPolicy",
    says="Which ways of signing in are on; those that are not named stay as they are.",
    fields={
        "methods": Field(
            type="map",
            required=True,
            among=("enabled", "disabled"),
            says="enabled or disabled by method: Fido2, MicrosoftAuthenticator, Sms, Voice, …",
        )
    },
    outputs=(),
    create=_methods_create,
    read=_methods_read,
    update=_methods_update,
    delete=_methods_delete,
)


# --- a unit whose members only its own administrators may change ---------------------------------

_UNITS = "/directory/administrativeUnits"
_UNIT_NEEDS = "AdministrativeUnit.ReadWrite.All"


def _unit_create(graph: Graph, inputs: Inputs) -> str:
    body = {**inputs, "isMemberManagementRestricted": True}
    return str(graph.send(Request("POST", _UNITS, body, needs=_UNIT_NEEDS, once=True)).body["id"])


def _unit_read(graph: Graph, id: str, before: Inputs | None) -> Found | None:
    body = _one(graph, f"{_UNITS}/{id}", _UNIT_NEEDS)
    if body is None:
        return None
    inputs = {"displayName": str(body["displayName"])}
    if body.get("description"):
        inputs["description"] = str(body["description"])
    restricted = bool(body.get("isMemberManagementRestricted"))
    return Found(
        id=str(body["id"]), inputs=inputs,
        outputs={"objectId": str(body["id"]), "isMemberManagementRestricted": restricted},
    )  # fmt: skip


def _unit_update(graph: Graph, id: str, old: Inputs, new: Inputs) -> None:
    body = {"displayName": new["displayName"], "description": new.get("description")}
    graph.send(Request("PATCH", f"{_UNITS}/{id}", body, needs=_UNIT_NEEDS))


def _unit_delete(graph: Graph, id: str, inputs: Inputs) -> None:
    _gone(graph, f"{_UNITS}/{id}", _UNIT_NEEDS)


RESTRICTED_UNIT = Kind(
    token="sitekit:entra:RestrictedAdministrativeUnit",
    says="An administrative unit with restricted management: for break-glass accounts and groups.",
    fields={
        "displayName": Field(type="string", required=True, says="its name"),
        "description": Field(type="string", says="what it is for"),
    },
    outputs=("objectId", "isMemberManagementRestricted"),
    create=_unit_create,
    read=_unit_read,
    update=_unit_update,
    delete=_unit_delete,
)

KINDS: Mapping[str, Kind] = {
    kind.token: kind
    for kind in (
        CROSS_TENANT_ACCESS,
        DOMAIN,
        DOMAIN_VERIFICATION,
        AUTHENTICATION_METHODS,
        RESTRICTED_UNIT,
    )
}


def schema() -> Iterator[tuple[str, dict[str, Any]]]:
    """The kinds as Pulumi's package schema has them."""
    spelled: dict[str, dict[str, Any]] = {
        "string": {"type": "string"},
        "boolean": {"type": "boolean"},
        "list": {"type": "array", "items": {"type": "string"}},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
    }
    for token, kind in KINDS.items():
        inputs = {
            name: {**spelled[wanted.type], "description": wanted.says}
            for name, wanted in kind.fields.items()
        }
        outputs = {name: {"type": "boolean" if name.startswith("is") else "string"}
                   for name in kind.outputs}  # fmt: skip
        yield (
            token,
            {
                "description": kind.says,
                "inputProperties": inputs,
                "requiredInputs": [n for n, wanted in kind.fields.items() if wanted.required],
                "properties": {**inputs, **outputs},
            },
        )
