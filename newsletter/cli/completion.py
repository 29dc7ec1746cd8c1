"""`newsletter completion`: what makes a shell complete commands, options, topics and time zones."""

import click
from click.shell_completion import get_completion_class

from newsletter.cli.groups import Command


@click.command(
    "completion",
    cls=Command,
    example='eval "$(newsletter completion bash)"\nnewsletter completion fish > completions/newsletter.fish',
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete the commands.

    Put the first example into ~/.bashrc (or ~/.zshrc, with zsh in place of bash), the second runs once.
    """
    found = get_completion_class(shell)
    if found is not None:
        root = context.find_root()
        click.echo(found(root.command, {}, "newsletter", "_NEWSLETTER_COMPLETE").source())
