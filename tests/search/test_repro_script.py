"""The script of a failure prints the number of the record, without physcheck."""

import subprocess
import sys

import numpy as np
import pytest

from physcheck.adapters.loading import load_model
from physcheck.checks import all_checks
from physcheck.model import Meter
from physcheck.search.asking import Noise
from physcheck.search.case import Case
from physcheck.search.laws import SEARCH_LAWS
from physcheck.search.repro_script import repro_script
from physcheck.structures import catalogue
from physcheck.system import Configurations

all_checks()

MODEL = """
import numpy as np
from ase.calculators.emt import EMT

class Broken(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        x = self.atoms.positions
        self.results["forces"] = self.results["forces"] + 0.03 * np.sin(x[:, [1, 2, 0]])
        self.results["energy"] += 0.01 * np.sin(x).sum()
        self.results["free_energy"] = self.results["energy"]

def factory():
    return Broken()
"""
TEXTS = {"title": "t", "said": "s", "number": "n", "tolerance": "1", "unit": "eV/Å"}


def cases():
    start = catalogue()["Cu32"].configurations
    cell = start.cells[0] / 2
    four = Configurations(start.system.take(range(4)), start.positions[:, :4], cell[None])
    free = Configurations.from_atoms(four.to_atoms())
    rng = np.random.default_rng(0)
    move = np.zeros((4, 3))
    move[1] = [0.05, 0.02, 0.0]
    u, v = np.zeros((2, 4, 3))
    u[2, 0], v[2, 1] = 0.02, 0.02
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    turn *= np.linalg.det(turn)
    return {
        "force_energy_gap": (four, {"move": move.tolist()}),
        "loop_work": (four, {"circle": [u.tolist(), v.tolist()]}),
        "net_force": (four, {}),
        "translation_invariance": (four, {"shift": [1.0, 2.0, 3.0]}),
        "rotation_equivariance": (free, {"rotation": turn.tolist()}),
        "inversion_equivariance": (free, {}),
        "permutation_equivariance": (four, {"order": [1, 0, 2, 3]}),
        "periodic_wrap": (four, {"offsets": [[1, 0, 0], [0, 0, 0], [0, -1, 2], [0, 0, 0]]}),
        "lattice_basis": (
            four,
            {"basis": [[0, 1, 0], [1, 0, 0], [0, 0, 1]], "offsets": [[0, 0, 0]] * 4},
        ),
        "finite_outputs": (four, {}),
    }


@pytest.mark.parametrize("check", ["force_energy_gap", "loop_work", "periodic_wrap"])
def test_the_script_prints_the_number_in_a_fresh_process(check, tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    spec = f"{tmp_path / 'model.py'}:factory"
    model = load_model(spec)
    start, action = cases()[check]
    case = Case(check, start, action)
    asked = SEARCH_LAWS[check].ask(Meter(model), case, Noise())
    text = repro_script(
        case, asked.part, spec=spec, adapter="ase", dtype="float64",
        outputs=model.capabilities.outputs, texts=TEXTS,
    )  # fmt: skip
    assert "physcheck" not in text.split('"""')[2]
    (tmp_path / "repro.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "repro.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{asked.value:.6g} eV/Å\n"
    assert asked.value > 1e-3


@pytest.mark.parametrize("check", cases())
def test_every_law_has_a_script_that_runs(check, tmp_path, capsys):
    (tmp_path / "model.py").write_text(MODEL)
    spec = f"{tmp_path / 'model.py'}:factory"
    model = load_model(spec)
    start, action = cases()[check]
    case = Case(check, start, action)
    asked = SEARCH_LAWS[check].ask(Meter(model), case, Noise())
    text = repro_script(
        case, asked.part, spec=spec, adapter="ase", dtype="float64",
        outputs=model.capabilities.outputs, texts=TEXTS,
    )  # fmt: skip
    exec(compile(text, "repro.py", "exec"), {})
    assert capsys.readouterr().out == f"{asked.value:.6g} eV/Å\n"


def test_net_torque_has_a_script(tmp_path, capsys):
    (tmp_path / "model.py").write_text(MODEL)
    spec = f"{tmp_path / 'model.py'}:factory"
    start = Configurations.from_atoms(catalogue()["Cu32"].configurations.to_atoms()[:4])
    free = start.to_atoms()
    free.pbc = False
    case = Case("net_torque", Configurations.from_atoms(free), {})
    model = load_model(spec)
    asked = SEARCH_LAWS["net_torque"].ask(Meter(model), case, Noise())
    text = repro_script(
        case, asked.part, spec=spec, adapter="ase", dtype="float64",
        outputs=model.capabilities.outputs, texts=TEXTS,
    )  # fmt: skip
    exec(compile(text, "repro.py", "exec"), {})
    assert capsys.readouterr().out == f"{asked.value:.6g} eV/Å\n"


def test_a_law_of_batches_has_no_script_of_ase():
    case = Case("batch_invariance", catalogue()["H2O"].configurations, {"strains": [0.01]})
    made = repro_script(
        case, "forces", spec=None, adapter="torch", dtype="float64", outputs=frozenset(),
        texts=TEXTS,
    )  # fmt: skip
    assert made is None
