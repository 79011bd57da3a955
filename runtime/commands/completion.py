"""``whit completion``: the script that a shell needs to complete whit's command lines."""

from __future__ import annotations

import click


@click.command("completion", short_help="Print the script that completes whit's command lines in a shell")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    r"""Print the script that completes whit's command lines in SHELL.

    \b
    bash:  source <(whit completion bash)           in ~/.bashrc
    zsh:   source <(whit completion zsh)            in ~/.zshrc, after compinit
    fish:  whit completion fish | source            in ~/.config/fish/config.fish
    """
    from whit.runtime.completion import Bash, Fish, Zsh

    kinds = {"bash": Bash, "zsh": Zsh, "fish": Fish}
    click.echo(kinds[shell](context.find_root().command, {}, "whit", "_WHIT_COMPLETE").source())
