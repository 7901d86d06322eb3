"""What a failure of each check says in a few words, for lines that have room for no more."""

from __future__ import annotations

__all__ = ["MOST_CHARACTERS", "short_title"]

#: Of the 80 columns of pytest's short summary its own words, the path of the suite and a name such
#: as ``batch_invariance[Cu32]`` leave some 25.
MOST_CHARACTERS = 25
_SHORT_TITLES = {
    "force_energy_gap": "forces aren't -dE/dx",
    "jacobian_asymmetry": "Jacobian not symmetric",
    "loop_work": "work in a closed loop",
    "strain_loop_work": "work in a strain loop",
    "stress_energy_gap": "stress isn't dE/dstrain",
    "mts_tandem": "energy drifts",
    "nph_drift": "enthalpy drifts",
    "nve_drift": "energy drifts",
    "timestep_convergence": "error isn't of dt^2",
    "ensemble_consistency": "not one ensemble",
    "equipartition": "unequal temperatures",
    "kinetic_distribution": "not one temperature",
    "pressure_consistency": "pressure isn't -dE/dV",
    "species_heat": "heat between species",
    "thermostat_heat": "heat flows for good",
    "cell_relaxation": "energy isn't the work",
    "minimum_stability": "vibrations grow",
    "relaxation_convergence": "reaches no minimum",
    "relaxation_descent": "energy isn't the work",
    "inversion_equivariance": "mirror image differs",
    "lattice_basis": "choice of cell matters",
    "net_force": "net force isn't zero",
    "net_torque": "net torque isn't zero",
    "periodic_wrap": "choice of image matters",
    "permutation_equivariance": "order matters",
    "rotation_equivariance": "orientation matters",
    "separated_additivity": "far parts interact",
    "size_consistency": "worse in larger cells",
    "supercell_extensivity": "size of cell matters",
    "translation_invariance": "origin matters",
    "cutoff_smoothness": "jumps at a cutoff",
    "locality": "far atoms matter",
    "path_smoothness": "rough forces",
    "short_range_repulsion": "overlaps attract",
    "batch_invariance": "the batch changes forces",
    "determinism": "equal calls differ",
    "finite_outputs": "outputs aren't numbers",
    "history_independence": "past calls matter",
    "input_untouched": "arrays are overwritten",
    "memory_growth": "memory keeps growing",
    "mode_agreement": "modes differ",
    "outputs_agree": "outputs disagree",
    "responsiveness": "forces don't respond",
    "thread_safety": "threads disturb forces",
}


def short_title(check: str) -> str:
    """A few words for a failure of a check; empty for a check of another package."""
    return _SHORT_TITLES.get(check, "")
