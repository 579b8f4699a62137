"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])

_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


def zoo_option(command: Command) -> Command:
    """Add --zoo: another manifest than the one that ships with the package."""
    return click.option(
        "--zoo",
        "zoo_file",
        type=click.Path(path_type=Path),
        help="Manifest to use instead of the one that ships with hrnet-zoo.",
    )(command)


def format_option(*formats: str) -> Callable[[Command], Command]:
    """Add --format with the given choices; the first is the default."""

    def add(command: Command) -> Command:
        return click.option(
            "--format", "form", type=click.Choice(formats), default=formats[0], show_default=True
        )(command)

    return add


def edition_option(command: Command) -> Command:
    """Add --edition: whose claim about a row is meant."""
    return click.option(
        "--edition",
        type=click.Choice(["readme", "later"]),
        default="readme",
        show_default=True,
        help="The README's numbers and files, or what upstream published later.",
    )(command)


def fetch_options(command: Command) -> Command:
    """Add --mirror and --offline."""
    mirror = click.option(
        "--mirror",
        metavar="URL",
        help="Fetch from this server or folder instead of the linked one; paths stay the same.",
    )
    offline = click.option(
        "--offline", is_flag=True, help="Use only what is in the cache or on local disks."
    )
    return mirror(offline(command))


def data_options(command: Command) -> Command:
    """Add --data-root and --data: where the data sets are."""
    root = click.option(
        "--data-root",
        type=click.Path(path_type=Path),
        help="Folder that holds the data sets' folders. Default: HRNET_ZOO_DATA.",
    )
    own = click.option(
        "--data",
        multiple=True,
        metavar="NAME=DIR",
        callback=_parse_data,
        help="Folder of one data set, e.g. cityscapes=/mnt/cs; may be repeated.",
    )
    return root(own(command))


def data_folder(name: str, root: str, data_root: Path | None, data: dict[str, Path]) -> Path:
    """Return where a data set is, from these options or as set for this machine.

    Args:
        name: of the data set.
        root: the name of its own folder, for the message.
        data_root: --data-root.
        data: --data.

    Raises:
        DatasetError: nothing says where it is.
    """
    from hrnet_zoo import settings  # noqa: PLC0415
    from hrnet_zoo.errors import DatasetError  # noqa: PLC0415

    folder = settings.data_folders(data_root, data).of(name)
    if folder is None:
        msg = (
            f"No data folder was given. Pass the folder that holds {root}/ with --data-root, or "
            "set HRNET_ZOO_DATA."
        )
        raise DatasetError(msg)
    return folder


def _parse_data(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    folders = {}
    for value in values:
        name, separator, folder = value.partition("=")
        if not (name and separator and folder):
            msg = f'"{value}" is not of the form NAME=DIR.'
            raise click.BadParameter(msg)
        folders[name] = Path(folder).expanduser()
    return folders


def coco_backend_option(command: Command) -> Command:
    """Add --coco-backend."""
    return click.option(
        "--coco-backend",
        type=click.Choice(["auto", "pycocotools", "faster", "hotcoco"]),
        default="auto",
        show_default=True,
        help="Library that computes COCO AP; a fast one must first agree with pycocotools.",
    )(command)


def device_option(command: Command) -> Command:
    """Add --device."""
    return click.option(
        "--device",
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda[:N]",
        callback=_check_device,
        help="Where the network runs; auto is the first GPU, or the CPU where there is none.",
    )(command)


def _check_device(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if _DEVICE.fullmatch(value) is None:
        msg = f'"{value}" is not a device; use auto, cpu, cuda or cuda:N.'
        raise click.BadParameter(msg)
    return value
