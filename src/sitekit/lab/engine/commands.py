"""The commands that make no run: their words, what does them, and their flags."""

from __future__ import annotations

from collections.abc import Callable

from . import config_commands, stack_commands, state_commands, state_files, tool_commands
from .options import Arguments, Flag, Kind
from .workspace import Workspace

V, L = Kind.VALUE, Kind.LIST
STACK = Flag("stack", V, "s")
CONFIG = (STACK, Flag("config-file", V), Flag("path"))
JSON = Flag("json", short="j")
YES = Flag("yes", short="y")

Handler = Callable[[Arguments, Workspace], int]

_INIT = (
    stack_commands.stack_init,
    (
        STACK,
        Flag("secrets-provider", V),
        Flag("no-select"),
        Flag("copy-config-from", V),
        Flag("config-file", V),
    ),
)

#: Every command that makes no run: its words, its function, its flags.
COMMANDS: dict[tuple[str, ...], tuple[Handler, tuple[Flag, ...]]] = {
    ("version",): (tool_commands.version, ()),
    ("whoami",): (tool_commands.whoami, (JSON, Flag("verbose", short="v"))),
    ("login",): (tool_commands.login, (Flag("local", short="l"), Flag("cloud-url", V, "c"))),
    ("logout",): (tool_commands.logout, ()),
    ("about",): (tool_commands.about, (JSON, STACK)),
    ("plugin", "ls"): (tool_commands.plugin_ls, (JSON,)),
    ("install",): (
        tool_commands.install,
        (
            Flag("no-plugins"),
            Flag("no-dependencies"),
            Flag("reinstall"),
            Flag("use-language-version-tools"),
            Flag("parallel", V),
        ),
    ),
    ("cancel",): (tool_commands.cancel, (STACK, YES)),
    ("stack",): (
        stack_commands.stack_show,
        (
            STACK,
            Flag("show-ids", short="i"),
            Flag("show-name"),
            Flag("show-secrets"),
            Flag("show-urns", short="u"),
        ),
    ),
    ("stack", "init"): _INIT,
    ("stack", "new"): _INIT,  # the real one takes either word
    ("stack", "select"): (
        stack_commands.stack_select,
        (STACK, Flag("create", short="c"), Flag("secrets-provider", V), Flag("config-file", V)),
    ),
    ("stack", "unselect"): (stack_commands.stack_unselect, ()),
    ("stack", "ls"): (
        stack_commands.stack_ls,
        (JSON, Flag("all", short="a"), Flag("project", V, "p"), Flag("organization", V, "o")),
    ),
    ("stack", "output"): (
        stack_commands.stack_output,
        (STACK, JSON, Flag("shell"), Flag("show-secrets")),
    ),
    ("stack", "export"): (
        state_files.stack_export,
        (STACK, Flag("file", V), Flag("show-secrets"), Flag("version", V)),
    ),
    ("stack", "import"): (
        state_files.stack_import,
        (STACK, Flag("file", V), Flag("force", short="f")),
    ),
    ("stack", "rm"): (
        state_files.stack_rm,
        (STACK, YES, Flag("force", short="f"), Flag("preserve-config")),
    ),
    ("stack", "rename"): (state_files.stack_rename, (STACK,)),
    ("stack", "history"): (
        stack_commands.stack_history,
        (
            STACK,
            JSON,
            Flag("show-secrets"),
            Flag("page", V),
            Flag("page-size", V),
            Flag("full-dates"),
        ),
    ),
    ("stack", "graph"): (stack_commands.stack_graph, (STACK,)),
    ("stack", "change-secrets-provider"): (state_files.stack_change_secrets_provider, (STACK,)),
    ("stack", "tag", "ls"): (stack_commands.stack_tag_ls, (STACK, JSON)),
    ("history",): (
        stack_commands.stack_history,
        (STACK, JSON, Flag("show-secrets"), Flag("page", V), Flag("page-size", V)),
    ),
    ("config",): (config_commands.config_show, (*CONFIG, JSON, Flag("show-secrets"))),
    ("config", "get"): (config_commands.config_get, (*CONFIG, JSON, Flag("open"))),
    ("config", "set"): (
        config_commands.config_set,
        (*CONFIG, Flag("secret"), Flag("plaintext"), Flag("type", V)),
    ),
    ("config", "set-all"): (
        config_commands.config_set_all,
        (*CONFIG, Flag("secret", L), Flag("plaintext", L), Flag("json", V)),
    ),
    ("config", "rm"): (config_commands.config_rm, CONFIG),
    ("config", "rm-all"): (config_commands.config_rm, CONFIG),
    ("config", "cp"): (config_commands.config_cp, (*CONFIG, Flag("dest", V, "d"))),
    ("config", "refresh"): (config_commands.config_refresh, (*CONFIG, Flag("force", short="f"))),
    ("config", "env"): (config_commands.config_env, (*CONFIG, JSON, YES)),
    ("state", "unprotect"): (state_commands.state_unprotect, (STACK, YES, Flag("all"))),
    ("state", "protect"): (state_commands.state_protect, (STACK, YES, Flag("all"))),
    ("state", "delete"): (
        state_commands.state_delete,
        (STACK, YES, Flag("force"), Flag("all"), Flag("target-dependents")),
    ),
    ("state", "rename"): (state_commands.state_rename, (STACK, YES)),
}
