"""Pulumi.yaml and Pulumi.<stack>.yaml: the project, and a stack's configuration.

A configuration value is text, a number, a truth value, a list or an object; a secret one is
`{"secure": CIPHERTEXT}`, at any depth. Programs get every value as text, lists and objects as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from .faults import EngineError
from .values import path_parts

try:
    from yaml import CSafeDumper as _Dumper
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without its C part
    from yaml import SafeDumper as _Dumper  # type: ignore[assignment]
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

NAMES = ("Pulumi.yaml", "Pulumi.yml")


@dataclass(frozen=True, slots=True)
class Project:
    """What Pulumi.yaml says."""

    file: Path
    name: str
    runtime: str
    options: dict[str, Any]
    #: The program, relative to the project's folder.
    main: str = "."
    backend: str = ""
    #: Where stack files lie, relative to the project's folder.
    stack_folder: str = "."
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder of Pulumi.yaml."""
        return self.file.parent

    def stack_file(self, stack: str) -> Path:
        """Pulumi.<stack>.yaml."""
        return self.folder / self.stack_folder / f"Pulumi.{stack}.yaml"


def find(folder: Path) -> Project:
    """The project of a folder, or of the nearest one above that has one.

    Raises:
        EngineError: there is none, or its file is not valid.
    """
    for here in (folder, *folder.parents):
        for name in NAMES:
            if (here / name).is_file():
                return read(here / name)
    raise EngineError(
        f"no Pulumi.yaml project file found (searching upwards from {folder}). If you have not "
        "created a project yet, use `pulumi new` to do so: no project file found"
    )


def read(file: Path) -> Project:
    """Read a Pulumi.yaml.

    Raises:
        EngineError: it is not valid.
    """
    content = load_yaml(file)
    name, runtime = content.get("name"), content.get("runtime")
    if not isinstance(name, str) or not name:
        raise EngineError(f"could not load {file}: project is missing a 'name' attribute")
    options: dict[str, Any] = {}
    if isinstance(runtime, dict):
        options = dict(runtime.get("options") or {})
        runtime = runtime.get("name")
    if not isinstance(runtime, str):
        raise EngineError(f"could not load {file}: project is missing a 'runtime' attribute")
    if (content.get("plugins") or {}).get("providers") or content.get("packages"):
        raise EngineError(
            f"{file} names plug-ins of its own; the lab takes plug-ins from $PATH only"
        )
    folder = content.get("stackConfigDir") or content.get("config")
    config = content.get("config")
    return Project(
        file=file,
        name=name,
        runtime=runtime,
        options=options,
        main=content.get("main") or ".",
        backend=(content.get("backend") or {}).get("url") or "",
        stack_folder=folder if isinstance(folder, str) else ".",
        config=_defaults(name, config) if isinstance(config, dict) else {},
    )


def _defaults(project: str, declared: dict[str, Any]) -> dict[str, Any]:
    """Values that Pulumi.yaml gives to every stack."""
    result = {}
    for key, value in declared.items():
        if isinstance(value, dict) and value.keys() & {"value", "default", "type", "description"}:
            value = value.get("value", value.get("default"))
        if value is not None:
            result[full_key(project, key)] = value
    return result


def load_yaml(file: Path) -> dict[str, Any]:
    """Read a YAML file whose top is a mapping (or nothing).

    Raises:
        EngineError: it cannot be read or is something else.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise EngineError(f"could not read {file}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise EngineError(f"could not load {file}: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise EngineError(f"could not load {file}: it is not a mapping")
    return content


def full_key(project: str, key: str) -> str:
    """A configuration key with its namespace.

    Raises:
        EngineError: it has too many colons or is empty.
    """
    parts = key.split(":")
    if len(parts) == 3 and parts[1] == "config":
        parts = [parts[0], parts[2]]
    if len(parts) == 1:
        parts = [project, parts[0]]
    if len(parts) != 2 or not all(parts):
        raise EngineError(
            f"invalid configuration key: could not parse {key} as a configuration key "
            "(configuration keys should be of the form `<namespace>:<name>`)"
        )
    return ":".join(parts)


@dataclass(slots=True)
class StackFile:
    """Pulumi.<stack>.yaml: the salt of the secrets provider and the configuration.

    `others` are entries that the stand-in does not use but keeps. Comments in the file are lost
    when it is written.
    """

    file: Path
    salt: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)

    def write(self) -> None:
        """Write the file; an empty one is removed."""
        content: dict[str, Any] = {}
        if self.salt:
            content["encryptionsalt"] = self.salt
        content.update(self.others)
        if self.config:
            content["config"] = self.config
        if not content:
            self.file.unlink(missing_ok=True)
            return
        text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
        temporary = self.file.with_name(f".{self.file.name}.new")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self.file)


def read_stack_file(project: Project, file: Path) -> StackFile:
    """Read a stack's file; a missing one is empty.

    Raises:
        EngineError: it is not valid, or needs something that the lab does not have.
    """
    if not file.exists():
        return StackFile(file)
    content = load_yaml(file)
    provider = content.get("secretsprovider")
    if provider and provider not in ("passphrase", "default"):
        raise EngineError(
            f"{file} wants the secrets provider {provider}; the lab has the passphrase one only"
        )
    if content.get("environment"):
        raise EngineError(f"{file} imports environments of Pulumi Cloud; the lab has none")
    config = content.get("config") or {}
    return StackFile(
        file=file,
        salt=content.get("encryptionsalt") or "",
        config={full_key(project.name, str(key)): value for key, value in config.items()},
        others={
            key: value for key, value in content.items() if key not in ("encryptionsalt", "config")
        },
    )


# -- values ---------------------------------------------------------------------------------------


def is_secure(value: Any) -> bool:
    """Whether a configuration value is encrypted as a whole."""
    return isinstance(value, dict) and set(value) == {"secure"}


def holds_secret(value: Any) -> bool:
    """Whether a configuration value is or contains an encrypted one."""
    if is_secure(value):
        return True
    if isinstance(value, dict):
        return any(holds_secret(item) for item in value.values())
    return isinstance(value, list) and any(holds_secret(item) for item in value)


def opened(value: Any, decrypt: Callable[[str], str]) -> Any:
    """The value with its secrets in clear."""
    if is_secure(value):
        return decrypt(value["secure"])
    if isinstance(value, dict):
        return {key: opened(item, decrypt) for key, item in value.items()}
    if isinstance(value, list):
        return [opened(item, decrypt) for item in value]
    return value


def sealed_again(value: Any, decrypt: Callable[[str], str], encrypt: Callable[[str], str]) -> Any:
    """The value with its secrets under another key."""
    if is_secure(value):
        return {"secure": encrypt(decrypt(value["secure"]))}
    if isinstance(value, dict):
        return {key: sealed_again(item, decrypt, encrypt) for key, item in value.items()}
    if isinstance(value, list):
        return [sealed_again(item, decrypt, encrypt) for item in value]
    return value


def as_text(value: Any) -> str:
    """A configuration value as a program gets it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return "" if value is None else str(value)


_INTEGER = re.compile(r"-?(0|[1-9]\d*)\Z")


def typed(text: str) -> Any:
    """What a value given with `--path` means: truth values and numbers are not text."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _INTEGER.match(text) else text


def set_value(config: dict[str, Any], key: str, value: Any, path: str | None = None) -> None:
    """Set a key, or what lies at `path` (whose first part is the key's name).

    Raises:
        EngineError: the path leads through something that is not a list or an object.
    """
    if path is None:
        config[key] = value
        return
    parts = path_parts(path)
    if not parts:
        raise EngineError("invalid configuration key: an empty path")
    steps: list[Any] = [key, *parts[1:]]
    place: Any = config
    for here, following in pairwise(steps):
        child = _get(place, here)
        if child is None:
            child = [] if isinstance(following, int) else {}
            _put(place, here, child)
        if not isinstance(child, (dict, list)) or is_secure(child):
            raise EngineError(f"{path}: cannot set a value below one that is not an object")
        place = child
    _put(place, steps[-1], value)


def _get(place: Any, step: Any) -> Any:
    if isinstance(place, dict):
        return place.get(step if isinstance(step, str) else str(step))
    if isinstance(place, list) and isinstance(step, int) and step < len(place):
        return place[step]
    return None


def _put(place: Any, step: Any, value: Any) -> None:
    if isinstance(place, list):
        if not isinstance(step, int) or step > len(place):
            raise EngineError("array index out of range")
        if step == len(place):
            place.append(value)
        else:
            place[step] = value
    else:
        place[step if isinstance(step, str) else str(step)] = value


def get_value(config: dict[str, Any], key: str, path: str | None = None) -> tuple[bool, Any]:
    """Whether there is a value, and the value."""
    if key not in config:
        return False, None
    value = config[key]
    for part in path_parts(path)[1:] if path else ():
        if is_secure(value):
            return False, None
        if isinstance(value, dict) and str(part) in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return False, None
    return True, value


def remove_value(config: dict[str, Any], key: str, path: str | None = None) -> None:
    """Remove a key, or what lies at `path`; nothing happens if it is not there."""
    parts = path_parts(path)[1:] if path else []
    if not parts:
        config.pop(key, None)
        return
    place: Any = config.get(key)
    for part in parts[:-1]:
        place = _get(place, part)
    last = parts[-1]
    if isinstance(place, dict):
        place.pop(str(last), None)
    elif isinstance(place, list) and isinstance(last, int) and last < len(place):
        del place[last]
