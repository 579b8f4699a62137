"""Accuracy measures; they take arrays and class counts, and know neither models nor data sets."""
