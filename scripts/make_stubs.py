"""Write ``physcheck/__init__.pyi``: what type checkers and editors know of the public names.

The package loads its names when they are asked for, and ``@check`` changes what a check takes, so
that neither can be read from the code.  The stub is made from the signatures and docstrings that
Python itself sees; a test holds the two together.

Run: make stubs
"""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from typing import Any

import physcheck
from physcheck.checks import all_checks
from physcheck.registry import CheckSpec

TARGET = Path(physcheck.__file__).with_suffix(".pyi")
_HEAD = '''\
# Made by `make stubs` from the checks' own signatures; not to be edited.
"""physcheck: physical validation of machine-learned interatomic potentials."""

'''
_TYPES = """
__version__: str

#: What is judged: an ASE calculator, a torch module, a torch-sim or physcheck Model, or a spec.
AnyModel: TypeAlias = Any
#: One structure: ase.Atoms, a Configurations with B = 1, a name of the catalogue, or a file.
AnyStructure: TypeAlias = Atoms | Configurations | str
#: A generator of numpy, or the seed of one.
AnySeed: TypeAlias = np.random.Generator | int | None

@overload
def judge(
    model: Measurement,
    tolerance: Tolerance | None,
    /,
    *,
    closer: Any = ...,
    finer: str = ...,
) -> Verdict: ...
"""
_DISPLAYS = """
def _lines_of_measurement(measured: Measurement) -> str: ...
def _html_of_measurement(measured: Measurement) -> str: ...
def _plot_of_measurement(measured: Measurement) -> Any: ...
"""
_INDENT = "    "


def stub() -> str:
    """The text of the stub."""
    shipped = {
        i: s for i, s in all_checks().items() if s.measure.__module__.startswith("physcheck.")
    }
    imports: dict[str, None] = {
        "from collections.abc import Iterable": None,
        "from typing import Any, TypeAlias, overload": None,
        "import numpy as np": None,
        "from ase import Atoms": None,
    }
    body = [_TYPES, _judge(), _DISPLAYS]
    for spec in sorted(shipped.values(), key=lambda spec: spec.id):
        body.append(_check(spec, imports))
    for name, module in sorted(physcheck._PUBLIC.items()):
        if name != "judge":
            imports[f"from {module} import {name} as {name}"] = None
    return _HEAD + "\n".join(sorted(imports, key=_rank)) + "\n" + "\n".join(body)


def _rank(line: str) -> tuple[bool, str]:
    return "physcheck" in line, line


def _judge() -> str:
    from physcheck.notebook.judging import judge

    signature = inspect.signature(judge)
    kept = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    lines = [_parameter(p.replace(annotation=_OF_JUDGE.get(p.name, p.annotation))) for p in kept]
    return _function("judge", [*lines[:2], "*", *lines[2:]], "JudgedReport", judge.__doc__)


_OF_JUDGE = {
    "model": "AnyModel",
    "atoms": "AnyStructure | Iterable[AnyStructure] | dict[str, Any] | None",
    "reference": "AnyModel | None",
}


def _check(spec: CheckSpec, imports: dict[str, None]) -> str:
    """``measure_<id>`` and ``assert_<id>``, of one structure and of several."""
    module = importlib.import_module(spec.measure.__module__)
    options = []
    for parameter in list(inspect.signature(spec.measure).parameters.values())[2:]:
        if parameter.name == "rng":
            parameter = parameter.replace(annotation="AnySeed")
        elif parameter.name == "reference":
            parameter = parameter.replace(annotation="AnyModel")
        else:
            _import_names(str(parameter.annotation), module, imports)
        options.append(_parameter(parameter))
    profile = ['profile: str = "md"']
    made = []
    for name, more in ((f"measure_{spec.id}", []), (f"assert_{spec.id}", profile)):
        doc = getattr(module, name).__doc__
        for start, gives, told in (
            ("AnyStructure", "Measurement", doc),
            ("list[Any] | tuple[Any, ...]", "list[Measurement]", None),
        ):
            first = ["model: AnyModel", f"start: {start}", "*"]
            made.append(_function(name, [*first, *more, *options], gives, told))
    return "\n".join(made)


def _function(name: str, parameters: list[str], gives: str, doc: str | None) -> str:
    """One overload of a function, with its docstring if it has one."""
    lines = ["@overload", f"def {name}("]
    lines += [*(f"{_INDENT}{text}," for text in parameters), f") -> {gives}:"]
    if doc is None:
        lines[-1] += " ..."
        return "\n".join(lines) + "\n"
    text = inspect.cleandoc(doc).replace("\\", "\\\\")
    indented = "\n".join(f"{_INDENT}{line}" if line else "" for line in text.splitlines())
    return "\n".join([*lines, f'{_INDENT}"""{indented.strip()}\n{_INDENT}"""']) + "\n"


def _parameter(parameter: inspect.Parameter) -> str:
    text = f"{parameter.name}: {parameter.annotation}"
    if parameter.default is inspect.Parameter.empty:
        return text
    return f"{text} = {parameter.default!r}"


def _import_names(annotation: str, module: Any, imports: dict[str, None]) -> None:
    """The imports that an annotation needs, as its module has them."""
    tree = ast.parse(annotation, mode="eval")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    source = ast.parse(inspect.getsource(module))
    for node in ast.walk(source):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if alias.name in names:
                    imports[f"from {node.module} import {alias.name} as {alias.name}"] = None


if __name__ == "__main__":
    TARGET.write_text(stub(), encoding="utf8")
    print(f"written: {TARGET}")
