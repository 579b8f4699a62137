"""Rows, verdicts and records as text, tables and pages; nothing here imports torch."""
