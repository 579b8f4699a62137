"""hrnet-zoo schema: the JSON Schema of the manifest."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of zoo.yaml."""
    from hrnet_zoo.zoo.schema import manifest_schema

    click.echo(json.dumps(manifest_schema(), indent=2))
