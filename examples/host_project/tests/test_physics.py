"""Shipped checks and our own, on our structures: a test each."""

from structures import dimer, quartz

import physcheck

FAMILIES = "conservation,symmetry,smoothness,implementation"


# The names of structures are what reports and known_failures.toml call them by.
@physcheck.parametrize_checks(atoms={"quartz": quartz()}, checks=FAMILIES)
def test_the_crystal(physcheck_model, physcheck_case):
    physcheck_case(physcheck_model)


# A few checks at other tolerances, on a molecule of ours and a structure of physcheck's catalogue.
@physcheck.parametrize_checks(
    atoms={"dimer": dimer(), "silicon": "Si8"},
    checks=["force_energy_gap", "jacobian_asymmetry", "net_*", "isotope_independence"],
    profile="tight",
)
def test_elsewhere(physcheck_model, physcheck_case):
    physcheck_case(physcheck_model)
