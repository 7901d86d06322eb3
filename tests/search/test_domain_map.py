"""Where a law begins to fail: by closest pair, strain and temperature of the cases."""

import numpy as np
import pytest
from ase.units import kB
from support.search_faults import TooClose

from physcheck.checks import all_checks
from physcheck.model import Meter
from physcheck.probes.random_structures import closest_contact
from physcheck.registry import tolerance_of
from physcheck.search.asking import Asked
from physcheck.search.case import Case
from physcheck.search.domain_map import domain_map, said_of_domain
from physcheck.search.laws import SEARCH_LAWS
from physcheck.search.search_one_law import search
from physcheck.search.structures_drawn import pool_of
from physcheck.structures import catalogue

all_checks()
SEED = catalogue()["Si8"].configurations
STRAINS = np.linspace(0.0, 0.09, 10)


def strained(strain):
    shape = np.diag([1 + strain, 1.0, 1.0])
    return SEED.at(SEED.positions @ shape, SEED.cells @ shape)


def mapped(violation, energy=lambda strain: None, **more):
    cases = [
        (Case("net_force", strained(e)), Asked(violation(e), energy=energy(e))) for e in STRAINS
    ]
    return domain_map(cases, [SEED], 1.0, **more)


def test_axes_are_strain_contact_and_temperature_as_they_are_defined():
    stiffness = 40.0
    found = mapped(lambda e: 10 * e, lambda e: stiffness * e**2)
    strain = found["strain"]
    # Green's strain of a stretch by e is e + e²/2.
    assert strain["gentlest"] == pytest.approx(0.0, abs=1e-12)
    assert strain["severest"] == pytest.approx(0.09 + 0.09**2 / 2)
    hottest = 2 * stiffness * 0.09**2 / (3 * 8 * kB)
    assert found["temperature_K"]["severest"] == pytest.approx(hottest)
    contacts = [closest_contact(strained(e)) for e in STRAINS]
    assert found["closest_contact"]["severest"] == pytest.approx(min(contacts))
    assert found["closest_contact"]["gentlest"] == pytest.approx(max(contacts))
    assert all(one["cases"] == 10 for one in found.values())
    assert strain["fails_from"] is None
    assert said_of_domain(found) == ""


def test_what_fails_from_a_strain_on_is_said_with_its_share():
    found = mapped(lambda e: 2.0 if e > 0.045 and e != STRAINS[7] else 0.1)
    assert found["strain"]["fails_from"] == pytest.approx(0.05 + 0.05**2 / 2)
    assert found["strain"]["fail_beyond"] == pytest.approx(4 / 5)
    assert "temperature_K" not in found
    # A stretch leaves the nearest pairs nearly as they are, and the gentlest of these fails.
    assert said_of_domain(found).startswith("begins to fail at strain of the cell: 0.0513 (80 %")


def test_what_fails_everywhere_begins_nowhere():
    found = mapped(lambda e: 2.0)
    assert found["strain"]["fails_from"] == found["strain"]["gentlest"]
    assert "in particular" in said_of_domain(found)


def test_left_handed_copies_are_strained_as_they_were():
    cell = strained(0.03).cells[0].copy()
    cell[2] *= -1
    start = strained(0.03).at(strained(0.03).positions, cell)
    found = domain_map([(Case("net_force", start), Asked(0.0))] * 6, [SEED], 1.0)
    assert found["strain"]["severest"] == pytest.approx(0.03 + 0.03**2 / 2)


def test_few_cases_make_no_map():
    assert domain_map([(Case("net_force", SEED), Asked(0.0))] * 5, [SEED], 1.0) == {}


def test_a_force_below_two_angstroms_is_found_there():
    """The covalent diameter of silicon is 2.22 Å: contacts of 0.90 and less fail."""
    start = catalogue()["Si8"].configurations
    law, pool = SEARCH_LAWS["force_energy_gap"], pool_of([start], {14}, "partial")
    # Within 0.81 to 1.39 contacts.
    pool = type(pool)(pool.species, pool.seeds, (0.81, 1.39), pool.pbcs)
    meter, tolerance = Meter(TooClose()), tolerance_of("force_energy_gap", "md").value
    result = search(
        law, meter, pool, allotment=900, tolerance=tolerance, rng=np.random.default_rng(0)
    )
    assert result.failing is not None
    found = domain_map(result.cases, pool.seeds, tolerance)["closest_contact"]
    # A case is where its line has its middle; the end is up to 0.25 Å, 0.11 contacts, nearer.
    assert 0.84 < found["fails_from"] < 0.90 + 0.12
