"""Between plans and Microsoft Graph: reading a tenant, and the request of each operation."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..errors import RefusedError
from ..graph import Graph, Reply, Request
from ..graph.client import PAGE, error_of
from ..model.identity import IdentityRules, Marker
from .directory import SELECTED, Account, Directory, Group, Unit, account_of, prefixes
from .planning import PREPARED, Action, Operation

USERS = "User.ReadWrite.All"
INVITES = "User.Invite.All"
GROUPS = "Group.ReadWrite.All"
MEMBERS = "GroupMember.ReadWrite.All"
UNITS = "AdministrativeUnit.ReadWrite.All"
SESSIONS = "User.RevokeSessions.All"
RESTORES = "User.DeleteRestore.All"
PERMISSIONS = (
    "Organization.Read.All",
    USERS,
    INVITES,
    GROUPS,
    MEMBERS,
    UNITS,
    SESSIONS,
    RESTORES,
)
Progress = Callable[[str], None]


def read_directory(
    graph: Graph, rules: IdentityRules, *, tenant: str, progress: Progress | None = None
) -> Directory:
    """Read what a plan compares with. Raises TenantError before anything else is asked, CloudError.

    Accounts that sitekit did not make are read as well: their names are taken.
    """
    say = progress or (lambda _: None)
    found = graph.require(tenant)
    select = {"$select": ",".join(SELECTED), "$top": str(PAGE)}
    say("users")
    users = list(graph.items("/users", select, needs=USERS))
    say("deleted users")
    deleted = list(graph.items("/directory/deletedItems/microsoft.graph.user", select, needs=USERS))
    guests = [
        str(user["id"])
        for user in users
        if user.get("userType") == "Guest" and account_of(user, rules.marker).managed
    ]
    sponsors = dict(
        zip(guests, _members(graph, [f"/users/{i}/sponsors" for i in guests], USERS), strict=True)
    )
    say("groups")
    groups = list(_groups(graph, rules))
    members = _members(graph, [f"/groups/{group['id']}/members" for group in groups], MEMBERS)
    say("administrative units")
    begin = rules.groups.unit.partition("{")[0]
    units = [
        unit
        for unit in graph.items(
            "/directory/administrativeUnits", {"$select": "id,displayName"}, needs=UNITS
        )
        if str(unit.get("displayName") or "").startswith(begin)
    ]
    of_units = _members(
        graph, [f"/directory/administrativeUnits/{unit['id']}/members" for unit in units], UNITS
    )
    return Directory(
        tenant=tenant,
        domains=frozenset(found.domains),
        accounts=tuple(
            account_of(user, rules.marker, sponsors.get(str(user["id"]), frozenset()))
            for user in users
        ),
        deleted=tuple(account_of(user, rules.marker) for user in deleted),
        groups=tuple(
            Group(id=str(g["id"]), name=str(g["displayName"]), members=m, refuses=_refuses(g))
            for g, m in zip(groups, members, strict=True)
        ),
        units=tuple(
            Unit(id=str(u["id"]), name=str(u["displayName"]), members=m)
            for u, m in zip(units, of_units, strict=True)
        ),
    )


def _groups(graph: Graph, rules: IdentityRules) -> Iterator[Mapping[str, Any]]:
    seen = set()
    for begin in prefixes(rules):
        parameters = {
            "$filter": f"startswith(displayName,'{begin}')",
            "$select": "id,displayName,securityEnabled,groupTypes,isAssignableToRole,"
            "onPremisesSyncEnabled",
            "$top": str(PAGE),
        }
        for group in graph.items("/groups", parameters, needs=GROUPS):
            if group["id"] not in seen and str(group["displayName"]).startswith(begin):
                seen.add(group["id"])
                yield group


def _refuses(group: Mapping[str, Any]) -> str:
    """Why a group is none that sitekit may fill."""
    if "DynamicMembership" in (group.get("groupTypes") or ()):
        return "has a rule for its members"
    if group.get("isAssignableToRole"):
        return "can hold an administrator's role"
    if group.get("onPremisesSyncEnabled"):
        return "is written by a local Active Directory"
    if group.get("securityEnabled") is False:
        return "is no security group"
    return ""


def _members(graph: Graph, paths: Sequence[str], needs: str) -> list[frozenset[str]]:
    """The ids behind collections, twenty first pages at a time."""
    requests = [Request("GET", f"{path}?$select=id&$top={PAGE}", needs=needs) for path in paths]
    found = []
    for request, reply in zip(requests, graph.batch(requests), strict=True):
        if reply.status == 404:  # removed since it was listed
            found.append(frozenset[str]())
            continue
        if not reply.is_fine:
            raise error_of(request, reply)
        ids = {str(one["id"]) for one in reply.body.get("value", ())}
        if following := reply.body.get("@odata.nextLink"):
            ids |= {str(one["id"]) for one in graph.following(str(following), needs=needs)}
        found.append(frozenset(ids))
    return found


# --- writing -----------------------------------------------------------------------------------


def recheck(account: str) -> Request:
    """Whose account it is at the moment before something is done to it."""
    fields = "id,employeeId,userPrincipalName,onPremisesExtensionAttributes"
    return Request("GET", f"/users/{account}?$select={fields}", needs=USERS)


def find(name: str) -> Request:
    """The account of a sign-in name."""
    return Request("GET", f"/users/{quote(name)}?$select={','.join(SELECTED)}", needs=USERS)


def request_of(
    operation: Operation, graph: Graph, rules: IdentityRules, account: str, target: str
) -> Request:
    """The request that does an operation to an account (and a group, unit or sponsor), by ids.

    A password, where one is needed, is random, in this request alone, and nowhere else.
    """
    marker = rules.marker
    changes = dict(operation.changes)
    state = changes.pop("state", None)
    match operation.action:
        case Action.DISABLE | Action.ENABLE:
            body = {
                "accountEnabled": operation.action is Action.ENABLE,
                **_extension(marker, state=state),
            }
            return Request("PATCH", f"/users/{account}", body, USERS)
        case Action.REVOKE:
            return Request("POST", f"/users/{account}/revokeSignInSessions", {}, SESSIONS)
        case Action.REMOVE:
            base = _base_of(operation.target, rules)
            needs = UNITS if "administrativeUnits" in base else MEMBERS
            return Request("DELETE", f"{base}/{target}/members/{account}/$ref", None, needs)
        case Action.NEW_GROUP:
            body = {
                "displayName": operation.name,
                "description": f"Made by sitekit: {operation.reason}",
                "mailEnabled": False,
                "mailNickname": operation.name,
                "securityEnabled": True,
            }
            return Request("POST", "/groups", body, GROUPS, once=True)
        case Action.RESTORE:
            return Request("POST", f"/directory/deletedItems/{account}/restore", {}, RESTORES)
        case Action.CREATE:
            body = {
                "accountEnabled": False,
                "employeeId": operation.person,
                **changes,
                **_extension(marker, value=marker.value, state=PREPARED),
                "passwordProfile": {
                    "password": new_password(),
                    "forceChangePasswordNextSignIn": True,
                },
            }
            return Request("POST", "/users", body, USERS)
        case Action.INVITE:
            body = {
                "invitedUserEmailAddress": changes["mail"],
                "invitedUserDisplayName": changes.get("displayName", ""),
                "inviteRedirectUrl": rules.guests.redirect,
                "sendInvitationMessage": rules.guests.send_mail,
            }
            return Request("POST", "/invitations", body, INVITES)
        case Action.ADOPT:
            body = {"employeeId": operation.person, **_extension(marker, value=marker.value)}
            return Request("PATCH", f"/users/{account}", body, USERS)
        case Action.RENAME | Action.MOVE | Action.EXTEND:
            body = {
                **{key: value or None for key, value in changes.items()},
                **(_extension(marker, state=state) if state else {}),
            }
            return Request("PATCH", f"/users/{account}", body, USERS)
        case Action.JOIN:
            path = f"/directory/administrativeUnits/{target}/members/$ref"
            return Request("POST", path, _reference(graph, "users", account), UNITS)
        case Action.LICENSE | Action.ADD:
            path = f"/groups/{target}/members/$ref"
            return Request("POST", path, _reference(graph, "directoryObjects", account), MEMBERS)
        case Action.SPONSOR:
            path = f"/users/{account}/sponsors/$ref"
            return Request("POST", path, _reference(graph, "users", target), USERS)
        case Action.DELETE:
            return Request("DELETE", f"/users/{account}", None, RESTORES)


def afterwards(operation: Operation, rules: IdentityRules, account: str) -> Request | None:
    """What completes an operation of two steps; until then the next plan asks for it again."""
    changes = dict(operation.changes)
    marker = rules.marker
    match operation.action:
        case Action.REVOKE:
            body = _extension(marker, state=changes["state"])
            return Request("PATCH", f"/users/{account}", body, USERS)
        case Action.INVITE:
            state = changes.pop("state", None)
            changes.pop("mail")
            body = {
                "employeeId": operation.person,
                **changes,
                **_extension(marker, value=marker.value, state=state),
            }
            return Request("PATCH", f"/users/{account}", body, USERS)
        case _:
            return None


def made(operation: Operation, reply: Reply) -> str:
    """The id of what an operation made."""
    body = reply.body
    if operation.action is Action.INVITE:
        user = body.get("invitedUser")
        body = user if isinstance(user, dict) else {}
    if not body.get("id"):
        raise RefusedError("Microsoft Graph made something and does not say its id")
    return str(body["id"])


def owner_of(user: Mapping[str, Any], rules: IdentityRules) -> Account:
    """Whose account it is, as Graph says now."""
    return account_of(user, rules.marker)


def new_password() -> str:
    """A password that nobody knows: people get in by a Temporary Access Pass that a human gives."""
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    body = "".join(secrets.choice(letters) for _ in range(40))
    return f"{body}aA9!"


def _extension(
    marker: Marker, *, value: str | None = None, state: str | None = None
) -> dict[str, Any]:
    written = {}
    if value is not None:
        written[marker.attribute] = value
    if state is not None:
        written[marker.state_attribute] = state
    return {"onPremisesExtensionAttributes": written}


def _reference(graph: Graph, kind: str, identity: str) -> dict[str, str]:
    return {"@odata.id": f"{graph.base}/{kind}/{identity}"}


def _base_of(target: str, rules: IdentityRules) -> str:
    unit = rules.groups.unit.partition("{")[0]
    return "/directory/administrativeUnits" if target.startswith(unit) else "/groups"
