"""Deterministic makers of configurations from parameters and a seed."""
