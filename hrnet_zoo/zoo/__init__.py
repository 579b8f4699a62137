"""The documented rows: what is printed, how each was set up, and the manifest that holds them."""
