"""What all commands share: a group that loads its commands late, messages of a line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from physcheck.errors import PhyscheckError
from physcheck.names import nearest
from physcheck.text.phrases import printable

__all__ = ["LateGroup", "run_command_line", "write_lines"]

#: What a wrong word, name or file ends with, as a wrong option of pytest does.
USAGE_ERROR = 4
_INTERRUPTED = 2


class LateGroup(click.Group):
    """A group whose commands are imported when they are called, so that help comes at once.

    Parameters
    ----------
    late : mapping of str to (module, attribute, help)
        The commands in the order in which help lists them.
    """

    def __init__(
        self, *args: Any, late: Mapping[str, tuple[str, str, str]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._late = dict(late or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in their order."""
        return list(self._late)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None if there is none of that name."""
        if cmd_name not in self._late:
            return None
        module, attribute, _ = self._late[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest names of a command that doesn't exist."""
        if args and args[0] not in self._late and not args[0].startswith("-"):
            hint = nearest(args[0], self._late)
            raise click.UsageError(f"no command is called {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and their help, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, _, about) in self._late.items()])


def run_command_line(command: click.Command, arguments: Sequence[str] | None) -> int:
    """Run a command; its exit code, 4 with a line on stderr for whatever was wrong."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = command.main(words, prog_name="physcheck", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return USAGE_ERROR
    except click.UsageError as error:
        said = error.format_message()
        # click begins its messages as sentences, unlike everybody else here.
        own = said[:1].lower() + said[1:] if said[1:2].islower() else said
        return _refuse(own.rstrip("."), error.ctx)
    except click.ClickException as error:
        return _refuse(error.format_message(), None)
    except PhyscheckError as error:
        code = _refuse(str(error), None)
        if below := getattr(error, "below", ""):
            print(f"\n{printable(below)}", file=sys.stderr)
        return code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0


def _refuse(said: str, context: click.Context | None) -> int:
    from physcheck.files.paths import one_line

    print(one_line(f"physcheck: {said}"), file=sys.stderr)
    if context is not None:
        print(f"`{context.command_path} --help` explains it", file=sys.stderr)
    return USAGE_ERROR


def write_lines(lines: Iterable[str]) -> None:
    """Print lines; who reads them may stop doing so."""
    click.echo("\n".join(lines))
