"""Runs the command line: python -m hrnet_zoo."""

from hrnet_zoo.cli import main

main()
