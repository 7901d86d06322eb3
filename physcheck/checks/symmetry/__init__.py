"""Symmetry: what may not matter to forces, and what they must add up to."""
