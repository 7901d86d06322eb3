"""The suite as a package: ``pytest --pyargs physcheck.suite --model=SPEC``."""
