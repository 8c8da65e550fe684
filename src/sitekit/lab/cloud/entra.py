"""The azuread provider's view of the directory: its arguments in, Graph's objects behind.

Users, groups and administrative units are written through `directory`, as Graph would write them;
relations are links between them; everything else (conditional access, access packages, privileged
groups …) is kept in the provider's own shape.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import schema, wire
from .base import (
    Account,
    Checked,
    Difference,
    Outcome,
    Refused,
    compare,
    replacing,
    with_defaults,
    with_secrets,
    within_limits,
)
from .catalogue import Catalogue, EntraType
from .directory import CLOUD, Directory, bad, not_there
from .store import Store, Thing, guid_of, new_guid

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
_GRAPH = ("user", "group", "administrativeUnit")
_DEFAULTS = "__defaults"
WELL_KNOWN = {
    "00000003-0000-0000-c000-000000000000": "Microsoft Graph",
    "00000002-0000-0ff1-ce00-000000000000": "Office 365 Exchange Online",
    "797f4846-ba00-4fd7-ba43-dac1f8f63013": "Azure Service Management",
}


@dataclass(frozen=True, slots=True)
class Entra:
    """One signed-in view of Entra: the store, the types, and an account."""

    store: Store
    catalogue: Catalogue
    account: Account

    @property
    def directory(self) -> Directory:
        """The tenant's objects."""
        return Directory(self.store, self.account.tenant)

    def type(self, token: str) -> EntraType:
        """What is known about a type; raises Refused for one that the lab does not have."""
        try:
            return self.catalogue.entra[token]
        except KeyError:
            raise bad(f"the lab cloud does not have {token}") from None

    # --- before anything happens ---------------------------------------------------------------

    def check(
        self,
        token: str,
        *,
        urn: str,
        name: str,
        old: dict[str, Any],
        new: dict[str, Any],
        seed: bytes,
    ) -> Checked:
        """Fill in the provider's defaults and hold the inputs against its schema."""
        type = self.type(token)
        given = {key: value for key, value in new.items() if value is not None and key != _DEFAULTS}
        inputs = with_defaults(given, type.defaults)
        filled = sorted(key for key in type.defaults if key not in given)
        failures = list(schema.mistakes(self.catalogue.schema, token, inputs))
        failures += [
            (path, f"{path} {reason}") for path, reason in within_limits(type.limits, inputs)
        ]
        if type.kind == "group" and not (
            inputs.get("mailEnabled") or inputs.get("securityEnabled")
        ):
            failures.append(
                ("", "one of `mailEnabled`, `securityEnabled` must be specified as true")
            )
        if type.kind == "namedLocation" and bool(inputs.get("ip")) == bool(inputs.get("country")):
            failures.append(("", "exactly one of `ip`, `country` must be specified"))
        inputs[_DEFAULTS] = filled
        return Checked(inputs, failures)

    def diff(
        self, token: str, *, old: dict[str, Any], new: dict[str, Any], ignore: list[str]
    ) -> Difference:
        """Compare inputs; the provider makes the new object before it deletes the old one."""
        type = self.type(token)
        detail = {
            path: kind
            for path, kind in compare(old, new, ignore).items()
            # What the service decides when nobody says it stays when nobody says it any more.
            if not (kind == "delete" and path in type.outputs)
        }
        if type.force == "all" or type.link:
            kept = type.keep if type.force != "all" else ()
            replaces = {path for path in detail if path.split(".")[0].split("[")[0] not in kept}
        else:
            replaces = replacing(detail, tuple(type.force))
        return Difference(detail, replaces, delete_first=False)

    def preview(
        self, token: str, inputs: dict[str, Any], state: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Inputs that come back are known; what the service decides is what it was, or unknown."""
        before = state or {}
        known = {key: value for key, value in inputs.items() if key != _DEFAULTS}
        outputs = {
            name: known.get(name, before.get(name, wire.UNKNOWN))
            for name in self._described(token)["outputs"]
        }
        return self._marked(token, outputs)

    # --- create, read, update, delete ----------------------------------------------------------

    def create(self, token: str, inputs: dict[str, Any]) -> Outcome:
        """Make an object or a relation."""
        type = self.type(token)
        with self.store.change():
            self._signed_in()
            self._accepted(type, inputs, None)
            if type.link:
                return self._relate(type, inputs)
            if type.activates:
                return self._activate(type, inputs)
            if type.kind == "invitation":
                return self._invite(type, inputs)
            if type.kind == "servicePrincipal" and inputs.get("useExisting"):
                holder = self.store.holder(f"entra/clientid/{inputs['clientId']}".lower())
                if holder and (thing := self.store.get(holder)):
                    return self._outcome(type, thing, inputs)
            self._no_twins(type, inputs, None)
            body = self._body(type, inputs, {})
            key = _opaque() if "{opaque}" in type.id else new_guid()
            thing = self.directory.create(str(type.kind), body, id=key)
            self._once(type, thing, inputs)
            self._unique(type, thing, inputs)
            self._links(type, thing, inputs, {})
            self._refer(type, thing, inputs)
            return self._outcome(type, thing, inputs)

    def update(self, token: str, id: str, inputs: dict[str, Any], old: dict[str, Any]) -> Outcome:
        """Change an object."""
        type = self.type(token)
        with self.store.change():
            self._signed_in()
            if type.link:
                source, target = self._ends(type, id)
                self._accepted(type, inputs, None)
                if not self.store.relate(type.link[0], source, target, _only(inputs, type.keep)):
                    raise not_there(id)
                if type.link[0] == "licence":
                    self._license(source, target, inputs)
                return Outcome(id, inputs, self._link_outputs(type, inputs), wait=0.0)
            thing = self._thing(type, id)
            if thing is None:
                raise not_there(id)
            self._accepted(type, inputs, thing)
            self._no_twins(type, inputs, thing)
            before = self._body(type, old, {})
            body = self._body(type, inputs, old)
            patch = {key: value for key, value in body.items() if value != thing.body.get(key)}
            patch |= {key: None for key in before if key not in body and key in thing.body}
            if type.kind not in _GRAPH:
                thing.body = body
                self.store.save(thing)
                changed = thing
            else:
                changed = self.directory.change(thing, patch)
            self._once(type, changed, inputs)
            self._links(type, changed, inputs, old)
            self._refer(type, changed, inputs)
            return self._outcome(type, changed, inputs)

    def read(self, token: str, id: str, inputs: dict[str, Any] | None) -> Outcome | None:
        """What is there now: the inputs that were given, or all of them for an import."""
        type = self.type(token)
        self._signed_in()
        if type.link:
            return self._read_link(type, id, inputs)
        thing = self._thing(type, id)
        if thing is None:
            return None
        if type.kind == "invitation" and self.store.get(str(thing.extra.get("user"))) is None:
            return None
        now = self._inputs(type, thing)
        if inputs:
            found = {key: value for key, value in now.items() if key in inputs}
            found = with_secrets(found, inputs, list(type.secret))
            if _DEFAULTS in inputs:
                found[_DEFAULTS] = inputs[_DEFAULTS]
        else:
            found = {key: value for key, value in now.items() if value not in (None, [], "")}
            found[_DEFAULTS] = []
        return self._outcome(type, thing, found)

    def delete(self, token: str, id: str, inputs: dict[str, Any]) -> float:
        """Delete an object or a relation; what is gone already is fine."""
        type = self.type(token)
        with self.store.change():
            self._signed_in()
            if type.link:
                source, target = self._ends(type, id)
                self.store.unlink(type.link[0], source, target)
                return 0.0
            thing = self._thing(type, id)
            if thing is None or type.activates:
                return 0.0
            if type.in_use:
                for source in self.store.referring(thing.key):
                    user = self.store.get(source)
                    raise bad(
                        f"{type.label} {thing.name} is in use by {user.name if user else source}.",
                        code=type.in_use,
                    )
            if type.kind == "invitation" and (
                guest := self.store.get(str(thing.extra.get("user")))
            ):
                self.directory.delete(guest)
            self.directory.delete(thing)
            return 0.0

    def fail(self, id: str, reason: str) -> None:
        """Leave an object behind that exists and is not healthy."""

    # --- ids and objects -----------------------------------------------------------------------

    def _thing(self, type: EntraType, id: str) -> Thing | None:
        keys = [id.lower(), id, *(found.lower() for found in reversed(_GUID.findall(id)))]
        for key in keys:
            thing = self.store.get(key)
            if thing is not None and thing.type == type.kind and thing.cloud == CLOUD:
                return None if thing.visible > self.store.now() else thing
        return None

    def _ends(self, type: EntraType, id: str) -> tuple[str, str]:
        found = _GUID.findall(id)
        if len(found) < 2:
            raise bad(f"parsing {type.label} ID: '{id}' does not hold two object ids")
        return found[0].lower(), found[-1].lower()

    def _id(self, type: EntraType, key: str, inputs: Mapping[str, Any]) -> str:
        words = {name: _guid_in(value) for name, value in inputs.items() if isinstance(value, str)}
        words |= {"id": key, "id2": guid_of(key, "scope"), "opaque": key}
        words["applicationGuid"] = words.get("applicationId", "")
        association = str(inputs.get("catalogResourceAssociationId", ""))
        words["resource"] = association.rpartition("/")[2]
        words["assignmentType"] = str(inputs.get("assignmentType", ""))
        words["accessType"] = str(inputs.get("accessType", ""))
        return type.id.format(**words)

    # --- rules ---------------------------------------------------------------------------------

    def _signed_in(self) -> None:
        known = self.store.setting("tenants", [])
        if known and self.account.tenant.lower() not in {item.lower() for item in known}:
            raise Refused(
                401,
                "AADSTS90002",
                f"Tenant '{self.account.tenant}' not found. Check to make sure you have the "
                "correct "
                "tenant ID and are signing into the correct cloud.",
            )

    def _accepted(self, type: EntraType, inputs: Mapping[str, Any], before: Thing | None) -> None:
        for path, kinds in type.refers.items():
            for value in _values(inputs, path):
                if value in type.words:
                    continue
                if kinds == ("directoryRole",):
                    self._role(value)
                else:
                    self.directory.find(value, *kinds)
        for check in type.checks:
            CHECKS[check](self, type, inputs, before)

    def _role(self, value: str) -> None:
        thing = self.store.get(_guid_in(value))
        if thing is not None and thing.type in ("directoryRole", "roleDefinition"):
            return
        self.directory.role(_guid_in(value))

    def _no_twins(self, type: EntraType, inputs: Mapping[str, Any], thing: Thing | None) -> None:
        if not type.no_twins or not inputs.get(type.no_twins):
            return
        for other in self.store.find(type=str(type.kind), cloud=CLOUD):
            itself = thing is not None and other.key == thing.key
            if not itself and other.body.get("displayName") == inputs.get("displayName"):
                raise _exists(self._id(type, other.key, inputs), type)

    def _unique(self, type: EntraType, thing: Thing, inputs: Mapping[str, Any]) -> None:
        if not isinstance(type.unique, tuple):
            return
        parts = [_guid_in(str(inputs.get(name, ""))).lower() for name in type.unique]
        if self.store.take("/".join(["entra", str(type.kind), *parts]), thing.key) is not None:
            raise _exists(thing.key, type)

    # --- bodies --------------------------------------------------------------------------------

    def _body(
        self, type: EntraType, inputs: Mapping[str, Any], old: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the service is asked to keep."""
        own = {key: value for key, value in inputs.items() if not key.startswith("__")}
        if type.kind not in _GRAPH:
            return {
                key: value
                for key, value in wire.strip(own, list(type.secret)).items()
                if key not in type.links
            }
        body: dict[str, Any] = {}
        for key, value in own.items():
            if key in type.unlisted or key in type.links or key in type.secret:
                continue
            if key == "dynamicMembership":
                body["membershipRule"] = value.get("rule")
                body["membershipRuleProcessingState"] = "On" if value.get("enabled") else "Paused"
                continue
            wire.put(body, type.graph.get(key, key), value)
        if type.kind == "user":
            self._user_body(body, own, old)
        elif type.kind == "group":
            body.setdefault("mailEnabled", False)
            body.setdefault("securityEnabled", False)
            if "mailNickname" not in body:
                body["mailNickname"] = guid_of(str(body.get("displayName")), "nick")[:10]
        return body

    @staticmethod
    def _user_body(body: dict[str, Any], own: Mapping[str, Any], old: Mapping[str, Any]) -> None:
        flags = {
            "disablePasswordExpiration": "DisablePasswordExpiration",
            "disableStrongPassword": "DisableStrongPassword",
        }
        policies = [word for key, word in flags.items() if own.get(key)]
        if policies:
            body["passwordPolicies"] = ", ".join(policies)
        if "mailNickname" not in body and isinstance(own.get("userPrincipalName"), str):
            body["mailNickname"] = re.sub(
                r"[^\w.'-]", "", own["userPrincipalName"].partition("@")[0]
            )
        if own.get("password") is not None and own.get("password") != old.get("password"):
            body["passwordProfile"] = {
                "password": own["password"],
                "forceChangePasswordNextSignIn": bool(own.get("forcePasswordChange")),
            }

    def _inputs(self, type: EntraType, thing: Thing) -> dict[str, Any]:
        """The provider's arguments that would make an object what it is now."""
        if type.kind not in _GRAPH:
            found = dict(thing.body)
        else:
            found = {}
            for key in self._described(type.token)["props"]:
                if key in type.unlisted or key in type.links or key in type.secret:
                    continue
                value = wire.at(thing.body, type.graph.get(key, key))
                if value is not None:
                    found[key] = value
            found |= thing.extra.get("unlisted", {})
            if thing.body.get("membershipRule"):
                found["dynamicMembership"] = {
                    "enabled": thing.body.get("membershipRuleProcessingState") != "Paused",
                    "rule": thing.body["membershipRule"],
                }
            if type.kind == "user":
                policies = str(thing.body.get("passwordPolicies", ""))
                found["disablePasswordExpiration"] = "DisablePasswordExpiration" in policies
                found["disableStrongPassword"] = "DisableStrongPassword" in policies
        for argument, (kind, direction) in type.links.items():
            found[argument] = self._linked(thing, argument, kind, direction, type)
        return {key: value for key, value in found.items() if value is not None}

    def _linked(
        self, thing: Thing, argument: str, kind: str, direction: str, type: EntraType
    ) -> Any:
        if kind == "manager":
            found = [link.target for link in self.store.links(kind, source=thing.key)]
            return found[0] if found else None
        if direction == "in":
            kinds = type.refers.get(argument, ())
            sources = (
                self.store.get(link.source) for link in self.store.links(kind, target=thing.key)
            )
            return sorted(
                other.key for other in sources if other is not None and other.type in kinds
            )
        return sorted(other.key for other in self.directory.targets(kind, thing))

    def _links(
        self, type: EntraType, thing: Thing, inputs: Mapping[str, Any], old: Mapping[str, Any]
    ) -> None:
        """Make relations what the arguments say; arguments that are not given change nothing."""
        for argument, (kind, direction) in type.links.items():
            if argument not in inputs:
                if kind == "manager" and argument in old:
                    for link in self.store.links(kind, source=thing.key):
                        self.store.unlink(kind, link.source, link.target)
                continue
            value = inputs[argument]
            wanted = {_guid_in(item) for item in (value if isinstance(value, list) else [value])}
            now = self._linked(thing, argument, kind, direction, type)
            have = set(now if isinstance(now, list) else [now] if now else [])
            for key in sorted(have - wanted):
                ends = (key, thing.key) if direction == "in" else (thing.key, key)
                self.store.unlink(kind, *ends)
            for key in sorted(wanted - have):
                other = self.directory.find(key)
                holder, target = (other, thing) if direction == "in" else (thing, other)
                self.directory.add(kind, holder, target)

    def _once(self, type: EntraType, thing: Thing, inputs: Mapping[str, Any]) -> None:
        extra = dict(thing.extra)
        for path, kind in type.outputs.items():
            if kind == "guid":
                extra.setdefault(path, new_guid())
        if type.unlisted:
            extra["unlisted"] = {
                key: inputs[key]
                for key in type.unlisted
                if key in inputs
                and key not in ("disablePasswordExpiration", "disableStrongPassword")
            }
        if extra != thing.extra:
            thing.extra = extra
            self.store.save(thing)
        if type.kind == "application":
            self.store.take(f"entra/application/{extra['clientId']}", thing.key)

    def _refer(self, type: EntraType, thing: Thing, inputs: Mapping[str, Any]) -> None:
        found = {
            _guid_in(value)
            for path in type.refers
            for value in _values(inputs, path)
            if value not in type.words
        }
        self.store.refer(thing.key, found)

    # --- relations -----------------------------------------------------------------------------

    def _relate(self, type: EntraType, inputs: dict[str, Any]) -> Outcome:
        kind, source_argument, target_argument = type.link
        source, target = _guid_in(inputs[source_argument]), _guid_in(inputs[target_argument])
        id = self._id(type, "", inputs)
        if self.store.links(kind, source=source, target=target):
            raise _exists(id, type)
        if kind == "licence":
            self._license(source, target, inputs)
        else:
            holder = self.directory.find(source)
            other = self.directory.find(target)
            self.directory.add(kind, holder, other, _only(inputs, type.keep))
        return Outcome(id, inputs, self._link_outputs(type, inputs))

    def _license(self, source: str, sku: str, inputs: Mapping[str, Any]) -> None:
        holder = self.directory.find(source)
        self.directory.license(
            holder, [{"skuId": sku, "disabledPlans": inputs.get("disabledPlans")}], []
        )

    def _read_link(self, type: EntraType, id: str, inputs: dict[str, Any] | None) -> Outcome | None:
        source, target = self._ends(type, id)
        found = self.store.links(type.link[0], source=source, target=target)
        ends = [self.store.get(source)]
        if type.link[0] != "licence":
            ends.append(self.store.get(target))
        if not found or None in ends:
            return None
        kept = {key: value for key, value in found[0].body.items() if value not in (None, [])}
        now = {type.link[1]: source, type.link[2]: target, **kept}
        for key in (type.link[1], type.link[2]):  # as it was written: an id or a path
            if inputs and _guid_in(str(inputs.get(key, ""))) == now[key]:
                now[key] = inputs[key]
        now[_DEFAULTS] = (inputs or {}).get(_DEFAULTS, [])
        return Outcome(id, now, self._link_outputs(type, now))

    def _link_outputs(self, type: EntraType, inputs: Mapping[str, Any]) -> dict[str, Any]:
        names = self._described(type.token)["outputs"]
        return {key: value for key, value in inputs.items() if key in names}

    # --- special objects -----------------------------------------------------------------------

    def _activate(self, type: EntraType, inputs: dict[str, Any]) -> Outcome:
        name, template = self.directory.role(
            str(inputs.get("templateId") or inputs.get("displayName") or "")
        )
        key = guid_of(self.account.tenant, "role", template)
        thing = self.store.get(key)
        if thing is None:
            body = {"displayName": name, "templateId": template}
            thing = Thing(key, CLOUD, "directoryRole", key, name, None, body)
            self.store.add(thing)
        return self._outcome(type, thing, inputs)

    def _invite(self, type: EntraType, inputs: dict[str, Any]) -> Outcome:
        answer, user = self.directory.invite(
            {
                "invitedUserEmailAddress": inputs.get("userEmailAddress"),
                "inviteRedirectUrl": inputs.get("redirectUrl"),
                "invitedUserDisplayName": inputs.get("userDisplayName"),
                "invitedUserType": inputs.get("userType"),
            }
        )
        thing = self.directory.create("invitation", self._body(type, inputs, {}), id=answer["id"])
        thing.name = str(inputs.get("userEmailAddress"))
        thing.extra = {"user": user.key, "redeem": answer["inviteRedeemUrl"]}
        self.store.save(thing)
        return self._outcome(type, thing, inputs)

    # --- answers -------------------------------------------------------------------------------

    def _outcome(self, type: EntraType, thing: Thing, inputs: dict[str, Any]) -> Outcome:
        id = self._id(type, thing.key, {**self._inputs(type, thing), **inputs})
        return Outcome(id, inputs, self._outputs(type, thing, inputs), wait=thing.visible)

    def _outputs(self, type: EntraType, thing: Thing, inputs: Mapping[str, Any]) -> dict[str, Any]:
        described = self._described(type.token)["outputs"]
        now = {**self._inputs(type, thing)}
        for path in type.secret:
            if wire.at(inputs, path) is not None:
                now = with_secrets(now, dict(inputs), [path])
        answer = {key: value for key, value in now.items() if key in described}
        for name, kind in type.outputs.items():
            value = self._output(type, thing, name, kind)
            if value is not None:
                answer[name] = value
        for name in described:
            answer.setdefault(name, inputs.get(name))
        return self._marked(
            type.token, {key: value for key, value in answer.items() if value is not None}
        )

    def _output(self, type: EntraType, thing: Thing, name: str, kind: Any) -> Any:
        known: dict[str, Callable[[], Any]] = {
            "id": lambda: thing.key,
            "field": lambda: self.directory.shown(thing).get(type.graph.get(name, name)),
            "links": lambda: self._linked(thing, name, *type.links[name], type),
            "guid": lambda: thing.extra.get(name),
            "tenant": lambda: self.account.tenant,
            "invited_user": lambda: thing.extra.get("user"),
            "redeem_url": lambda: thing.extra.get("redeem"),
            "role_template": lambda: thing.body.get("templateId"),
            "role_name": lambda: thing.body.get("displayName"),
            "role_description": lambda: f"{thing.body.get('displayName')} (lab)",
            "provisioned": lambda: "Provisioned",
            "first_domain": lambda: next((item.name for item in self.directory.domains()), None),
            "application_name": lambda: self._application_name(thing),
        }
        return known[kind]() if isinstance(kind, str) and kind in known else kind

    def _application_name(self, thing: Thing) -> str:
        client = str(thing.body.get("clientId")).lower()
        if client in WELL_KNOWN:
            return WELL_KNOWN[client]
        holder = self.store.holder(f"entra/application/{client}")
        application = self.store.get(holder) if holder else None
        return str(application.body.get("displayName")) if application else client

    def _marked(self, token: str, outputs: dict[str, Any]) -> dict[str, Any]:
        """The outputs that the provider itself calls secret."""
        for name in self._described(token)["secrets"]:
            if outputs.get(name) is not None:
                outputs[name] = wire.secret(outputs[name])
        return outputs

    def _described(self, token: str) -> Mapping[str, Any]:
        described: Mapping[str, Any] = self.catalogue.schema["resources"][token]
        return described

    # --- questions -----------------------------------------------------------------------------

    def invoke(self, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Answer a get… function. Raises Refused when nothing fits."""
        self._signed_in()
        name = token.rpartition(":")[2]
        if name not in FUNCTIONS:
            raise bad(f"the lab cloud does not answer {token}")
        return FUNCTIONS[name](self, arguments)

    def describe(self, token: str, thing: Thing) -> dict[str, Any]:
        """An object as a get… function shows it."""
        type = self.type(token)
        answer = wire.plain(self._outputs(type, thing, {}))
        answer["id"] = self._id(type, thing.key, {})
        answer["objectId"] = thing.key
        return dict(answer)


def _values(inputs: Mapping[str, Any], path: str) -> Iterator[str]:
    found = wire.at(inputs, path.removesuffix(".*"))
    for value in found if isinstance(found, list) else [found]:
        if isinstance(value, str):
            yield value


def _guid_in(value: str) -> str:
    """The object id in `/groups/<id>`, or the value itself."""
    found = _GUID.findall(value)
    return found[-1].lower() if found else value


def _only(inputs: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: inputs[key] for key in keys if key in inputs}


def _opaque() -> str:
    return (
        base64.urlsafe_b64encode(uuid.uuid4().bytes + uuid.uuid4().bytes).decode().rstrip("=")
        + "-1"
    )


def _exists(id: str, type: EntraType) -> Refused:
    return bad(
        f'A resource with the ID "{id}" already exists - to be managed via Pulumi this resource '
        "needs "
        f"to be imported into the state ({type.label}).",
        grpc="ALREADY_EXISTS",
    )


# --- rules of single types ---------------------------------------------------------------------

Check = Callable[[Entra, EntraType, Mapping[str, Any], Thing | None], None]
CHECKS: dict[str, Check] = {}


def _check(rule: Check) -> Check:
    CHECKS[rule.__name__.removeprefix("_")] = rule
    return rule


@_check
def _user(entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None) -> None:
    if before is None and not inputs.get("password") and not inputs.get("onpremisesImmutableId"):
        raise bad("`password` is required when creating a new user")


@_check
def _group(entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None) -> None:
    dynamic = "DynamicMembership" in (inputs.get("types") or [])
    if dynamic != bool(inputs.get("dynamicMembership")):
        raise bad("`dynamicMembership` and the type `DynamicMembership` belong together")
    if dynamic and inputs.get("members"):
        raise bad("`members` must not be given for a group with dynamic membership")
    if inputs.get("assignableToRole") and not inputs.get("securityEnabled"):
        raise bad("`assignableToRole` needs a security-enabled group")
    if inputs.get("mailEnabled") and not inputs.get("mailNickname"):
        raise bad("`mailNickname` is required for mail-enabled groups")
    if inputs.get("mailEnabled") and "Unified" not in (inputs.get("types") or []):
        raise bad("`types` must contain `Unified` for mail-enabled groups")


@_check
def _member(entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None) -> None:
    holder = entra.directory.find(str(inputs["groupObjectId"]), "group")
    other = entra.directory.find(str(inputs["memberObjectId"]))
    if other.type == "group" and holder.body.get("isAssignableToRole"):
        raise bad("A role-assignable group cannot have groups as members.")
    if other.type == "group" and "Unified" in (holder.body.get("groupTypes") or []):
        raise bad("A Microsoft 365 group cannot have groups as members.")


@_check
def _licence(
    entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None
) -> None:
    holder = entra.directory.find(str(inputs[type.link[1]]))
    if holder.type == "group" and not holder.body.get("securityEnabled"):
        raise bad("Licenses can only be assigned to security-enabled groups.")


@_check
def _invitation(
    entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None
) -> None:
    if not re.match(r"https?://", str(inputs.get("redirectUrl"))):
        raise bad("expected redirectUrl to be a URL with http or https")


@_check
def _conditional_access(
    entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None
) -> None:
    conditions = inputs.get("conditions") or {}
    users = conditions.get("users") or {}
    included = [key for key in users if key.startswith("included") and users[key]]
    if not included:
        raise bad(
            "1025: Users or workload identities are not set: a policy has to include somebody.",
            code="BadRequest",
        )
    if not inputs.get("grantControls") and not inputs.get("sessionControls"):
        raise bad("1015: Policy must contain at least one control.", code="BadRequest")
    grant = inputs.get("grantControls") or {}
    built_in = grant.get("builtInControls") or []
    if "block" in built_in and (len(built_in) > 1 or grant.get("authenticationStrengthPolicyId")):
        raise bad("1007: Block control cannot be used with other controls.", code="BadRequest")
    if "mfa" in built_in and grant.get("authenticationStrengthPolicyId"):
        raise bad(
            "1117: Authentication strength and the mfa control cannot be used together.",
            code="BadRequest",
        )
    applications = conditions.get("applications") or {}
    if not applications.get("includedApplications") and not applications.get("includedUserActions"):
        raise bad("1013: Policy must include applications or user actions.", code="BadRequest")
    if conditions.get("signInRiskLevels") or conditions.get("userRiskLevels"):
        licences = entra.store.setting("licences", ["entra-p1", "entra-p2", "entra-governance"])
        if "entra-p2" not in licences:
            raise Refused(
                403,
                "AccessDenied",
                "Your account does not have a premium P2 license for this feature.",
            )


@_check
def _named_location(
    entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None
) -> None:
    ip = inputs.get("ip")
    if ip is None:
        return
    if not ip.get("ipRanges"):
        raise bad("1040: A named location needs IP ranges.", code="BadRequest")
    if len(ip["ipRanges"]) > 2000:
        raise bad("1040: A named location has at most 2000 IP ranges.", code="BadRequest")
    for text in ip["ipRanges"]:
        try:
            net = ipaddress.ip_network(text, strict=True)
        except ValueError:
            raise bad(f"1057: Invalid IP range {text}.", code="BadRequest") from None
        inside = [
            ipaddress.ip_network(block)
            for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
        ]
        if net.version == 4 and any(net.subnet_of(block) for block in inside):  # type: ignore[arg-type]
            raise bad(
                f"1057: {text} is private: only public IP ranges are allowed.", code="BadRequest"
            )
        if net.prefixlen < 8:
            raise bad(f"1057: {text} is wider than /8.", code="BadRequest")


@_check
def _assignment_policy(
    entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None
) -> None:
    if inputs.get("durationInDays") and inputs.get("expirationDate"):
        raise bad("`durationInDays` and `expirationDate` exclude each other")


@_check
def _package_resource(
    entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None
) -> None:
    ends = _GUID.findall(str(inputs.get("catalogResourceAssociationId")))
    if len(ends) != 2 or not entra.store.links(
        "catalogResource", source=ends[0].lower(), target=ends[1].lower()
    ):
        raise not_there(str(inputs.get("catalogResourceAssociationId")))
    package = entra.directory.find(str(inputs["accessPackageId"]))
    if _guid_in(str(package.body.get("catalogId"))) != ends[0].lower():
        raise bad("The resource and the access package belong to different catalogs.")


@_check
def _directory_role(
    entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None
) -> None:
    if not inputs.get("displayName") and not inputs.get("templateId"):
        raise bad("one of `displayName`, `templateId` must be specified")


@_check
def _directory_role_assignment(
    entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None
) -> None:
    entra._role(str(inputs.get("roleId")))
    principal = entra.directory.find(str(inputs["principalObjectId"]))
    if principal.type == "group" and not principal.body.get("isAssignableToRole"):
        raise bad("The specified group cannot be assigned to a role: it is not role-assignable.")
    scope = str(inputs.get("directoryScopeId") or "/")
    if scope != "/":
        unit = entra.directory.find(scope, "administrativeUnit", "application")
        if unit.type == "administrativeUnit":
            known = entra.directory.facts
            role = entra.store.get(_guid_in(str(inputs["roleId"])))
            template = str(role.body.get("templateId")) if role else _guid_in(str(inputs["roleId"]))
            name = entra.directory.role(template)[0] if template in known["roles"].values() else ""
            if name and name not in known["scoped"]:
                raise bad(
                    f"The role {name} cannot be assigned with an administrative unit as scope."
                )


@_check
def _schedule(
    entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None
) -> None:
    ways = [inputs.get("duration"), inputs.get("expirationDate"), inputs.get("permanentAssignment")]
    if sum(map(bool, ways)) != 1:
        raise bad("exactly one of `duration`, `expirationDate`, `permanentAssignment` is needed")
    if inputs.get("expirationDate"):
        try:
            end = dt.datetime.fromisoformat(str(inputs["expirationDate"]).replace("Z", "+00:00"))
        except ValueError:
            raise bad("`expirationDate` is not a moment in RFC 3339") from None
        if before is None and end.timestamp() <= entra.store.now():
            raise bad(
                "The Assignment request has invalid schedule: the end is in the past.",
                code="InvalidRoleAssignmentRequest",
            )


@_check
def _identifier_uris(
    entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None
) -> None:
    for other in entra.store.find(type="application", cloud=CLOUD):
        if before is not None and other.key == before.key:
            continue
        shared = set(other.body.get("identifierUris") or []) & set(
            inputs.get("identifierUris") or []
        )
        if shared:
            raise bad(
                "Another object with the same value for property identifierUris already exists.",
                grpc="ALREADY_EXISTS",
            )


@_check
def _service_principal(
    entra: Entra, type: EntraType, inputs: Mapping[str, Any], before: Thing | None
) -> None:
    client = str(inputs.get("clientId")).lower()
    if client not in WELL_KNOWN and entra.store.holder(f"entra/application/{client}") is None:
        raise bad(
            f"The appId '{client}' of the service principal does not reference a valid "
            "application object.",
            code="Request_BadRequest",
        )


# --- functions ---------------------------------------------------------------------------------

USER = "azuread:index/user:User"
GROUP = "azuread:index/group:Group"
UNIT = "azuread:index/administrativeUnit:AdministrativeUnit"
LOCATION = "azuread:index/namedLocation:NamedLocation"
PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"


def _one(entra: Entra, kind: str, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The only object of a kind with these properties. Raises Refused for none or several."""
    found = [
        thing
        for thing in entra.directory.listed(kind)
        if all(_fits(thing, key, value) for key, value in arguments.items())
    ]
    asked = ", ".join(f"{key} {value!r}" for key, value in sorted(arguments.items()))
    if not found:
        raise Refused(404, "Request_ResourceNotFound", f"No {kind} found with {asked}")
    if len(found) > 1:
        raise bad(f"Found several {kind}s with {asked}")
    return entra.describe(token, found[0])


def _fits(thing: Thing, key: str, value: Any) -> bool:
    if value is None or key.startswith("include"):
        return True
    if key == "objectId":
        return thing.key == _guid_in(str(value))
    have = thing.body.get(key)
    return str(have).lower() == str(value).lower() if isinstance(value, str) else have == value


def _several(
    entra: Entra, kind: str, arguments: Mapping[str, Any], names: Mapping[str, str]
) -> list[Thing]:
    everything = entra.directory.listed(kind)
    if arguments.get("returnAll"):
        return everything
    if prefix := arguments.get("displayNamePrefix"):
        return [
            thing for thing in everything if str(thing.body.get("displayName")).startswith(prefix)
        ]
    for argument, key in names.items():
        wanted = arguments.get(argument)
        if wanted is None:
            continue
        found = []
        for value in wanted:
            fitting = [thing for thing in everything if _fits(thing, key, value)]
            if fitting:
                found.append(fitting[0])
            elif not arguments.get("ignoreMissing"):
                raise Refused(
                    404, "Request_ResourceNotFound", f"No {kind} found with {key} {value!r}"
                )
        return found
    return []


def _client_config(entra: Entra, arguments: Mapping[str, Any]) -> dict[str, Any]:
    tenant = entra.account.tenant
    return {
        "id": f"{tenant}-{guid_of(tenant, 'operator')}",
        "clientId": guid_of(tenant, "client"),
        "objectId": guid_of(tenant, "operator"),
        "tenantId": tenant,
    }


def _domains(entra: Entra, arguments: Mapping[str, Any]) -> dict[str, Any]:
    chosen = [
        thing
        for thing in entra.directory.domains()
        if (arguments.get("includeUnverified") or thing.body["isVerified"])
        and (not arguments.get("onlyDefault") or thing.body["isDefault"])
        and (not arguments.get("onlyInitial") or thing.body["isInitial"])
    ]
    return {
        "id": f"domains#{guid_of(*(thing.key for thing in chosen))}",
        "domains": [
            {
                "adminManaged": thing.body["isAdminManaged"],
                "authenticationType": thing.body["authenticationType"],
                "default": thing.body["isDefault"],
                "domainName": thing.name,
                "initial": thing.body["isInitial"],
                "root": thing.body["isRoot"],
                "supportedServices": thing.body["supportedServices"],
                "verified": thing.body["isVerified"],
            }
            for thing in chosen
        ],
    }


def _users(entra: Entra, arguments: Mapping[str, Any]) -> dict[str, Any]:
    found = _several(
        entra, "user", arguments,
        {"userPrincipalNames": "userPrincipalName", "objectIds": "objectId",
         "mailNicknames": "mailNickname", "mails": "mail", "employeeIds": "employeeId"},
    )  # fmt: skip
    shown = [entra.describe(USER, thing) for thing in found]
    return {
        "id": f"users#{guid_of(*(thing.key for thing in found))}",
        "objectIds": [thing.key for thing in found],
        "userPrincipalNames": [thing.body["userPrincipalName"] for thing in found],
        "mailNicknames": [thing.body.get("mailNickname") for thing in found],
        "mails": [thing.body.get("mail") or "" for thing in found],
        "employeeIds": [thing.body.get("employeeId") or "" for thing in found],
        "users": shown,
    }


def _groups(entra: Entra, arguments: Mapping[str, Any]) -> dict[str, Any]:
    found = _several(
        entra, "group", arguments, {"displayNames": "displayName", "objectIds": "objectId"}
    )
    return {
        "id": f"groups#{guid_of(*(thing.key for thing in found))}",
        "objectIds": [thing.key for thing in found],
        "displayNames": [thing.body["displayName"] for thing in found],
    }


def _roles(entra: Entra, arguments: Mapping[str, Any]) -> dict[str, Any]:
    active = entra.store.find(type="directoryRole")
    return {
        "id": "directoryRoles",
        "objectIds": [thing.key for thing in active],
        "templateIds": [thing.body["templateId"] for thing in active],
        "roles": [
            {
                "description": f"{thing.name} (lab)",
                "displayName": thing.name,
                "objectId": thing.key,
                "templateId": thing.body["templateId"],
            }
            for thing in active
        ],
    }


def _templates(entra: Entra, arguments: Mapping[str, Any]) -> dict[str, Any]:
    roles = entra.directory.facts["roles"]
    return {
        "id": "directoryRoleTemplates",
        "objectIds": list(roles.values()),
        "roleTemplates": [
            {"description": f"{name} (lab)", "displayName": name, "objectId": template}
            for name, template in roles.items()
        ],
    }


FUNCTIONS: dict[str, Callable[[Entra, Mapping[str, Any]], dict[str, Any]]] = {
    "getClientConfig": _client_config,
    "getDomains": _domains,
    "getUser": lambda entra, arguments: _one(entra, "user", USER, arguments),
    "getUsers": _users,
    "getGroup": lambda entra, arguments: _one(entra, "group", GROUP, arguments),
    "getGroups": _groups,
    "getAdministrativeUnit": lambda entra, arguments: _one(
        entra, "administrativeUnit", UNIT, arguments
    ),
    "getNamedLocation": lambda entra, arguments: _one(entra, "namedLocation", LOCATION, arguments),
    "getServicePrincipal": lambda entra, arguments: _one(
        entra, "servicePrincipal", PRINCIPAL, arguments
    ),
    "getDirectoryRoles": _roles,
    "getDirectoryRoleTemplates": _templates,
}
