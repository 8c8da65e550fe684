"""Stacks, configuration, state and secrets from the command line, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sitekit.lab.engine import passphrase, values
from sitekit.lab.engine.monitor import seconds
from sitekit.lab.engine.plugins import is_labs
from sitekit.lab.engine.targeting import Targets
from tests.engine.replay import Replay

#: Made by the real engine: passphrase `lab`, and the word that its salt holds.
REAL_SALT = "v1:wW1CLrf4mUw=:v1:Hza5ny/nWy/B9gVC:tZO6uQBCVkFJ12nPg4/6Vf8ZnOq1GQ=="
REAL_SECRET = "v1:wAAWes+YAwBELDhs:iLODUaxDcaPrmk7nMt/vOpAEJbNE/vDA691hBSUW"


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    return Replay(tmp_path)


def test_secrets_of_the_real_engine_open() -> None:
    crypter = passphrase.from_salt(REAL_SALT, "lab").proven()
    assert json.loads(crypter.decrypt(REAL_SECRET)) == "Not-a-real-1"
    assert crypter.decrypt(crypter.encrypt("again")) == "again"
    with pytest.raises(passphrase.WrongPassphraseError):
        passphrase.from_salt(REAL_SALT, "wrong").proven()


def test_values_survive_the_wire_and_the_state() -> None:
    bag = {
        "a": 1, "b": [True, None, 1.5], "c": {"d": values.Secret({"e": "hush"})},
        "f": values.UNKNOWN, "g": {}, "h": [],
    }  # fmt: skip
    assert values.from_struct(values.to_struct(bag)) == bag
    clear = values.from_struct(values.to_struct(bag, secrets=False))
    assert clear["c"] == {"d": {"e": "hush"}}
    assert values.marked(clear, bag) == bag
    stored = values.to_state({key: bag[key] for key in "abcgh"}, lambda text: text[::-1])
    assert "hush" not in json.dumps(stored)
    assert values.from_state(stored, lambda text: text[::-1])["c"] == bag["c"]


def test_ignored_changes_are_put_back_added_and_removed() -> None:
    old = {"tags": {"a": 1}, "list": [{"x": 1}, {"x": 2}], "gone": 1}
    new = {"tags": {"a": 2, "b": 3}, "list": [{"x": 9}, {"x": 8}], "more": 1}
    assert values.reset(new, old, ["tags.a"])["tags"] == {"a": 1, "b": 3}
    assert values.reset(new, old, ["list[*].x"])["list"] == old["list"]
    assert values.reset(new, old, ["gone", "more"]) == {
        "tags": new["tags"], "list": new["list"], "gone": 1,
    }  # fmt: skip
    assert new["tags"] == {"a": 2, "b": 3}


def test_patterns_of_targets() -> None:
    urn = "urn:pulumi:paris::lab::site:index:Office$azuread:index/user:User::paris-u1"
    assert Targets(["**paris-u*"]).names(urn)
    assert Targets([urn]).names(urn)
    assert not Targets(["*paris-u1"]).names(urn)
    assert not Targets().given


@pytest.mark.parametrize(
    ("text", "number"), [("10m", 600), ("1h30m", 5400), ("1.5s", 1.5), ("", 0), ("250ms", 0.25)]
)
def test_durations(text: str, number: float) -> None:
    assert seconds(text) == number
    with pytest.raises(ValueError, match="not a duration"):
        seconds("soon")


def test_stacks_are_made_selected_listed_renamed_and_removed(replay: Replay) -> None:
    assert "already exists" in replay.pulumi("stack", "init", "paris").stderr
    replay._done("stack", "init", "lyon", "--no-select")
    listed = json.loads(replay._done("stack", "ls", "--json"))
    assert [(row["name"], row["current"]) for row in listed] == [("lyon", False), ("paris", True)]
    missing = replay.pulumi("stack", "select", "nowhere")
    assert (missing.returncode, missing.stderr.splitlines()[-1]) == (
        6, "error: no stack named 'nowhere' found",
    )  # fmt: skip
    replay._done("stack", "select", "nantes", "--create")
    replay._done("stack", "rename", "nice")
    assert replay._done("stack", "--show-name").strip() == "nice"
    assert replay.pulumi("stack", "rm", "nowhere", "--yes").returncode == 6
    replay._done("stack", "rm", "nice", "--yes")
    assert "no stack selected" in replay.pulumi("stack").stderr
    assert json.loads(replay._done("whoami", "--json"))["url"].startswith("file://")


def test_configuration_is_set_shown_and_removed(replay: Replay) -> None:
    replay._done("config", "set", "label", "blue")
    replay._done("config", "set", "--secret", "password", "Not-a-real-1")
    replay._done("config", "set", "--path", "values.upn1", "someone@lab.example")
    replay._done("config", "set", "--path", "names[0]", "a")
    replay._done("config", "set-all", "--plaintext", "a=1", "--secret", "b=2")
    file = (replay.work / "Pulumi.paris.yaml").read_text()
    assert "Not-a-real-1" not in file
    assert "secure: v1:" in file
    shown = json.loads(replay._done("config", "--json"))
    assert shown["sitekit-lab:password"] == {"secret": True}
    assert shown["sitekit-lab:values"] == {
        "value": '{"upn1":"someone@lab.example"}', "secret": False,
        "objectValue": {"upn1": "someone@lab.example"},
    }  # fmt: skip
    opened = json.loads(replay._done("config", "--json", "--show-secrets"))
    assert opened["sitekit-lab:password"]["value"] == "Not-a-real-1"
    assert replay._done("config", "get", "--path", "values.upn1").strip() == "someone@lab.example"
    replay._done("config", "rm-all", "a", "b", "nothing")
    assert replay.pulumi("config", "get", "nothing").returncode == 1
    replay._done("stack", "init", "lyon", "--no-select")
    replay._done("config", "cp", "--dest", "lyon")
    got = replay._done("config", "get", "password", "--stack", "lyon")
    assert got.strip() == "Not-a-real-1"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("up", "--no-such-flag"), "unknown flag: --no-such-flag"),
        (("flatten",), 'unknown command "flatten" for "pulumi"'),
        (("up", "--non-interactive"), "--yes or --skip-preview or --preview-only must be passed"),
        (("up", "--yes", "--plan", "x"), "has no update plans"),
        (("login", "https://api.example"), "file:// backends only"),
        (("stack", "init", "a/b/c/d"), "a stack name may not be empty"),
        (("config", "env", "ls"), "does not support environments"),
        (("stack", "init", "x", "--secrets-provider", "awskms://k"), "passphrase only"),
    ],
)
def test_what_is_refused_is_named(replay: Replay, words: tuple[str, ...], text: str) -> None:
    refused = replay.pulumi(*words)
    assert refused.returncode in (1, 2)
    assert text in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_says_that_it_is_a_lab(replay: Replay) -> None:
    version = replay.pulumi("version")
    assert version.stdout == "v3.260.0\n"
    assert version.stderr.startswith("sitekit lab: ")


def test_no_real_provider_is_started(replay: Replay) -> None:
    binary = replay.folder / "bin/pulumi-resource-azuread"
    started = replay.folder / "started"
    binary.write_text(f"#!/bin/sh\ntouch {started}\n")
    assert not is_labs(binary)
    replay.prepare([{"config": {"toggles": "lean no-network", "users": "0"}}])
    refused = replay.pulumi("preview", "--non-interactive")
    assert refused.returncode == 1
    assert "is not a plug-in of the lab" in refused.stdout
    assert not started.exists()


def test_a_state_moves_out_and_in_again(replay: Replay) -> None:
    replay.prepare(
        [{"config": {"password!": "Not-a-real-1", "toggles": "lean no-network", "users": "1"}}]
    )
    replay._done("up", "--yes", "--skip-preview")
    exported = replay._done("stack", "export")
    assert "Not-a-real-1" not in exported
    assert "plaintext" in replay._done("stack", "export", "--show-secrets")
    file = replay.folder / "dump.json"
    file.write_text(exported)
    replay._done("stack", "import", "--file", str(file))
    replay._done("up", "--yes", "--skip-preview", "--expect-no-changes")
    broken = json.loads(exported)
    del broken["deployment"]["resources"][2]
    file.write_text(json.dumps(broken))
    refused = replay.pulumi("stack", "import", "--file", str(file))
    assert "refers to unknown provider" in refused.stderr
    file.write_text(exported.replace("urn:pulumi:paris::", "urn:pulumi:other::"))
    refused = replay.pulumi("stack", "import", "--file", str(file))
    assert "is from a different stack (other != paris)" in refused.stderr
    file.write_text('{"version": 9}')
    assert "is newer than" in replay.pulumi("stack", "import", "--file", str(file)).stderr
    urn = "urn:pulumi:paris::sitekit-lab::sitekit:index:Office$azuread:index/user:User::paris-u0"
    replay._done("state", "protect", urn, "--yes")
    stored = json.loads(replay._done("stack", "export"))["deployment"]["resources"]
    assert next(item for item in stored if item["urn"] == urn)["protect"] is True
    refused = replay.pulumi("state", "delete", urn, "--yes", "--force")
    assert "because the following resources depend on it" in refused.stderr
    history = json.loads(replay._done("stack", "history", "--json"))
    assert [entry["result"] for entry in history] == ["succeeded", "succeeded"]
    assert re.match(r"^\d{4}-\d\d-\d\dT", history[0]["startTime"])


def test_the_passphrase_can_be_changed(replay: Replay) -> None:
    import subprocess

    replay._done("config", "set", "--secret", "password", "Not-a-real-1")
    subprocess.run(
        ["pulumi", "stack", "change-secrets-provider", "passphrase"], cwd=replay.work,
        env=replay._env(None), input="new\nnew\n", text=True, check=True, capture_output=True,
    )  # fmt: skip
    assert "incorrect passphrase" in replay.pulumi("config", "get", "password").stderr
    replay.env["PULUMI_CONFIG_PASSPHRASE"] = "new"
    assert replay._done("config", "get", "password").strip() == "Not-a-real-1"


def test_destroy_can_run_the_program_first(replay: Replay) -> None:
    replay.prepare([{"config": {"toggles": "lean no-network", "users": "0"}}])
    replay._done("up", "--yes", "--skip-preview")
    replay._done("config", "set", "users", "1")
    done = replay._done("destroy", "--yes", "--skip-preview", "--run-program")
    assert "- 8 deleted" in done
    assert (
        replay.cloud.execute("SELECT count(*) FROM thing WHERE deleted IS NULL").fetchone()[0] == 0
    )
    assert replay._state("sitekit-lab", "paris")["resources"] == []


def test_what_a_program_may_not_ask_for_ends_the_run(replay: Replay) -> None:
    program = replay.work / "__main__.py"
    program.write_text(
        "import pulumi\n"
        "class Bucket(pulumi.CustomResource):\n"
        "    def __init__(self, name):\n"
        "        super().__init__('aws:s3:Bucket', name, {})\n"
        "Bucket('b')\n"
    )
    refused = replay.pulumi("up", "--yes", "--skip-preview")
    assert refused.returncode == 1
    assert "Default provider for 'aws' disabled" in refused.stdout or (
        "the lab has no provider 'aws'" in refused.stdout
    )
    program.write_text("import nothing_like_it\n")
    failed = replay.pulumi("up", "--yes", "--skip-preview")
    assert failed.returncode == 1
    assert "ModuleNotFoundError: No module named 'nothing_like_it'" in failed.stdout
    assert "run_program.py" not in failed.stdout
