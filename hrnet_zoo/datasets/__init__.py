"""Data sets on disk: layouts, class tables, decoding, test-time transforms."""
