# ruff: noqa: N802, T201
"""The plug-in of the replay: answers for Azure and Entra out of one SQLite file, and writes down
every call that it gets.

It behaves as the plug-ins did under which the recordings were made, no more: the types of the
recorded program, their ids, their defaults, faults and delays from two tables. Run as
`python cloud_plugin.py PACKAGE VERSION ENGINE`; the file is $REPLAY_CLOUD, the log $REPLAY_CALLS.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
import sqlite3
import sys
import threading
import time
import uuid
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import grpc
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

SUBSCRIPTION = "00000000-0000-0000-0000-0000000000aa"
TENANT = "00000000-0000-0000-0000-0000000000bb"
NAMES = uuid.UUID("2c0ffee0-1111-4222-8333-444455556666")
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
DDL = """
CREATE TABLE IF NOT EXISTS thing(id TEXT PRIMARY KEY, type TEXT, parent TEXT, uniq TEXT,
  inputs TEXT, outputs TEXT, deleted REAL);
CREATE TABLE IF NOT EXISTS fault(type TEXT, verb TEXT, code TEXT, message TEXT, remaining INTEGER);
CREATE TABLE IF NOT EXISTS delay(type TEXT, verb TEXT, seconds REAL);
"""

# type: path below the group, input that names it, inputs that force a replacement, more outputs
PLACED = ("resourceGroupName", "location")
ARM = {
    "azure-native:resources:ResourceGroup": ("", "resourceGroupName", ("location",), ()),
    "azure-native:network:VirtualNetwork": (
        "Microsoft.Network/virtualNetworks/{virtualNetworkName}", "virtualNetworkName", PLACED,
        ("resourceGuid",)),
    "azure-native:network:Subnet": (
        "Microsoft.Network/virtualNetworks/{virtualNetworkName}/subnets/{subnetName}",
        "subnetName", ("resourceGroupName", "virtualNetworkName"), ()),
    "azure-native:network:NetworkSecurityGroup": (
        "Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}",
        "networkSecurityGroupName", PLACED, ()),
    "azure-native:network:LocalNetworkGateway": (
        "Microsoft.Network/localNetworkGateways/{localNetworkGatewayName}",
        "localNetworkGatewayName", PLACED, ()),
    "azure-native:network:PublicIPAddress": (
        "Microsoft.Network/publicIPAddresses/{publicIpAddressName}", "publicIpAddressName", PLACED,
        ("ipAddress",)),
    "azure-native:keyvault:Vault": (
        "Microsoft.KeyVault/vaults/{vaultName}", "vaultName", PLACED, ()),
    "azure-native:storage:StorageAccount": (
        "Microsoft.Storage/storageAccounts/{accountName}", "accountName", PLACED, ()),
    "azure-native:storage:FileShare": (
        "Microsoft.Storage/storageAccounts/{accountName}/fileServices/default/shares/{shareName}",
        "shareName", ("resourceGroupName", "accountName"), ()),
    "azure-native:managedidentity:UserAssignedIdentity": (
        "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}", "resourceName", PLACED,
        ("principalId", "clientId", "tenantId")),
    "azure-native:authorization:RoleAssignment": (
        "{scope}|Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        "roleAssignmentName", ("scope", "principalId", "roleDefinitionId"), ()),
    "azure-native:authorization:ManagementLockByScope": (
        "{scope}|Microsoft.Authorization/locks/{lockName}", "lockName", ("scope",), ()),
}  # fmt: skip
TRACKED = tuple(
    token for token, row in ARM.items() if "location" in row[2] and row[1] != "resourceGroupName"
)
GRAPH_IDS = {"User": "/users/", "Group": "/groups/", "AdministrativeUnit": "/administrativeUnits/"}
GRAPH_FORCE = {"GroupMember": ("groupObjectId", "memberObjectId"), "Group": ("assignableToRole",)}


class RefusedError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def guid(*parts: str) -> str:
    return str(uuid.uuid5(NAMES, "|".join(parts)))


def whole(value):
    """Numbers without a fraction are integers."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


def bag(struct) -> dict:
    return whole(json_format.MessageToDict(struct))


def struct(content: dict):
    result = struct_pb2.Struct()
    result.update(content)
    return result


def clear(value):
    """Without secret envelopes."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return clear(value["value"])
        return {key: clear(item) for key, item in value.items()}
    return [clear(item) for item in value] if isinstance(value, list) else value


def changes(old, new, path=""):
    if isinstance(old, dict) and isinstance(new, dict):
        if SIGNATURE in old or SIGNATURE in new:
            old, new = clear(old), clear(new)
            if old != new:
                yield path, "UPDATE"
            return
        for key in sorted(old.keys() | new.keys()):
            here = f"{path}.{key}" if path else key
            if old.get(key) is None:
                if new.get(key) is not None:
                    yield here, "ADD"
            elif new.get(key) is None:
                yield here, "DELETE"
            else:
                yield from changes(old[key], new[key], here)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            here = f"{path}[{index}]"
            if index >= len(old):
                yield here, "ADD"
            elif index >= len(new):
                yield here, "DELETE"
            else:
                yield from changes(old[index], new[index], here)
    elif clear(old) != clear(new):
        yield path, "UPDATE"


class Cloud:
    def __init__(self, file: str) -> None:
        self._file, self._local = file, threading.local()
        with self.change() as rows:
            rows.executescript(DDL)

    def _rows(self) -> sqlite3.Connection:
        rows = getattr(self._local, "rows", None)
        if rows is None:
            rows = sqlite3.connect(self._file, timeout=30, isolation_level=None)
            rows.execute("PRAGMA journal_mode=WAL")
            rows.execute("PRAGMA synchronous=OFF")
            self._local.rows = rows
        return rows

    @contextmanager
    def change(self):
        rows = self._rows()
        rows.execute("BEGIN IMMEDIATE")
        try:
            yield rows
            if rows.in_transaction:
                rows.execute("COMMIT")
        except BaseException:
            if rows.in_transaction:
                rows.execute("ROLLBACK")
            raise

    def get(self, identity: str):
        row = (
            self._rows()
            .execute(
                "SELECT type, inputs, outputs FROM thing WHERE id=? AND deleted IS NULL",
                (identity,),
            )
            .fetchone()
        )
        return (row[0], json.loads(row[1]), json.loads(row[2])) if row else None

    def of_type(self, token: str):
        rows = self._rows().execute(
            "SELECT id, parent, inputs, outputs FROM thing WHERE type=? AND deleted IS NULL",
            (token,),
        )
        return [(row[0], row[1], json.loads(row[2]), json.loads(row[3])) for row in rows]

    def wait(self, token: str, verb: str, name: str = "") -> None:
        row = (
            self._rows()
            .execute(
                "SELECT max(seconds) FROM delay WHERE type IN (?, ?, '*') AND verb IN (?, '*')",
                (token, name, verb),
            )
            .fetchone()
        )
        if row[0]:
            time.sleep(row[0])

    def fault(self, token: str, verb: str, name: str) -> None:
        """Wait or fail as the tables say, by type or by logical name."""
        self.wait(token, verb, name)
        with self.change() as rows:
            row = rows.execute(
                "SELECT rowid, code, message FROM fault WHERE type IN (?, ?, '*') AND verb=? "
                "AND remaining>0", (token, name, verb),
            ).fetchone()  # fmt: skip
            if not row:
                return
            rows.execute("UPDATE fault SET remaining=remaining-1 WHERE rowid=?", (row[0],))
        if row[1] == "EXIT":
            os._exit(3)
        raise RefusedError(row[1], row[2])


class Log(grpc.ServerInterceptor):
    """Writes down each call when it comes and when it is answered."""

    def __init__(self, file: str, package: str) -> None:
        self._file, self._package, self._lock = file, package, threading.Lock()

    def _write(self, **entry) -> None:
        with self._lock, Path(self._file).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"t": time.time(), "who": self._package, **entry}) + "\n")

    def intercept_service(self, continuation, details):
        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = details.method.rsplit("/", 1)[-1]

        def logged(request, context):
            number = str(uuid.uuid4())
            asked = json_format.MessageToDict(request)
            self._write(n=number, call=method, request=asked)
            try:
                return handler.unary_unary(request, context)
            finally:
                self._write(n=number, answers=method)

        return grpc.unary_unary_rpc_method_handler(
            logged, handler.request_deserializer, handler.response_serializer
        )


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, package: str, version: str, cloud: Cloud) -> None:
        self.package, self.version, self.cloud = package, version, cloud
        self.secrets = os.environ.get("REPLAY_ACCEPT_SECRETS") == "1"
        self.config: dict = {}

    def Handshake(self, request, context):
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=self.secrets)

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version=self.version)

    def CheckConfig(self, request, context):
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request, context):
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request, context):
        self.config = clear(bag(request.args))
        return provider_pb2.ConfigureResponse(acceptSecrets=self.secrets, supportsPreview=True)

    def Cancel(self, request, context):
        return empty_pb2.Empty()

    def _refuse(self, context, error: RefusedError):
        context.abort(getattr(grpc.StatusCode, error.code), str(error))

    # -- rules

    def _valid(self, token: str, inputs: dict) -> None:
        if UNKNOWN in (inputs.get("resourceGroupName"), inputs.get("virtualNetworkName")):
            return
        if token == "azure-native:network:Subnet":
            network = (
                f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{inputs['resourceGroupName']}"
                f"/providers/Microsoft.Network/virtualNetworks/{inputs['virtualNetworkName']}"
            )
            if not self.cloud.get(network):
                return
            mine = ipaddress.ip_network(inputs["addressPrefix"])
            for _, parent, other, _ in self.cloud.of_type(token):
                other = clear(other)
                if parent != network or other["subnetName"] == inputs["subnetName"]:
                    continue
                theirs = ipaddress.ip_network(other["addressPrefix"])
                if theirs.overlaps(mine):
                    raise RefusedError(
                        "INVALID_ARGUMENT",
                        f"NetcfgSubnetRangesOverlap: {other['subnetName']} {theirs}",
                    )

    def _outputs(self, token: str, inputs: dict, identity: str | None) -> dict:
        preview = identity is None
        result = dict(inputs)
        if token in ARM:
            path, name, _, more = ARM[token]
            result.pop("resourceGroupName", None)
            kind = path.rsplit("|", 1)[-1].split("/{")[0] or "Microsoft.Resources/resourceGroups"
            result.update(
                name=inputs[name], type=kind, azureApiVersion="lab",
                provisioningState=UNKNOWN if preview else "Succeeded",
            )  # fmt: skip
            for key in more:
                if preview:
                    result[key] = UNKNOWN
                elif key == "ipAddress":
                    result[key] = f"203.0.113.{int(guid(identity)[:2], 16)}"
                else:
                    result[key] = TENANT if key == "tenantId" else guid(identity, key)
            return result
        result["objectId"] = UNKNOWN if preview else identity.rsplit("/", 1)[-1]
        if token.endswith(":User"):
            result.setdefault("mailNickname", clear(inputs["userPrincipalName"]).split("@")[0])
            result.setdefault("accountEnabled", True)
            result["userType"] = "Member"
            password = result.get("password")
            if password is not None and not isinstance(password, dict):
                result["password"] = {SIGNATURE: SECRET, "value": password}
        return result

    # -- resources

    def Check(self, request, context):
        news, olds = bag(request.news), bag(request.olds)
        token, failures = request.type, []
        if token in ARM:
            name = ARM[token][1]
            if news.get(name) is None:
                suffix = hashlib.sha256(request.randomSeed).hexdigest()[:8]
                news[name] = olds.get(name) or f"{request.name}{suffix}"
            if token in TRACKED and news.get("location") is None:
                location = olds.get("location") or self.config.get("location")
                if location:
                    news["location"] = location
        try:
            self._valid(token, clear(news))
        except RefusedError as error:
            failures.append(provider_pb2.CheckFailure(reason=str(error)))
        return provider_pb2.CheckResponse(inputs=struct(news), failures=failures)

    def Diff(self, request, context):
        token = request.type
        force = set()
        if token in ARM:
            force = {ARM[token][1], *ARM[token][2]}
        else:
            force = set(GRAPH_FORCE.get(token.rsplit(":", 1)[-1], ()))
        detail, replaces = {}, []
        for path, kind in changes(bag(request.old_inputs), bag(request.news)):
            top = re.split(r"[.\[]", path)[0]
            if path in request.ignoreChanges or top in request.ignoreChanges:
                continue
            if top in force:
                kind += "_REPLACE"
                if top not in replaces:
                    replaces.append(top)
            detail[path] = provider_pb2.PropertyDiff(
                kind=getattr(provider_pb2.PropertyDiff, kind), inputDiff=True
            )
        response = provider_pb2.DiffResponse
        named = token in ARM and ARM[token][1] in replaces
        return response(
            changes=response.DIFF_SOME if detail else response.DIFF_NONE,
            replaces=replaces,
            diffs=sorted({re.split(r"[.\[]", path)[0] for path in detail}),
            detailedDiff=detail,
            hasDetailedDiff=True,
            deleteBeforeReplace=bool(replaces) and not named,
        )

    def _identity(self, token: str, inputs: dict, urn: str) -> tuple[str, str | None]:
        if token in ARM:
            path = ARM[token][0]
            if path.startswith("{scope}|"):
                return (
                    f"{inputs['scope']}/providers/{path.split('|')[1].format(**inputs)}",
                    inputs["scope"],
                )
            group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{inputs['resourceGroupName']}"
            if not path:
                return group, None
            parts = path.split("/")
            above = f"{group}/providers/{'/'.join(parts[:3]).format(**inputs)}"
            return f"{group}/providers/{path.format(**inputs)}", (
                group if len(parts) <= 3 else above
            )
        short = token.rsplit(":", 1)[-1]
        if short == "GroupMember":
            return f"{inputs['groupObjectId']}/member/{inputs['memberObjectId']}", None
        return GRAPH_IDS[short] + guid(urn, str(time.time_ns())), None

    def Create(self, request, context):
        inputs, token = bag(request.properties), request.type
        if request.preview:
            return provider_pb2.CreateResponse(
                properties=struct(self._outputs(token, inputs, None))
            )
        partial = ""
        try:
            try:
                self.cloud.fault(token, "create", request.name)
            except RefusedError as error:
                if error.code != "PARTIAL":
                    raise
                partial = str(error)
            in_clear = clear(inputs)
            self._valid(token, in_clear)
            identity, parent = self._identity(token, in_clear, request.urn)
            uniq = None
            if token.endswith(":User"):
                uniq = f"{token}:{in_clear['userPrincipalName'].lower()}"
            outputs = self._outputs(token, inputs, identity)
            with self.cloud.change() as rows:

                def there(column: str, value: str) -> bool:
                    return (
                        rows.execute(
                            f"SELECT 1 FROM thing WHERE {column}=? AND deleted IS NULL", (value,)
                        ).fetchone()
                        is not None
                    )

                if parent and not there("id", parent):
                    raise RefusedError("NOT_FOUND", f"ParentResourceNotFound: {parent}")
                if there("id", identity):
                    raise RefusedError(
                        "ALREADY_EXISTS", f"cannot create already existing resource '{identity}'"
                    )
                if uniq and there("uniq", uniq):
                    raise RefusedError("ALREADY_EXISTS", f"name is taken: {uniq}")
                rows.execute("DELETE FROM thing WHERE id=?", (identity,))
                rows.execute(
                    "INSERT INTO thing VALUES(?,?,?,?,?,?,NULL)",
                    (identity, token, parent, uniq, json.dumps(inputs), json.dumps(outputs)),
                )
        except RefusedError as error:
            self._refuse(context, error)
        self.cloud.wait(token, "create-after")
        if partial:
            self._unhealthy(context, identity, outputs, inputs, partial)
        return provider_pb2.CreateResponse(id=identity, properties=struct(outputs))

    def _unhealthy(self, context, identity, outputs, inputs, reason):
        detail = any_pb2.Any()
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=identity, properties=struct(outputs), inputs=struct(inputs), reasons=[reason]
            )
        )
        status = status_pb2.Status(code=2, message="initialisation failed")
        status.details.append(detail)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, "initialisation failed")

    def Read(self, request, context):
        try:
            self.cloud.fault(request.type, "read", request.name)
        except RefusedError as error:
            self._refuse(context, error)
        row = self.cloud.get(request.id)
        if not row:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=request.id, inputs=struct(row[1]), properties=struct(row[2])
        )

    def Update(self, request, context):
        news, token = bag(request.news), request.type
        outputs = self._outputs(token, news, None if request.preview else request.id)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=struct(outputs))
        try:
            self.cloud.fault(token, "update", request.name)
            with self.cloud.change() as rows:
                rows.execute(
                    "UPDATE thing SET inputs=?, outputs=? WHERE id=? AND deleted IS NULL",
                    (json.dumps(news), json.dumps(outputs), request.id),
                )
        except RefusedError as error:
            self._refuse(context, error)
        return provider_pb2.UpdateResponse(properties=struct(outputs))

    def Delete(self, request, context):
        try:
            self.cloud.fault(request.type, "delete", request.name)
            with self.cloud.change() as rows:
                rows.execute(
                    "UPDATE thing SET deleted=? WHERE id=? OR id LIKE ?||'/%'",
                    (time.time(), request.id, request.id),
                )
        except RefusedError as error:
            self._refuse(context, error)
        return empty_pb2.Empty()

    def Invoke(self, request, context):
        args = clear(bag(request.args))
        found = None
        if request.tok.endswith("getClientConfig"):
            found = {
                "subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "clientId": guid("client"),
                "objectId": guid("operator"),
            }  # fmt: skip
        elif request.tok.endswith("getUser:getUser"):
            for identity, _, inputs, outputs in self.cloud.of_type("azuread:index/user:User"):
                if clear(inputs)["userPrincipalName"] == args.get("userPrincipalName"):
                    found = {**clear(outputs), "id": identity}
        if found is None:
            context.abort(
                grpc.StatusCode.NOT_FOUND, f"{request.tok}: nothing in the lab answers {args}"
            )
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(struct(found))
        return response


def main() -> None:
    package, version = sys.argv[1:3]
    plugin = Plugin(package, version, Cloud(os.environ["REPLAY_CLOUD"]))
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=32),
        interceptors=[Log(os.environ["REPLAY_CALLS"], package)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)
    server.stop(None).wait()


if __name__ == "__main__":
    main()
