"""Azure Resource Manager: resources under ids, with parents, names, locks and operations.

Error codes and texts follow the service's documentation (learn.microsoft.com/azure/
azure-resource-manager/troubleshooting/common-deployment-errors and lock-resources).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import outputs as computed
from . import rules, schema, wire
from .base import (
    Account,
    Checked,
    Difference,
    Outcome,
    Refused,
    compare,
    name_mistake,
    replacing,
    with_defaults,
    with_secrets,
    within_limits,
)
from .catalogue import ArmType, Catalogue
from .store import Store, Thing, guid_of

LOCK = "azure-native:authorization:ManagementLockByScope"
GROUP = "azure-native:resources:ResourceGroup"
_CREATE_FIRST = "__createBeforeDelete"
_EXISTING_ALWAYS = re.compile(
    # what the tenant has from the start: itself, its subscriptions, built-in roles and policies
    r"^(/|/subscriptions/[^/]+|(/subscriptions/[^/]+)?/providers/microsoft\.authorization/"
    r"(roledefinitions|policydefinitions|policysetdefinitions)/[0-9a-f-]{36})$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Arm:
    """One signed-in view of Azure: the store, the types, and an account."""

    store: Store
    catalogue: Catalogue
    account: Account

    # --- before anything happens ---------------------------------------------------------------

    def type(self, token: str) -> ArmType:
        """What is known about a type; raises Refused for one that the lab does not have."""
        try:
            return self.catalogue.arm[token]
        except KeyError:
            raise Refused(
                400, "NoRegisteredProviderFound", f"the lab cloud does not have {token}"
            ) from None

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
        """Name it, place it, and hold it against the SDK's types and Azure's name rules."""
        type = self.type(token)
        inputs = {key: value for key, value in new.items() if value is not None}
        argument = type.name_argument
        if argument and argument not in inputs:
            if old.get(argument) is not None:
                inputs[argument] = old[argument]
                if _CREATE_FIRST in old:
                    inputs[_CREATE_FIRST] = True
            else:
                inputs[argument] = _autoname(type, name, urn, seed)
                if type.name.get("auto") != "guid" and argument != "fileServicesName":
                    inputs[_CREATE_FIRST] = True
        if type.location in ("own", "any") and "location" not in inputs:
            place = old.get("location") or self._group_location(inputs) or self.account.location
            if place and type.location == "own":
                inputs["location"] = place
        failures = list(schema.mistakes(self.catalogue.schema, token, inputs))
        named = inputs.get(argument) if argument else None
        if isinstance(named, str) and not wire.is_unknown(named) and type.name:
            mistake = name_mistake(type.name, named)
            failures += [(str(argument), mistake)] if mistake else []
        return Checked(inputs, failures)

    def _group_location(self, inputs: Mapping[str, Any]) -> str | None:
        group = inputs.get("resourceGroupName")
        if not isinstance(group, str) or wire.is_unknown(group):
            return None
        found = self.store.get(
            f"/subscriptions/{self.account.subscription}/resourcegroups/{group}".lower()
        )
        return None if found is None else found.body.get("location")

    def diff(
        self, token: str, *, old: dict[str, Any], new: dict[str, Any], ignore: list[str]
    ) -> Difference:
        """Compare inputs; a resource with a name of its own is deleted before it is replaced."""
        type = self.type(token)
        detail = {
            path: kind
            for path, kind in compare(old, new, ignore).items()
            if not (path == "location" and _same_place(old, new))
        }
        replaces = replacing(detail, (*type.path_arguments, *type.force))
        return Difference(detail, replaces, bool(replaces) and not new.get(_CREATE_FIRST))

    def preview(
        self, token: str, inputs: dict[str, Any], state: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Inputs that come back are known; what the service decides is what it was, or unknown."""
        type = self.type(token)
        known = {**inputs, "azureApiVersion": self._described(token).get("apiVersion", "")}
        if type.name_argument:
            known["name"] = inputs.get(type.name_argument, wire.UNKNOWN)
        known["type"] = type.arm
        before = state or {}
        return {
            name: known.get(name, before.get(name, wire.UNKNOWN))
            for name in self._described(token)["outputs"]
        } | {"azureApiVersion": known["azureApiVersion"]}

    # --- create, read, update, delete ----------------------------------------------------------

    def create(self, token: str, inputs: dict[str, Any]) -> Outcome:
        """PUT what does not exist yet."""
        type = self.type(token)
        with self.store.change():
            id = self.id_of(type, inputs)
            self._signed_in()
            thing = self.store.get(id.lower())
            if thing is not None and not type.exists:
                raise Refused(
                    409,
                    "",
                    f"cannot create already existing resource '{id}'",
                    grpc="ALREADY_EXISTS",
                )
            parent = self._parent(type, inputs, id)
            self._not_locked(id, "write")
            self._accepted(type, id, inputs, None)
            body = wire.strip(_kept(inputs), list(type.secret))
            made = thing or Thing(
                id.lower(), "azure-native", token, id, id.rpartition("/")[2], parent, body
            )
            made.body = body
            brought_back = self._names(type, made, inputs)
            made.ready = self.store.now() + self.store.real(type.minutes * 60)
            if thing is None and not brought_back:
                self.store.add(made)
            else:
                self.store.save(made)
            self._written(type, made, inputs, None)
            return self._outcome(type, made, inputs)

    def update(self, token: str, id: str, inputs: dict[str, Any], old: dict[str, Any]) -> Outcome:
        """PUT what exists."""
        type = self.type(token)
        with self.store.change():
            self._signed_in()
            thing = self.store.get(id.lower())
            if thing is None:
                raise _not_found(id)
            self._not_locked(id, "write")
            self._idle(thing)
            self._unchanged(type, thing, inputs)
            self._accepted(type, thing.id, inputs, thing)
            before = thing.body
            body = wire.strip(_kept(inputs), list(type.secret))
            for kept in type.children:  # parts that are resources of their own stay when not named
                if kept in before and kept not in body and kept not in old:
                    body[kept] = before[kept]
            thing.body = body
            thing.extra.pop("failed", None)
            thing.ready = self.store.now() + self.store.real(type.minutes * 60 / 3)
            self.store.save(thing)
            self._written(type, thing, inputs, before)
            return self._outcome(type, thing, inputs)

    def read(self, token: str, id: str, inputs: dict[str, Any] | None) -> Outcome | None:
        """GET: what is there now, in the shape that was asked for."""
        type = self.type(token)
        self._signed_in()
        thing = self.store.get(id.lower())
        if thing is None:
            return None
        if thing.type != token:
            raise Refused(400, "InvalidResourceType", f"'{id}' is a {thing.type}, not a {token}")
        body = self._current(type, thing)
        found = with_secrets(body, inputs or {}, list(type.secret))
        if inputs and inputs.get(_CREATE_FIRST):
            found[_CREATE_FIRST] = True
        for argument in ("location",):
            if inputs and _same_place(inputs, found) and argument in inputs:
                found[argument] = inputs[argument]
        return self._outcome(type, thing, found)

    def delete(self, token: str, id: str, inputs: dict[str, Any]) -> float:
        """DELETE, with everything below; what is gone already is fine."""
        type = self.type(token)
        with self.store.change():
            self._signed_in()
            thing = self.store.get(id.lower())
            if thing is None or type.delete == "nothing":
                return 0.0
            if token != LOCK:
                self._not_locked(id, "delete")
            self._idle(thing)
            rules.deletable(self, type, thing)
            below = self.store.below(thing.key)
            for item in [*below, thing]:
                self._unused(item, within=thing)
            for item in [*below, thing]:
                self._remove(item, cascade=item is not thing)
            self._parent_changed(type, thing)
            return self.store.now() + self.store.real(type.minutes * 60 / 3)

    def fail(self, id: str, reason: str) -> None:
        """Leave a resource behind that exists and is not healthy."""
        with self.store.change():
            thing = self.store.get(id.lower())
            if thing is not None:
                thing.extra["failed"] = reason
                self.store.save(thing)

    def invoke(self, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Questions: who am I, and what does a resource look like."""
        self._signed_in()
        if token == "azure-native:authorization:getClientConfig":
            return {
                "clientId": guid_of(self.account.tenant, "client"),
                "objectId": self.operator(),
                "subscriptionId": self.account.subscription,
                "tenantId": self.account.tenant,
            }
        module, _, verb = token.rpartition(":")
        kind = f"{module}:{verb.removeprefix('get')}"
        if token not in self.catalogue.schema["functions"] or kind not in self.catalogue.arm:
            raise Refused(
                400, "NoRegisteredProviderFound", f"the lab cloud does not answer {token}"
            )
        type = self.type(kind)
        id = self.id_of(type, arguments)
        found = self.read(kind, id, None)
        if found is None:
            raise _not_found(id)
        return {**wire.plain(found.outputs), "id": found.id}

    def operator(self) -> str:
        """The object id of whoever is signed in."""
        return guid_of(self.account.tenant, "operator")

    # --- ids -----------------------------------------------------------------------------------

    def id_of(self, type: ArmType, inputs: Mapping[str, Any]) -> str:
        """The id that inputs make. Raises Refused when a part is missing."""
        words = {key: value for key, value in inputs.items() if isinstance(value, str)}
        words["subscription"] = self.account.subscription
        words["group"] = (
            f"/subscriptions/{self.account.subscription}/resourceGroups/"
            f"{words.get('resourceGroupName', '')}/providers"
        )
        for argument in ("scope", "resourceUri"):
            if argument in words:
                words[argument] = "/" + words[argument].strip("/")
        if type.made:
            words["made"] = guid_of(*(str(inputs.get(part, "")).lower() for part in type.made))
        try:
            return type.id.format(**words).replace("//", "/")
        except KeyError as error:
            raise Refused(400, "InvalidRequest", f"{error.args[0]} is missing") from None

    def _parent(self, type: ArmType, inputs: Mapping[str, Any], id: str) -> str | None:
        """The key of what it lies in, which has to exist."""
        if type.parent:
            words = {key: value for key, value in inputs.items() if isinstance(value, str)}
            words["group"] = (
                f"/subscriptions/{self.account.subscription}/resourceGroups/"
                f"{words.get('resourceGroupName', '')}/providers"
            )
            parent = type.parent.format(**words)
        else:
            parent = id.rpartition("/")[0].rpartition("/")[0]
            parent = re.sub(r"/providers/[^/]+$|/providers$", "", parent, flags=re.I)
            if type.token == GROUP:
                parent = f"/subscriptions/{self.account.subscription}"
        self._must_exist(parent, id)
        self._must_group(id)
        if type.busy == "parent" and (holder := self.store.get(parent.lower())):
            self._idle(holder)
        elif type.busy and (other := wire.at(inputs, type.busy)):
            holder = self.store.get(str(other).lower())
            if holder is not None:
                self._idle(holder)
        return parent.lower() or None

    def _must_group(self, id: str) -> None:
        group = re.match(r"(/subscriptions/[^/]+/resourceGroups/([^/]+))/", id, re.I)
        if group and self.store.get(group.group(1).lower()) is None:
            raise Refused(
                404,
                "ResourceGroupNotFound",
                f"Resource group '{group.group(2)}' could not be found.",
            )

    def _must_exist(self, parent: str, id: str) -> None:
        self._must_group(id)
        if not parent or self.exists(parent):
            return
        raise Refused(
            404,
            "ParentResourceNotFound",
            "Failed to perform 'write' on resource(s) of type "
            f"'{'/'.join(id.rpartition('/providers/')[2].split('/')[0:1])}', because the parent "
            f"resource '{parent}' could not be found.",
        )

    def exists(self, id: str) -> bool:
        """Whether a resource, or a named part of one, is there."""
        key = "/" + id.strip("/").lower()
        if _EXISTING_ALWAYS.match(key):
            return True
        if self.store.get(key) is not None:
            return True
        if key == f"/providers/microsoft.management/managementgroups/{self.account.tenant}".lower():
            return True  # the root management group
        holder, _, name = key.rpartition("/")
        holder, _, collection = holder.rpartition("/")
        thing = self.store.get(holder)
        if thing is None or not name:
            return False
        type = self.catalogue.arm[thing.type]
        for argument, segment in type.parts.items():
            if segment.lower() == collection:
                items = thing.body.get(argument) or []
                return any(str(item.get("name", "")).lower() == name for item in items)
        # Folders that come with their parent: blobServices/default, backupFabrics/Azure …
        return name in ("default", "azure")

    # --- rules ---------------------------------------------------------------------------------

    def _signed_in(self) -> None:
        tenants = self.store.setting("tenants", [])
        if tenants and self.account.tenant.lower() not in {item.lower() for item in tenants}:
            issuer = "https://sts.windows.net"
            raise Refused(
                401,
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer '{issuer}/{tenants[0]}/'. It must "
                f"match the tenant '{issuer}/{self.account.tenant}/' associated with this "
                "subscription.",
            )
        known = self.store.setting("subscriptions", [])
        if known and self.account.subscription.lower() not in {item.lower() for item in known}:
            raise Refused(
                404,
                "SubscriptionNotFound",
                f"The subscription '{self.account.subscription}' could not be found.",
            )

    def _not_locked(self, id: str, verb: str) -> None:
        """Locks hold for what they are on and for everything below; for deletes, above as well."""
        key = id.lower()
        for lock in self.store.find(type=LOCK):
            scope = lock.key.partition("/providers/microsoft.authorization/locks/")[0]
            if verb == "write" and lock.body.get("level") != "ReadOnly":
                continue
            inside = key == scope or key.startswith(f"{scope}/")
            above = verb == "delete" and scope.startswith(f"{key}/")
            if (inside or above) and key != lock.key:
                locked = lock.id.partition("/providers/Microsoft.Authorization/locks/")[0]
                raise Refused(
                    409,
                    "ScopeLocked",
                    f"The scope '{id}' cannot perform {verb} operation because following scope(s) "
                    f"are locked: '{locked}'. Please remove the lock and try again.",
                )

    def _idle(self, thing: Thing) -> None:
        if thing.ready > self.store.now():
            raise Refused(
                409,
                "AnotherOperationInProgress",
                f"Another operation on this or dependent resource is in progress. "
                f"Resource: {thing.id}.",
                retry_after=thing.ready - self.store.now(),
            )

    def _accepted(
        self, type: ArmType, id: str, inputs: Mapping[str, Any], before: Thing | None
    ) -> None:
        for path, reason in schema.odd_values(self.catalogue.schema, type.token, inputs):
            if re.sub(r"\[\d+\]", ".*", path) in type.open:
                continue
            raise Refused(400, "InvalidRequestContent", f"{path}: {reason}")
        for path, reason in within_limits(type.limits, inputs):
            raise Refused(400, "InvalidParameter", f"{path} {reason}.")
        place = inputs.get("location")
        if place is None and type.location in ("own", "global"):
            raise Refused(
                400, "LocationRequired", "The location property is required for this definition."
            )
        if place is not None:
            _known_place(type, str(place))
        self._references(id, type, inputs)
        for check in type.checks:
            if rule := rules.ARM.get(check):
                rule(self, type, id, inputs, before)

    def _references(self, id: str, type: ArmType, inputs: Mapping[str, Any]) -> None:
        for target in _ids_in(inputs):
            if target.lower().startswith(f"{id.lower()}/") or self.exists(target):
                continue
            raise Refused(
                400 if type.arm.startswith("Microsoft.Network/") else 404,
                "InvalidResourceReference"
                if type.arm.startswith("Microsoft.Network/")
                else "ResourceNotFound",
                f"Resource {target} referenced by resource {id} was not found. Please make sure "
                "that the referenced resource exists, and that both resources are in the same "
                "region.",
            )

    def _unchanged(self, type: ArmType, thing: Thing, inputs: Mapping[str, Any]) -> None:
        placed = type.location and "location" not in type.force and "location" in inputs
        if placed and not _same_place(thing.body, inputs):
            raise Refused(
                409,
                "InvalidResourceLocation",
                f"The resource '{thing.name}' already exists in location "
                f"'{thing.body.get('location')}'. A resource with the same name cannot be created "
                f"in location '{inputs['location']}'. Please select a new resource name.",
            )
        for path in type.fixed:
            old, new = wire.at(thing.body, path), wire.at(inputs, path)
            if old is not None and new is not None and _folded(old) != _folded(new):
                raise Refused(
                    400,
                    "PropertyChangeNotAllowed",
                    f"Changing property '{path}' is not allowed on '{thing.id}'.",
                )

    def _names(self, type: ArmType, thing: Thing, inputs: Mapping[str, Any]) -> bool:
        """Take the name, bring a deleted one back, or refuse; whether one was brought back."""
        rest = self.store.deleted(type=type.token)
        same = [
            item
            for item in rest
            if (item.thing.name.lower() == thing.name.lower() and type.unique == "global")
            or item.thing.key == thing.key
        ]
        back = False
        if same and type.recover == "by_name":
            thing.extra = self.store.restore(same[0]).extra
            back = True
        elif type.recover == "create_mode":
            wanted = wire.at(inputs, "properties.createMode") == "recover"
            if wanted and not same:
                raise Refused(
                    400,
                    "VaultNotFound",
                    f"There is no deleted vault '{thing.name}' to be recovered.",
                )
            if wanted:
                thing.extra = self.store.restore(same[0]).extra
                back = True
            elif same:
                raise Refused(
                    409,
                    "ConflictError",
                    f"A vault with the same name '{thing.name}' already exists in deleted state. "
                    "You need to either recover or purge existing key vault. Follow this link "
                    "https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft "
                    "delete.",
                )
        if type.unique == "global":
            holder = self.store.take(f"{type.arm}/{thing.name}".lower(), thing.key)
            if holder is not None:
                label = {
                    "Vault": "VaultAlreadyExists",
                    "StorageAccount": "StorageAccountAlreadyTaken",
                }
                raise Refused(
                    409,
                    label.get(type.label, "NameAlreadyTaken"),
                    f"The name '{thing.name}' is already taken.",
                )
        return back

    def _written(
        self,
        type: ArmType,
        thing: Thing,
        inputs: Mapping[str, Any],
        before: Mapping[str, Any] | None,
    ) -> None:
        """Note references, make inline children and decide what the service decides once."""
        self.store.refer(thing.key, {key.lower() for key in _ids_in(thing.body)} - {thing.key})
        for argument, child in type.children.items():
            if argument in inputs:
                self._children(thing, self.catalogue.arm[child], inputs[argument] or [])
        for path, kind in type.outputs.items():
            if kind in computed.ONCE and path not in thing.extra:
                thing.extra[path] = computed.once(self, kind, thing)
                self.store.save(thing)
        self._parent_changed(type, thing)

    def _parent_changed(self, type: ArmType, thing: Thing) -> None:
        """An operation below keeps what lies above busy."""
        if type.busy == "parent" and thing.parent and (parent := self.store.get(thing.parent)):
            parent.ready = max(parent.ready, self.store.now() + self.store.real(type.minutes * 60))
            self.store.save(parent)

    def _children(self, parent: Thing, type: ArmType, items: list[dict[str, Any]]) -> None:
        """Parts written inside their parent are resources; missing ones are deleted."""
        wanted: dict[str, dict[str, Any]] = {}
        segment = type.id.split("/")[-2]
        argument = str(type.name_argument)
        for item in items:
            id = f"{parent.id}/{segment}/{item.get('name')}"
            wanted[id.lower()] = {**item, "__id": id}
        for child in self.store.find(type=type.token, parent=parent.key):
            if child.key not in wanted:
                self._unused(child, within=parent)
                self._remove(child, cascade=True)
        names = {key: parent.body[key] for key in type.path_arguments if key in parent.body}
        for key, item in wanted.items():
            id = item.pop("__id")
            body = {**item, **names, argument: item["name"]}
            body.pop("name")
            child_or_none = self.store.get(key)
            if child_or_none is None:
                child = Thing(key, parent.cloud, type.token, id, body[argument], parent.key, body)
                self.store.add(child)
            else:
                child = child_or_none
                child.body = body
                self.store.save(child)
            self.store.refer(key, {target.lower() for target in _ids_in(body)} - {key})

    def _current(self, type: ArmType, thing: Thing) -> dict[str, Any]:
        """The body as it is now: inline children as they are, not as they were written."""
        body = dict(thing.body)
        for argument, child_token in type.children.items():
            if argument not in body:
                continue
            child_type = self.catalogue.arm[child_token]
            found = {
                child.name.lower(): child
                for child in self.store.find(type=child_token, parent=thing.key)
            }
            items = []
            for item in body[argument] or []:
                child = found.pop(str(item.get("name", "")).lower(), None)
                if child is not None:
                    items.append(_inline(child_type, child))
            items += [_inline(child_type, child) for child in found.values()]
            body[argument] = items
        return body

    def _unused(self, thing: Thing, *, within: Thing) -> None:
        """Refuse to delete what something outside still refers to."""
        type = self.catalogue.arm.get(thing.type)
        if type is None or not type.in_use:
            return
        outside = [
            source
            for source in self.store.referring(thing.key)
            if not (source == within.key or source.startswith(f"{within.key}/"))
        ]
        if outside:
            user = self.store.get(outside[0])
            raise Refused(
                409 if not type.in_use.startswith("InUse") else 400,
                type.in_use,
                f"{type.label} {thing.id} cannot be deleted because it is in use by "
                f"{user.id if user else outside[0]}.",
            )

    def _remove(self, thing: Thing, *, cascade: bool) -> None:
        type = self.catalogue.arm.get(thing.type)
        days = 0.0
        if (
            type is not None
            and type.soft_delete
            and not rules.hard_delete(self, thing, cascade=cascade)
        ):
            days = float(
                wire.at(with_defaults(thing.body, type.defaults), type.soft_delete) or 0
                if isinstance(type.soft_delete, str)
                else type.soft_delete
            )
        self.store.remove(thing, keep_days=days)

    # --- answers -------------------------------------------------------------------------------

    def _outcome(self, type: ArmType, thing: Thing, inputs: dict[str, Any]) -> Outcome:
        reason = thing.extra.get("failed")
        return Outcome(
            thing.id,
            inputs,
            self.outputs(type, thing, inputs),
            (str(reason),) if reason else (),
            thing.ready,
        )

    def outputs(self, type: ArmType, thing: Thing, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Everything the service says about a resource, as the provider hands it on."""
        described = self._described(type.token)
        body = with_defaults(self._current(type, thing), type.defaults)
        answer = {key: value for key, value in body.items() if key in described["outputs"]}
        words = {"name": thing.name, "type": type.arm.format(**{**body, "made": ""})}
        answer |= {key: value for key, value in words.items() if key in described["outputs"]}
        answer["azureApiVersion"] = described["apiVersion"]
        for argument, segment in type.parts.items():
            if isinstance(answer.get(argument), list):
                answer[argument] = [
                    {
                        "id": f"{thing.id}/{segment}/{item.get('name')}",
                        "provisioningState": "Succeeded",
                        **item,
                    }
                    for item in answer[argument]
                ]
        for argument, child in type.children.items():
            children = self.store.find(type=child, parent=thing.key)
            answer[argument] = [
                {
                    "id": item.id,
                    "type": self.catalogue.arm[child].arm,
                    **_inline(self.catalogue.arm[child], item),
                }
                for item in children
            ]
        for path, kind in type.outputs.items():
            value = (
                thing.extra.get(path)
                if kind in computed.ONCE
                else computed.now(self, type, kind, thing)
            )
            if value is not None:
                answer = _with(answer, path, value)
        answer["__inputs"] = wire.secret(dict(inputs))
        return answer

    def _described(self, token: str) -> Mapping[str, Any]:
        described: Mapping[str, Any] = self.catalogue.schema["resources"][token]
        return described


def _with(bag: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of a bag with a value at `a.b`, sharing nothing that changes."""
    head, _, rest = path.partition(".")
    if not rest:
        return {**bag, head: value}
    inner = bag.get(head)
    return {**bag, head: _with(inner if isinstance(inner, dict) else {}, rest, value)}


def _kept(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if not key.startswith("__")}


def _inline(type: ArmType, child: Thing) -> dict[str, Any]:
    argument = str(type.name_argument)
    body = {key: value for key, value in child.body.items() if key not in type.path_arguments}
    return {"name": child.body.get(argument, child.name), **body}


def _ids_in(value: Any) -> Iterator[str]:
    """Every resource id that a body mentions."""
    if isinstance(value, str):
        if re.match(r"/?subscriptions/[^/]+|/providers/", value, re.I) and " " not in value:
            yield "/" + value.strip("/")
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _ids_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _ids_in(inner)


def _autoname(type: ArmType, name: str, urn: str, seed: bytes) -> str:
    """The provider's own names: the logical one and eight hexadecimal digits."""
    if type.name.get("auto") == "guid":
        return guid_of(urn)
    if type.name.get("pattern") == "default":
        return "default"
    digits = hashlib.sha256(seed + urn.encode()).hexdigest()[:8]
    made = f"{name}{digits}"
    if type.label == "StorageAccount":
        made = re.sub(r"[^a-z0-9]", "", made.lower())
    longest = type.name.get("length", (1, 80))[1]
    return made if len(made) <= longest else made[: longest - 8] + digits


_PLACES = frozenset(
    [
        "australiaeast", "brazilsouth", "canadacentral", "centralindia", "centralus",
        "eastasia", "eastus", "eastus2", "francecentral", "francesouth", "germanywestcentral",
        "italynorth", "japaneast", "koreacentral", "northcentralus", "northeurope",
        "norwayeast", "polandcentral", "southafricanorth", "southcentralus", "southeastasia",
        "spaincentral", "swedencentral", "switzerlandnorth", "uaenorth", "uksouth", "ukwest",
        "westcentralus", "westeurope", "westus", "westus2", "westus3", "global",
    ]
)  # fmt: skip


def place_of(text: str) -> str:
    """`France Central` is `francecentral`."""
    return text.replace(" ", "").lower()


def _known_place(type: ArmType, text: str) -> None:
    place = place_of(text)
    if place not in _PLACES or (place == "global" and type.location == "own"):
        raise Refused(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{text}' is not available for resource type '{type.arm}'.",
        )


def _same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    a, b = one.get("location"), other.get("location")
    return isinstance(a, str) and isinstance(b, str) and place_of(a) == place_of(b)


def _folded(value: Any) -> Any:
    """Ids are the same however they are capitalised."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, dict):
        return {key: _folded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_folded(inner) for inner in value]
    return value


def _not_found(id: str) -> Refused:
    group = re.search(r"/resourceGroups/([^/]+)", id, re.I)
    place = f" under resource group '{group.group(1)}'" if group else ""
    short = id.rpartition("/providers/")[2] or id
    return Refused(404, "ResourceNotFound", f"The Resource '{short}'{place} was not found.")


def ids_in(value: Any) -> Iterable[str]:
    """Every resource id that a body mentions."""
    return _ids_in(value)
