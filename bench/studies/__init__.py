"""Studies of how often a verdict is wrong; bench/README.md has their tables."""
