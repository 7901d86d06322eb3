"""Reports: pure functions of the JSON document and its records."""
