import pytest

from physcheck.demo import find_faults

MUST, MAY = frozenset({"loop_work", "nve_drift"}), frozenset({"net_force"})


def report(**verdicts):
    return {"records": [{"check": check, "verdict": v} for check, v in verdicts.items()]}


def test_right():
    good = report(loop_work="pass", stress="not_applicable")
    assert find_faults(0, good, 1, report(loop_work="fail", net_force="fail"), MUST, MAY) == []


@pytest.mark.parametrize(
    ("good_code", "good", "bad_code", "twin", "fault"),
    [
        (0, report(loop_work="pass"), 0, report(loop_work="pass"), "didn't fail the twin"),
        (0, report(loop_work="inconclusive"), 1, report(loop_work="fail"), "says inconclusive"),
        (1, report(loop_work="fail"), 1, report(loop_work="fail"), "should be 0"),
        (0, report(), 1, report(loop_work="fail"), "no check judged"),
        (0, {}, 4, {}, "none of loop_work, nve_drift judged"),
        (0, report(loop_work="pass"), 1, report(loop_work="fail", determinism="fail"), "shouldn't"),
    ],
)
def test_faults_are_named(good_code, good, bad_code, twin, fault):
    assert any(fault in f for f in find_faults(good_code, good, bad_code, twin, MUST, MAY))
