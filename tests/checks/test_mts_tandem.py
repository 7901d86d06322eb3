"""The pair of a direct and a conservative model: what it cures, and where it ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from physcheck import measure_mts_tandem
from physcheck.checks import find_checks
from physcheck.checks.dynamics.mts_runs import Drift, Row
from physcheck.checks.dynamics.mts_tandem import recommended_row
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.run.plan import make_plan
from physcheck.run.settings import Settings
from physcheck.structures import catalogue

SLAB = catalogue()["Cu12-slab"].configurations
SHORT = {"replicas": 8, "steps": 96, "equilibration_steps": 60, "strides": (2, 4, 16)}


def measured(spec, reference="gupta", seed=0, start=SLAB, **options):
    return measure_mts_tandem(
        make_builtin(spec),
        start,
        reference=make_builtin(reference),
        rng=np.random.default_rng(seed),
        **{**SHORT, **options},
    )


def rows(measurement):
    return {row["name"]: row for row in measurement.evidence["quantities"]["table"]}


def test_a_direct_model_heats_alone_and_not_beside_its_partner():
    found = measured("gupta+pair-curl=1e-2")
    table = rows(found)
    assert table["model alone"]["fault"]
    assert table["stride 2"]["fault"] == ""
    stride = found.evidence["quantities"]["recommended_stride"]
    assert stride in (2, 4)
    assert found.value < 1e-4 < abs(table["model alone"]["drift"])
    assert judge(found, tolerance_of("mts_tandem", "md")).outcome is not Outcome.FAIL
    text = "\n".join(found.evidence["lines"])
    assert f"<nmts> [1, {stride}] </nmts>" in text
    assert f"run_style respa 2 {stride} hybrid 1 2 2" in text
    assert f"recommended: stride {stride}" in found.evidence["place"]


def test_too_large_a_stride_resonates_and_is_named():
    found = measured("gupta+pair-curl=1e-2", steps=192, strides=(2, 16))
    assert rows(found)["stride 16"]["fault"]
    assert "resonance: stride 16" in found.evidence["place"]
    assert found.evidence["quantities"]["resonant_strides"] == [16]


@pytest.mark.parametrize("spec", ["gupta", "gupta+float32"])
def test_a_conservative_model_is_not_blamed(spec):
    for seed in range(2):
        found = measured(spec, seed=seed)
        assert not any(row["fault"] for row in rows(found).values())
        assert judge(found, tolerance_of("mts_tandem", "md")).outcome is not Outcome.FAIL


def test_a_reference_that_is_no_gradient_either_fails():
    found = measured("gupta", reference="gupta+pair-curl=2e-2", steps=192)
    assert judge(found, tolerance_of("mts_tandem", "screening")).outcome is Outcome.FAIL
    assert found.evidence["quantities"]["recommended_stride"] is None


def test_a_pair_that_runs_away_is_a_failure_and_no_error():
    found = measured("gupta+pair-curl=3.0", strides=(16,), steps=192)
    assert found.value == np.inf
    assert judge(found, tolerance_of("mts_tandem", "md")).outcome is Outcome.FAIL
    assert "runs away after" in "\n".join(found.evidence["lines"])


def test_species_are_listed_under_a_common_bath():
    start = catalogue()["H2O"].configurations
    found = measured(
        "water+species-direct=0.1", reference="water", start=start, steps=48, sampling_steps=24,
        equilibration_steps=20, strides=(2,),
    )  # fmt: skip
    sampled = found.evidence["quantities"]["sampled_temperatures_K"]
    assert sampled["tandem"].keys() == {"H", "O"}
    assert rows(found)["stride 2"]["temperatures_K"].keys() == {"H", "O"}


def test_the_cost_is_that_of_both_and_stays_within_the_allotment():
    allotment = find_checks("mts_tandem")[0].evaluations(SLAB, None, "standard")
    meter = Meter(make_builtin("gupta"), allotment=allotment)
    found = measure_mts_tandem(
        meter, SLAB, reference=make_builtin("gupta"), rng=np.random.default_rng(0), steps=48,
    )  # fmt: skip
    shares = found.evidence["quantities"]
    both = shares["model_evaluations"] + shares["reference_evaluations"]
    assert found.force_evaluations == meter.evaluations == both


def test_heads_that_say_what_they_are_find_their_parts():
    def headed(spec, kind):
        model = make_builtin(spec)
        capabilities = replace(model.capabilities, details={"forces": kind})

        class Head:
            def evaluate(self, configurations, **want):
                return model.evaluate(configurations, **want)

        head = Head()
        head.capabilities = capabilities
        return head

    found = measure_mts_tandem(
        headed("gupta", "conservative"),
        SLAB,
        reference=headed("gupta+pair-curl=1e-2", "direct"),
        rng=np.random.default_rng(0),
        **{**SHORT, "strides": (2,)},
    )
    assert rows(found)["model alone"]["fault"]
    assert not rows(found)["reference alone"]["fault"]


def test_what_is_missing_is_said():
    with pytest.raises(CapabilityMissing, match="the reference gives no energy"):
        measured("gupta", reference="gupta+forces-only")
    with pytest.raises(CapabilityMissing, match="the reference: species Cu"):
        measured("gupta", reference="water")
    with pytest.raises(ValueError, match="10 strides"):
        measured("gupta", strides=(20,))


def test_it_is_planned_with_a_reference_only_and_not_at_quick():
    model = make_builtin("gupta")
    base = {"model": "x.py", "checks": "mts_tandem", "structures": "Cu12-slab"}
    alone = make_plan(model, Settings(**base, budget="standard"))
    assert "give --physcheck-reference" in alone.not_scheduled[0].reason
    quick = make_plan(model, Settings(**base, reference="builtin::gupta", budget="quick"))
    assert "needs standard" in quick.not_scheduled[0].reason
    both = make_plan(model, Settings(**base, reference="builtin::gupta", budget="standard"))
    assert [entry.check.id for entry in both.entries] == ["mts_tandem"]


def test_a_reference_that_is_no_gradient_is_never_recommended_with():
    found = measured("gupta+pair-curl=1e-2", reference="gupta+force-scale=0.1")
    assert found.evidence["quantities"]["recommended_stride"] is None
    assert "the reference fails force_energy_gap itself" in found.evidence["place"]
    assert "take a different reference" in found.resolve
    assert not any("i-PI" in line for line in found.evidence["lines"])


def test_a_likely_drift_is_not_recommended():
    rates = 1e-2 * (1 + 0.2 * np.random.default_rng(0).standard_normal(8))
    drift = Drift(rates, allowance=2e-3)
    assert drift.suspect(2.6e-6)
    assert not Drift(rates - rates.mean(), allowance=2e-3).suspect(2.6e-6)
    row = Row("stride 2", 2, 1.0, drift, {})
    assert recommended_row([row], 9.0, 2.6e-6) is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"replicas": 1}, "2 or more"),
        ({"temperature_K": 0.0}, "above 0 K"),
        ({"strides": (2.5,)}, "whole"),
    ],
)
def test_bad_arguments_are_named(change, text):
    with pytest.raises(ValueError, match=text):
        measured("gupta", **change)
