"""The share of relaxations that converge, and what so few runs leave open."""

import numpy as np
import pytest
from scipy.stats import binom

from physcheck import measure_relaxation_convergence
from physcheck.numerics.quantiles import binomial_interval
from physcheck.potentials import make_builtin
from physcheck.relaxation import RelaxationSuccess
from physcheck.structures import catalogue


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (1, 7), (5, 9), (12, 12)])
def test_each_end_of_the_interval_is_missed_with_a_chance_of_a_fortieth(successes, trials):
    low, high = binomial_interval(successes, trials)
    if successes:
        assert binom.sf(successes - 1, trials, low) == pytest.approx(0.025)
    else:
        assert low == 0
    if successes < trials:
        assert binom.cdf(successes, trials, high) == pytest.approx(0.025)
    else:
        assert high == 1


def test_no_runs_tell_nothing_and_sums_are_those_of_several_structures():
    assert RelaxationSuccess(0, 0, 0).interval == (0, 1)
    assert RelaxationSuccess(0, 0, 0).text(0.01) == "no run was made"
    both = RelaxationSuccess(2, 1, 4) + RelaxationSuccess(3, 0, 3)
    assert both == RelaxationSuccess(5, 1, 7)
    assert both.interval == (binomial_interval(5, 7)[0], binomial_interval(6, 7)[1])
    assert both.text(0.01) == (
        "5 of 7 runs reach 0.01 eV/Å (71 %, 95 % interval 29 to 100 %; 1 was cut off)"
    )


def measured(spec, evaluations):
    return measure_relaxation_convergence(
        make_builtin(spec), catalogue()["ethanol"].configurations, rng=np.random.default_rng(0),
        rattles=(0.1,) * 5, optimisers=("LBFGS", "FIRE"), evaluations=evaluations,
    )  # fmt: skip


def test_a_potential_relaxes_from_every_start_and_a_curl_from_none():
    good = measured("harmonic", 1000).evidence["quantities"]
    assert good["success"]["converged"] == good["success"]["runs"] == 10
    assert good["success"]["interval"][0] > 0.69
    assert good["success_by_optimiser"]["LBFGS"]["runs"] == 5
    bad = measured("harmonic+curl=3e-2", 1000).evidence["quantities"]["success"]
    assert bad["converged"] == 0
    assert bad["undecided"] + bad["runs"] > 0
    assert bad["interval"][1] < 1 or bad["undecided"] > 0


def test_runs_that_were_cut_off_count_either_way():
    found = measured("harmonic", 60).evidence["quantities"]["success"]
    assert found["undecided"] > 0
    assert found["interval"][1] == binomial_interval(
        found["converged"] + found["undecided"], found["runs"]
    )[1]  # fmt: skip
