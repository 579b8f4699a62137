"""A row as a Python object: one image in, what its network sees out."""
