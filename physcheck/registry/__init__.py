"""``@check`` and what stands in it, the registered checks, and the asserts derived from them."""

from physcheck.names import BUDGETS, FAMILIES, Budget, Kind
from physcheck.registry.check_spec import CheckSpec, Measure, Shows
from physcheck.registry.derived_assert import FailedAssertion, derive_assert, failed_assertion
from physcheck.registry.failure import Failure, KnownFault
from physcheck.registry.registration import (
    DEFAULT_SEED,
    check,
    default_tolerance,
    registered_checks,
    tolerance_of,
)

__all__ = [
    "BUDGETS",
    "DEFAULT_SEED",
    "FAMILIES",
    "Budget",
    "CheckSpec",
    "FailedAssertion",
    "Failure",
    "Kind",
    "KnownFault",
    "Measure",
    "Shows",
    "check",
    "default_tolerance",
    "derive_assert",
    "failed_assertion",
    "registered_checks",
    "tolerance_of",
]
