"""What the symmetry checks accept."""

from __future__ import annotations

from physcheck.tolerances import register_tolerances

_EXACT = {"screening": 1e-3, "md": 1e-4, "tight": 1e-6}
_EXACT_REASON = (
    "a symmetry that an architecture has is kept to rounding (float32: 1e-6 to 1e-5 eV/Å), one that it lacks is "
    "broken by meV/Å: md lies between, at a hundredth of a good model's force error; tight needs float64"
)
for _id in (
    "translation_invariance",
    "permutation_equivariance",
    "periodic_wrap",
    "lattice_basis",
    "supercell_extensivity",
    "separated_additivity",
):
    register_tolerances(
        _id, "eV/Å", _EXACT, reason=_EXACT_REASON,
        source="float32 force noise of SO3LR, ANI and CHGNet: 1.2e-6 to 4e-6 eV/Å, by ECNoise",
    )  # fmt: skip

for _id in ("rotation_equivariance", "inversion_equivariance"):
    register_tolerances(
        _id, "", {"screening": 3e-2, "md": 3e-3, "tight": 1e-5},
        reason="relative to the rms force: an unconstrained architecture learns rotations to a part of its force "
        "error and simulates well; md is 3 meV/Å where forces are thermal, below that error; an equivariant "
        "one is at rounding",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569: broken rotations are learnable and harmless",
    )  # fmt: skip

for _id in ("net_force", "net_torque"):
    register_tolerances(
        _id, "eV/Å", {"screening": 1e-4, "md": 1e-5, "tight": 1e-7},
        reason="as a force on every atom: a steady 1e-5 eV/Å on atoms of 20 amu reaches a tenth of their thermal "
        "velocity in 100 ps, the length of a run before anybody looks; rounding averages over atoms",
        source="F = m a; 1 eV/Å/amu = 9.65e-3 Å/fs²",
    )  # fmt: skip
