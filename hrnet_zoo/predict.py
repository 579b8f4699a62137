"""One image in, labels out: the Python interface to a row's trained network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hrnet_zoo.datasets.classes import class_table
from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.devices import canonical_precision, resolve_device
from hrnet_zoo.errors import UsageError
from hrnet_zoo.fetch import FetchOptions, check_own_file, fetch_row
from hrnet_zoo.inference.segmentation import (
    SegmentationProtocol,
    class_scores,
    resized_images,
)
from hrnet_zoo.loading import load_model, network_for_evaluation, single_protocol
from hrnet_zoo.progress import Progress, Silent
from hrnet_zoo.records import ProtocolName
from hrnet_zoo.row import Row
from hrnet_zoo.settings import cache_dir


@dataclass(frozen=True, kw_only=True)
class SegmentationResult:
    """What a network sees in one image."""

    labels: NDArray[np.uint8]
    """[H, W], 0 to K - 1, at the image's own size."""
    class_names: tuple[str, ...]
    """K names."""
    palette: tuple[tuple[int, int, int], ...]
    """K RGB triples, 0 to 255."""
    _scores: Tensor = field(repr=False)
    _are_probabilities: bool = field(repr=False)

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """Return the class probabilities [K, H, W] float32, computed when first asked for."""
        scores = self._scores if self._are_probabilities else self._scores.softmax(dim=0)
        return scores.cpu().numpy()


class Predictor:
    """A row's network with its weights, and the row's way of looking at images.

    ``model`` is the network as published, for whatever else it is wanted for; predictions come from
    a copy of it, made when the predictor is, with BatchNorm folded in.
    """

    def __init__(self, row: Row, model: nn.Module, device: torch.device) -> None:
        self.row = row
        self.model = model
        self._network = network_for_evaluation(model)
        self._device = device
        self._classes = class_table(row.reading.dataset)

    def predict(
        self,
        image: str | Path | NDArray[np.uint8],
        *,
        protocol: ProtocolName = "single",
        scale: tuple[int, int] | None = None,
    ) -> SegmentationResult:
        """Label every pixel of an image.

        Args:
            image: a file, or RGB [H, W, 3] uint8.
            protocol: "single" (whole image or sliding window, as the row documents) or "ms_flip".
            scale: box (width, height) of the keep-ratio resize; None: the documented one.

        Raises:
            DatasetError: the file cannot be decoded.
            UsageError: the array has another shape or type, or the protocol is unknown.
        """
        pixels = _read(Path(image)) if isinstance(image, str | Path) else image
        _check_array(pixels)
        chosen = self._protocol(protocol, scale)
        with canonical_precision():
            scores = class_scores(
                self._network,
                resized_images(pixels, chosen),
                chosen,
                size=(pixels.shape[0], pixels.shape[1]),
                device=self._device,
            )
        return SegmentationResult(
            labels=scores.argmax(dim=0).to(torch.uint8).cpu().numpy(),
            class_names=self._classes.names,
            palette=self._classes.palette,
            _scores=scores,
            _are_probabilities=chosen.averages_probabilities,
        )

    def _protocol(self, name: str, scale: tuple[int, int] | None) -> SegmentationProtocol:
        if name not in ("single", "ms_flip"):
            msg = f'"{name}" is no protocol; use "single" or "ms_flip".'
            raise UsageError(msg)
        single = single_protocol(self.row)
        if scale is not None:
            if min(scale) < 1:
                msg = f"scale must be a (width, height) of at least one pixel, not {scale}."
                raise UsageError(msg)
            single = replace(single, scale=scale)
        return single if name == "single" else single.ms_flip()


def load_predictor(
    row: Row,
    manifest_dir: Path,
    *,
    checkpoint: Path | None,
    device: str,
    fetch: FetchOptions | None = None,
    progress: Progress | None = None,
) -> Predictor:
    """Return a predictor with the row's published weights, or those of a given file.

    Args:
        row: a row of the manifest.
        manifest_dir: the manifest's folder, where relative links start.
        checkpoint: a file; None means the published one.
        device: "auto", "cpu", "cuda" or "cuda:N".
        fetch: None means the usual cache and the linked servers.
        progress: told about a download; None means nobody is.

    Raises:
        CheckpointError: the file cannot be had, is not what it should be, or does not fit.
        PrerequisiteError: the device does not exist, or this version cannot build the row.
    """
    chosen = resolve_device(device)
    single_protocol(row)
    if checkpoint is None:
        fetch = fetch or FetchOptions(cache_dir=cache_dir())
        file = fetch_row(row, manifest_dir, fetch, progress or Silent())
    else:
        file = check_own_file(checkpoint)
    return Predictor(row, load_model(row, file.path, chosen).model, chosen)


def _read(path: Path) -> NDArray[np.uint8]:
    return decode_image(read_bytes(path), path)


def _check_array(image: object) -> None:
    if not isinstance(image, np.ndarray):
        msg = (
            f"An image is a path or an RGB array [H, W, 3] of uint8, not a {type(image).__name__}."
        )
        raise UsageError(msg)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        msg = f"An image is an RGB array [H, W, 3] of uint8, not {list(image.shape)} {image.dtype}."
        raise UsageError(msg)
