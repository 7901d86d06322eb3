import inspect
from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule
from ase.calculators.emt import EMT
from support.family_runs import structure

import physcheck
from physcheck.checks import all_checks
from physcheck.errors import CapabilityMissing, SpecError
from physcheck.names import FAMILIES
from physcheck.potentials import make_builtin
from physcheck.registry import DEFAULT_SEED, Failure, KnownFault
from physcheck.registry.failure import MOST_CHARACTERS
from physcheck.system import as_configurations


def test_a_measurement_in_a_notebook_takes_a_calculator_and_needs_no_generator():
    atoms = structure("water")
    found = physcheck.measure_jacobian_asymmetry(EMT(), atoms)
    again = physcheck.measure_jacobian_asymmetry(
        EMT(), atoms, rng=np.random.default_rng(DEFAULT_SEED)
    )
    other = physcheck.measure_jacobian_asymmetry(EMT(), atoms, rng=np.random.default_rng(1))
    assert found.interval[1] < 3e-5
    assert found.force_evaluations > 0
    assert found.uncertainty == again.uncertainty != other.uncertainty


def test_what_does_not_apply_gives_no_number():
    with pytest.raises(CapabilityMissing, match="stress_energy_gap doesn't apply: stress needs"):
        physcheck.measure_stress_energy_gap(make_builtin("morse"), molecule("H2O"))
    with pytest.raises(CapabilityMissing, match="the structure is periodic"):
        physcheck.measure_net_torque(make_builtin("morse"), structure("copper"))
    copper_only = EMT()
    copper_only.physcheck = {"species": ["Cu"]}
    with pytest.raises(CapabilityMissing, match="species H, O not supported"):
        physcheck.measure_determinism(copper_only, molecule("H2O"))
    with pytest.raises(SpecError, match="the model is a dict, should be an ASE calculator"):
        physcheck.measure_determinism({}, molecule("H2O"))


def test_what_is_registered_keeps_its_name_signature_and_docstring():
    for spec in all_checks().values():
        measure = spec.measure
        assert measure.__name__ == f"measure_{spec.id}"
        assert measure.__doc__
        parameters = inspect.signature(measure).parameters
        assert list(parameters)[:2] == ["model", "start"]
        assert parameters["rng"].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters["rng"].default is None
        assert all(p.kind is p.KEYWORD_ONLY for p in list(parameters.values())[2:])


def test_an_option_may_make_a_check_apply():
    def applies(start, capabilities, *, groups=None):
        return "a single species" if groups is None else None

    spec = replace(all_checks()["equipartition"], applies=applies)
    start = as_configurations(structure("copper"))
    capabilities = make_builtin("morse").capabilities
    assert spec.missing(start, capabilities, bins=3) == "a single species"
    assert spec.missing(start, capabilities, groups=[[0], [1]], bins=3) is None


def test_a_check_need_not_repeat_its_registration():
    atoms = structure("water")
    spec = all_checks()["net_force"]
    found = physcheck.measure_net_force(make_builtin("morse"), atoms)
    assert (found.check, found.quantity, found.unit) == (spec.id, spec.quantity, spec.unit)


def test_every_check_is_public():
    for spec in all_checks().values():
        if spec.measure.__module__.startswith("physcheck."):
            for kind in ("measure", "assert"):
                assert callable(getattr(physcheck, f"{kind}_{spec.id}"))


SHIPPED = {i: s for i, s in all_checks().items() if s.measure.__module__.startswith("physcheck.")}


@pytest.mark.parametrize("check", sorted(SHIPPED))
def test_every_check_that_can_fail_says_what_a_failure_is_and_means(check):
    spec, failure = SHIPPED[check], SHIPPED[check].failure
    can_fail = spec.kind != "info"
    assert (bool(failure.short_title), bool(failure.meaning)) == (can_fail, can_fail)
    assert len(failure.short_title) <= MOST_CHARACTERS
    assert failure.titles_by_output.keys() <= {"energy", "stress"}
    explained = failure.fault.explains if failure.fault else ()
    assert {*explained, *failure.follows_from} <= {*SHIPPED, *FAMILIES} - {check, spec.family}


def test_what_a_failure_spoils_is_one_of_known_uses():
    assert physcheck.Failure(spoils=("phonon calculations",)).spoils == ("phonon calculations",)
    with pytest.raises(ValueError, match=r"'phonons' is nothing .* mean phonon calculations"):
        physcheck.Failure(spoils=("phonons",))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Failure(short_title="x" * 26), "has 26 characters, should have 25 at most"),
        (lambda: Failure(short_title=3), "Failure.short_title is an int, should be a text"),
        (lambda: Failure(meaning=None), "Failure.meaning is None, should be a text"),
        (lambda: Failure(titles_by_output="x"), "titles_by_output is a str, should be a dict"),
        (lambda: Failure(titles_by_output={"forces": "x"}), "'forces', should have 'energy' or"),
        (lambda: Failure(spoils="molecular dynamics"), "should be a tuple of names"),
        (lambda: Failure(spoils=("phonon",)), "'phonon' is nothing that failures spoil"),
        (lambda: Failure(fault="a fault"), "Failure.fault is a str, should be a KnownFault"),
        (lambda: Failure(follows_from="loop_work"), "follows_from is 'loop_work', should be a tup"),
        (lambda: KnownFault(3), "KnownFault.title is an int, should be a text"),
        (
            lambda: KnownFault("t", explains="loop_work"),
            "explains is 'loop_work', should be a tupl",
        ),
        (lambda: KnownFault("t", explains_where=True), "should be a function of a failure's evid"),
    ],
)
def test_what_a_failure_can_t_say_is_refused_in_a_line(make, said):
    with pytest.raises((TypeError, ValueError)) as refused:
        make()
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
