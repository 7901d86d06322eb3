"""Smoothness: no jumps, no holes, no reach beyond what is declared."""
