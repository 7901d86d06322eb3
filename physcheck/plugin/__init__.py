"""physcheck as a pytest plugin: hooks, options, items and what each process keeps.  No physics."""
