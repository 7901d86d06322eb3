import pytest

from physcheck.demo import find_faults, said_of_success

MUST, MAY = frozenset({"loop_work", "nve_drift"}), frozenset({"net_force"})


def report(**verdicts):
    return {"records": [{"check": check, "verdict": v} for check, v in verdicts.items()]}


def test_right():
    good = report(loop_work="pass", stress="not_applicable")
    assert find_faults(0, good, 1, report(loop_work="fail", net_force="fail"), MUST, MAY) == []


@pytest.mark.parametrize(
    ("good_code", "good", "bad_code", "defective", "fault"),
    [
        (
            0,
            report(loop_work="pass"),
            0,
            report(loop_work="pass"),
            "didn't fail the defective potential",
        ),
        (0, report(loop_work="inconclusive"), 1, report(loop_work="fail"), "says inconclusive"),
        (1, report(loop_work="fail"), 1, report(loop_work="fail"), "should be 0"),
        (0, report(), 1, report(loop_work="fail"), "no check judged"),
        (0, {}, 4, {}, "none of loop_work, nve_drift judged"),
        (0, report(loop_work="pass"), 1, report(loop_work="fail", determinism="fail"), "shouldn't"),
    ],
)
def test_faults_are_named(good_code, good, bad_code, defective, fault):
    assert any(fault in f for f in find_faults(good_code, good, bad_code, defective, MUST, MAY))


def test_only_what_passed_is_counted_as_passed():
    good = report(loop_work="pass", stress="not_applicable", net_force="pass")
    said = said_of_success(good, report(loop_work="fail", net_force="pass"))
    assert said.startswith("the good potential passed 2 checks (1 don't apply to it)")
    assert "failed loop_work, as it must" in said
