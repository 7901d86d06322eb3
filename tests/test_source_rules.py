"""Rules for the source that can be checked by reading it: sizes, names, files."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "physcheck"
MOST_ROOT_MODULES = 14
# Lines, docstrings and blank ones included.
LONGEST_FUNCTION, LONGEST_FILE = 60, 450
FILES = sorted(PACKAGE.rglob("*.py"))


def names(paths):
    return [str(path.relative_to(PACKAGE)) for path in paths]


def functions_of(path):
    tree = ast.parse(path.read_text(encoding="utf8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def registers_a_check(function):
    return any(
        isinstance(decorator, ast.Call) and getattr(decorator.func, "id", None) == "check"
        for decorator in function.decorator_list
    )


def test_few_modules_stand_outside_a_room():
    assert len(names(PACKAGE.glob("*.py"))) <= MOST_ROOT_MODULES


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_no_file_and_no_function_is_long(path):
    lines = len(path.read_text(encoding="utf8").splitlines())
    assert lines <= LONGEST_FILE
    lengths = {f.name: f.end_lineno - f.lineno + 1 for f in functions_of(path)}
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}


def test_a_file_that_registers_a_check_has_its_name():
    found = {
        path: [f.name for f in functions_of(path) if registers_a_check(f)]
        for path in PACKAGE.glob("checks/*/*.py")
    }
    registering = {path: checks for path, checks in found.items() if checks}
    assert len(registering) > 20
    misnamed = {path.name: checks for path, checks in registering.items()
                if checks != [f"measure_{path.stem}"]}  # fmt: skip
    assert misnamed == {}
