"""Which head ``auto`` stands for as a reference, and which of two models is the direct one."""

import pytest

from physcheck.adapters.heads import (
    declares_direct_reference,
    reference_is_direct,
    reference_spec,
)
from physcheck.errors import SpecError
from physcheck.model import Capabilities


@pytest.mark.parametrize(
    ("model", "other"),
    [
        (
            "mace::a,b.model,dtype=float64,forces=direct",
            "mace::a,b.model,dtype=float64,forces=conservative",
        ),
        ("m.pt,forces=conservative,dtype=float32", "m.pt,dtype=float32,forces=direct"),
        ("m.pt", "m.pt,forces=direct"),
        ("x.py:factory,n=3", "x.py:factory,n=3,forces=direct"),
    ],
)
def test_auto_stands_for_the_other_head(model, other):
    assert reference_spec("auto", model) == other
    assert reference_is_direct(model, "auto") == other.endswith("forces=direct")


def test_a_reference_of_its_own_keeps_the_role_that_the_user_gave_it():
    assert reference_spec("builtin::water", "m.pt,forces=direct") == "builtin::water"
    for reference in ("builtin::water", "m.pt,forces=direct", "m.pt,forces=conservative", None):
        for model in ("m.pt,forces=conservative", "m.pt,forces=direct", "m.pt"):
            assert not reference_is_direct(model, reference)


def test_a_host_s_own_model_has_no_spec_to_tell_by():
    assert not reference_is_direct(None, "auto")


def test_a_faulty_spec_is_told():
    with pytest.raises(SpecError, match="'forces' comes twice"):
        reference_is_direct("m.pt,forces=direct,forces=direct", "auto")


@pytest.mark.parametrize(
    ("model", "reference", "expected"),
    [
        ("conservative", "direct", True),
        ("direct", "conservative", False),
        ("direct", "direct", False),
        (None, "direct", False),
        ("conservative", None, False),
    ],
)
def test_loaded_models_tell_by_what_their_adapters_declare(model, reference, expected):
    def with_head(head):
        details = {} if head is None else {"forces": head}
        return Capabilities("any", "test", frozenset({"forces"}), details=details)

    assert declares_direct_reference(with_head(model), with_head(reference)) == expected
