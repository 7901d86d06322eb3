"""Reports: pure functions of the ``Report`` of a run."""
