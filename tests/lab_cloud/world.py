"""A lab cloud to test on: plug-ins driven over gRPC as the engine drives them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import yaml
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sitekit.lab.cloud import catalogue, wire
from sitekit.lab.cloud.directory import CLOUD, domain_body
from sitekit.lab.cloud.folder import STORE, SUBSCRIPTION, TENANT
from sitekit.lab.cloud.store import Store, Thing

HERE = Path(__file__).parent
EXAMPLES: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "examples.yaml").read_text())
SPECIAL = {"tenant": TENANT, "subscription": SUBSCRIPTION}


def table() -> dict[str, Any]:
    """The joined table of types, made once for all workers of a test run."""
    kept = (
        Path(os.environ.get("SITEKIT_TEST_TYPES", ""))
        if os.environ.get("SITEKIT_TEST_TYPES")
        else None
    )
    if kept and kept.is_file():
        return json.loads(kept.read_text())  # type: ignore[no-any-return]
    return catalogue.join()


def make_folder(
    folder: Path, joined: dict[str, Any], *, scale: float = 3.6e6, replication: float = 0
) -> Path:
    """What `up` makes, without launchers and without a server."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / catalogue.FILE).write_text(json.dumps(joined))
    store = Store(folder / STORE, make=True)
    with store.change():
        store.set("tenants", [TENANT])
        store.set("subscriptions", [SUBSCRIPTION])
        store.set("tenant_facts", catalogue.tenant())
        store.set("scale", scale)
        store.set("replication", replication)
        store.set("token", "lab-token")
        for index, name in enumerate(("lab.onmicrosoft.example", "lab.example")):
            body = domain_body(name, verified=True, initial=index == 0, default=index == 1)
            store.add(Thing(f"domain/{name}", CLOUD, "domain", name, name, None, body))
    store.close()
    return folder


@dataclass
class Made:
    """A resource as the engine would have it in its state."""

    key: str
    token: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@dataclass
class Engine:
    """As much of the engine as a provider sees."""

    stubs: dict[str, Any]
    made: dict[str, Made] = field(default_factory=dict)

    def stub(self, token: str) -> Any:
        return self.stubs[token.split(":")[0]]

    def ask(self, token: str, name: str) -> dict[str, str]:
        return {"urn": f"urn:pulumi:test::lab::{token}::{name}", "name": name, "type": token}

    def check(
        self,
        token: str,
        inputs: dict[str, Any],
        old: dict[str, Any] | None = None,
        name: str = "x",
        seed: bytes = b"1",
    ) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        answer = self.stub(token).Check(
            provider_pb2.CheckRequest(
                **self.ask(token, name),
                olds=wire.to_struct(old or {}),
                news=wire.to_struct(inputs),
                randomSeed=seed,
            )
        )
        return wire.from_struct(answer.inputs), [(f.property, f.reason) for f in answer.failures]

    def create(self, token: str, inputs: dict[str, Any], name: str = "x") -> Made:
        checked, failures = self.check(token, inputs, name=name)
        assert not failures, failures
        answer = self.stub(token).Create(
            provider_pb2.CreateRequest(**self.ask(token, name), properties=wire.to_struct(checked))
        )
        assert answer.id
        return Made(name, token, answer.id, checked, wire.from_struct(answer.properties))

    def preview(self, token: str, inputs: dict[str, Any], name: str = "x") -> dict[str, Any]:
        checked, failures = self.check(token, inputs, name=name)
        assert not failures, failures
        answer = self.stub(token).Create(
            provider_pb2.CreateRequest(
                **self.ask(token, name), properties=wire.to_struct(checked), preview=True
            )
        )
        assert answer.id == ""
        return wire.from_struct(answer.properties)

    def diff(self, made: Made, inputs: dict[str, Any], ignore: tuple[str, ...] = ()) -> Any:
        checked, failures = self.check(made.token, inputs, made.inputs, made.key)
        assert not failures, failures
        return self.stub(made.token).Diff(
            provider_pb2.DiffRequest(
                **self.ask(made.token, made.key),
                id=made.id,
                olds=wire.to_struct(made.outputs),
                old_inputs=wire.to_struct(made.inputs),
                news=wire.to_struct(checked),
                ignoreChanges=list(ignore),
            )
        )

    def update(self, made: Made, inputs: dict[str, Any]) -> Made:
        checked, failures = self.check(made.token, inputs, made.inputs, made.key)
        assert not failures, failures
        answer = self.stub(made.token).Update(
            provider_pb2.UpdateRequest(
                **self.ask(made.token, made.key),
                id=made.id,
                olds=wire.to_struct(made.outputs),
                old_inputs=wire.to_struct(made.inputs),
                news=wire.to_struct(checked),
            )
        )
        return Made(made.key, made.token, made.id, checked, wire.from_struct(answer.properties))

    def read(self, made: Made) -> Made | None:
        answer = self.stub(made.token).Read(
            provider_pb2.ReadRequest(
                **self.ask(made.token, made.key),
                id=made.id,
                properties=wire.to_struct(made.outputs),
                inputs=wire.to_struct(made.inputs),
            )
        )
        if not answer.id:
            return None
        return Made(
            made.key,
            made.token,
            answer.id,
            wire.from_struct(answer.inputs),
            wire.from_struct(answer.properties),
        )

    def imported(self, token: str, id: str) -> Made | None:
        answer = self.stub(token).Read(provider_pb2.ReadRequest(**self.ask(token, "x"), id=id))
        if not answer.id:
            return None
        return Made(
            "x",
            token,
            answer.id,
            wire.from_struct(answer.inputs),
            wire.from_struct(answer.properties),
        )

    def delete(self, made: Made) -> None:
        self.stub(made.token).Delete(
            provider_pb2.DeleteRequest(
                **self.ask(made.token, made.key),
                id=made.id,
                properties=wire.to_struct(made.outputs),
                old_inputs=wire.to_struct(made.inputs),
            )
        )

    def invoke(self, token: str, **arguments: Any) -> dict[str, Any]:
        answer = self.stub(token).Invoke(
            provider_pb2.InvokeRequest(tok=token, args=wire.to_struct(arguments))
        )
        return wire.from_struct(getattr(answer, "return"))

    # --- examples ------------------------------------------------------------------------------

    def example(self, key: str) -> Made:
        """An example, with everything that it needs."""
        if key not in self.made:
            for need in EXAMPLES[key].get("needs", ()):
                self.example(need)
            inputs = self.filled(EXAMPLES[key]["inputs"])
            self.made[key] = self.create(EXAMPLES[key]["type"], inputs, key)
        return self.made[key]

    def filled(self, value: Any) -> Any:
        """Inputs with the ids and outputs of other examples in place."""
        if isinstance(value, dict):
            return {name: self.filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if not isinstance(value, str) or "$" not in value:
            return value
        return re.sub(r"\$(\w+)(?:\.(\w+))?", self._reference, value)

    def _reference(self, match: re.Match[str]) -> str:
        key, output = match.group(1), match.group(2)
        if key in SPECIAL:
            return SPECIAL[key]
        made = self.example(key)
        return made.id if output is None else str(wire.plain(made.outputs[output]))


@contextmanager
def in_process(folder: Path, *, accept_secrets: bool = False) -> Iterator[Engine]:
    """Both plug-ins as servers of this process."""
    from sitekit.lab.cloud import plugin

    servers, stubs = [], {}
    for package in ("azure-native", "azuread"):
        server, port = plugin.serve(package, folder, accept_secrets=accept_secrets)
        servers.append(server)
        stubs[package] = configured(package, port)
    try:
        yield Engine(stubs)
    finally:
        for server in servers:
            server.stop(grace=None).wait()


def configured(package: str, port: int, **settings: str) -> Any:
    stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
    arguments = {"tenantId": TENANT, **settings}
    if package == "azure-native":
        arguments = {"subscriptionId": SUBSCRIPTION, "location": "francecentral", **arguments}
    stub.Configure(provider_pb2.ConfigureRequest(args=wire.to_struct(arguments)))
    return stub


class Process:
    """One plug-in as a process, started as the engine starts it."""

    def __init__(self, package: str, folder: Path) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "sitekit.lab.cloud.run",
                package,
                str(folder),
                "127.0.0.1:1",
                "--logtostderr",
                "-v=9",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())
        self.stub = configured(package, self.port)

    def end(self) -> int:
        self.process.kill()
        self.process.communicate()
        return self.process.returncode
