"""How numbers, verdicts and failures are put into words, in messages and reports alike."""
