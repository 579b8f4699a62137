"""From a link to a network with weights.

Fetching (`download.py`) needs no torch, and reading (`checkpoint_file.py`) no network connection,
so neither imports the other.
"""
