"""What a failure of each check means for who simulates with the model, in a sentence or two."""

from __future__ import annotations

__all__ = ["meaning_of_failure"]

_MEANINGS = {
    "force_energy_gap":
        "The forces are not those of the reported energy. Dynamics follows another surface than "
        "the energies that are averaged, compared and plotted; line searches and nudged elastic "
        "bands misjudge their steps.",
    "jacobian_asymmetry":
        "No energy has these forces. Constant-energy dynamics heats or cools steadily, "
        "relaxations may circle for ever, and phonons have complex frequencies.",
    "loop_work":
        "Atoms that move around a closed path gain or lose energy each time. Constant-energy "
        "dynamics heats or cools steadily, and a thermostat only hides it.",
    "size_consistency":
        "The forces of a small cell conserve energy, and those of a larger one of the same crystal "
        "don't. Tests on small structures say nothing of a large simulation, which heats.",
    "strain_loop_work":
        "A cycle of strain and motion gains or loses energy. Constant-pressure dynamics and cell "
        "relaxations are driven by it.",
    "stress_energy_gap":
        "Pressures are wrong by about the value. Constant-pressure dynamics has the wrong "
        "density, relaxed cells the wrong size and shape, elastic constants are off.",
    "mts_tandem":
        "The two models don't work together in multiple time stepping at the stride that is "
        "wanted: the correction comes too late, and energy drifts.",
    "nve_drift":
        "A simulation at constant energy heats or cools at the rate that is given. With a "
        "thermostat that heat flows through the system: it isn't at equilibrium.",
    "nph_drift":
        "A simulation at constant pressure heats or cools by itself, or its volume runs away. "
        "Densities, lattice constants and phase changes from such runs can't be trusted.",
    "timestep_convergence":
        "A shorter timestep doesn't make the simulation as much more accurate as it should. The "
        "usual test of a timestep can't be trusted.",
    "ensemble_consistency":
        "The configurations that dynamics visits aren't those of the reported energy. "
        "Reweighting, replica exchange, heat capacities and free energies are biased.",
    "equipartition":
        "Species have different temperatures in one simulation. Diffusion, structure and reaction "
        "rates are those of no temperature at all.",
    "kinetic_distribution":
        "Some atoms are hotter or move more unevenly than at one temperature. Averages that "
        "depend on them are biased.",
    "pressure_consistency":
        "The mean pressure of a simulation isn't that of its energy. Densities and phase "
        "boundaries from constant-pressure dynamics are shifted.",
    "species_heat":
        "The forces pump heat from one species into another. Under one thermostat the species "
        "settle at different temperatures.",
    "thermostat_heat":
        "The thermostat has to take up or supply heat without end. The simulation is a driven "
        "steady state, not an ensemble.",
    "cell_relaxation":
        "A cell relaxation is driven by another energy than the reported one. Lattice constants "
        "and relaxed energies can't be compared.",
    "minimum_stability":
        "Small vibrations about the minimum grow by themselves. Phonons have no meaning there, "
        "and a cold crystal heats up.",
    "relaxation_convergence":
        "Geometry optimisations don't end, or end by chance: there is no minimum to go to.",
    "relaxation_descent":
        "The energy that a relaxation reports isn't the work that the forces did. Optimisers that "
        "look at energies fail, and energies of relaxed structures can't be compared.",
    "inversion_equivariance":
        "Mirror images have different energies and forces. Enantiomers and mirror-symmetric "
        "structures are treated unequally.",
    "lattice_basis":
        "The same crystal in other cell vectors has other forces. Results depend on how the input "
        "file was written, and change when a barostat shears the cell.",
    "net_force":
        "The whole system accelerates. Momentum isn't conserved, the centre of mass takes up "
        "kinetic energy, and temperatures are wrong unless that is removed.",
    "net_torque":
        "An isolated molecule or cluster starts to spin by itself.",
    "periodic_wrap":
        "Forces change when an atom is written at another image of the cell. Dynamics with "
        "unwrapped positions, as ASE runs it, jumps or goes wrong after a while.",
    "permutation_equivariance":
        "Forces depend on the order of atoms in the file. Identical atoms behave differently, and "
        "sorting a file changes the result.",
    "rotation_equivariance":
        "A molecule that turns feels other forces. Free rotors, liquids and anything that "
        "reorients is disturbed, in proportion to the value.",
    "separated_additivity":
        "Fragments far apart change each other's forces and energies. Binding and dissociation "
        "energies are wrong, and so are surfaces and gases.",
    "supercell_extensivity":
        "A larger cell of the same crystal is another material. Results don't converge with the "
        "size of the cell.",
    "translation_invariance":
        "Forces or energies change when everything is moved together. Energy isn't conserved as a "
        "system drifts, and results depend on the origin.",
    "cutoff_smoothness":
        "Forces or energies jump as atoms cross a cutoff, and at the rate of thermal crossings "
        "that heats more than simulations bear.",
    "locality":
        "An atom feels others beyond the range that was declared. Domain decomposition, as in "
        "LAMMPS, gives other forces than one process does.",
    "path_smoothness":
        "Forces are so rough that simulations at a usual timestep heat. They need shorter ones, "
        "and finite differences (phonons, elastic constants) are noisy.",
    "short_range_repulsion":
        "Atoms that come too close are pulled together. Hot or compressed simulations fall into "
        "the hole and blow up.",
    "batch_invariance":
        "A structure's forces depend on what else is evaluated with it. Batched simulations and "
        "screenings give other results than single ones.",
    "determinism":
        "Two equal calls differ. Runs can't be repeated, and random forces heat a simulation at "
        "constant energy.",
    "finite_outputs":
        "Some structures give NaN or infinity. A simulation that meets one ends, or goes on with "
        "nonsense.",
    "history_independence":
        "Forces depend on what was computed before. A simulation that is restarted takes another "
        "way, and memory acts like friction or a drive.",
    "input_untouched":
        "The caller's structure is changed by evaluating it. Trajectories and later calls are "
        "corrupted without a message.",
    "memory_growth":
        "Memory fills up as a simulation runs, until the process is ended.",
    "mode_agreement":
        "What is computed depends on how the same weights are executed. Results of the fast mode "
        "aren't those of the model that was tested.",
    "outputs_agree":
        "Two outputs that should say the same don't, and one of them is wrong. Which one a code "
        "reads decides its result.",
    "responsiveness":
        "Forces don't follow the atoms. Nothing that is simulated with the model has a meaning, "
        "and other checks say nothing.",
    "thread_safety":
        "Simulations that share one model in threads disturb each other's forces.",
}  # fmt: skip
_BY_FAMILY = {
    "conservation": "Energy isn't conserved by the model's forces: dynamics heats or cools.",
    "dynamics": "Dynamics with the model doesn't conserve what it should.",
    "sampling": "Averages over simulations with the model are those of no ensemble.",
    "relaxation": "Geometry optimisations with the model don't end where its energy is lowest.",
    "symmetry": "Results depend on a choice that physics doesn't know, such as origin or order.",
    "smoothness": "Integrators and finite differences need shorter steps, or fail.",
    "implementation": "Results depend on how the model is called.",
}
_OF_INFO = "Nothing: the figure is for information and is held against no tolerance."


def meaning_of_failure(check: str, family: str, kind: str) -> str:
    """The sentences for a check; those of its family for a check of another package."""
    if kind == "info":
        return _OF_INFO
    return _MEANINGS.get(check) or _BY_FAMILY.get(family, "")
