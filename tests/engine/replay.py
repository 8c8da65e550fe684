"""Replays a recorded scenario under whatever `pulumi` is given, and compares what came of it.

A recording is a list of steps; a step has what was done before it (configuration, faults, drift),
the command, and what the real engine made of it: exit code, calls to plug-ins, the state after it,
steps and counts. Names that are random in every run are placeholders on both sides.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
KEPT = (
    *("urn", "custom", "delete", "id", "type", "inputs", "outputs", "parent", "protect"),
    *("external", "dependencies", "initErrors", "provider", "pendingReplacement"),
    *("additionalSecretOutputs", "customTimeouts", "importID", "retainOnDelete", "deletedWith"),
    *("ignoreChanges", "replaceOnChanges"),
)
HANDSHAKES = {"GetPluginInfo", "Handshake", "Cancel", "GetSchema"}
GATEWAY = (
    "urn:pulumi:paris::sitekit-lab::sitekit:index:Office$"
    "azure-native:network:LocalNetworkGateway::paris-lng"
)
_UUID = re.compile(
    r"(?<![0-9a-f-])(?!00000000-|7d3f8a52-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


def recording(file: Path) -> list[dict[str, Any]]:
    """The steps of a recording; `{"$": n}` stands for the n-th of its shared parts."""
    content = json.loads(file.read_text(encoding="utf-8"))
    shared: list[Any] = []

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"$"}:
                return shared[value["$"]]
            return {key: whole(item) for key, item in value.items()}
        return [whole(item) for item in value] if isinstance(value, list) else value

    for part in content["shared"]:
        shared.append(whole(part))
    return [whole(step) for step in content["steps"]]


def normal(value: Any) -> Any:
    """The value with placeholders for what is random in every run."""
    if isinstance(value, str):
        value = _UUID.sub("<uuid>", value.replace(UNKNOWN, "<unknown>"))
        value = re.sub(r"(paris-pip|auto)[0-9a-f]{8}\b", r"\1<hex>", value)
        return re.sub(r"203\.0\.113\.\d+", "<ip>", value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return {"<secret>": normal(value["value"]) if "value" in value else None}
        return {key: normal(item) for key, item in value.items()}
    return [normal(item) for item in value] if isinstance(value, list) else value


def launcher(folder: Path, python: str = sys.executable) -> Path:
    """A `bin` with the replay's plug-ins and the stand-in's `pulumi`."""
    bin_folder = folder / "bin"
    bin_folder.mkdir(parents=True)
    for package, version in (("azure-native", "3.29.0"), ("azuread", "6.11.1")):
        script = bin_folder / f"pulumi-resource-{package}"
        script.write_text(
            "#!/bin/sh\n# a plug-in of the replay, for the sitekit-lab engine\n"
            f'exec "{python}" "{HERE / "cloud_plugin.py"}" {package} {version} "$@"\n'
        )
        script.chmod(0o755)
    script = bin_folder / "pulumi"
    script.write_text(f'#!/bin/sh\nexec "{python}" -m sitekit.lab.engine "$@"\n')
    script.chmod(0o755)
    return bin_folder


class Replay:
    """One scenario in a folder of its own."""

    def __init__(self, folder: Path, pulumi: str | None = None) -> None:
        self.folder = folder
        self.work = folder / "work"
        shutil.copytree(HERE / "program", self.work)
        (folder / "state").mkdir()
        self.calls_file, self.cloud_file = folder / "calls.jsonl", folder / "replay.sqlite"
        bin_folder = launcher(folder)
        path = [str(bin_folder), str(Path(sys.executable).parent), "/usr/bin", "/bin"]
        if pulumi:
            (bin_folder / "pulumi").unlink()
            path.insert(1, pulumi)
        self.env = {
            "PATH": os.pathsep.join(path),
            "HOME": str(folder),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "lab",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_COMMANDS": "true",
            "REPLAY_CLOUD": str(self.cloud_file),
            "REPLAY_CALLS": str(self.calls_file),
            "PYTHONPATH": os.pathsep.join([*sys.path[:2], os.environ.get("PYTHONPATH", "")]),
        }
        self.project, self.stack = "sitekit-lab", "paris"
        self.cloud = sqlite3.connect(self.cloud_file, isolation_level=None)
        self._fresh()

    # -- commands

    def _folder(self, project: str) -> Path:
        return self.work if project == "sitekit-lab" else self.work / project

    def pulumi(
        self, *words: str, project: str | None = None, env: dict[str, str | None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One command, to its end."""
        return subprocess.run(
            ["pulumi", *words], cwd=self._folder(project or self.project),
            env=self._env(env), capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def _env(self, env: dict[str, str | None] | None) -> dict[str, str]:
        merged: dict[str, str | None] = {**self.env, **(env or {})}
        return {key: value for key, value in merged.items() if value is not None}

    def _done(self, *words: str, project: str | None = None) -> str:
        result = self.pulumi(*words, project=project)
        assert result.returncode == 0, (words, result.stdout, result.stderr)
        return result.stdout

    def _fresh(self) -> None:
        # The cloud's tables are made by the plug-in; here they are needed before it starts.
        from tests.engine.cloud_plugin import DDL

        self.cloud.executescript(DDL)
        self._done("stack", "init", self.stack, "--non-interactive")

    # -- what happens before a step

    def prepare(self, actions: list[dict[str, Any]]) -> None:
        """Do what was done before the command."""
        for action in actions:
            ((name, value),) = action.items()
            getattr(self, f"_do_{name}")(value)

    def _do_init(self, where: Any) -> None:
        if isinstance(where, dict):
            self.project, self.stack = where["project"], where["stack"]
        self._done("stack", "init", self.stack, "--non-interactive")
        if self.project == "platform":
            self.project, self.stack = "sitekit-lab", "paris"

    def _do_config(self, config: dict[str, Any]) -> None:
        file = self._folder(self.project) / f"Pulumi.{self.stack}.yaml"
        kept = [line for line in file.read_text().splitlines() if line.startswith("encryption")]
        file.write_text("\n".join(kept) + "\n")
        merged: dict[str, Any] = dict(config)
        if self.project == "sitekit-lab":
            merged = {
                "pulumi:disable-default-providers": ["*"], "cidr": "10.20.0.0/16", "users": "2",
                "rules": "2", **config,
            }  # fmt: skip
        words = []
        for key, value in merged.items():
            if isinstance(value, list):
                self._done("config", "set", "--path", f"{key}[0]", value[0])
            elif key.endswith("!"):
                words += ["--secret", f"{key[:-1]}={value}"]
            else:
                words += ["--plaintext", f"{key}={value}"]
        self._done("config", "set-all", *words)

    def _do_fault(self, row: list[Any]) -> None:
        self.cloud.execute("INSERT INTO fault VALUES(?,?,?,?,?)", row)

    def _do_delay(self, row: list[Any]) -> None:
        self.cloud.execute("INSERT INTO delay VALUES(?,?,?)", row)

    def _do_undelay(self, _: Any) -> None:
        self.cloud.execute("DELETE FROM delay")

    def _do_cancel(self, _: Any) -> None:
        self._done("cancel", "--yes")

    def _do_clear_pending(self, _: Any) -> None:
        self._done("refresh", "--yes", "--skip-preview", "--clear-pending-creates")

    def _do_always(self, env: dict[str, str]) -> None:
        self.env.update(env)

    def _do_state_delete(self, _: Any) -> None:
        result = self.pulumi("state", "delete", GATEWAY, "--yes")
        assert result.returncode == 0 or "No such resource" in result.stderr, result.stderr

    def _do_drift(self, what: str) -> None:
        """Change the cloud behind the engine's back."""
        edit = {
            "deny": ("%/networkSecurityGroups/%", '"access": "Allow"', '"access": "Deny"'),
            "address": ("%/publicIPAddresses/%", r"203\.0\.113\.\d+", "192.0.2.77"),
            "lng-10": ("%/localNetworkGateways/%", "192.0.2.99", "192.0.2.10"),
        }  # fmt: skip
        if what in edit:
            pattern, old, new = edit[what]
            for column in ("inputs", "outputs"):
                row = self.cloud.execute(
                    f"SELECT id, {column} FROM thing WHERE id LIKE ? AND deleted IS NULL",
                    (pattern,),
                ).fetchone()
                self.cloud.execute(
                    f"UPDATE thing SET {column}=? WHERE id=?",
                    (re.sub(old, new, row[1], count=1), row[0]),
                )
        elif what == "gone-user1":
            self.cloud.execute(
                "UPDATE thing SET deleted=1 WHERE type LIKE '%:User' AND uniq LIKE '%user1%'"
            )
        elif what == "all-gone":
            self.cloud.execute(
                "UPDATE thing SET deleted=1 WHERE id LIKE '/subscriptions/%/resourceGroups/%'"
            )

    # -- a step

    def step(self, step: dict[str, Any]) -> dict[str, Any]:
        """Do one step; what it made, in the shape of a recording."""
        self.prepare(step["before"])
        project = step.get("project") or self.project
        for name, content in step.get("files", {}).items():
            (self._folder(project) / name).write_text(json.dumps(content))
        self.calls_file.write_text("")
        log = self.folder / "events.json"
        log.unlink(missing_ok=True)
        words = list(step["command"])
        if words[0] in ("up", "preview", "refresh", "destroy", "import"):
            words += ["--event-log", str(log)]
        if "kill" in step or "interrupt" in step:
            code, out, err = self._disturbed(words, step)
        else:
            done = self.pulumi(*words, project=project, env=step.get("env"))
            code, out, err = done.returncode, done.stdout, done.stderr
        made: dict[str, Any] = {"exit": code, "stdout": self._shown(out)}
        made["stderr"] = self._shown(err)
        made["calls"] = calls(self.calls_file.read_text())
        if match := re.search(r"^Resources:\n((?:    .*\n)*)", out, re.MULTILINE):
            made["resources"] = [line.strip() for line in match[1].splitlines()]
        if log.exists():
            made.update(steps_of(log.read_text()))
        stack = "shared" if project == "platform" else self.stack
        made["state"] = self._state(project, stack)
        return made

    def _shown(self, text: str) -> str:
        lines = [line for line in text.splitlines(True) if not line.startswith("sitekit lab:")]
        shown = str(normal("".join(lines))).replace(str(self.folder / "state"), "STATE")
        shown = re.sub(r": created by .*", ": created by <somebody>", shown)
        return shown.replace(str(self.folder / "bin"), "LAB/bin")

    def _state(self, project: str, stack: str) -> dict[str, Any]:
        file = self.folder / "state/.pulumi/stacks" / project / f"{stack}.json"
        if not file.exists():
            return {"resources": [], "pending": []}
        latest = json.loads(file.read_text())["checkpoint"].get("latest") or {}
        resources = []
        for item in latest.get("resources") or []:
            kept = normal({key: item[key] for key in KEPT if key in item})
            if "dependencies" in kept:
                kept["dependencies"] = sorted(kept["dependencies"])
            resources.append(kept)
        pending = [
            [normal(item["resource"]["urn"]), item["type"]]
            for item in latest.get("pending_operations") or []
        ]
        return {"resources": resources, "pending": pending}

    def _disturbed(self, words: list[str], step: dict[str, Any]) -> tuple[int, str, str]:
        """Run a command and kill or interrupt it while a plug-in is inside a call."""
        process = subprocess.Popen(
            ["pulumi", *words], cwd=self._folder(self.project), env=self._env(None),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        method, name = (step.get("kill") or step["interrupt"])[:2]
        deadline = time.monotonic() + 90
        while not self._inside(method, name):
            assert time.monotonic() < deadline, "the call never came"
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        if "kill" in step:
            time.sleep(0.5)
            plugins = self._plugins(process.pid) if step.get("plugins") else []
            process.kill()
            for pid in plugins:
                os.kill(pid, signal.SIGKILL)
        else:
            for _ in range(step["interrupt"][2]):
                process.send_signal(signal.SIGINT)
                time.sleep(1.5)  # two signals that come at once count as one
        if "kill" in step and not step.get("plugins"):
            self._wait_for_answers()
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def _wait_for_answers(self) -> None:
        """Wait until the plug-ins have finished the calls that they are in."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            entries = [json.loads(line) for line in self.calls_file.read_text().splitlines()]
            asked = {entry["n"] for entry in entries if "call" in entry}
            if asked == {entry["n"] for entry in entries if "answers" in entry}:
                return
            time.sleep(0.1)

    def _inside(self, method: str, name: str) -> bool:
        if not self.calls_file.exists():
            return False
        return any(
            entry.get("call") == method and entry["request"].get("name") == name
            for entry in map(json.loads, self.calls_file.read_text().splitlines())
        )

    @staticmethod
    def _plugins(parent: int) -> list[int]:
        """Plug-in processes below a process."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_text().split("\0")
                above = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            if above == parent and any(word.endswith("cloud_plugin.py") for word in words):
                found.append(int(entry.name))
        return found


def calls(log: str) -> list[dict[str, Any]]:
    """The calls that the plug-ins wrote down, in the order of their beginnings."""
    result, open_calls = [], {}
    for line in log.splitlines():
        entry = json.loads(line)
        if "answers" in entry:
            if entry["n"] in open_calls:
                open_calls[entry["n"]]["end"] = entry["t"]
            continue
        if entry["call"] in HANDSHAKES:
            continue
        request = normal(entry["request"])
        urn = request.pop("urn", "")
        kind = urn.split("::")[2].rsplit("$", 1)[-1] if urn else ""
        resource = f"{kind}::{urn.split('::')[3]}" if urn else ""
        for key in ("randomSeed", "resourceStatusAddress", "resourceStatusToken", "name", "type"):
            request.pop(key, None)
        if entry["call"] == "Configure":
            request.pop("id", None)
        if entry["call"] == "Invoke":
            resource = request.get("tok", "")
        call = {
            "who": entry["who"], "method": entry["call"], "resource": resource,
            "request": request, "start": entry["t"], "end": None,
        }  # fmt: skip
        open_calls[entry["n"]] = call
        result.append(call)
    return result


def steps_of(log: str) -> dict[str, Any]:
    """Steps and counts of an event log."""
    steps, summary = [], {}
    for line in log.splitlines():
        event = json.loads(line)
        if "resourcePreEvent" in event:
            about = event["resourcePreEvent"]["metadata"]
            steps.append([about["op"], normal(about["urn"])])
        summary = event.get("summaryEvent", summary)
    return {
        "steps": sorted(steps),
        "changes": summary.get("resourceChanges"),
        "result": summary.get("result"),
        "maybeCorrupt": summary.get("maybeCorrupt"),
    }


# -- comparison -----------------------------------------------------------------------------------


def _grouped(made: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in made:
        groups[f"{call['who']} {call['resource']}"].append(call)
    return groups


def differences(
    recorded: dict[str, Any], made: dict[str, Any], chance: set[str] | None = None
) -> list[str]:
    """Where a replayed step differs from its recording, one line each.

    A run that fails starts nothing new from then on. How far the resources that have nothing to do
    with the failure got before is a matter of milliseconds, in the real engine too. For those that
    got to another point than in the recording, `chance` (which the caller keeps from step to step)
    holds that they are not compared until a run succeeds, after which all must be equal again.
    """
    chance = set() if chance is None else chance
    found = []
    failed = recorded["exit"] not in (0, 7)
    known = set(chance)
    if recorded["exit"] != made["exit"]:
        found.append(f"exit: {recorded['exit']} recorded, {made['exit']} made")
    if recorded["command"][0] in ("up", "preview") and "--refresh" not in recorded["command"]:
        found += checks_overlap(made["calls"])
    if "calls" in recorded:
        found += _call_differences(recorded["calls"], made["calls"], chance, failed=failed)
    if "state" in recorded:
        skipped = chance if failed else set()
        found += _state_differences(recorded["state"], made["state"], skipped, failed=failed)
    failed = failed or bool(known)
    if "steps" in recorded and not failed:
        found += _list_differences("step", recorded["steps"], made.get("steps") or [])
    if "changes" in recorded and not failed and recorded["changes"] != made.get("changes"):
        found.append(f"changes: {recorded['changes']} recorded, {made.get('changes')} made")
    for key in ("result", "maybeCorrupt"):
        if key in recorded and recorded[key] != made.get(key):
            found.append(f"{key}: {recorded[key]} recorded, {made.get(key)} made")
    if "resources" in recorded and not failed and recorded["resources"] != made.get("resources"):
        found.append(f"summary: {recorded['resources']} recorded, {made.get('resources')} made")
    for key in ("stdout", "stderr"):
        if key in recorded and recorded[key] != made[key]:
            found.append(f"{key}: {recorded[key]!r} recorded, {made[key]!r} made")
    if "--parallel" in recorded["command"]:
        found += _overlaps(made["calls"])
    for error in recorded.get("errors", []):
        if error not in made["stdout"]:
            found.append(f"error not printed: {error}")
    if recorded["exit"] == 0 and recorded["command"][0] in ("up", "destroy"):
        chance.clear()
    return found


def _call_differences(
    recorded: list[dict[str, Any]], made: list[dict[str, Any]], chance: set[str], *, failed: bool
) -> list[str]:
    found = []
    theirs, ours = _grouped(recorded), _grouped(made)
    for who in sorted(theirs.keys() | ours.keys()):
        old, new = theirs.get(who, []), ours.get(who, [])
        old_names, new_names = ([call["method"] for call in side] for side in (old, new))
        shorter = min(len(old), len(new))
        same = old_names == new_names
        resource = who.split(" ", 1)[1]
        if resource in chance:
            continue
        if failed and not same and old_names[:shorter] == new_names[:shorter]:
            chance.add(resource)
            same = True
        if not same:
            found.append(f"calls of {who}: {old_names} recorded, {new_names} made")
            continue
        for before, after in zip(old, new, strict=False):
            found += _argument_differences(who, before, after)
    return found


def _overlaps(made: list[dict[str, Any]]) -> list[str]:
    """Operations that were under way at the same time (for `--parallel 1`)."""
    doing = sorted(
        (call for call in made if call["method"] in ("Create", "Update", "Delete")),
        key=lambda call: float(call["start"]),
    )
    return [
        f"{before['resource']} and {after['resource']} overlap"
        for before, after in pairwise(doing)
        if after["start"] < (before["end"] or 0)
    ]


def checks_overlap(made: list[dict[str, Any]]) -> list[str]:
    """Checks and differences that were under way at the same time: there must be none."""
    doing = sorted(
        (call for call in made if call["method"] in ("Check", "Diff", "CheckConfig")),
        key=lambda call: float(call["start"]),
    )
    return [
        f"{before['method']} of {before['resource']} and {after['method']} of "
        f"{after['resource']} overlap"
        for before, after in pairwise(doing)
        if after["start"] < (before["end"] or 0)
    ]


def _argument_differences(who: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    found = []
    where = f"{old['method']} of {who}"
    if "request" in old:
        for key in sorted(old["request"].keys() | new["request"].keys()):
            a, b = old["request"].get(key), new["request"].get(key)
            if a != b and (a or b):
                found.append(f"{where}: {key} {a} recorded, {b} made")
        return found
    for name, keys in old["bags"].items():
        given = sorted(new["request"].get(name, {}))
        if keys != given:
            found.append(f"{where}: {name} {keys} recorded, {given} made")
    return found


def _short(urn: str) -> str:
    """TYPE::NAME of a URN."""
    kind, name = urn.split("::")[2:4]
    return f"{kind.rsplit('$', 1)[-1]}::{name.removesuffix(' (to be deleted)')}"


def _state_differences(
    recorded: dict[str, Any], made: dict[str, Any], skipped: set[str], *, failed: bool
) -> list[str]:
    found = []

    def by_urn(side: dict[str, Any]) -> dict[str, dict[str, Any]]:
        return {
            item["urn"] + (" (to be deleted)" if item.get("delete") else ""): item
            for item in side["resources"]
        }

    theirs, ours = by_urn(recorded), by_urn(made)
    for urn in sorted(theirs.keys() | ours.keys()):
        if _short(urn) in skipped:
            continue
        if urn not in ours:
            found.append(f"state: {urn} is missing")
        elif urn not in theirs:
            found.append(f"state: {urn} is too many")
        else:
            old, new = theirs[urn], ours[urn]
            for key in sorted(old.keys() | new.keys()):
                if failed and key == "outputs" and not old["custom"]:
                    continue  # whether they were registered before the run stopped is chance
                if old.get(key) != new.get(key):
                    found.append(
                        f"state: {key} of {urn}: {old.get(key)} recorded, {new.get(key)} made"
                    )
    if sorted(recorded["pending"]) != sorted(made["pending"]):
        found.append(f"pending: {recorded['pending']} recorded, {made['pending']} made")
    return found + order_problems(made)


def order_problems(made: dict[str, Any]) -> list[str]:
    """Resources of a state that refer to later ones."""
    found, seen = [], set()
    for item in made["resources"]:
        for urn in [item.get("parent"), *item.get("dependencies", [])]:
            if urn and urn not in seen:
                found.append(f"state: {item['urn']} comes before {urn}")
        seen.add(item["urn"])
    return found


def _list_differences(what: str, recorded: list[Any], made: list[Any]) -> list[str]:
    left, right = [str(item) for item in recorded], [str(item) for item in made]
    found = []
    for item in sorted(set(left) | set(right)):
        if left.count(item) != right.count(item):
            found.append(
                f"{what} {item}: {left.count(item)} times recorded, {right.count(item)} made"
            )
    return found
