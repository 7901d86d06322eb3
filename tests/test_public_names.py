"""The stub that type checkers and editors read says what the package has."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import physcheck
from physcheck.checks import all_checks

ROOT = Path(__file__).parents[1]
STUB = Path(physcheck.__file__).with_suffix(".pyi")

# What a type checker must see, and what it must refuse.
USE = """
from ase.build import bulk
import physcheck

one = physcheck.measure_loop_work("builtin::gupta", bulk("Cu"), rng=3, loops=4)
reveal_type(one)
reveal_type(physcheck.measure_net_force("builtin::gupta", ["Cu32"]))
reveal_type(physcheck.judge("builtin::gupta", "Cu32", checks="conservation"))
reveal_type(physcheck.assert_equipartition("builtin::gupta", "Cu32", profile="tight"))
one.value + 1.0
physcheck.measure_loop_work("builtin::gupta", "Cu32", loop=4)
physcheck.measure_loop_work("builtin::gupta", "Cu32", rng="x")
physcheck.measure_lop_work("builtin::gupta", "Cu32")
"""


def test_the_stub_is_made_from_the_checks():
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import make_stubs
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    assert STUB.read_text(encoding="utf8") == make_stubs.stub(), "run: make stubs"


def test_every_public_name_is_in_the_stub():
    tree = ast.parse(STUB.read_text(encoding="utf8"))
    told = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    told |= {a.asname for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
    shipped = {i for i, s in all_checks().items() if s.measure.__module__.startswith("physcheck.")}
    public = {*physcheck._PUBLIC, *(f"{p}{i}" for p in ("measure_", "assert_") for i in shipped)}
    assert public - told == set()


def is_a_checkout():
    return Path(physcheck.__file__).is_relative_to(ROOT)


@pytest.mark.skipif(is_a_checkout(), reason="make test-plugins runs it on the installed wheel")
def test_a_type_checker_knows_the_installed_package(tmp_path):
    (tmp_path / "use.py").write_text(USE)
    words = ["-m", "mypy", "--strict", "--no-incremental", "--python-executable", sys.executable]
    made = subprocess.run(
        [sys.executable, *words, "use.py"], cwd=tmp_path, capture_output=True, text=True,
        check=False, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    told = made.stdout
    assert 'Revealed type is "physcheck.measurement.Measurement"' in told
    assert 'Revealed type is "list[physcheck.measurement.Measurement]"' in told.replace(
        "builtins.", ""
    )
    assert 'Revealed type is "physcheck.notebook.judged_report.JudgedReport"' in told
    errors = [line for line in told.splitlines() if ": error:" in line]
    found = {int(line.split(":")[1]) for line in errors}
    assert found == {11, 12, 13}, told
