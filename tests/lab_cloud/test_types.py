"""Every type the lab knows goes through its whole life, as the engine would take it."""

from __future__ import annotations

import json
import re
from typing import Any

import grpc
import pytest

from sitekit.lab.cloud import catalogue, entra, rules, wire
from tests.lab_cloud.world import EXAMPLES, Engine

KEYS = list(EXAMPLES)
CHANGING = [key for key in KEYS if "change" in EXAMPLES[key]]
REPLACING = [key for key in KEYS if "replace" in EXAMPLES[key]]
REFUSING = [key for key in KEYS if "refused" in EXAMPLES[key]]


def same(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert list(wire.differences(wire.plain(a), wire.plain(b))) == []


def test_there_is_an_example_of_every_type() -> None:
    known = {token for types in catalogue.written().values() for token in types}
    assert {item["type"] for item in EXAMPLES.values()} == known


def test_what_is_written_about_a_type_is_true_of_the_sdk(joined: dict[str, Any]) -> None:
    known = catalogue.from_table(joined)
    for token, type in {**known.arm, **known.entra}.items():
        described = joined["schema"]["resources"][token]
        inputs, outputs = described["props"], described["outputs"]
        written = [*type.defaults, *type.limits, *type.secret]
        written += [] if isinstance(type.force, str) else type.force
        if isinstance(type, catalogue.ArmType):
            written += [*type.path_arguments, *type.fixed, *type.parts, *type.children]
            assert set(type.checks) <= {*rules.ARM, *rules.DELETE}
        else:
            written += [*type.unlisted, *type.keep, *type.links, *type.refers, *type.link[1:]]
            assert set(type.checks) <= set(entra.CHECKS)
        assert {path.split(".")[0] for path in written} <= set(inputs), token
        assert {path.split(".")[0] for path in type.outputs} <= set(outputs), token


@pytest.mark.parametrize("key", KEYS)
def test_life(engine: Engine, key: str) -> None:
    example = EXAMPLES[key]
    made = engine.example(key)
    type = made.token

    # What was made is read back; nothing differs.
    found = engine.read(made)
    assert found is not None
    assert found.id == made.id
    same(found.inputs, made.inputs)
    same(found.outputs, made.outputs)
    assert engine.diff(made, made.inputs).changes == 1

    # Outputs are those that the SDK knows, and hold no input that never comes back.
    described = set(made.outputs) - {"__inputs", "azureApiVersion"}
    assert described <= set(_outputs(engine, type))

    # The import finds it by its id alone, and nothing in it asks for a replacement.
    imported = engine.imported(type, made.id)
    assert imported is not None
    again = engine.diff(imported, engine.filled(example["inputs"]))
    assert not again.replaces, again.replaces

    # There is no second one.
    if not example.get("activates") and not example.get("twice") and key != "file_service":
        with pytest.raises(grpc.RpcError) as refused:
            engine.create(type, engine.filled(example["inputs"]), key)
        assert refused.value.code() in (
            grpc.StatusCode.ALREADY_EXISTS,
            grpc.StatusCode.INVALID_ARGUMENT,
        )

    # It goes, and going twice is fine.
    engine.delete(made)
    if not example.get("activates") and key != "secret":
        assert engine.read(made) is None
        assert engine.imported(type, made.id) is None
    engine.delete(made)


@pytest.mark.parametrize("key", CHANGING)
def test_change(engine: Engine, key: str) -> None:
    made = engine.example(key)
    wanted = {**engine.filled(EXAMPLES[key]["inputs"]), **engine.filled(EXAMPLES[key]["change"])}
    difference = engine.diff(made, wanted)
    assert difference.changes == 2
    assert not difference.replaces
    ignored = engine.diff(made, wanted, ignore=tuple(EXAMPLES[key]["change"]))
    assert ignored.changes == 1
    changed = engine.update(made, wanted)
    found = engine.read(changed)
    assert found is not None
    same(found.inputs, changed.inputs)
    same(found.outputs, changed.outputs)
    assert engine.diff(changed, wanted).changes == 1


@pytest.mark.parametrize("key", REPLACING)
def test_replacement(engine: Engine, key: str) -> None:
    made = engine.example(key)
    wanted = {**engine.filled(EXAMPLES[key]["inputs"]), **engine.filled(EXAMPLES[key]["replace"])}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    difference = engine.diff(made, wanted)
    assert difference.replaces
    azure = made.token.startswith("azure-native:")
    assert difference.deleteBeforeReplace == azure
    if azure:
        engine.delete(made)
        if "vaultName" in wanted and made.token.endswith("keyvault:Vault"):
            wanted["vaultName"] = "kv-other-1a2b"
    if key == "dynamic":
        wanted["displayName"] = "Static"
    new = engine.create(made.token, wanted, key)
    if not azure:
        assert new.id != made.id
        engine.delete(made)
        assert engine.read(new) is not None
    assert engine.read(new) is not None


@pytest.mark.parametrize("key", REFUSING)
def test_refused_change(engine: Engine, key: str) -> None:
    made = engine.example(key)
    wanted = {**engine.filled(EXAMPLES[key]["inputs"]), **engine.filled(EXAMPLES[key]["refused"])}
    assert not engine.diff(made, wanted).replaces
    with pytest.raises(grpc.RpcError) as refused:
        engine.update(made, wanted)
    assert re.search(
        "InvalidResourceLocation|PropertyChangeNotAllowed", refused.value.details() or ""
    )
    found = engine.read(made)
    assert found is not None
    same(found.inputs, made.inputs)


@pytest.mark.parametrize("key", KEYS)
def test_preview_keeps_unknowns(engine: Engine, key: str) -> None:
    inputs = {
        name: wire.UNKNOWN if isinstance(value, str) and value.startswith("$") else _unknown(value)
        for name, value in EXAMPLES[key]["inputs"].items()
    }
    outputs = engine.preview(EXAMPLES[key]["type"], inputs, key)
    computed = set(outputs) - set(inputs) - {"name", "type", "azureApiVersion"}
    own = {name for name in computed if wire.has_unknown(wire.plain(outputs[name]))}
    assert own or EXAMPLES[key]["type"].startswith("azuread")
    assert engine.stub(EXAMPLES[key]["type"]) is not None


@pytest.mark.parametrize("package", ["azure-native", "azuread"])
def test_the_schema_names_only_what_it_has(engine: Engine, package: str) -> None:
    from pulumi.runtime.proto import provider_pb2

    text = engine.stubs[package].GetSchema(provider_pb2.GetSchemaRequest()).schema
    schema = json.loads(text)
    named = set(re.findall(r'"#/types/([^"]+)"', text))
    assert named
    assert named <= set(schema["types"])
    for described in schema["types"].values():
        assert set(described["required"]) <= set(described["properties"])


def _unknown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unknown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_unknown(item) for item in value]
    return wire.UNKNOWN if isinstance(value, str) and "$" in value and value[0] == "$" else value


def _outputs(engine: Engine, token: str) -> set[str]:
    from pulumi.runtime.proto import provider_pb2

    schema = json.loads(engine.stub(token).GetSchema(provider_pb2.GetSchemaRequest()).schema)
    return set(schema["resources"][token]["properties"])
