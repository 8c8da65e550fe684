"""Entra's directory: users, groups and what relates them, in the words of Microsoft Graph.

The azuread plug-in and the Graph server both write through this, so that what one makes the other
finds. Bodies are Graph's; codes and messages are Graph's (learn.microsoft.com/graph/errors and the
pages of each call, listed in types/notes.md).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import membership, wire
from .base import Refused
from .store import Deleted, Link, Store, Thing, guid_of, new_guid

CLOUD = "azuread"
DIRECTORY_KINDS = (
    "user",
    "group",
    "servicePrincipal",
    "application",
    "administrativeUnit",
    "device",
    "directoryRole",
)
_KEPT_DAYS = 30
_COLLECTION = {
    "user": "User", "group": "Group", "administrativeUnit": "AdministrativeUnit",
    "application": "Application", "servicePrincipal": "ServicePrincipal",
}  # fmt: skip
_UNIQUE = {
    "user": ("userPrincipalName", "onPremisesImmutableId", "mail"),
    "group": ("mail", "uniqueName"),
    "servicePrincipal": ("clientId",),
}


class _Everything:
    """Holds every name."""

    def __contains__(self, name: object) -> bool:
        return True


EVERYTHING = _Everything()


def not_there(id: str, status: int = 404) -> Refused:
    """Graph's words for an object that does not exist, or not yet."""
    return Refused(
        status,
        "Request_ResourceNotFound",
        f"Resource '{id}' does not exist or one of its queried reference-property objects are not "
        "present.",
        grpc="NOT_FOUND",
    )


def bad(
    message: str, *, code: str = "Request_BadRequest", status: int = 400, grpc: str = ""
) -> Refused:
    """A request that Graph turns down."""
    return Refused(status, code, message, grpc=grpc)


@dataclass
class Directory:
    """The objects of one tenant."""

    store: Store
    tenant: str

    # --- what the tenant has -------------------------------------------------------------------

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Licences, role templates, policies and property lists, as the lab was set up."""
        facts: dict[str, Any] = self.store.setting("tenant_facts", {})
        return facts

    def domains(self) -> list[Thing]:
        """All domains, the initial one first."""
        return self.store.find(type="domain")

    def skus(self) -> list[dict[str, Any]]:
        """The subscribed licences with what is used of them."""
        used = self._used()
        return [
            {
                "accountName": "lab",
                "appliesTo": "User",
                "capabilityStatus": "Enabled",
                "consumedUnits": len(used.get(sku["skuId"], ())),
                "id": f"{self.tenant}_{sku['skuId']}",
                "prepaidUnits": {
                    "enabled": sku["units"],
                    "suspended": 0,
                    "warning": 0,
                    "lockedOut": 0,
                },
                "servicePlans": [
                    {**plan, "provisioningStatus": "Success", "appliesTo": "User"}
                    for plan in self.facts["plans"]
                ],
                "skuId": sku["skuId"],
                "skuPartNumber": sku["skuPartNumber"],
            }
            for sku in self.facts["skus"]
        ]

    @cached_property
    def _consumed(self) -> dict[str, set[str]]:
        """Who uses each licence, for one request."""
        return self._used()

    def _used(self) -> dict[str, set[str]]:
        used: dict[str, set[str]] = {}
        for link in self.store.links("licence"):
            for user in self._licensed(link.source):
                used.setdefault(link.target, set()).add(user)
        return used

    def _licensed(self, holder: str) -> Iterable[str]:
        thing = self.store.get(holder)
        if thing is None:
            return ()
        if thing.type == "user":
            return (holder,)
        return tuple(member.key for member in self.members(thing) if member.type == "user")

    # --- reading -------------------------------------------------------------------------------

    def find(self, id: str, *kinds: str, by_name: bool = False) -> Thing:
        """An object that readers see. Raises Refused (404) for what is not there, or not yet."""
        key = id.strip("/").rpartition("/")[2].lower()
        thing = self.store.get(key)
        if (
            thing is None
            and by_name
            and (holder := self.store.holder(_name("userPrincipalName", id)))
        ):
            thing = self.store.get(holder)
        if thing is None or thing.cloud != CLOUD or (kinds and thing.type not in kinds):
            raise not_there(id)
        if thing.visible > self.store.now():
            raise not_there(id)
        return thing

    def listed(self, kind: str) -> list[Thing]:
        """All objects of a kind that readers see, oldest first."""
        now = self.store.now()
        return [thing for thing in self.store.find(type=kind, cloud=CLOUD) if thing.visible <= now]

    def shown(self, thing: Thing, wanted: Container[str] = EVERYTHING) -> dict[str, Any]:
        """An object with all properties that Graph can answer, or at least the wanted ones."""
        made = _moment(thing.created)
        body: dict[str, Any] = {"id": thing.key, **thing.body}
        if thing.type == "user":
            sessions = thing.extra.get("sessions", made)
            body |= {
                "createdDateTime": made,
                "signInSessionsValidFromDateTime": sessions,
                "refreshTokensValidFromDateTime": sessions,
            }
            if "licenseAssignmentStates" in wanted:
                body["licenseAssignmentStates"] = self.licence_states(thing)
        elif thing.type == "group":
            body |= {"createdDateTime": made, "renewedDateTime": made}
        if thing.type in ("user", "group"):
            body["proxyAddresses"] = [f"SMTP:{body['mail']}"] if body.get("mail") else []
            body["deletedDateTime"] = None
            if "assignedLicenses" in wanted:
                body["assignedLicenses"] = self.assigned(thing)
        return body

    def deleted_shown(self, item: Deleted) -> dict[str, Any]:
        """A deleted object: of a user the name has the object id in front, so that it is free."""
        body = {"id": item.thing.key, **item.thing.body, "deletedDateTime": _moment(item.gone)}
        if item.thing.type == "user":
            prefix = item.thing.key.replace("-", "")
            body["userPrincipalName"] = f"{prefix}{body['userPrincipalName']}"
        return body

    def members(self, holder: Thing) -> list[Thing]:
        """Members of a group, unit or role; of a dynamic group, whoever the rule means."""
        if holder.type == "group" and "DynamicMembership" in (holder.body.get("groupTypes") or []):
            if holder.body.get("membershipRuleProcessingState") == "Paused":
                return []
            test = membership.parse(str(holder.body.get("membershipRule")))
            return [
                user
                for user in self.store.find(type="user")
                if test({**user.body, "objectId": user.key})
            ]
        return self._targets("members", holder)

    def _targets(self, kind: str, holder: Thing) -> list[Thing]:
        return self.store.linked(kind, holder.key)

    def targets(self, kind: str, holder: Thing) -> list[Thing]:
        """The objects that a relation leads to: members, owners, manager."""
        return self.members(holder) if kind == "members" else self._targets(kind, holder)

    def member_of(self, thing: Thing) -> list[Thing]:
        """The groups, units and roles that an object belongs to directly."""
        direct = [
            self.store.get(link.source) for link in self.store.links("members", target=thing.key)
        ]
        found = [holder for holder in direct if holder is not None]
        if thing.type == "user":
            found += [
                group
                for group in self.store.holding("group", '"DynamicMembership"')
                if any(member.key == thing.key for member in self.members(group))
            ]
        return found

    def roles_of(self, user: Thing) -> list[Thing]:
        """The active directory roles that a user has for the whole tenant, itself or by a group."""
        holders = {user.key, *(group.key for group in self.member_of(user))}
        given = {
            str(item.body.get("roleId")).rpartition("/")[2].lower()
            for item in self.store.find(type="roleAssignment")
            if str(item.body.get("principalObjectId")).rpartition("/")[2].lower() in holders
            and item.body.get("directoryScopeId", "/") == "/"
        }
        return [
            role
            for role in self.store.find(type="directoryRole")
            if role.key in given or str(role.body.get("templateId")) in given
        ]

    def transitive_members(self, group: Thing) -> list[Thing]:
        """Members, and the members of member groups."""
        seen: dict[str, Thing] = {}
        waiting = [group]
        while waiting:
            for member in self.members(waiting.pop()):
                if member.key not in seen:
                    seen[member.key] = member
                    if member.type == "group":
                        waiting.append(member)
        return list(seen.values())

    def assigned(self, thing: Thing) -> list[dict[str, Any]]:
        """Licences of a group, or of a user: its own and those of its groups."""
        holders = [thing, *self.member_of(thing)] if thing.type == "user" else [thing]
        found: dict[str, dict[str, Any]] = {}
        for holder in holders:
            for link in self.store.links("licence", source=holder.key):
                found.setdefault(
                    link.target,
                    {"skuId": link.target, "disabledPlans": link.body.get("disabledPlans", [])},
                )
        return list(found.values())

    def licence_states(self, user: Thing) -> list[dict[str, Any]]:
        """Where each licence of a user comes from, and whether there were enough."""
        units = {sku["skuId"]: sku["units"] for sku in self.facts.get("skus", [])}
        states = []
        for holder in [user, *self.member_of(user)]:
            for link in self.store.links("licence", source=holder.key):
                missing = not user.body.get("usageLocation")
                over = len(self._consumed.get(link.target, ())) > units.get(link.target, 0)
                error = (
                    "ProhibitedInUsageLocationViolation"
                    if missing
                    else "CountViolation"
                    if over
                    else "None"
                )
                states.append(
                    {
                        "skuId": link.target,
                        "disabledPlans": link.body.get("disabledPlans", []),
                        "assignedByGroup": None if holder is user else holder.key,
                        "state": "Active" if error == "None" else "Error",
                        "error": error,
                        "lastUpdatedDateTime": _moment(link.created),
                    }
                )
        return states

    # --- writing -------------------------------------------------------------------------------

    def create(self, kind: str, body: Mapping[str, Any], *, id: str | None = None) -> Thing:
        """Make an object; readers see it a little later. Raises Refused in Graph's words."""
        with self.store.change():
            kept = self._prepared(kind, body, new=True)
            key = id or new_guid()
            visible = self.store.now() + self.store.real(
                float(self.store.setting("replication", 30.0))
            )
            thing = Thing(
                key, CLOUD, kind, key, _label(kind, kept, key), None, kept, visible=visible
            )
            self._take(thing, kept)
            self.store.add(thing)
            return thing

    def change(self, thing: Thing, patch: Mapping[str, Any]) -> Thing:
        """Change some properties; null takes one away."""
        with self.store.change():
            fresh = self.store.get(thing.key)
            if fresh is None:
                raise not_there(thing.key)
            self._open(fresh)
            kept = self._prepared(thing.type, patch, new=False, before=fresh)
            body = {**fresh.body, **kept}
            for key, value in kept.items():
                if isinstance(value, dict) and isinstance(fresh.body.get(key), dict):
                    body[key] = {**fresh.body[key], **value}
            fresh.body = {key: value for key, value in body.items() if value is not None}
            fresh.name = _label(thing.type, fresh.body, fresh.key)
            if any(key in patch for key in _UNIQUE.get(thing.type, ())):
                self._take(fresh, fresh.body)
            self.store.save(fresh)
            return fresh

    def delete(self, thing: Thing) -> None:
        """Delete an object; users, Microsoft 365 groups, applications and units stay 30 days."""
        soft = thing.type in ("user", "application", "servicePrincipal", "administrativeUnit") or (
            thing.type == "group" and "Unified" in (thing.body.get("groupTypes") or [])
        )
        with self.store.change():
            self._open(thing)
            self.store.remove(thing, keep_days=_KEPT_DAYS if soft else 0)

    def _open(self, thing: Thing) -> None:
        """Nobody here has a role over a restricted unit: its members change for nobody else."""
        if thing.type not in ("user", "group", "device"):
            return
        for link in self.store.links("members", target=thing.key):
            holder = self.store.get(link.source)
            if holder is not None and holder.body.get("isMemberManagementRestricted"):
                raise bad(
                    "Insufficient privileges to complete the operation. Target object is a member "
                    "of a restricted management administrative unit and can only be modified by "
                    "administrators scoped to that administrative unit.",
                    status=403,
                    code="Authorization_RequestDenied",
                    grpc="PERMISSION_DENIED",
                )

    def restore(self, item: Deleted, *, upn: str | None = None) -> Thing:
        """Bring a deleted object back, with what it belonged to."""
        with self.store.change():
            thing = item.thing
            if upn:
                self._upn(upn)
                thing.body = {**thing.body, "userPrincipalName": upn}
                thing.name = upn
            try:
                self._take(thing, thing.body)
            except Refused as error:
                raise bad(
                    f"The object cannot be restored: {error.message}", code="Request_BadRequest"
                ) from None
            return self.store.restore(item)

    def add(
        self, kind: str, holder: Thing, target: Thing, body: Mapping[str, Any] | None = None
    ) -> None:
        """Relate two objects. Raises Refused when they are, or must not be."""
        if kind == "members" and "DynamicMembership" in (holder.body.get("groupTypes") or []):
            raise bad(
                "Insufficient privileges to complete the operation: the members of a group with "
                "dynamic "
                "membership cannot be changed.",
                status=403,
                code="Authorization_RequestDenied",
            )
        if holder.key == target.key:
            raise bad("A group cannot be its own member.")
        self._open(holder)
        if kind == "manager":
            for link in self.store.links("manager", source=holder.key):
                self.store.unlink("manager", link.source, link.target)
        if not self.store.link(kind, holder.key, target.key, body):
            raise bad(
                f"One or more added object references already exist for the following modified "
                f"properties: '{kind}'.",
                grpc="ALREADY_EXISTS",
            )

    def drop(self, kind: str, holder: Thing, target_id: str) -> None:
        """End a relation. Raises Refused (404) when there is none."""
        if kind == "members" and "DynamicMembership" in (holder.body.get("groupTypes") or []):
            raise bad("The members of a group with dynamic membership cannot be changed.")
        self._open(holder)
        if not self.store.unlink(kind, holder.key, target_id.lower()):
            raise not_there(target_id)

    def license(
        self, holder: Thing, add: Iterable[Mapping[str, Any]], remove: Iterable[str]
    ) -> None:
        """Give and take licences. Raises Refused for unknown ones and when none is left."""
        self.__dict__.pop("_consumed", None)
        with self.store.change():
            for sku in remove:
                if not self.store.unlink("licence", holder.key, str(sku).lower()):
                    raise bad("User does not have a corresponding license.")
            for item in add:
                self._license_one(
                    holder,
                    str(item.get("skuId", "")).lower(),
                    list(item.get("disabledPlans") or []),
                )

    def _license_one(self, holder: Thing, sku: str, disabled: list[str]) -> None:
        known = {item["skuId"]: item for item in self.facts["skus"]}
        if sku not in known:
            raise bad(f"License {sku} does not correspond to a valid company License.")
        plans = {plan["servicePlanId"] for plan in self.facts["plans"]}
        if odd := [plan for plan in disabled if plan.lower() not in plans]:
            raise bad(f"Plan {odd[0]} is not a part of license {sku}.")
        if holder.type == "user":
            if not holder.body.get("usageLocation"):
                raise bad("License assignment cannot be done for user with invalid usage location.")
            users = self._used().get(sku, set())
            if holder.key not in users and len(users) >= known[sku]["units"]:
                raise bad(
                    f"Subscription with SKU {sku} does not have any available licenses.",
                )
        if not self.store.link("licence", holder.key, sku, {"disabledPlans": disabled}):
            self.store.relate("licence", holder.key, sku, {"disabledPlans": disabled})

    def licence_links(self, holder: Thing) -> list[Link]:
        """The licences given to an object itself."""
        return self.store.links("licence", source=holder.key)

    # --- rules ---------------------------------------------------------------------------------

    def _prepared(
        self, kind: str, body: Mapping[str, Any], *, new: bool, before: Thing | None = None
    ) -> dict[str, Any]:
        """A body without secrets, after everything that Graph would refuse was refused."""
        facts = self.facts.get(kind)
        if facts and (odd := [key for key in body if key not in facts["written"]]):
            label = _COLLECTION[kind]
            if odd[0] in facts["read"]:
                raise bad(f"Property '{odd[0]}' is read-only and cannot be set.")
            raise bad(f"Invalid property '{odd[0]}' on resource '{label}'.")
        kept = {key: value for key, value in body.items() if new is False or value is not None}
        if kind == "user":
            self._user(kept, new=new)
        elif kind == "group":
            self._group(kept, new=new, before=before)
        elif kind == "administrativeUnit" and new and not kept.get("displayName"):
            raise _missing("displayName", "AdministrativeUnit")
        kept.pop("passwordProfile", None)
        return kept

    def _user(self, body: dict[str, Any], *, new: bool) -> None:
        if new:
            for key in ("displayName", "userPrincipalName", "mailNickname", "accountEnabled"):
                if body.get(key) in (None, ""):
                    raise _missing(key, "User")
            guest = body.get("userType") == "Guest"
            if (
                not guest
                and not body.get("onPremisesImmutableId")
                and not body.get("passwordProfile")
            ):
                raise _missing("passwordProfile", "User")
            body.setdefault("userType", "Member")
            body.setdefault("businessPhones", [])
        if "displayName" in body and not body["displayName"]:
            raise bad("Invalid value specified for property 'displayName' of resource 'User'.")
        if "userPrincipalName" in body:
            self._upn(str(body["userPrincipalName"]))
        for key, longest in (
            ("displayName", 256),
            ("department", 64),
            ("jobTitle", 128),
            ("employeeId", 16),
            ("givenName", 64),
            ("surname", 64),
            ("companyName", 64),
            ("city", 128),
        ):
            if len(str(body.get(key) or "")) > longest:
                raise bad(f"Invalid value specified for property '{key}' of resource 'User'.")
        nick = body.get("mailNickname")
        if nick is not None and not re.fullmatch(r"[!#-'*+\-/-9=?A-Z^-~.]{1,64}", str(nick)):
            raise bad("Invalid value specified for property 'mailNickname' of resource 'User'.")
        if body.get("usageLocation") and not re.fullmatch(r"[A-Z]{2}", str(body["usageLocation"])):
            raise bad("Invalid value specified for property 'usageLocation' of resource 'User'.")
        profile = body.get("passwordProfile")
        if isinstance(profile, Mapping) and profile.get("password") is not None:
            self._password(str(profile["password"]))

    @staticmethod
    def _password(password: str) -> None:
        kinds = sum(
            bool(re.search(pattern, password))
            for pattern in (r"[a-z]", r"[A-Z]", r"\d", r"[^A-Za-z\d]")
        )
        if not 8 <= len(password) <= 256 or kinds < 3:
            raise bad(
                "The specified password does not comply with password complexity requirements. "
                "Please "
                "provide a different password."
            )

    def _upn(self, upn: str) -> None:
        local, _, domain = upn.rpartition("@")
        if (
            not re.fullmatch(r"[A-Za-z0-9'.\-_!#^~]{1,64}", local)
            or not domain
            or local.endswith(".")
        ):
            raise bad("Property userPrincipalName is invalid.")
        known = {
            thing.key.removeprefix("domain/")
            for thing in self.domains()
            if thing.body.get("isVerified")
        }
        if domain.lower() not in known:
            raise bad(
                "The domain portion of the userPrincipalName property is invalid. You must use "
                "one of "
                "the verified domain names in your organization."
            )

    def _group(self, body: dict[str, Any], *, new: bool, before: Thing | None) -> None:
        now = {**(before.body if before else {}), **body}
        types = now.get("groupTypes") or []
        if new:
            for key in ("displayName", "mailEnabled", "mailNickname", "securityEnabled"):
                if body.get(key) in (None, ""):
                    raise _missing(key, "Group")
            body.setdefault("groupTypes", [])
            if "Unified" in types:
                if not body["mailEnabled"]:
                    raise bad("A Unified group must be mail-enabled.")
                body.setdefault("visibility", "Public")
                initial = next(iter(self.domains()), None)
                host = initial.key.removeprefix("domain/") if initial else "lab.onmicrosoft.example"
                body["mail"] = f"{body['mailNickname']}@{host}"
            elif body["mailEnabled"]:
                raise bad(
                    "The service does not currently support writes of mail-enabled groups. Please "
                    "ensure "
                    "that the mail-enablement property is unset and the security-enablement "
                    "property is "
                    "set."
                )
        if not re.fullmatch(r"[!#-'*+\-/-9=?A-Z^-~.]{1,64}", str(now.get("mailNickname", "x"))):
            raise bad("Invalid value specified for property 'mailNickname' of resource 'Group'.")
        if len(str(now.get("displayName", ""))) > 256:
            raise bad("Invalid value specified for property 'displayName' of resource 'Group'.")
        assignable = bool(before and before.body.get("isAssignableToRole"))
        if not new and bool(body.get("isAssignableToRole", assignable)) != assignable:
            raise bad("The 'isAssignableToRole' property cannot be changed later.")
        if "DynamicMembership" in types:
            if now.get("isAssignableToRole"):
                raise bad("Role-assignable groups cannot have dynamic membership.")
            try:
                membership.parse(str(now.get("membershipRule") or ""))
            except membership.RuleError as error:
                raise bad(f"Invalid membership rule: {error}.") from None

    def _take(self, thing: Thing, body: Mapping[str, Any]) -> None:
        self.store.release(thing.key)
        for key in _UNIQUE.get(thing.type, ()):
            value = body.get(key)
            if not value:
                continue
            if self.store.take(_name(key, str(value)), thing.key) is not None:
                raise bad(
                    f"Another object with the same value for property {key} already exists.",
                    grpc="ALREADY_EXISTS",
                )

    # --- guests --------------------------------------------------------------------------------

    def invite(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], Thing]:
        """Invite a guest: the invitation, and the user that it made or found."""
        mail = str(body.get("invitedUserEmailAddress") or "")
        redirect = str(body.get("inviteRedirectUrl") or "")
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", mail):
            raise bad("The invited user email address is invalid.", code="BadRequest")
        if not re.match(r"https?://", redirect):
            raise bad("The invite redirect URL is invalid.", code="BadRequest")
        if body.get("invitedUserType") not in (None, "Guest", "Member"):
            raise bad("The invited user type is invalid.", code="BadRequest")
        host = mail.rpartition("@")[2].lower()
        if any(
            thing.key == f"domain/{host}" and thing.body.get("isVerified")
            for thing in self.domains()
        ):
            raise bad(
                "The invited user's domain belongs to this organisation: create a member instead.",
                code="BadRequest",
            )
        with self.store.change():
            holder = self.store.holder(_name("mail", mail))
            user = self.store.get(holder) if holder else None
            if user is None:
                initial = self.domains()[0].key.removeprefix("domain/")
                local = mail.replace("@", "_")
                made = {
                    "accountEnabled": True,
                    "displayName": body.get("invitedUserDisplayName") or mail.partition("@")[0],
                    "mail": mail,
                    "mailNickname": re.sub(r"[^\w.-]", "_", f"{local}#EXT#"),
                    "userPrincipalName": f"{local}#EXT#@{initial}",
                    "userType": body.get("invitedUserType") or "Guest",
                }
                self._guest_upn(made)
                user = self.create("user", made)
                user.body |= {
                    "externalUserState": "PendingAcceptance",
                    "creationType": "Invitation",
                }
                self.store.save(user)
            id = new_guid()
            answer = {
                "id": id,
                "inviteRedeemUrl": f"https://login.lab.example/redeem?rd={guid_of(id)}",
                "invitedUserDisplayName": body.get("invitedUserDisplayName"),
                "invitedUserEmailAddress": mail,
                "invitedUserType": body.get("invitedUserType") or "Guest",
                "inviteRedirectUrl": redirect,
                "sendInvitationMessage": bool(body.get("sendInvitationMessage", False)),
                "status": "PendingAcceptance",
                "invitedUser": {"id": user.key},
            }
        return answer, user

    @staticmethod
    def _guest_upn(body: dict[str, Any]) -> None:
        """A long address is cut: the local part has at most 64 characters."""
        local, _, host = str(body["userPrincipalName"]).rpartition("@")
        clean = re.sub(r"[^A-Za-z0-9'.\-_!#^~]", "_", local)
        if len(clean) > 64:
            clean = clean[:48].rstrip(".") + guid_of(local)[:8] + "#EXT#"
        body["userPrincipalName"] = f"{clean}@{host}"

    # --- policies and domains ------------------------------------------------------------------

    def policy(self, path: str) -> dict[str, Any]:
        """A policy that every tenant has, as it is now."""
        thing = self.store.get(path.lower())
        if thing is not None:
            return thing.body
        found = self.facts["policies"].get(path)
        if found is None:
            raise not_there(path.rpartition("/")[2])
        return dict(found)

    def change_policy(self, path: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Change a policy, part by part."""
        with self.store.change():
            before = self.policy(path)
            if odd := [key for key in patch if key not in before and not key.startswith("@")]:
                known = {
                    "blockMsolPowerShell",
                    "allowUserConsentForRiskyApps",
                    "tenantRestrictions",
                    "reportSuspiciousActivitySettings",
                    "systemCredentialPreferences",
                    "invitationRedemptionIdentityProviderConfiguration",
                    "m365CollaborationInbound",
                    "m365CollaborationOutbound",
                }
                if odd[0] not in known:
                    raise bad(f"Invalid property '{odd[0]}'.")
            body = _merged(
                before, {key: value for key, value in patch.items() if not key.startswith("@")}
            )
            if path == "policies/crossTenantAccessPolicy/default":
                body["isServiceDefault"] = False
            thing = self.store.get(path.lower())
            if thing is None:
                self.store.add(Thing(path.lower(), CLOUD, "policy", path, path, None, body))
            else:
                thing.body = body
                self.store.save(thing)
            return body

    def verification(self, domain: Thing) -> list[dict[str, Any]]:
        """The records of which one has to be in public DNS before a domain is verified."""
        name = domain.key.removeprefix("domain/")
        number = int(guid_of(self.tenant, name)[:8], 16) % 100000000
        common = {
            "isOptional": False, "label": name, "supportedService": "Email", "ttl": 3600,
        }  # fmt: skip
        return [
            {
                "@odata.type": "#microsoft.graph.domainDnsTxtRecord",
                "id": guid_of(name, "txt"),
                "recordType": "Txt",
                "text": f"MS=ms{number:08}",
                **common,
            },
            {
                "@odata.type": "#microsoft.graph.domainDnsMxRecord",
                "id": guid_of(name, "mx"),
                "recordType": "Mx",
                "mailExchange": f"ms{number:08}.msv1.invalid",
                "preference": 32767,
                **common,
            },
        ]

    def verify(self, domain: Thing) -> Thing:
        """Look for the record in the lab's public DNS zones; raises Refused without it."""
        name = domain.key.removeprefix("domain/")
        wanted = next(
            item["text"] for item in self.verification(domain) if item["recordType"] == "Txt"
        )
        parts = name.split(".")
        for cut in range(len(parts) - 1):
            zone, label = ".".join(parts[cut:]), ".".join(parts[:cut]) or "@"
            for record in self.store.find(type="azure-native:dns:RecordSet"):
                if (
                    str(record.body.get("zoneName", "")).lower() == zone
                    and record.name.lower() == label
                    and str(record.body.get("recordType")).upper() == "TXT"
                    and wanted
                    in [
                        text
                        for item in record.body.get("txtRecords") or []
                        for text in item.get("value", [])
                    ]
                ):
                    domain.body = {**domain.body, "isVerified": True}
                    self.store.save(domain)
                    return domain
        raise bad(
            "Domain verification failed with the following error: 'The Domain Name System (DNS) "
            "record "
            f"{wanted} was not found for {name}.'"
        )

    def add_domain(self, name: str) -> Thing:
        """A new, unverified domain; below a verified one it is verified from the start."""
        key = name.strip().lower()
        if not re.fullmatch(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", key):
            raise bad(f"'{name}' is not a domain name.", code="Request_BadRequest")
        if self.store.get(f"domain/{key}") is not None:
            raise bad(
                "A conflicting object with one or more of the specified property values is "
                "present in "
                "the directory.",
                code="Request_MultipleObjectsWithSameKeyValue",
                grpc="ALREADY_EXISTS",
            )
        above = any(
            thing.body.get("isVerified") and key.endswith("." + thing.key.removeprefix("domain/"))
            for thing in self.domains()
        )
        thing = Thing(
            f"domain/{key}", CLOUD, "domain", key, key, None, domain_body(key, verified=above)
        )
        self.store.add(thing)
        return thing

    def role(self, id_or_name: str) -> tuple[str, str]:
        """A role's display name and template id. Raises Refused for one that does not exist."""
        for name, template in self.facts["roles"].items():
            if id_or_name.lower() in (template, name.lower()):
                return name, template
        raise not_there(id_or_name)


def domain_body(
    name: str, *, verified: bool, initial: bool = False, default: bool = False
) -> dict[str, Any]:
    """A domain as Graph shows it."""
    return {
        "id": name,
        "authenticationType": "Managed",
        "availabilityStatus": None,
        "isAdminManaged": True,
        "isDefault": default,
        "isInitial": initial,
        "isRoot": True,
        "isVerified": verified,
        "supportedServices": ["Email", "OfficeCommunicationsOnline"] if verified else [],
        "passwordValidityPeriodInDays": 2147483647,
        "passwordNotificationWindowInDays": 14,
        "model": None,
        "state": None,
    }


def _merged(before: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(before)
    for key, value in patch.items():
        old = merged.get(key)
        merged[key] = (
            _merged(old, value)
            if isinstance(old, Mapping) and isinstance(value, Mapping)
            else value
        )
    return merged


def _name(key: str, value: str) -> str:
    # mail addresses of users and groups are one namespace
    return f"entra/{key}/{value}".lower()


def _label(kind: str, body: Mapping[str, Any], key: str) -> str:
    if kind == "user":
        return str(body.get("userPrincipalName") or key)
    return str(body.get("displayName") or key)


def _missing(key: str, label: str) -> Refused:
    return bad(f"A value is required for property '{key}' of resource '{label}'.")


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def put_path(body: dict[str, Any], path: str, value: Any) -> None:
    """Set a value at `a.b`, making objects on the way."""
    wire.put(body, path, value)
