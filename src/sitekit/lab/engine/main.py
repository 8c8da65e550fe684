"""The command line: find the verb, read its flags, do it, and print what went wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .faults import FAILED, EngineError, UsageError
from .options import Arguments, Flag, Kind, parse

NOTICE = "sitekit lab: a stand-in for the Pulumi engine; it reaches no cloud but the lab's"

#: Flags that every command takes.
EVERYWHERE = (
    Flag("non-interactive"), Flag("color", Kind.VALUE), Flag("cwd", Kind.VALUE, "C"),
    Flag("emoji", short="e"), Flag("logtostderr"), Flag("logflow"),
    Flag("verbose", Kind.VALUE, "v"), Flag("disable-integrity-checking"),
    Flag("tracing", Kind.VALUE),
    Flag("profiling", Kind.VALUE), Flag("memprofilerate", Kind.VALUE),
    Flag("fully-qualify-stack-names"),
    Flag("otel-traces", Kind.VALUE), Flag("help", short="h"),
)  # fmt: skip
ALIASES = {"update": "up", "pre": "preview", "dn": "destroy", "down": "destroy",
           "hist": "history"}  # fmt: skip
USAGE = """\
pulumi: the lab's stand-in for the Pulumi engine

  runs      preview  up  refresh  destroy  import  cancel
  stacks    stack  stack init|select|unselect|ls|output|export|import|rm|rename|history|graph|
            change-secrets-provider|tag ls
  config    config  config get|set|set-all|rm|rm-all|cp|refresh
  state     state delete|protect|unprotect|rename
  tool      version  whoami  login  logout  about  plugin ls  install

What it answers and what it refuses: docs/lab-engine.md.
"""


def main(words: Sequence[str] | None = None) -> int:
    """Do one command; the exit code."""
    given = list(sys.argv[1:] if words is None else words)
    print(NOTICE, file=sys.stderr, flush=True)  # noqa: T201
    try:
        return _dispatch(given)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)  # noqa: T201
        return error.code
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        return FAILED
    except KeyboardInterrupt:
        return FAILED


def _dispatch(given: list[str]) -> int:
    from . import commands, runs
    from .workspace import Workspace

    verb, rest = _verb(given)
    if not verb or verb == ("help",):
        sys.stdout.write(USAGE)
        return 0
    if verb[0] in runs.FLAGS:
        arguments = _parse(rest, runs.FLAGS[verb[0]])
        if arguments.on("help"):
            sys.stdout.write(USAGE)
            return 0
        return runs.run(verb[0], arguments, Workspace(_folder(arguments)))
    handler, flags = commands.COMMANDS[verb]
    arguments = _parse(rest, flags)
    if arguments.on("help"):
        sys.stdout.write(USAGE)
        return 0
    return handler(arguments, Workspace(_folder(arguments)))


def _parse(words: list[str], flags: tuple[Flag, ...]) -> Arguments:
    own = {flag.name for flag in flags}
    shorts = {flag.short for flag in flags if flag.short}
    more = [
        Flag(flag.name, flag.kind, "" if flag.short in shorts else flag.short)
        for flag in EVERYWHERE
        if flag.name not in own
    ]
    return parse(words, [*flags, *more])


def _folder(arguments: Arguments) -> Path:
    """The folder to work in; the process changes to it."""
    text = arguments.get("cwd")
    if text:
        try:
            os.chdir(text)
        except OSError as error:
            raise EngineError(f"chdir {text}: {error.strerror}") from None
    return Path.cwd()


def _verb(given: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """The command's words, and all other words in their order."""
    from . import commands, runs

    values = {f"--{flag.name}" for flag in EVERYWHERE if flag.kind is not Kind.SWITCH}
    values |= {
        f"-{flag.short}" for flag in EVERYWHERE if flag.kind is not Kind.SWITCH and flag.short
    }
    values |= {"--stack", "-s"}
    known = {(name,) for name in runs.FLAGS} | set(commands.COMMANDS)
    groups = {name[:length] for name in known for length in range(1, len(name))}
    verb: tuple[str, ...] = ()
    rest: list[str] = []
    index = 0
    while index < len(given):
        word = given[index]
        if word == "--":
            break
        if word.startswith("-"):
            rest.append(word)
            if word in values and index + 1 < len(given):
                index += 1
                rest.append(given[index])
            index += 1
            continue
        here = (*verb, ALIASES.get(word, word) if not verb else word)
        if here in known or here in groups:
            verb = here
            index += 1
            if not any(name[: len(verb)] == verb and len(name) > len(verb) for name in known):
                break
            continue
        break
    rest += given[index:]
    if verb in known or (not verb and not [w for w in rest if not w.startswith("-")]):
        return verb, rest
    if not verb:
        name = next(word for word in rest if not word.startswith("-"))
        raise UsageError(f'unknown command "{name}" for "pulumi"\nRun \'pulumi --help\' for usage.')
    wanted = " ".join(word for word in rest if not word.startswith("-"))
    raise UsageError(f"the lab's engine has no `pulumi {' '.join(verb)} {wanted}`".rstrip())
