import math

import pytest

from physcheck.measurement import Measurement, Outcome, judge
from physcheck.tolerances import Tolerance

TOLERANCE = Tolerance(0.1, "eV", "reason", "source")


def measured(value, low, high, **more):
    return Measurement(
        check="loop_work", quantity="work", unit="eV", value=value, uncertainty=0.01,
        interval=(low, high), detection_limit=0.02, force_evaluations=2, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("measurement", "outcome", "said"),
    [
        (measured(0.05, 0.0, 0.08), "pass", "one of 0.10 eV or more would have failed"),
        (measured(14.2, 14.0, 14.4), "fail", "142x over"),
        (measured(math.nan, 0.0, 0.1), "fail", "the work is nan"),
        (measured(0.0, 0.0, 0.0, nothing_tested="it is rigid"), "inconclusive", "nothing tested: "),
        (measured(0.1, 0.05, 0.2), "inconclusive", "the tolerance of 0.10 eV lies within its"),
        (measured(0.1, 0.0, 0.2), "inconclusive", "up to 0.20 eV can't be ruled out"),
        (measured(0.1, 0.0, 0.2, resolve="do this"), "inconclusive", "; do this"),
        (
            measured(0.1, 0.0, 0.2, uncertainty_components={"rounding": 1.0, "sampling": 2.0}),
            "inconclusive",
            "--physcheck-dtype=float64",
        ),
        (
            measured(0.1, 0.05, 0.2, uncertainty_components={"rounding": 1.0, "sampling": 2.0}),
            "inconclusive",
            "the number of probes sets this limit",
        ),
    ],
)
def test_a_verdict_says_why(measurement, outcome, said):
    verdict = judge(measurement, TOLERANCE)
    assert verdict.outcome is Outcome(outcome)
    assert said in verdict.message


def test_without_a_tolerance_nothing_fails_and_units_must_agree():
    assert judge(measured(5.0, 4.0, 6.0), None).outcome is Outcome.PASS
    with pytest.raises(ValueError, match="its tolerance is in 'K'"):
        judge(measured(5.0, 4.0, 6.0), Tolerance(0.1, "K", "reason", "source"))
