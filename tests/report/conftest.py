"""Reports of real runs, made once for all tests of this folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from physcheck.report.loading import load_report

MODELS = {
    "good": "builtin::gupta",
    "curl": "builtin::gupta+pair-curl=0.1",
    "float32": "builtin::gupta+float32=1",
    "stateful": "builtin::gupta+stateful=0.01",
}


# Of each family some, those with pictures among them.
CHECKS = (
    "--physcheck-checks=conservation,nve_drift,timestep_convergence,relaxation_descent,"
    "minimum_stability,path_smoothness,short_range_repulsion,lattice_basis,rotation_equivariance,"
    "determinism,history_independence,batch_invariance,net_force"
)


class Runs:
    """Makes a run of the suite when first asked for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str, *options: str) -> Path:
        target = self.folder / f"{name}{''.join(options).replace('=', '')}.json"
        if not target.exists():
            words = [
                "-q", "-p", "no:cacheprovider", "--pyargs", "physcheck.suite",
                f"--model={MODELS[name]}", f"--physcheck-json={target}",
                "--physcheck-structures=ethanol,NaCl8", "--physcheck-budget=quick", CHECKS,
                *options,
            ]  # fmt: skip
            subprocess.run(
                [sys.executable, "-m", "pytest", *words], cwd=self.folder, capture_output=True,
                timeout=120, check=False,
            )  # fmt: skip
        return target

    def report(self, name: str, *options: str):
        return load_report(self.path(name, *options))


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    return Runs(tmp_path_factory.mktemp("runs"))
