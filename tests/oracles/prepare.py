"""Download the vendor data, read it once, and keep what the oracles need as JSON.

    .venv-oracles/bin/python tests/oracles/prepare.py

`make oracles` runs it. Nothing downloaded is imported or executed: modules are read as text.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STORE = Path(sys.prefix) / "grammars"
SKIPPED_MODULES = ("-oper", "-rpc", "-events", "deviation", "wireless", "-cfg", "-types", "sdwan")


def download(to: Path) -> None:
    """The pinned packages, checked against their hashes, without their dependencies."""
    subprocess.run(
        [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
            "--no-deps", "--no-build-isolation", "--require-hashes",
            "--dest", str(to), "--requirement", str(HERE / "sources.txt"),
        ],
        check=True,
    )  # fmt: skip


def plain(name: str) -> str:
    """A FortiOS name as the collection writes it: `ha-direct` is `ha_direct`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


# --- FortiOS -------------------------------------------------------------------------------------


def fortios_tables(wheel: zipfile.ZipFile) -> dict[str, Any]:
    """Every table of the collection: its versioned schema, and what its values refer to."""
    tables = {}
    for name in wheel.namelist():
        found = re.fullmatch(
            r"ansible_collections/fortinet/fortios/plugins/modules/fortios_(\w+)\.py", name
        )
        if not found:
            continue
        text = wheel.read(name).decode()
        schema = re.search(r"^versioned_schema = (\{.*?^\})", text, re.S | re.M)
        if schema:
            tree = ast.literal_eval(schema[1])
            tables[found[1]] = {"schema": tree, "refers": dict(_references(text, found[1]))}
    return tables


def _references(text: str, table: str) -> Iterator[tuple[str, list[str]]]:
    """`Source firewall.address.name firewall.addrgrp.name.` of each option, by its path."""
    body = re.search(r'^DOCUMENTATION = """(.*?)^"""', text, re.S | re.M)
    if not body:
        return
    stack: list[tuple[int, str]] = []
    for line in body[1].splitlines():
        indent = len(line) - len(line.lstrip())
        if key := re.fullmatch(r"([a-z0-9_]+):", line.strip()):
            stack = [s for s in stack if s[0] < indent]
            stack.append((indent, key[1]))
        elif source := re.search(r"\bSource ([a-z0-9-]+\.[a-z0-9.+-]+(?: [a-z0-9.+-]+)*)", line):
            names = [k for _, k in stack if k not in ("options", "suboptions", "description")]
            if table in names:
                path = names[names.index(table) + 1 :]
                targets = [t.rstrip(".").rpartition(".")[0] for t in source[1].split()]
                yield ".".join(path), [plain(t) for t in targets if t]


def fortios_limits(wheel: zipfile.ZipFile) -> dict[str, Any]:
    """Lengths, ranges and choices of the device's own API schema, by table."""
    tables = {}
    for name in wheel.namelist():
        found = re.fullmatch(r"hfortix_fortios/api/v2/cmdb/(.+)/_helpers/(\w+)\.py", name)
        if not found or found[2] == "__init__":
            continue
        values: dict[str, Any] = {}
        for node in ast.parse(wheel.read(name)).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            target = node.target if isinstance(node, ast.AnnAssign) else target
            if isinstance(target, ast.Name) and node.value is not None:  # type: ignore[attr-defined]
                with contextlib.suppress(ValueError):
                    values[target.id] = ast.literal_eval(node.value)  # type: ignore[attr-defined]
        tables[plain(f"{found[1]}/{found[2]}")] = _limits_of(values)
    return tables


def _limits_of(values: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {k: {"kind": v} for k, v in values.get("FIELD_TYPES", {}).items()}
    for key, limit in values.get("FIELD_CONSTRAINTS", {}).items():
        fields.setdefault(key, {}).update(limit)
    for key, field in fields.items():
        choices = values.get("VALID_BODY_" + re.sub(r"[^A-Z0-9]+", "_", key.upper()))
        if choices:
            field["choices"] = choices
    for key, nested in values.get("NESTED_SCHEMAS", {}).items():
        fields.setdefault(key, {})["nested"] = {
            plain(k): {
                "kind": v.get("type"),
                "max_length": v.get("max_length"),
                "min": v.get("min_value"),
                "max": v.get("max_value"),
                "choices": v.get("enum") or v.get("options"),
            }
            for k, v in nested.items()
        }
    return {plain(k): v for k, v in fields.items()}


# --- IOS-XE --------------------------------------------------------------------------------------


def native(archive: Path) -> dict[str, Any]:
    """The tree of Cisco-IOS-XE-native as pyang reads it, choices flattened."""
    from pyang import context, repository

    sys.setrecursionlimit(10_000)
    with tempfile.TemporaryDirectory() as folder, tarfile.open(archive) as tar:
        for member in tar.getmembers():
            if member.isfile() and member.name.endswith(".yang"):
                data = tar.extractfile(member)
                assert data is not None
                (Path(folder) / Path(member.name).name).write_bytes(data.read())
        known = context.Context(repository.FileRepository(folder, use_env=False))
        for path in sorted(Path(folder).glob("Cisco-IOS-XE-*.yang")):
            if not any(word in path.name for word in SKIPPED_MODULES):
                known.add_module(str(path), path.read_text(encoding="utf-8"))
        known.validate()
        module = known.get_module("Cisco-IOS-XE-native")
        root = next(c for c in module.i_children if c.arg == "native")
        return _node(root)


def _type(statement: Any, depth: int = 0) -> dict[str, Any] | None:
    if statement is None:
        return None
    info: dict[str, Any] = {"t": statement.arg.split(":")[-1]}
    if enums := statement.search("enum"):
        info["enum"] = [e.arg for e in enums]
    if limit := statement.search_one("range"):
        info["range"] = limit.arg
    if length := statement.search_one("length"):
        info["length"] = length.arg
    if patterns := statement.search("pattern"):
        info["pattern"] = [p.arg for p in patterns]
    if members := statement.search("type"):
        info["union"] = [_type(m, depth + 1) for m in members]
    definition = getattr(statement, "i_typedef", None)
    if definition is not None and depth < 8:
        info["base"] = _type(definition.search_one("type"), depth + 1)
    return info


def _node(statement: Any) -> dict[str, Any]:
    node: dict[str, Any] = {"k": statement.keyword, "c": {}}
    if statement.keyword in ("leaf", "leaf-list"):
        node["t"] = _type(statement.search_one("type"))
    if statement.keyword == "list":
        key = statement.search_one("key")
        node["keys"] = key.arg.split() if key else []
    for child in getattr(statement, "i_children", ()):
        _add(node, child)
    return node


def _add(node: dict[str, Any], child: Any) -> None:
    if child.keyword in ("choice", "case"):
        for inner in child.i_children:
            _add(node, inner)
    elif child.keyword not in ("rpc", "notification", "action"):
        made = _node(child)
        if child.arg in node["c"]:
            node["c"][child.arg].setdefault("alt", []).append(made)
        else:
            node["c"][child.arg] = made


def line_patterns(wheel: zipfile.ZipFile) -> list[tuple[str, str, int]]:
    """(where, regular expression, flags) of every parser of the cisco.ios resource modules."""
    folder = "ansible_collections/cisco/ios/plugins/module_utils/network/ios/rm_templates/"
    found = []
    for name in wheel.namelist():
        if not name.startswith(folder) or not name.endswith(".py"):
            continue
        module = name.removeprefix(folder).removesuffix(".py")
        for node in ast.walk(ast.parse(wheel.read(name))):
            if not isinstance(node, ast.Dict):
                continue
            entry = {k.value: v for k, v in zip(node.keys, node.values, strict=True)
                     if isinstance(k, ast.Constant)}  # fmt: skip
            call = entry.get("getval")
            if isinstance(call, ast.Call) and isinstance(call.args[0], ast.Constant):
                label = entry.get("name")
                said = label.value if isinstance(label, ast.Constant) else "?"
                flags = int(re.VERBOSE) if len(call.args) > 1 or call.keywords else 0
                found.append((f"{module}:{said}", str(call.args[0].value), flags))
    return found


def test_templates(wheel: zipfile.ZipFile) -> list[tuple[str, str]]:
    """(file, line with holes) of commands that Cisco's own test library sends to IOS-XE."""
    lines: dict[str, str] = {}
    for name in wheel.namelist():
        if "/apis/iosxe/" in name and name.endswith(".py"):
            for line in _templates(ast.parse(wheel.read(name))):
                lines.setdefault(line, name.split("/iosxe/")[1])
    return [(where, line) for line, where in lines.items()]


def _templates(tree: ast.AST) -> Iterator[str]:
    passed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Module | ast.ClassDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                passed.add(id(first.value))
        logs = ("debug", "info", "error", "warning", "compile", "match", "search")
        called = isinstance(node, ast.Call) and getattr(node.func, "attr", "") in logs
        if called or isinstance(node, ast.Raise):
            passed.update(id(inner) for inner in ast.walk(node))
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = re.sub(r"\{[^}]*\}|%s|%d", "\0", node.value)
        elif isinstance(node, ast.JoinedStr):
            text = "".join(
                str(v.value) if isinstance(v, ast.Constant) else "\0" for v in node.values
            )
        else:
            continue
        for line in text.splitlines():
            words = line.split()
            fixed = [w for w in words if re.fullmatch(r"[a-z0-9.-]+", w)]
            if not words or "\0" in words[0] or len(line) > 120:
                continue
            if len(fixed) < 2 and not (len(words) <= 2 and fixed):
                continue
            if all(re.fullmatch(r"[\w.\0:/@-]+", w) for w in words):
                yield " ".join(words)


# --- all -----------------------------------------------------------------------------------------


def main() -> None:
    began = time.monotonic()
    STORE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        download(here)
        with zipfile.ZipFile(next(here.glob("ansible-*.whl"))) as ansible:
            _keep("fortios", fortios_tables(ansible))
            _keep("ios_lines", line_patterns(ansible))
        with zipfile.ZipFile(next(here.glob("hfortix*.whl"))) as wheel:
            _keep("fortios_limits", fortios_limits(wheel))
        with zipfile.ZipFile(next(here.glob("genie*.whl"))) as wheel:
            _keep("ios_tests", test_templates(wheel))
        _keep("ios_native", native(next(here.glob("ydk*.tar.gz"))))
    print(f"oracles: vendor grammars read in {time.monotonic() - began:.0f} s")  # noqa: T201


def _keep(name: str, value: Any) -> None:
    """A whole file or none: an interrupted run leaves no half grammar."""
    half = STORE / f"{name}.json.half"
    half.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")
    half.replace(STORE / f"{name}.json")


if __name__ == "__main__":
    main()
