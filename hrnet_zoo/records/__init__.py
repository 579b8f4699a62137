"""The records in a folder: which there are, an index of them, and how old ones are deleted."""
