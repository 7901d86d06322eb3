"""What the smoothness checks accept."""

from __future__ import annotations

from physcheck.tolerances import register_tolerances

register_tolerances(
    "cutoff_smoothness", "", {"screening": 1e-3, "md": 1e-4, "tight": 1e-5},
    reason="a jump relative to the rms thermal force: each crossing of it is a kick that an integrator doesn't see "
    "coming; Lennard-Jones truncated at 3 sigma jumps by 0.5 % of its largest pair force, 1e-3 of thermal ones; md "
    "is a tenth of that, and above what float32 resolves",
    source="Allen and Tildesley, Computer Simulation of Liquids, 2nd ed., section 5.2.3 (truncated and shifted)",
)  # fmt: skip
register_tolerances(
    "path_smoothness", "", {"screening": 1e-2, "md": 1e-3, "tight": 1e-4},
    reason="tail of the forces' spectrum over their first harmonic along a circle of 0.02 Å: an analytic potential "
    "is below 1e-5, its C2 switch included; second-derivative kinks of common cutoffs (a change of curvature by a few per cent) stay "
    "below 1e-3, jumps of the forces don't",
    source="a slope that changes by a share q makes harmonics of q/(pi k²); k = 6 to 12",
)  # fmt: skip
register_tolerances(
    "short_range_repulsion", "eV/Å", {"screening": 1.0, "md": 0.1, "tight": 0.01},
    reason="attraction between atoms that overlap: at 0.1 eV/Å over some 0.3 Å a hole is 30 meV deep, about kT at "
    "room temperature, and holds no atom; repulsion there is tens of eV/Å",
    source="OpenKIM's DimerContinuityC1 and the like show dimers; kT at 300 K is 26 meV",
)  # fmt: skip
register_tolerances(
    "locality", "eV/Å", {"screening": 1e-3, "md": 1e-4, "tight": 1e-6},
    reason="nothing may reach beyond a declared range but rounding; md as for the symmetries",
    source="float32 force noise of SO3LR, ANI and CHGNet: 1.2e-6 to 4e-6 eV/Å, by ECNoise",
)  # fmt: skip
