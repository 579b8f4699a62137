"""Bundles: records with all that it takes to judge them again, in one file that may be signed."""
