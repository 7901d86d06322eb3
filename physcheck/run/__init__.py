"""A run: what was asked for, which checks fit which structures, and one record after the other."""
