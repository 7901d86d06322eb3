"""``physcheck models``: built-in potentials with their defects, and the adapters of frameworks."""

from __future__ import annotations

import click

from physcheck.commands.command_line import write_lines
from physcheck.text.columns import columns

__all__ = ["models"]


@click.command()
def models() -> None:
    """List what MODEL can be: built-in potentials, their defects, and adapters of frameworks.

    \b
    Examples of specs:
      model.py:factory                  a function of yours
      builtin::gupta+pair-curl=0.01     a built-in potential with a defect
      mace::x.model,forces=direct       an adapter, with an option
    """
    write_lines(_list_of_models())


def _list_of_models() -> list[str]:
    from physcheck.potentials import BUILTINS, DEFECTS

    rows = [("built-in potential", "what it is")]
    rows += [(f"builtin::{name}", _first_sentence(kind)) for name, kind in BUILTINS.items()]
    rows += [("", ""), ("defect, as in builtin::gupta+curl=0.01", "what it breaks")]
    rows += [
        (f"  +{name}={kind.default_strength:g}", _first_sentence(kind))
        for name, kind in DEFECTS.items()
    ]
    return [*columns(rows), "", *_adapters()]


def _adapters() -> list[str]:
    """Every framework's adapter: a spec that works, and how to get what is missing for it."""
    from physcheck.adapters.frameworks import FRAMEWORKS
    from physcheck.adapters.named_adapters import adapters_of_packages

    rows = [("framework, as an example", "installed", "what it is; how to get it")]
    for framework in FRAMEWORKS.values():
        missing = framework.missing()
        rows.append((framework.spec, "no" if missing else "yes", framework.about))
        if missing:
            rows.append(("", "", f"needs {', '.join(missing)}: {framework.install}"))
    for name, entry in sorted(adapters_of_packages().items()):
        package = entry.dist.name if entry.dist else entry.module
        rows.append((f"{name}::", "yes", f"an adapter of the package {package}"))
    rows.append(("ase::emt", "yes", "a calculator by its name in ASE; ase::lj,sigma=2.3,rc=8"))
    rows.append(("torch::FILE", "yes", "a torch module, TorchScript or exported program"))
    rows.append(
        ("FILE.py:factory", "yes", "an ASE calculator, a torch or torch-sim model: docs/recipes.md")
    )
    return columns(rows)


def _first_sentence(thing: object) -> str:
    import inspect
    import re

    paragraph = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s+(?=[A-Z])", paragraph)[0].replace("``", "")
