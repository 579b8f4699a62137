"""Detections as COCO results: the file that COCO's tools and its evaluation server take.

One file serves for boxes and masks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hrnet_zoo.datasets.coco_masks import Size, as_rle, mask_faults
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.images import LARGEST_JSON, read_bytes
from hrnet_zoo.errors import DatasetError, ResultsError
from hrnet_zoo.system.whole_file import write_whole

Result = dict[str, Any]
"""image_id, bbox [x, y, width, height], score, category_id and, with masks, segmentation."""

_SHOWN = 4
_FARTHEST = 1e9
"""Pixels; areas of such boxes and their sums are finite."""
_WRITE_AGAIN = "Write them again with the tool they came from."
_BOXES_ALONE = f"{_WRITE_AGAIN} Boxes alone are scored with --kind bbox."
_OF_THIS_SET = "Are they results on this data set's images?"


def result_entries(
    image_id: int, detections: ImageDetections, category_ids: Sequence[int]
) -> list[Result]:
    """Return one image's detections as results: by class, and by score within a class.

    Args:
        image_id: the image's id in the annotation file.
        detections: what was found in it.
        category_ids: the id of every class, by label.

    Source:
        mmdetection 2.3.0, mmdet/datasets/coco.py, xyxy2xywh, _det2json and _segm2json: widths are
        differences of the float32 corners, taken in double precision; nothing is rounded.
    """
    order = np.lexsort((-detections.scores, detections.labels))
    entries: list[Result] = []
    for i in order.tolist():
        x1, y1, x2, y2 = detections.boxes[i].tolist()
        entry: Result = {
            "image_id": image_id,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": detections.scores[i].item(),
            "category_id": category_ids[detections.labels[i]],
        }
        if detections.masks is not None:
            mask = detections.masks[i]
            entry["segmentation"] = {"size": list(mask["size"]), "counts": mask["counts"]}
        entries.append(entry)
    return entries


def write_results(path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write a results file, replacing an earlier one in one step.

    Raises:
        ResultsError: the file cannot be written.
    """
    try:
        text = json.dumps(list(entries), allow_nan=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except ValueError:
        msg = f"The results {path} cannot be written: a box or score is not a finite number."
        raise ResultsError(msg) from None
    except OSError as error:
        msg = f"The results {path} cannot be written: {error.strerror or error}."
        raise ResultsError(msg) from None


def read_results(
    path: Path, ground_truth: Mapping[str, Any], *, with_masks: bool = True
) -> list[Result]:
    """Return the results in a file that any tool wrote, once they are known to fit a data set.

    What pycocotools scores is taken, and returned in one form: an id 42.0 is 42, and a mask that is
    polygons or a list of runs is COCO's text. Entries may lack "bbox" if they have masks; all are
    alike in that.

    Args:
        path: the file.
        ground_truth: the annotation file as parsed.
        with_masks: whether to read masks, where there are any.

    Raises:
        ResultsError: the file is not a list of results, or not of this data set.
    """
    entries = _read_list(path)
    sizes = {image["id"]: (image["height"], image["width"]) for image in ground_truth["images"]}
    known = {category["id"] for category in ground_truth["categories"]}
    _refuse(path, entries, "that are not objects", lambda e: not isinstance(e, dict))
    for key in ("image_id", "category_id", "score"):
        _refuse(path, entries, f'without "{key}"', _lacks(key))
    _refuse(path, entries, 'with neither "bbox" nor "segmentation"', _lacks("bbox", "segmentation"))
    _refuse(path, entries, "of unknown images", _has_other("image_id", sizes), _OF_THIS_SET)
    _refuse(path, entries, "of unknown categories", _has_other("category_id", known), _OF_THIS_SET)
    _refuse(path, entries, "whose score is not a number", lambda e: not _is_number(e["score"]))
    # COCO's tools look at the first entry to tell what the others are.
    wanted = ("bbox", "segmentation") if with_masks else ("bbox",)
    shapes = [key for key in wanted if not all(map(_lacks(key), entries))]
    for key in shapes:
        advice = _BOXES_ALONE if key == "segmentation" else _WRITE_AGAIN
        _refuse(path, entries, f'without the "{key}" that others have', _lacks(key), advice)
    if "bbox" in shapes:
        what = "whose bbox is not x, y, width and height, or a negative one, or beyond 1e9 pixels"
        _refuse(path, entries, what, lambda e: not _is_result_box(e["bbox"]))
    if "segmentation" in shapes:
        _refuse_masks(path, entries, sizes)
    return [_result(entry, shapes, sizes) for entry in entries]


def _result(entry: Mapping[str, Any], shapes: Sequence[str], sizes: Mapping[int, Size]) -> Result:
    """Return what is used of an entry; some tools take others for poses or captions."""
    result: Result = {"image_id": int(entry["image_id"]), "category_id": int(entry["category_id"])}
    if "bbox" in shapes:
        result["bbox"] = [float(number) for number in entry["bbox"]]
    if "segmentation" in shapes:
        result["segmentation"] = as_rle(entry["segmentation"], sizes[result["image_id"]])
    return result | {"score": float(entry["score"])}


def has_masks(entries: Sequence[Mapping[str, Any]]) -> bool:
    """Whether results can be scored as masks; all entries are alike once they were read."""
    return bool(entries) and "segmentation" in entries[0]


def _read_list(path: Path) -> list[Any]:
    try:
        content = json.loads(read_bytes(path, LARGEST_JSON))
    except DatasetError as error:
        raise ResultsError(str(error)) from None
    except (ValueError, RecursionError) as error:
        msg = f"{path} is not intact JSON ({error}). Write it again with the tool it came from."
        raise ResultsError(msg) from None
    if not isinstance(content, list):
        msg = (
            f"{path} is not a results file: it must hold a list of objects with image_id, bbox, "
            "score and category_id, as COCO's evaluation takes them."
        )
        raise ResultsError(msg)
    return content


def _refuse(
    path: Path,
    entries: Sequence[Any],
    what: str,
    is_bad: Callable[[Any], bool],
    advice: str = _WRITE_AGAIN,
) -> None:
    bad = [i for i, entry in enumerate(entries) if is_bad(entry)]
    if bad:
        shown = "; ".join(_shown(i, entries[i]) for i in bad[:_SHOWN])
        msg = f"{path} has {len(bad)} of {len(entries)} entries {what}, e.g. {shown}. {advice}"
        raise ResultsError(msg)


def _refuse_masks(path: Path, entries: Sequence[Result], sizes: Mapping[int, Size]) -> None:
    masks = [entry["segmentation"] for entry in entries]
    faults = mask_faults(masks, [sizes[entry["image_id"]] for entry in entries])
    if faults:
        bad = sorted(faults)[:_SHOWN]
        shown = "; ".join(f"{_shown(i, entries[i])}: {faults[i]}" for i in bad)
        msg = (
            f"{path} has {len(faults)} of {len(entries)} entries whose mask cannot be scored, e.g. "
            f"{shown}. {_BOXES_ALONE}"
        )
        raise ResultsError(msg)


def _shown(position: int, entry: object) -> str:
    """Return an entry in short; long masks are of no help."""
    if isinstance(entry, dict):
        entry = {key: value for key, value in entry.items() if key != "segmentation"}
    return f"no. {position + 1} {entry!r:.120}"


def _lacks(*keys: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return the test whether an entry has none of some fields; empty lists stand for nothing."""
    return lambda entry: all(entry.get(key, []) == [] for key in keys)


def _has_other(key: str, known: Collection[int]) -> Callable[[Mapping[str, Any]], bool]:
    """Return the test whether the id of an entry is not known; 42.0 is 42."""
    return lambda entry: type(entry[key]) not in (int, float) or entry[key] not in known


def _is_number(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether a JSON value is a number that floats can hold; Python reads NaN and 1e999 too."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _is_result_box(box: Any) -> bool:  # noqa: ANN401 - any JSON
    is_box = isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))
    return is_box and min(box[2:]) >= 0 and max(map(abs, box)) <= _FARTHEST
