"""hrnet-zoo schema: the JSON Schema of the manifest."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of zoo.yaml."""
    from hrnet_zoo.zoo.row import manifest_type

    click.echo(json.dumps(manifest_type().model_json_schema(), indent=2))
