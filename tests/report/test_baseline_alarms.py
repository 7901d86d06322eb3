"""A baseline of a sound float32 model: other seeds raise no alarm, a defect raises its own."""

from functools import cache

import pytest

from physcheck.checks import find_checks
from physcheck.measurement import Outcome
from physcheck.potentials import make_builtin
from physcheck.report.baseline import Baseline
from physcheck.run.record import Report
from physcheck.run.runner import Runner
from physcheck.run.schedule import PlanEntry, record_seed
from physcheck.run.settings import Settings
from physcheck.structures import catalogue

# The defect that each check is there for, at a strength where it is far above the noise.
DEFECTS = {
    "loop_work": ("pair-curl", 0.1),
    "jacobian_asymmetry": ("pair-curl", 0.1),
    "force_energy_gap": ("force-scale", 0.1),
    "net_force": ("net-force", 0.01),
}
BASELINE_SEEDS, OTHER_SEEDS = (0, 1, 2, 3, 4), (5, 6)


@cache
def _record(model, check, seed):
    (spec,) = find_checks(check)
    one, found = catalogue()["NaCl8"], make_builtin(model)
    allotment = spec.evaluations(one.configurations, found.capabilities, "quick")
    runner = Runner(found, Settings(model="x.py", seed=seed))
    return runner.run(PlanEntry(spec, one, allotment, record_seed(seed, check, "NaCl8")))


def _baseline(record):
    report = Report(created="then", settings=Settings(model="x.py"), records=(record,))
    return Baseline("old.json", report, {(record.check, record.structure): record})


@pytest.mark.parametrize("check", DEFECTS)
def test_other_seeds_of_a_sound_model_raise_no_alarm(check):
    for old in BASELINE_SEEDS:
        for new in OTHER_SEEDS:
            before, after = (_record("gupta+float32=1", check, seed) for seed in (old, new))
            assert _baseline(before).judge(after).verdict is not Outcome.FAIL


@pytest.mark.parametrize("check", DEFECTS)
@pytest.mark.parametrize("seed", OTHER_SEEDS)
def test_a_defect_of_twice_the_detection_limit_raises_the_alarm_of_its_check(check, seed):
    sound = _record("gupta+float32=1", check, seed)
    if not sound.detection_limit >= sound.tolerance:
        pytest.skip("this limit is that of being told from none, not that of a FAIL")
    defect, strength = DEFECTS[check]
    strong = _record(f"gupta+{defect}={strength}", check, seed)
    # The violation is proportional to the strength.
    needed = strength * 2 * sound.detection_limit / strong.value
    broken = _record(f"gupta+float32=1+{defect}={needed:.6g}", check, seed)
    for old in BASELINE_SEEDS:
        judged = _baseline(_record("gupta+float32=1", check, old)).judge(broken)
        assert judged.verdict is Outcome.FAIL, judged.explanation
