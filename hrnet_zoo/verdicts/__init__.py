"""Measured numbers held against documented ones, and against each other."""
