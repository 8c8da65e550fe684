"""The command line: one short function per verb, and the only place that prints.

Nothing heavy is imported before a verb needs it: `sitekit --help` and completion load click alone.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import click

from ..errors import CloudError, InputError, SitekitError
from .exit import Exit

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMPLETE_VARIABLE = "_SITEKIT_COMPLETE"


class Verb(NamedTuple):
    """A subcommand that is imported when it is called; its help must do without it."""

    target: str  # module:function, below this package
    help: str


VERBS: dict[str, dict[str, Verb]] = {
    "Describe": {
        "new": Verb("new:new", "Begin an organisation, a subsidiary or a site."),
        "show": Verb("show:show", "Resolved values of a site, and the file and line of each."),
        "standard": Verb(
            "standard:standard", "Versions of the group standard, and which site has which."
        ),
        "schema": Verb(
            "schema:schema", "JSON Schema of the files, for editors that complete and check."
        ),
    },
    "Check": {
        "check": Verb(
            "check:check", "Say everything that is wrong, in the files and in the design."
        ),
        "design": Verb("design:design", "Networks, ports, policy, uplinks and sizing of a site."),
    },
    "Build": {
        "render": Verb(
            "render:render", "Configurations, address plan, port map, matrix and picture."
        ),
        "explain": Verb(
            "explain:explain", "Why a line is there: template, design, rule, and file and line."
        ),
        "watch": Verb("watch:watch", "Check and render again whenever a file is saved."),
    },
    "Cloud": {
        "cloud": Verb("cloud:cloud", "What Azure and Entra will hold, and what it costs."),
        "stack": Verb("stacks:stack", "Begin stacks: their projects and generated files."),
        "preview": Verb("stacks:preview", "What up would do, asked of the engine and the cloud."),
        "up": Verb("stacks:up", "Bring the cloud to what the files say, in the right order."),
        "refresh": Verb("stacks:refresh", "Read again what is really in the cloud."),
        "destroy": Verb("stacks:destroy", "Take a stack's resources away."),
        "people": Verb(
            "people:people",
            "Accounts from contracts: joiners, movers, leavers, planned, then applied.",
        ),
    },
    "Set up": {
        "migrate": Verb("migrate:migrate", "Rewrite older files for this sitekit, with the diff."),
        "lab": Verb("lab:lab", "Azure, Entra and Graph on this machine, for tests and trials."),
        "doctor": Verb("doctor:doctor", "What is missing on this machine, and how to get it."),
        "completion": Verb("completion:completion", "Print the completion script of a shell."),
    },
}

EPILOG = """\b
Examples:
  sitekit new site "Paris Nord"       describe an office; asks for what is missing
  sitekit check                       check everything beside organisation.yaml
  sitekit render par02 --out build    write the configurations of par02

\b
A verb that works on one site takes its code; without one it takes all.
Exit codes: 0 as designed, 1 findings or differences, 2 input or usage wrong,
3 a device or a cloud refused."""


class LazyGroup(click.Group):
    """Knows the names and the help of its verbs, and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all verbs, in the order of the help."""
        return [name for verbs in VERBS.values() for name in verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        for verbs in VERBS.values():
            if cmd_name in verbs:
                module, _, function = verbs[cmd_name].target.partition(":")
                verb = getattr(importlib.import_module(f".{module}", __name__), function)
                assert isinstance(verb, click.Command)
                return verb
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Turn an unknown verb away with the one that was probably meant."""
        known, name = self.list_commands(ctx), args[0]
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            close = get_close_matches(name, known, n=1)
            meant = f"; did you mean '{close[0]}'?" if close else ""
            ctx.fail(f"there is no verb '{name}'{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs in groups, without importing one."""
        for title, verbs in VERBS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:10}", verb.help) for name, verb in verbs.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete verbs without importing one, then options."""
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=verb.help)
            for verbs in VERBS.values()
            for name, verb in verbs.items()
            if name.startswith(incomplete)
        ] + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="sitekit", prog_name="sitekit", message="%(prog)s %(version)s")
def sitekit() -> None:
    """Describe an office in one short file; get its network, checked before it touches anything."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one verb and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one verb; every failure that sitekit can explain becomes a message and an exit code."""
    from . import console

    console.prepare()
    try:
        try:
            return _invoke(arguments)
        finally:
            console.flush()
    except InputError as error:
        console.problems(error.problems)
    except CloudError as error:
        console.error(error.message, hint=error.hint)
        return Exit.REFUSED
    except SitekitError as error:
        console.error(error.message, hint=error.hint)
    except click.ClickException as error:
        error.show()
    except (KeyboardInterrupt, click.Abort):
        console.error("interrupted")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        if console.somebody_reads():
            return _bug()
        console.give_up_writing()
        return Exit.NOBODY_READS
    except OSError as error:
        if error.errno != errno.ENOSPC:
            return _bug()
        console.give_up_writing()
        console.error("the output cannot be written: there is no space left")
    except Exception:
        return _bug()
    return Exit.WRONG_INPUT


def _invoke(arguments: Sequence[str]) -> int:
    if instruction := os.environ.get(COMPLETE_VARIABLE):
        from click.shell_completion import shell_complete

        return shell_complete(sitekit, {}, "sitekit", COMPLETE_VARIABLE, instruction)
    try:
        with sitekit.make_context("sitekit", list(arguments)) as context:
            return int(sitekit.invoke(context) or Exit.AS_DESIGNED)
    except click.exceptions.Exit as leave:
        return leave.exit_code


def _bug() -> int:
    """Whatever sitekit cannot explain keeps its traceback."""
    import traceback

    traceback.print_exc()
    click.echo(
        "\nThis is a bug in sitekit: please report it with the lines above.\n"
        "Read them first: they may name files and sites of yours.",
        err=True,
    )
    return Exit.BUG
