import json
import math

import numpy as np
import pytest

from physcheck.run.jsonable import number_from_json, to_jsonable
from physcheck.text.numbers import duration, figure, ratio, rough_duration, with_uncertainty
from physcheck.text.phrases import named_records


@pytest.mark.parametrize(
    ("value", "sigma", "unit", "text"),
    [
        (14.2, 0.03, "meV", "14.20 ± 0.03 meV"),
        (14.2, 0.0123, "meV", "14.200 ± 0.012 meV"),
        (3.104e-4, 2.2e-6, "", "(3.10 ± 0.02)e-4"),
        (0.0, 2e-9, "eV", "(0 ± 2)e-9 eV"),
        (59.3, 14.0, "meV/Å", "59 ± 14 meV/Å"),
        (1234.5, 300.0, "K", "1234 ± 300 K"),
        (2.5e7, 1e5, "", "(2.500 ± 0.010)e7"),
        (0.5, 0.0, "eV", "0.500 eV"),
        (0.5, math.nan, "eV", "0.500 eV"),
        (4.0, 0.0, "situations", "4 situations"),
        (-0.01, 0.3, "%", "0.0 ± 0.3 %"),
        (1.0, 1e-12, "eV", "1.000 ± 1e-12 eV"),
        (math.nan, math.nan, "eV", "nan"),
        (None, None, "eV", "nan"),
        (math.inf, 1.0, "eV", "inf"),
    ],
)
def test_a_value_has_the_digits_that_its_uncertainty_allows(value, sigma, unit, text):
    assert with_uncertainty(value, sigma, unit) == text


@pytest.mark.parametrize(
    ("value", "text"), [(3e-5, "3e-5"), (0.1, "0.10"), (20.0, "20"), (0.0, "0"), (2.4e-9, "2.4e-9")]
)
def test_figure(value, text):
    assert figure(value) == text


def test_records_of_one_check_are_named_together():
    places = ["NH3", "H2O", "CH4", "Si8", "Mg8", "Fe16"]
    of_loops = [f"loop_work[{place}]" for place in places]
    assert named_records(of_loops[:1]) == "loop_work[NH3]"
    assert named_records(of_loops) == "loop_work on NH3, H2O, CH4, Si8 and 2 more"
    two = [*of_loops[:2], "net_force[NH3]"]
    assert named_records(two) == "loop_work on NH3, H2O; net_force[NH3]"
    assert named_records(["Cu32", "H2O"]) == "Cu32, H2O"
    assert named_records([f"check_{k}[NH3]" for k in range(6)]).endswith("check_3[NH3] and 2 more")


def test_ratio():
    assert ratio(14.2, 0.1) == "142x over"
    assert ratio(1.0, 0.0) == "none is allowed"
    assert ratio(math.nan, 1.0) == "not a number"


def test_anything_becomes_strict_json():
    value = {
        "array": np.array([[1.0, np.nan], [np.inf, -np.inf]], dtype=np.float32),
        "scalar": np.float64(0.1),
        "flag": np.bool_(True),
        3: {2, 1},
        "tuple": (np.int64(5), None),
        "strange": object,
    }
    text = json.dumps(to_jsonable(value), allow_nan=False)
    back = json.loads(text)
    assert back["array"] == [[1.0, "nan"], ["inf", "-inf"]]
    assert back["scalar"] == 0.1
    assert back["flag"] is True
    assert back["3"] == [1, 2]
    assert back["tuple"] == [5, None]
    assert number_from_json(back["array"][1][1]) == -math.inf
    assert number_from_json(None) is None


def test_durations():
    assert [duration(s) for s in (0.5, 119.0, 150.0)] == ["0.5 s", "119.0 s", "2.5 min"]
    assert [rough_duration(s) for s in (4.2, 100.0, 9000.0)] == ["4 s", "2 min", "2.5 h"]
