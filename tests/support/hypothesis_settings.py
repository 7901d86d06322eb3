"""Settings of the project's property tests: the same examples in every run, and few of them."""

from hypothesis import HealthCheck, settings

FEW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
