"""physcheck as a pytest plugin: hooks, options, the items of the suite and what each process keeps.  No physics."""
