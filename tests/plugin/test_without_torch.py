"""Without torch all works that doesn't need it; the rest says what it needs."""

import subprocess
import sys

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torch_sim"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""
MODEL = """
from ase.calculators.emt import EMT

def factory():
    return EMT()

factory.physcheck = {"species": ["Cu"], "structures": ["Cu32"]}
"""
RUN = """
import pytest
code = pytest.main(sys.argv[1:])
assert "torch" not in sys.modules
sys.exit(code)
"""


def without_torch(folder, source, *words):
    command = [sys.executable, "-c", BLOCKED + source, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_the_suite_judges_an_ase_calculator(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    done = without_torch(
        tmp_path, RUN, "--pyargs", "physcheck.suite", "--model=model.py:factory",
        "--physcheck-checks=net_force,force_energy_gap,finite_outputs,input_untouched",
        "--physcheck-budget=quick", "--physcheck-json=out.json", "--physcheck-html=out.html",
        "-p", "no:cacheprovider",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "physcheck: PASS: no violation found by 4 checks" in done.stdout
    assert (tmp_path / "out.html").stat().st_size > 10_000


def test_lists_strategies_and_the_contract_of_adapters(tmp_path):
    source = """
import physcheck
import physcheck.strategies
from physcheck.adapters.instances import as_model
from physcheck.checks import all_checks
from physcheck.cli import main
from physcheck.potentials import Gupta
from physcheck.structures import catalogue
from physcheck.testing import check_adapter

assert len(all_checks()) > 40
start = catalogue()["Cu32"].configurations
check_adapter(Gupta(), start, takes_any_species=True)
assert main(["models"]) == 0
assert main(["explain", "loop_work"]) == 0
assert "torch" not in sys.modules
"""
    done = without_torch(tmp_path, source)
    assert done.returncode == 0, done.stderr
    assert "builtin::gupta" in done.stdout


def test_a_torch_model_says_what_it_needs(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04")
    done = without_torch(
        tmp_path, RUN, "--pyargs", "physcheck.suite", "--model=model.pt", "-p", "no:cacheprovider"
    )
    assert done.returncode in (1, 4)
    assert "torch" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
