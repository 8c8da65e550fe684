"""The lab's folder: what `sitekit lab cloud up` makes, and what `down` takes away again.

bin/          the plug-ins' launchers; only this folder on PATH makes the lab be used
cloud.sqlite  the cloud
types.json    the types, joined with the installed SDKs
state/        a file:// backend for stacks
graph.json    process and port of the Graph server while it runs
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import secrets
import shlex
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from ...errors import SitekitError
from . import catalogue, schema
from .directory import CLOUD, domain_body
from .store import Store, StoreError, Thing

DEFAULT = Path(".sitekit/lab")
STORE = "cloud.sqlite"
GRAPH = "graph.json"
PASSPHRASE = "passphrase"
TENANT = "00000000-0000-0000-0000-0000000000bb"
SUBSCRIPTION = "00000000-0000-0000-0000-0000000000aa"
INITIAL_DOMAIN = "lab.onmicrosoft.example"
SCALE = 3600.0  # an hour of Azure's in a second of ours
REPLICATION = 30.0  # seconds of Entra's until readers see a new object
_PLUGINS = {"pulumi-resource-azure-native": "azure-native", "pulumi-resource-azuread": "azuread"}


class LabError(SitekitError):
    """The lab cloud cannot be set up, reached or ended."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab cloud that was set up."""

    folder: Path
    port: int | None  # of the Graph server, when it runs

    @property
    def graph(self) -> str | None:
        """Where Microsoft Graph is answered, without version."""
        return f"http://127.0.0.1:{self.port}" if self.port else None

    def store(self) -> Store:
        """The cloud's file. Raises StoreError."""
        return Store(self.folder / STORE)


def up(
    folder: Path = DEFAULT,
    *,
    tenants: Sequence[str] = (TENANT,),
    subscriptions: Sequence[str] = (SUBSCRIPTION,),
    domains: Sequence[str] = ("lab.example",),
    licences: Sequence[str] = ("entra-p1", "entra-p2", "entra-governance"),
    scale: float | None = None,
    replication: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> Lab:
    """Set the lab cloud up, or turn it on again: what is in it stays.

    `scale`: how many seconds of the cloud's one second of ours is. `replication`: seconds of the
    cloud's until readers see a new Entra object. `progress` is told what takes a while. Raises
    SchemaError when the provider SDKs are not installed, LabError when the folder cannot be used or
    the Graph server does not start.
    """
    folder = folder.absolute()
    try:
        for part in ("bin", "state", "home"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        _private(folder)
        _types(folder, progress or (lambda _: None))
        store = Store(folder / STORE, make=True)
        _settings(store, tenants, subscriptions, licences, scale, replication)
        _tenant(store, domains)
        _passphrase(folder)
        _launchers(folder)
    except OSError as error:
        raise LabError(
            f"{folder} cannot be used: {error.strerror}", hint="name another --dir"
        ) from None
    with _alone(folder):
        port = running(folder) or _start(folder, store)
    store.close()
    return Lab(folder, port)


def find(folder: Path = DEFAULT) -> Lab:
    """The lab cloud in a folder. Raises StoreError when there is none."""
    folder = folder.absolute()
    Store(folder / STORE).close()
    return Lab(folder, running(folder))


def down(folder: Path = DEFAULT, *, remove: bool = False) -> bool:
    """End the Graph server and take the launchers away; whether a server ran.

    What the cloud holds stays, unless `remove`. Raises LabError when a process that is not ours
    stands in the way.
    """
    folder = folder.absolute()
    if not (folder / STORE).is_file():
        raise StoreError(f"there is no lab cloud in {folder}", hint="sitekit lab cloud up")
    with _alone(folder):
        ran = _stop(folder)
    for name in _launcher_names():
        (folder / "bin" / name).unlink(missing_ok=True)
    if remove:
        for name in (
            STORE,
            f"{STORE}-wal",
            f"{STORE}-shm",
            catalogue.FILE,
            PASSPHRASE,
            GRAPH,
            "graph.log",
        ):
            (folder / name).unlink(missing_ok=True)
        for part in ("bin", "state", "home"):
            shutil.rmtree(folder / part, ignore_errors=True)
        if not any(folder.iterdir()) or {item.name for item in folder.iterdir()} == {".gitignore"}:
            shutil.rmtree(folder, ignore_errors=True)
    return ran


def environment(folder: Path = DEFAULT) -> dict[str, str]:
    """The variables that make programs use the lab; PATH is the caller's with the lab in front.

    Raises LabError when the lab is not up.
    """
    lab = find(folder)
    if lab.port is None or not (lab.folder / "bin" / next(iter(_PLUGINS))).exists():
        raise LabError(f"the lab cloud in {lab.folder} is down", hint="sitekit lab cloud up")
    store = lab.store()
    path = [part for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    own = str(lab.folder / "bin")
    answer = {
        "PATH": os.pathsep.join([own, *(part for part in path if part != own)]),
        "PULUMI_BACKEND_URL": f"file://{lab.folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": (lab.folder / PASSPHRASE).read_text().strip(),
        "PULUMI_HOME": str(lab.folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "ARM_TENANT_ID": store.setting("tenants")[0],
        "ARM_SUBSCRIPTION_ID": store.setting("subscriptions")[0],
        "SITEKIT_LAB": str(lab.folder),
        "SITEKIT_GRAPH_URL": str(lab.graph),
        "SITEKIT_GRAPH_TOKEN": store.setting("token"),
        "SITEKIT_VAULT_URL": f"{lab.graph}/vaults",
    }
    store.close()
    return answer


# --- what is in it -----------------------------------------------------------------------------


def _private(folder: Path) -> None:
    """Nothing in it is for a repository, and it may hold what people wrote about people."""
    folder.chmod(0o700)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def _types(folder: Path, progress: Callable[[str], None]) -> None:
    """The joined table, made again when the SDKs, or the types, are others."""
    path = folder / catalogue.FILE
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        fresh = (
            known["layout"] == catalogue.LAYOUT
            and known["schema"]["versions"] == schema.installed()
            and known["types"] == catalogue.written()
        )
    except (OSError, ValueError, KeyError):
        fresh = False
    if not fresh:
        progress("reading what the provider packages accept, once")
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_text(json.dumps(catalogue.join()), encoding="utf-8")
        aside.replace(path)


def _settings(
    store: Store,
    tenants: Sequence[str],
    subscriptions: Sequence[str],
    licences: Sequence[str],
    scale: float | None,
    replication: float | None,
) -> None:
    with store.change():
        store.set("tenants", [item.lower() for item in tenants])
        store.set("subscriptions", [item.lower() for item in subscriptions])
        store.set("licences", list(licences))
        store.set("tenant_facts", catalogue.tenant())
        if scale is not None or store.setting("scale") is None:
            store.set("scale", SCALE if scale is None else scale)
        if replication is not None or store.setting("replication") is None:
            store.set("replication", REPLICATION if replication is None else replication)
        if store.setting("token") is None:
            store.set("token", f"lab-{secrets.token_urlsafe(24)}")


def _tenant(store: Store, domains: Sequence[str]) -> None:
    with store.change():
        for index, name in enumerate([INITIAL_DOMAIN, *domains]):
            key = f"domain/{name.lower()}"
            if store.get(key) is None:
                body = domain_body(
                    name.lower(), verified=True, initial=index == 0, default=index == 1
                )
                store.add(Thing(key, CLOUD, "domain", name.lower(), name.lower(), None, body))


def _passphrase(folder: Path) -> None:
    path = folder / PASSPHRASE
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(24) + "\n")


def _launcher_names() -> list[str]:
    return [*_PLUGINS, "pulumi-resource-sitekit", "pulumi"]


def _launchers(folder: Path) -> None:
    """The plug-ins; the stand-in engine only where there is no other."""
    for name, package in _PLUGINS.items():
        _launcher(folder, name, ["-m", "sitekit.lab.cloud.run", package, str(folder)])
    if importlib.util.find_spec("sitekit.provider") is not None:
        _launcher(folder, "pulumi-resource-sitekit", ["-m", "sitekit.provider"])
    engine = folder / "bin" / "pulumi"
    if importlib.util.find_spec("sitekit.lab.engine") is not None and real_pulumi(folder) is None:
        _launcher(folder, engine.name, ["-m", "sitekit.lab.engine"])
    else:
        engine.unlink(missing_ok=True)


def real_pulumi(folder: Path) -> str | None:
    """A `pulumi` on PATH that is not the lab's own."""
    own = str(folder / "bin")
    path = os.environ.get("PATH", "").split(os.pathsep)
    return shutil.which(
        "pulumi", path=os.pathsep.join(part for part in path if part and part != own)
    )


def _launcher(folder: Path, name: str, arguments: Sequence[str]) -> None:
    """A small script that runs this Python with this sitekit, wherever it is called from."""
    source = str(Path(__file__).resolve().parents[3])
    command = shlex.join([sys.executable, *arguments])
    text = (
        "#!/bin/sh\n"
        "# The lab cloud of sitekit: made by `sitekit lab cloud up`, gone after `down`.\n"
        f'PYTHONPATH={shlex.quote(source)}${{PYTHONPATH:+:$PYTHONPATH}} exec {command} "$@"\n'
    )
    path = folder / "bin" / name
    aside = path.with_name(f".{name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.chmod(aside.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    aside.replace(path)


# --- the Graph server --------------------------------------------------------------------------


def running(folder: Path) -> int | None:
    """The port of the folder's Graph server, if it answers and is this folder's."""
    known = _known(folder)
    if known is None:
        return None
    answer = _ask(folder, int(known["port"]), "GET", "/lab/ping")
    if answer is None or answer.get("folder") != str(folder):
        return None
    return int(known["port"])


def _known(folder: Path) -> Mapping[str, Any] | None:
    try:
        known = json.loads((folder / GRAPH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) and "port" in known else None


def _ask(folder: Path, port: int, method: str, path: str) -> dict[str, Any] | None:
    """Ask the lab's server something; None when nobody, or somebody else, answers."""
    try:
        store = Store(folder / STORE)
        token = store.setting("token", "")
        store.close()
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return json.loads(text) if text else {"status": response.status}
    except (OSError, HTTPException, ValueError, StoreError):
        return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One `up` or `down` of a folder at a time; the lock ends with the process."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _start(folder: Path, store: Store) -> int:
    """Start the server in the background, on the port it had before where that is free."""
    port = int(store.setting("port", 0))
    (folder / GRAPH).unlink(missing_ok=True)
    source = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(part for part in (source, os.environ.get("PYTHONPATH", "")) if part)
    log = str(folder / "graph.log")
    # No Popen: the server outlives us, and nobody waits for it.
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "sitekit.lab.cloud.server", str(folder), str(port)],
        {**os.environ, "PYTHONPATH": path},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not _ended(process):
        if known := _known(folder):
            store.set("port", known["port"])
            if running(folder):
                return int(known["port"])
        time.sleep(0.05)
    raise LabError("the Graph server of the lab did not start", hint=f"read {folder / 'graph.log'}")


def _ended(process: int) -> bool:
    """Whether a process is over, as far as it is a child of ours."""
    try:
        return os.waitpid(process, os.WNOHANG)[0] == process
    except ChildProcessError:
        return False


def _stop(folder: Path) -> bool:
    known = _known(folder)
    if known is None or running(folder) is None:
        (folder / GRAPH).unlink(missing_ok=True)  # of a server that was killed
        return False
    _ask(folder, int(known["port"]), "POST", "/lab/stop")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if running(folder) is None:
            _ended(int(known["pid"]))
            (folder / GRAPH).unlink(missing_ok=True)
            return True
        time.sleep(0.05)
    raise LabError(
        f"the Graph server of the lab does not end (process {known.get('pid')})",
        hint="end that process yourself",
    )
