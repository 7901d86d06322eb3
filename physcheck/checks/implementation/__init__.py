"""Implementation: a model is a function, and a well-behaved one."""
