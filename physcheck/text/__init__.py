"""How numbers, verdicts and failures are put into words: used by messages, assertions and reports alike."""
