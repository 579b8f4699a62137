"""Errata: whether a results table agrees with itself, with its files and with what came later."""
