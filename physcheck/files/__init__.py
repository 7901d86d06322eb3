"""What users name by path: where it is, what a structure file holds, and what can't be used."""
