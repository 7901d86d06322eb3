import pytest

from physcheck.errors import AllotmentExceeded, ModelError
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.structures import catalogue


def test_a_meter_within_a_meter_knows_what_is_left_of_the_outer_allotment():
    start = catalogue()["Ar13"].configurations
    outer = Meter(make_builtin("lennard-jones"), allotment=3)
    inner = Meter(outer)
    assert Meter(make_builtin("lennard-jones")).remaining is None
    inner.evaluate(start)
    assert (outer.remaining, inner.remaining) == (2, 2)
    assert Meter(outer, allotment=1).remaining == 1
    with pytest.raises(AllotmentExceeded):
        inner.evaluate(start.displaced([[[0.01, 0.0, 0.0]] * 13] * 3))


def test_a_model_that_exits_is_an_error_of_the_model():
    inner = make_builtin("morse")

    class Exits:
        capabilities = inner.capabilities

        def evaluate(self, configurations, *, want):
            raise SystemExit("legacy code")

    with pytest.raises(ModelError, match="SystemExit: legacy code"):
        Meter(Exits()).evaluate(catalogue()["H2O"].configurations)
