"""Symmetry: what may not matter to forces, and what they must add up to."""

from __future__ import annotations

from physcheck.checks.symmetry import tolerances as tolerances
from physcheck.checks.symmetry.balance import (
    assert_net_force,
    assert_net_torque,
    measure_net_force,
    measure_net_torque,
)
from physcheck.checks.symmetry.fragments import (
    assert_separated_additivity,
    measure_separated_additivity,
)
from physcheck.checks.symmetry.lattice import (
    assert_lattice_basis,
    assert_periodic_wrap,
    assert_supercell_extensivity,
    measure_lattice_basis,
    measure_periodic_wrap,
    measure_supercell_extensivity,
)
from physcheck.checks.symmetry.space import (
    assert_inversion_equivariance,
    assert_permutation_equivariance,
    assert_rotation_equivariance,
    assert_translation_invariance,
    measure_inversion_equivariance,
    measure_permutation_equivariance,
    measure_rotation_equivariance,
    measure_translation_invariance,
)

__all__ = [
    "assert_inversion_equivariance",
    "assert_lattice_basis",
    "assert_net_force",
    "assert_net_torque",
    "assert_periodic_wrap",
    "assert_permutation_equivariance",
    "assert_rotation_equivariance",
    "assert_separated_additivity",
    "assert_supercell_extensivity",
    "assert_translation_invariance",
    "measure_inversion_equivariance",
    "measure_lattice_basis",
    "measure_net_force",
    "measure_net_torque",
    "measure_periodic_wrap",
    "measure_permutation_equivariance",
    "measure_rotation_equivariance",
    "measure_separated_additivity",
    "measure_supercell_extensivity",
    "measure_translation_invariance",
]
