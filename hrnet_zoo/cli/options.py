"""Options that several commands share; some arrive as what they stand for.

What that takes is imported only when a command runs, so that --help stays quick.
"""

from __future__ import annotations

import gc
import math
import os
import re
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from hrnet_zoo.settings import DataFolders
    from hrnet_zoo.zoo.row import EditionName
    from hrnet_zoo.zoo.zoo import Zoo

Command = TypeVar("Command", bound=Callable[..., object])
AnyCommand = Callable[..., Any]

RECORDS = Path("reports/records")
"""Where records are, unless an option says otherwise."""


class _PathType(click.Path):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - as Click has it
        if "\0" in os.fspath(value):
            self.fail("a path holds no NUL.", param, ctx)
        return super().convert(value, param, ctx)


class Finite(click.FloatRange):
    """A number in a range; "nan", which is neither above nor below anything, is in none."""

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


PATH = _PathType(path_type=Path)
FOLDER = _PathType(path_type=Path, exists=True, file_okay=False)
COUNT = click.IntRange(1, 1_000_000_000)
"""Of images, records: more than there are."""
FEW = click.IntRange(1, 1024)
"""Of threads, processes: more than a machine has."""
SEED = click.IntRange(0, 2**63 - 1)

_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?", re.ASCII)
_DEVICES = re.compile(r"cuda:all|(cpu|cuda):\d{1,3}(,\d{1,3})*", re.ASCII)


def zoo_option(command: Command) -> Command:
    """Add --zoo: another manifest than the one that ships with the package."""
    return click.option(
        "--zoo",
        "zoo_file",
        type=PATH,
        help="Manifest to use instead of the one that ships with hrnet-zoo.",
    )(command)


def loaded_zoo(command: AnyCommand) -> AnyCommand:
    """Add --zoo; the command gets ``zoo``, all that is in the manifest."""

    @zoo_option
    @wraps(command)
    def with_zoo(*, zoo_file: Path | None, **given: object) -> object:
        # All of this stays: looking for garbage in it takes a tenth of the start-up of `list`.
        gc.disable()
        try:
            from hrnet_zoo.zoo.manifest import load_zoo

            zoo = load_zoo(zoo_file)
        finally:
            gc.freeze()
            gc.enable()
        return command(zoo=zoo, **given)

    return with_zoo


def rows_options(command: AnyCommand) -> AnyCommand:
    """Add NAME..., --edition and --zoo; the command gets ``zoo``, and those ``rows`` of it."""

    @click.argument("names", nargs=-1, required=True, metavar="NAME...")
    @edition_option
    @loaded_zoo
    @wraps(command)
    def with_rows(
        *, zoo: Zoo, names: tuple[str, ...], edition: EditionName, **given: object
    ) -> object:
        rows = [zoo.row(name, edition) for name in dict.fromkeys(names)]
        for option in ("checkpoint", "profile", "save_results", "unchanged_since"):
            if len(rows) > 1 and given.get(option) is not None:
                msg = f"--{option.replace('_', '-')} is one file; give one NAME with it."
                raise click.UsageError(msg)
        return command(zoo=zoo, rows=rows, **given)

    return with_rows


def rows_or_all_options(command: AnyCommand) -> AnyCommand:
    """Add NAME..., --all, --edition and --zoo; the command gets ``zoo``, ``rows`` and --all."""

    @click.argument("names", nargs=-1, metavar="NAME...")
    @click.option("--all", "all_rows", is_flag=True, help="All rows that have such an edition.")
    @edition_option
    @loaded_zoo
    @wraps(command)
    def with_rows(
        *, zoo: Zoo, names: tuple[str, ...], all_rows: bool, edition: EditionName, **given: object
    ) -> object:
        if bool(names) == all_rows:
            msg = "Give the names of rows, or --all."
            raise click.UsageError(msg)
        named = [zoo.row(name, edition) for name in dict.fromkeys(names)]
        rows = zoo.in_edition(edition) if all_rows else named
        return command(zoo=zoo, rows=rows, all_rows=all_rows, **given)

    return with_rows


def records_option(command: Command) -> Command:
    """Add --records: the folder that verify and time wrote to."""
    return click.option(
        "--records",
        "folder",
        type=PATH,
        help=f"Folder of records.  [default: {RECORDS}, if there is one]",
        callback=_check_records,
    )(command)


def _check_records(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path:
    if value is not None and not value.is_dir():
        msg = f"There is no folder {value}; --records takes the folder that verify wrote to."
        raise click.UsageError(msg)
    return value or RECORDS


def new_records_option(command: Command) -> Command:
    """Add --output: where the records of this run go."""
    return click.option(
        "--output",
        type=PATH,
        default=RECORDS,
        help="Folder for the records.",
    )(command)


def format_option(*formats: str, says: str | None = None) -> Callable[[Command], Command]:
    """Add --format with the given choices; the first is the default."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        default=formats[0],
        help=says,
    )


def edition_option(command: Command) -> Command:
    """Add --edition: whose claim about a row is meant."""
    return click.option(
        "--edition",
        type=click.Choice(["readme", "later"]),
        default="readme",
        help="The README's numbers and files, or what upstream published later.",
    )(command)


def fetch_options(command: AnyCommand) -> AnyCommand:
    """Add --mirror, --offline and --lock; the command gets ``fetch``, where checkpoints come from.

    They are also held against ``fetch.lock``.
    """

    @click.option(
        "--mirror",
        metavar="URL",
        help="Fetch from this server or folder instead of the linked one; paths stay the same.",
    )
    @click.option(
        "--offline", is_flag=True, help="Use only what is in the cache or on local disks."
    )
    @lock_option
    @wraps(command)
    def with_fetch(
        *, mirror: str | None, offline: bool, lock: Path | None, **given: object
    ) -> object:
        from hrnet_zoo import settings
        from hrnet_zoo.zoo.checkpoint import FetchOptions

        cache = settings.cache_dir()
        fetch = FetchOptions(cache_dir=cache, mirror=mirror, offline=offline, lock=lock)
        return command(fetch=fetch, **given)

    return with_fetch


def lock_option(command: Command) -> Command:
    """Add --lock: what checkpoints have to be."""
    return click.option(
        "--lock",
        type=PATH,
        help="File that says what checkpoints were when first fetched, and have to be.  "
        "[default: zoo.lock beside the manifest]",
    )(command)


def data_given_options(command: AnyCommand) -> AnyCommand:
    """Add --data-root and --data, as they are given: ``data_root`` and ``data``."""
    root = click.option(
        "--data-root",
        type=PATH,
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


def data_options(command: AnyCommand) -> AnyCommand:
    """Add --data-root and --data; the command gets ``data_folders``, where the data sets are."""

    @data_given_options
    @wraps(command)
    def with_folders(
        *, data_root: Path | None, data: Mapping[str, Path], **given: object
    ) -> object:
        from hrnet_zoo import settings
        from hrnet_zoo.datasets import DATASETS

        return command(data_folders=settings.data_folders(data_root, data, DATASETS), **given)

    return with_folders


def data_folder(name: str, root: str, folders: DataFolders) -> Path:
    """Return where a data set is.

    Args:
        name: of the data set.
        root: the name of its own folder, for the message.
        folders: of all data sets, as far as they are known.

    Raises:
        DatasetError: nothing says where it is.
    """
    from hrnet_zoo.errors import DatasetError

    folder = folders.of(name)
    if folder is None:
        msg = (
            f"No data folder was given for {name}. Pass the folder that holds {root}/ with "
            "--data-root, or set HRNET_ZOO_DATA."
        )
        raise DatasetError(msg)
    return folder


def _parse_data(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    from hrnet_zoo.datasets import named

    folders = {}
    for value in values:
        name, separator, folder = value.partition("=")
        if not (name and separator and folder):
            msg = f'"{value}" is not of the form NAME=DIR.'
            raise click.BadParameter(msg)
        named(name)
        try:
            folders[name] = PATH.convert(folder, _param, _ctx).expanduser()
        except RuntimeError:
            msg = f'"{folder}": there is no such user; write the folder in full.'
            raise click.BadParameter(msg) from None
    return folders


def coco_backend_option(command: Command) -> Command:
    """Add --coco-backend."""
    return click.option(
        "--coco-backend",
        type=click.Choice(["auto", "pycocotools", "faster", "hotcoco"]),
        default="auto",
        help="Library that computes COCO AP; a fast one must first agree with pycocotools.",
    )(command)


def device_option(command: Command) -> Command:
    """Add --device."""
    return click.option(
        "--device",
        default="auto",
        metavar="auto|cpu|cuda[:N]",
        callback=_check_device,
        help="Where the network runs; auto is the first GPU, or the CPU where there is none.",
    )(command)


def engine_option(command: Command) -> Command:
    """Add --engine."""
    return click.option(
        "--engine",
        type=click.Choice(["torch", "openvino", "auto"]),
        default="torch",
        help="What computes the network, of detectors as far as the neck; auto is OpenVINO on a "
        "CPU where it is installed and agrees with torch on the first images.",
    )(command)


def _check_device(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if _DEVICE.fullmatch(value) is None:
        one = ", one only here" if _DEVICES.fullmatch(value) else ""
        msg = f'"{value}" is not a device; use auto, cpu, cuda or cuda:N{one}.'
        raise click.BadParameter(msg)
    return value


def devices_option(command: Command) -> Command:
    """Add --device, which may be several."""
    return click.option(
        "--device",
        default="auto",
        metavar="auto|cpu|cuda[:N,...|:all]",
        callback=_check_devices,
        help="Where the network runs; auto is the first GPU, or the CPU where there is none. "
        "Several share the images: cuda:0,1 or cuda:all.",
    )(command)


def _check_devices(ctx: click.Context, param: click.Parameter, value: str) -> str:
    return value if _DEVICES.fullmatch(value) else _check_device(ctx, param, value)
