"""Detectors and their parts; one concept a file."""
