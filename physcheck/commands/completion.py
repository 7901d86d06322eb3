"""``physcheck completion``, and what a shell is offered after each word."""

from __future__ import annotations

import os
import re

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

from physcheck.commands.command_line import write_lines

__all__ = ["complete_checks", "complete_model", "complete_structures", "completion"]

# Where bash takes a word apart: it offers, and replaces, what stands behind the last of these.
_BREAK = re.compile(r"[=:]+")


@add_completion_class
class _WholeWords(BashComplete):
    """Completion in bash of words that have ``=`` or ``:`` in them."""

    name = "bash"
    _kept = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before, and the one that is being typed, put together again."""
        pieces = os.environ.get("COMP_WORDS", "").split()
        number = int(os.environ.get("COMP_CWORD", len(pieces)))
        words: list[str] = []
        glued = False
        for place, piece in enumerate([*pieces[:number], *(pieces[number:][:1] or [""])]):
            is_break = _BREAK.fullmatch(piece) is not None
            if place > 1 and (is_break or glued):
                words[-1] += piece
            else:
                words.append(piece)
            glued = is_break
        *before, incomplete = words
        breaks = list(_BREAK.finditer(incomplete))
        option = re.match(r"--[\w-]+=", incomplete)
        of_value = incomplete[option.end() :] if option else incomplete
        self._kept = incomplete[: breaks[-1].end()] if breaks else ""
        self._kept = self._kept[len(incomplete) - len(of_value) :]
        return before[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """Without what bash leaves as it is."""
        value = str(item.value).removeprefix(self._kept)
        return f"{item.type},{value}"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
@click.pass_context
def completion(ctx: click.Context, /, shell: str) -> None:
    """Print what makes SHELL complete commands, options, checks, structures and models.

    \b
    One line in the shell's start-up file:
      bash:  eval "$(physcheck completion bash)"
      zsh:   eval "$(physcheck completion zsh)"
      fish:  physcheck completion fish | source
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "physcheck", "_PHYSCHECK_COMPLETE")
    write_lines([script.source().rstrip()])


def _beginning(names: list[str], typed: str) -> list[CompletionItem]:
    """Names that begin with what is typed; of a list with commas, its last word."""
    before, comma, last = typed.rpartition(",")
    return [CompletionItem(f"{before}{comma}{n}") for n in names if n.startswith(last)]


def complete_checks(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Families and ids of checks."""
    from physcheck.checks import all_checks
    from physcheck.names import FAMILIES

    return _beginning([*FAMILIES, *all_checks()], incomplete)


def complete_structures(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Structures of the catalogue, else files."""
    from physcheck.structures import catalogue

    return _beginning(list(catalogue()), incomplete) or [CompletionItem(incomplete, type="file")]


def complete_model(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Built-in potentials, adapters, else files."""
    from physcheck.adapters.frameworks import FRAMEWORKS
    from physcheck.potentials import BUILTINS

    specs = [f"builtin::{name}" for name in BUILTINS]
    specs += [framework.spec for framework in FRAMEWORKS.values()]
    found = [spec for spec in specs if spec.startswith(incomplete)] if incomplete else []
    return [*map(CompletionItem, found), CompletionItem(incomplete, type="file")]
