"""`sitekit completion`: what a shell needs to complete verbs, options and site codes."""

from __future__ import annotations

import click

from .exit import Exit

EPILOG = """\b
Examples:
  bash   echo 'eval "$(sitekit completion bash)"' >> ~/.bashrc
  zsh    echo 'eval "$(sitekit completion zsh)"' >> ~/.zshrc
  fish   sitekit completion fish > ~/.config/fish/completions/sitekit.fish"""


@click.command(short_help="Print the completion script of a shell.", epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> Exit:
    """Print the completion script of a shell.

    Verbs, options, and the codes of the sites written in the current organisation complete.
    """
    from click.shell_completion import get_completion_class

    from . import COMPLETE_VARIABLE, console, sitekit

    script = get_completion_class(shell)
    assert script is not None
    console.say(script(sitekit, {}, "sitekit", COMPLETE_VARIABLE).source())
    return Exit.AS_DESIGNED
