"""physcheck in a notebook: one call that judges, and how its results show themselves."""
