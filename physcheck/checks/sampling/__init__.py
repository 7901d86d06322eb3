"""Sampling: does dynamics at constant temperature visit what it should?"""

from __future__ import annotations

from physcheck.checks.sampling.equipartition import assert_equipartition, measure_equipartition

__all__ = ["assert_equipartition", "measure_equipartition"]
