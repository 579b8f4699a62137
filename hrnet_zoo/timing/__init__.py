"""Sizes, speed and memory of the networks."""
