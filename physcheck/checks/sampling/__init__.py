"""Sampling: does dynamics at constant temperature visit what it should?"""
