"""Which checks fail in consequence of a fault that others show: for reports, which put it first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from physcheck.registry import KnownFault

__all__ = ["NO_POTENTIAL", "OF_FORCES", "OF_OTHER_FORCES", "OF_STRESS", "are_other_atoms_forces"]

#: Dynamics, averages and relaxations under forces with a potential that isn't the energy: they are
#: held against the wrong energy.
OF_OTHER_FORCES = ("nve_drift", "nph_drift", "timestep_convergence", "sampling", "relaxation")
#: Likewise under forces without a potential.  How far they are from one differs with the cell.
OF_FORCES = ("strain_loop_work", "size_consistency", *OF_OTHER_FORCES)
#: Likewise under a stress that isn't the energy's strain derivative.
OF_STRESS = ("strain_loop_work", "nph_drift", "pressure_consistency", "cell_relaxation")
#: Forces without a potential differ from every energy's gradient.
NO_POTENTIAL = KnownFault(
    "the forces have no potential: they are the gradient of no energy",
    explains=("force_energy_gap", *OF_FORCES),
)
# Forces that change by so much with the order of atoms or the vectors of the cell, eV/Å, are other
# atoms' forces: a thermal displacement of 0.05 Å against a bond of 2 eV/Å² or more gives as much.
_ANOTHER_ATOMS = 0.1


def are_other_atoms_forces(evidence: Mapping[str, Any]) -> bool:
    """Whether atoms have each other's forces, which are then wrong in every other way."""
    apart = evidence.get("quantities", {}).get("force_difference_eV_per_A", 0.0)
    return isinstance(apart, float) and apart > _ANOTHER_ATOMS
