"""The verbs that make a run: preview, up, refresh, destroy, import."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import project as projects
from .faults import NOT_INTERACTIVE, EngineError, UsageError
from .options import Arguments, Flag, Kind
from .resources import is_provider, reference
from .workspace import Stack, Workspace

V, L = Kind.VALUE, Kind.LIST

COMMON = (
    Flag("stack", V, "s"), Flag("config-file", V), Flag("debug", short="d"), Flag("diff"),
    Flag("exec-kind", V), Flag("exec-agent", V), Flag("event-log", L), Flag("json", short="j"),
    Flag("message", V, "m"), Flag("parallel", V, "p"), Flag("show-config"), Flag("show-reads"),
    Flag("show-replacement-steps"), Flag("show-sames"), Flag("show-secrets"),
    Flag("show-full-output"), Flag("suppress-outputs"), Flag("suppress-progress"),
    Flag("suppress-permalink"), Flag("expect-no-changes"), Flag("client", V),
    Flag("target", L, "t"), Flag("target-dependents"), Flag("exclude", L),
    Flag("exclude-dependents"), Flag("run-program"), Flag("config", L, "c"), Flag("config-path"),
)  # fmt: skip
DOING = (Flag("yes", short="y"), Flag("skip-preview", short="f"), Flag("preview-only"))
UPDATING = (
    Flag("refresh", short="r"), Flag("replace", L), Flag("target-replace", L),
    Flag("policy-pack", L), Flag("policy-pack-config", L), Flag("secrets-provider", V),
    Flag("import-file", V), Flag("continue-on-error"), Flag("plan", V), Flag("save-plan", V),
    Flag("attach-debugger", V), Flag("remote"),
)  # fmt: skip

FLAGS: dict[str, tuple[Flag, ...]] = {
    "preview": (*COMMON, *UPDATING),
    "up": (*COMMON, *DOING, *UPDATING),
    "refresh": (
        *COMMON, *DOING, Flag("clear-pending-creates"), Flag("import-pending-creates", L),
        Flag("skip-pending-creates"),
    ),
    "destroy": (
        *COMMON, *DOING, Flag("refresh", short="r"), Flag("remove"), Flag("exclude-protected"),
        Flag("ignore-protect"), Flag("continue-on-error"),
    ),
    "import": (
        *COMMON, *DOING, Flag("file", V), Flag("from", V), Flag("out", V, "o"),
        Flag("generate-code"), Flag("generate-resources", V), Flag("parent", V),
        Flag("properties", L), Flag("protect"), Flag("provider", V),
    ),
}  # fmt: skip
_REFUSED = {
    "plan": "update plans", "save-plan": "update plans", "attach-debugger": "debuggers",
    "remote": "remote deployments",
    "import-file": "import files", "from": "importing from another tool",
}  # fmt: skip
_SHOWN = {
    "config": "show-config",
    "reads": "show-reads",
    "sames": "show-sames",
    "replacement-steps": "show-replacement-steps",
    "no-progress": "suppress-progress",
}


def run(verb: str, arguments: Arguments, workspace: Workspace) -> int:
    """Do what the verb says; the exit code."""
    for name, what in _REFUSED.items():
        if arguments.given(name):
            raise UsageError(f"the lab's engine has no {what} (--{name})")
    if arguments.given("event-log") and os.environ.get("PULUMI_DEBUG_COMMANDS") != "true":
        raise UsageError("unknown flag: --event-log")
    doing = verb != "preview"
    preview_only = verb == "preview" or arguments.on("preview-only")
    skip_preview = arguments.on("skip-preview")
    agreed = arguments.on("yes") or os.environ.get("PULUMI_SKIP_CONFIRMATIONS") == "true"
    if (
        doing
        and not preview_only
        and not agreed
        and not skip_preview
        and not interactive(arguments)
    ):
        raise EngineError(
            "--yes or --skip-preview or --preview-only must be passed in to proceed when running "
            "in non-interactive mode",
            NOT_INTERACTIVE,
        )
    if arguments.get("secrets-provider", "passphrase") not in ("passphrase", "default"):
        raise UsageError("the lab has the secrets provider passphrase only")
    stack = workspace.stack(arguments)
    _configure(stack, arguments)
    for target in arguments.all("event-log"):
        if not target.startswith("tcp://"):
            Path(target.removeprefix("file://")).unlink(missing_ok=True)
    if not doing or preview_only:
        return _once(verb, stack, arguments, preview=True)
    if not skip_preview:
        # As in the real engine, what is expected is looked at in the update itself.
        code = _once(verb, stack, arguments, preview=True, judge=False)
        if code:
            return code
        if not agreed and not _confirmed(verb, stack):
            print("error: confirmation declined", file=sys.stderr)  # noqa: T201
            return 1
    code = _once(verb, stack, arguments, preview=False)
    if verb == "destroy" and code == 0:
        _after_destroy(stack, arguments)
    return code


def interactive(arguments: Arguments) -> bool:
    """Whether there is somebody to ask."""
    return not arguments.on("non-interactive") and sys.stdin.isatty() and sys.stdout.isatty()


def _confirmed(verb: str, stack: Stack) -> bool:
    question = f"Do you want to perform this {verb} of {stack.name.name}? [y/N] "
    return input(question).strip().lower() in ("y", "yes")


def _configure(stack: Stack, arguments: Arguments) -> None:
    """`--config key=value`: kept in the stack's file, as with the real engine."""
    given = arguments.all("config")
    if not given:
        return
    for item in given:
        name, _, value = item.partition("=")
        path = name if arguments.on("config-path") else None
        key = projects.full_key(stack.project.name, _top(name) if path else name)
        projects.set_value(stack.file.config, key, value, path)
    stack.file.write()


def _top(path: str) -> str:
    from .values import path_parts

    parts = path_parts(path)
    return str(parts[0]) if parts else path


def _once(
    verb: str, stack: Stack, arguments: Arguments, *, preview: bool, judge: bool = True
) -> int:
    from .operations import Operation, perform
    from .run_options import Options
    from .targeting import Targets

    excludes = list(arguments.all("exclude"))
    if verb == "destroy" and arguments.on("exclude-protected"):
        excludes += [r["urn"] for r in stack.stored.get("resources") or [] if r.get("protect")]
    replace = [*arguments.all("replace"), *arguments.all("target-replace")]
    options = Options(
        parallel=_parallel(arguments),
        targets=Targets([*arguments.all("target"), *arguments.all("target-replace")]),
        excludes=Targets(excludes),
        replace=Targets(replace),
        target_dependents=arguments.on("target-dependents"),
        exclude_dependents=arguments.on("exclude-dependents"),
        refresh=verb == "refresh" or arguments.on("refresh"),
        run_program=arguments.on("run-program"),
        continue_on_error=arguments.on("continue-on-error"),
        ignore_protect=arguments.on("ignore-protect"),
        clear_pending_creates=_pending_creates(arguments),
    )
    flags = dict(arguments.values)
    if not judge:
        flags.pop("expect-no-changes", None)
    mode = {"preview": "update", "up": "update"}.get(verb, verb)
    with_program = mode == "update" or (
        mode in ("refresh", "destroy") and arguments.on("run-program")
    )
    fresh = Stack(stack.workspace, stack.name, stack.file.file)
    fresh.__dict__["crypter"] = stack.crypter
    return perform(
        Operation(
            mode=mode,
            stack=fresh,
            preview=preview,
            options=options,
            with_program=with_program,
            events=arguments.all("event-log"),
            rich=arguments.on("diff"),
            as_json=arguments.on("json"),
            show=frozenset(name for name, flag in _SHOWN.items() if arguments.on(flag)),
            show_outputs=not arguments.on("suppress-outputs"),
            client=arguments.get("client"),
            policy_packs=_packs(arguments),
            imports=_imports(arguments, fresh) if verb == "import" else [],
            exec_kind=arguments.get("exec-kind", "cli"),
            message=arguments.get("message"),
            flags=flags,
            show_secrets=arguments.on("show-secrets"),
        )
    )


def _parallel(arguments: Arguments) -> int:
    """How many operations go on at once: four for each core by default."""
    text = os.environ.get("PULUMI_PARALLEL")
    default = int(text) if text and text.isdigit() else 4 * (os.cpu_count() or 2)
    return max(1, arguments.number("parallel", default))


def _pending_creates(arguments: Arguments) -> bool:
    """Whether a refresh forgets interrupted creations."""
    pairs = arguments.all("import-pending-creates")
    if len(pairs) % 2:
        raise UsageError("each URN must be followed by an ID: found an odd number of entries")
    return arguments.on("clear-pending-creates") or bool(pairs)


def _packs(arguments: Arguments) -> list[tuple[Path, dict[str, Any]]]:
    configs = arguments.all("policy-pack-config")
    result: list[tuple[Path, dict[str, Any]]] = []
    for number, pack in enumerate(arguments.all("policy-pack")):
        config: dict[str, Any] = {}
        if number < len(configs):
            try:
                config = json.loads(Path(configs[number]).read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise EngineError(f"could not read {configs[number]}: {error}") from None
        result.append((Path(pack), config))
    return result


def _after_destroy(stack: Stack, arguments: Arguments) -> None:
    from . import backend as backends

    if arguments.on("remove"):
        stack.backend.remove(stack.name)
        stack.file.file.unlink(missing_ok=True)
        if backends.selected(stack.project, stack.backend.url) in (
            stack.name.full, stack.name.name
        ):  # fmt: skip
            backends.select(stack.project, stack.backend.url, None)
        print(  # noqa: T201
            "The resources in the stack have been deleted, and the history and configuration "
            "removed."
        )
    elif not arguments.on("json"):
        print(  # noqa: T201
            "The resources in the stack have been deleted, but the history and configuration "
            "associated with the stack are still maintained. \nIf you want to remove the stack "
            f"completely, run `pulumi stack rm {stack.name.name}`."
        )


# -- pulumi import --------------------------------------------------------------------------------


def _imports(arguments: Arguments, stack: Stack) -> list[Any]:
    """What is to be imported: the arguments, or `--file`."""
    protect = not arguments.given("protect") or arguments.on("protect")
    if arguments.given("generate-resources"):
        raise UsageError("the lab's engine writes no import files (--generate-resources)")
    if not arguments.given("generate-code") or arguments.on("generate-code"):
        print(  # noqa: T201
            "warning: the lab's engine generates no code; it imports into the state only",
            file=sys.stderr,
        )
    if arguments.given("file"):
        return list(_from_file(Path(arguments.get("file")), stack, protect))
    if len(arguments.rest) != 3:
        raise UsageError("an import needs a type, a name and an id, or --file")
    from .run_options import ImportSpec

    kind, name, identity = arguments.rest
    return [
        ImportSpec(
            type=kind,
            name=name,
            id=identity,
            parent=_named(arguments.get("parent")),
            provider=_provider(stack, _named(arguments.get("provider"))),
            protect=protect,
            properties=tuple(arguments.all("properties")),
        )
    ]


def _named(text: str) -> str:
    """The URN of `name=urn`."""
    return text.partition("=")[2] if "=" in text and not text.startswith("urn:") else text


def _provider(stack: Stack, urn: str) -> str:
    """The reference of a provider in the state."""
    if not urn:
        return ""
    for item in stack.stored.get("resources") or []:
        if item["urn"] == urn and is_provider(item["type"]):
            return reference(urn, item.get("id", ""))
    raise EngineError(f"bad provider reference '{urn}': there is no such provider in the state")


def _from_file(file: Path, stack: Stack, protect: bool) -> Iterable[Any]:
    from .run_options import ImportSpec

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(f"could not read import file {file}: {error}") from None
    names: dict[str, str] = content.get("nameTable") or {}

    def resolve(name: str, what: str) -> str:
        if not name:
            return ""
        if name.startswith("urn:"):
            return name
        if name not in names:
            raise EngineError(f"the {what} '{name}' has no entry in nameTable")
        return names[name]

    for item in content.get("resources") or []:
        yield ImportSpec(
            type=item["type"],
            name=item["name"],
            id=item.get("id", ""),
            parent=resolve(item.get("parent", ""), "parent"),
            provider=_provider(stack, resolve(item.get("provider", ""), "provider")),
            version=item.get("version", ""),
            protect=protect,
            properties=tuple(item.get("properties") or ()),
        )
