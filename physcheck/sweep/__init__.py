"""Many models on many structures: tasks that each judge one pair, and what they come to."""
