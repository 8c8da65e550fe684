"""What a machine has, and lacks, for running stacks: looked up, never changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from . import workspace
from .spec import StackKind

EXTRA = "pip install 'sitekit[cloud]'"
PACKAGES = ("pulumi", "pulumi-azure-native", "pulumi-azuread", "azure-identity", "httpx")
PLUGINS = {"azure-native": "pulumi-azure-native", "azuread": "pulumi-azuread"}
SECONDS = 30
SECONDS_FOR_GRAPH = 3


class State(StrEnum):
    """How one thing is."""

    THERE = "there"
    MISSING = "missing"
    ODD = "odd"  # there, and likely not as it should be


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing that was looked for; `command` provides what is missing."""

    what: str
    state: State
    detail: str = ""
    command: str = ""


def examine(organisation: Path | None) -> Iterator[Remark]:
    """Everything that `sitekit up` needs; with an organisation, its stacks as well."""
    yield _python()
    yield from _packages()
    engine = shutil.which("pulumi")
    yield _engine(engine)
    yield from _plugins(engine)
    yield _credentials()
    yield _backend(engine, organisation)
    yield _passphrase()
    yield _graph()
    if organisation is not None:
        yield _stacks(organisation)


def _python() -> Remark:
    version = ".".join(map(str, sys.version_info[:3]))
    return Remark(what="Python", state=State.THERE, detail=f"{version}, {sys.executable}")


def _packages() -> Iterator[Remark]:
    for package in PACKAGES:
        try:
            yield Remark(
                what=f"library {package}", state=State.THERE, detail=metadata.version(package)
            )
        except metadata.PackageNotFoundError:
            yield Remark(what=f"library {package}", state=State.MISSING, command=EXTRA)


def _engine(engine: str | None) -> Remark:
    if engine is None:
        return Remark(
            what="pulumi",
            state=State.MISSING,
            detail="no pulumi on PATH",
            command="see https://www.pulumi.com/docs/install/; without an account: "
            "sitekit lab cloud up",
        )
    version = _answer([engine, "version"]).lstrip("v") or "?"
    library = _version("pulumi")
    if library and _release(version) < _release(library):
        return Remark(
            what="pulumi",
            state=State.ODD,
            detail=f"{version}, older than its library {library}",
            command=f"install pulumi {library} or newer",
        )
    lab = " (the lab's)" if is_lab(engine) else ""
    return Remark(what="pulumi", state=State.THERE, detail=f"{version}, {engine}{lab}")


def _plugins(engine: str | None) -> Iterator[Remark]:
    installed: set[tuple[str, str]] = set()
    if engine is not None:
        try:
            listed = json.loads(_answer([engine, "plugin", "ls", "--json"]) or "[]")
            installed = {(str(p["name"]), str(p["version"]).lstrip("v")) for p in listed}
        except (ValueError, KeyError, TypeError):
            installed = set()
    for name, package in PLUGINS.items():
        version = _version(package)
        what = f"plug-in {name}"
        on_path = shutil.which(f"pulumi-resource-{name}")
        if on_path:
            state = State.THERE if is_lab(on_path) else State.ODD
            whose = "the lab's" if is_lab(on_path) else "from PATH, of any version"
            yield Remark(what=what, state=state, detail=f"{whose}: {on_path}",
                         command="" if state is State.THERE else f"remove {on_path}")  # fmt: skip
        elif (name, version) in installed:
            yield Remark(what=what, state=State.THERE, detail=str(version))
        else:
            wanted = version or "VERSION"
            yield Remark(
                what=what,
                state=State.MISSING,
                detail="the engine fetches it by itself where it may",
                command=f"pulumi plugin install resource {name} v{wanted}",
            )
    own = shutil.which("pulumi-resource-sitekit")
    yield Remark(
        what="plug-in sitekit",
        state=State.THERE if own else State.MISSING,
        detail=own or "only stacks with settings that azuread lacks need it",
        command="" if own else EXTRA,
    )


def _credentials() -> Remark:
    what = "credentials"
    if os.environ.get("SITEKIT_LAB"):
        return Remark(what=what, state=State.THERE, detail="none needed: the lab answers")
    names = [n for n in ("ARM_CLIENT_ID", "AZURE_CLIENT_ID", "ARM_USE_OIDC") if os.environ.get(n)]
    if names:
        return Remark(what=what, state=State.THERE, detail=f"from {', '.join(names)}")
    az = shutil.which("az")
    if az is None:
        return Remark(
            what=what,
            state=State.MISSING,
            detail="neither variables nor the Azure CLI",
            command="az login (https://learn.microsoft.com/cli/azure/install-azure-cli)",
        )
    try:
        account = json.loads(_answer([az, "account", "show", "--output", "json"]))
        return Remark(what=what, state=State.THERE, detail=f"az, tenant {account['tenantId']}")
    except (ValueError, KeyError, TypeError):
        return Remark(what=what, state=State.MISSING, detail="nobody is signed in",
                      command="az login --tenant TENANT")  # fmt: skip


def _backend(engine: str | None, organisation: Path | None) -> Remark:
    what = "backend"
    if url := os.environ.get("PULUMI_BACKEND_URL"):
        return Remark(
            what=what, state=State.THERE, detail=f"{_shown(url)}, from PULUMI_BACKEND_URL"
        )
    stacks = workspace.find(organisation) if organisation is not None else None
    if stacks is not None:
        text = (stacks / StackKind.SITE / "Pulumi.yaml").read_text(encoding="utf-8")
        if found := re.search(r"^backend:\s*\n\s+url:\s*(\S+)", text, re.MULTILINE):
            return Remark(
                what=what, state=State.THERE, detail=f"{_shown(found[1])}, from Pulumi.yaml"
            )
    if engine is not None:
        try:
            said = json.loads(_answer([engine, "whoami", "--json"]))
            return Remark(what=what, state=State.THERE, detail=_shown(str(said["url"])))
        except (ValueError, KeyError, TypeError):
            pass
    return Remark(
        what=what,
        state=State.MISSING,
        detail="nobody says where states are",
        command="sitekit stack init --backend file, or pulumi login file://FOLDER",
    )


def _passphrase() -> Remark:
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        if name in os.environ:
            return Remark(what="passphrase", state=State.THERE, detail=f"from {name}")
    return Remark(
        what="passphrase",
        state=State.MISSING,
        detail="needed unless a key vault encrypts the secrets in states",
        command="export PULUMI_CONFIG_PASSPHRASE_FILE=FILE",
    )


def _graph() -> Remark:
    """Who answers as Microsoft Graph: `sitekit people` and the plug-in sitekit ask it."""
    what, lab = "Microsoft Graph", os.environ.get("SITEKIT_GRAPH_URL")
    url = lab or "https://graph.microsoft.com"
    asked = urlsplit(url)
    proxy = None if lab else _proxy(asked.hostname or "")
    through = f" through {proxy.hostname}" if proxy else ""
    try:
        at = proxy or asked
        port = at.port or (443 if at.scheme == "https" else 80)
        socket.create_connection((at.hostname or "", port), timeout=SECONDS_FOR_GRAPH).close()
    except (OSError, ValueError):
        if lab:
            said = f"no lab answers at {_shown(lab)}"
            start = 'sitekit lab cloud up; eval "$(sitekit lab cloud env)"'
            return Remark(what=what, state=State.MISSING, detail=said, command=start)
        said = f"{asked.hostname} cannot be reached{through}"
        return Remark(what=what, state=State.MISSING, detail=said,
                      command="check the network, DNS and HTTPS_PROXY")  # fmt: skip
    said = f"asked{through}, which answers" if proxy else "answers"
    whose = " (the lab's)" if lab else ""
    return Remark(what=what, state=State.THERE, detail=f"{_shown(url)} {said}{whose}")


def _proxy(host: str) -> SplitResult | None:
    """The proxy that httpx asks for a host; its name may hold a password and is never shown."""
    address = getproxies().get("https") or getproxies().get("all")
    if not address or proxy_bypass(host):
        return None
    return urlsplit(address if "://" in address else f"http://{address}")


def _stacks(organisation: Path) -> Remark:
    folder = workspace.find(organisation)
    if folder is None:
        return Remark(what="stacks", state=State.MISSING, detail="there are none yet",
                      command="sitekit stack init")  # fmt: skip
    begun = {
        path.name[7:-5] for kind in StackKind for path in (folder / kind).glob("Pulumi.*.yaml")
    }
    written = {
        path.stem
        for part in ("sites", "subsidiaries")
        for path in (organisation / part).glob("*.yaml")
        if not path.name.endswith(".assigned.yaml")
    }
    if left := sorted(written - begun):
        return Remark(what="stacks", state=State.ODD, detail=f"not begun: {', '.join(left[:12])}",
                      command=f"sitekit stack init {' '.join(left[:12])}")  # fmt: skip
    return Remark(what="stacks", state=State.THERE, detail=f"{len(begun)} begun in {folder}")


def _answer(command: list[str]) -> str:
    """What a program prints; empty where it fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def is_lab(program: str) -> bool:
    """Whether a program lies in the folder of a lab cloud."""
    return (Path(program).resolve().parent.parent / "cloud.sqlite").is_file()


def _shown(url: str) -> str:
    """An address without what may be secret in it."""
    return re.sub(r"//[^/@]*@", "//", url)
