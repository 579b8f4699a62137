"""hrnet-zoo schema: the JSON Schema of the manifest."""

from __future__ import annotations

import json

import click

from hrnet_zoo.cli.terminal import echo


@click.command()
def schema() -> None:
    """Print the JSON Schema of zoo.yaml."""
    from hrnet_zoo.zoo.schema import manifest_schema

    echo(json.dumps(manifest_schema(), indent=2))
