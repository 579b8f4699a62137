"""What upstream's file names and the labels of its tables say about a model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.weights.file_name import link_file_name, promised_sha256
from hrnet_zoo.zoo.columns import normalised
from hrnet_zoo.zoo.row import Row

_CHECKPOINT = re.compile(
    r"(?P<stem>.+?)(?:__?(?:bbox|segm)_mAP-0\.\d{1,4}){0,2}(?:[_-](?P<date>\d{8})(?:_\d{6})?)?"
    r"(?:-[0-9a-zA-Z]*(?:_(?P<last>\d{8}))?)?\.pth",
    re.ASCII,
)
_ENDINGS = ("pth", "tar", "pkl", "pt", "pdparams", "safetensors", "ckpt")
_LOG = re.compile(r"(.+?)([_-])\d{8}(?:_\d{6})?\.log(?:\.json)?", re.ASCII)
_LABEL_WIDTH = re.compile(r"(?<![A-Za-z0-9])W(\d{1,4})((?:-C)?-Small)?(?![A-Za-z0-9])", re.ASCII)
_SETUP_WIDTH = re.compile(r"w(\d{1,4})(_small)?", re.ASCII)
_NAME_WIDTH = re.compile(r"(?<![a-z0-9])(?:hr|w)(\d{1,4})(s|_small)?(?![a-z0-9])", re.ASCII)
_ITERATIONS = re.compile(r"(?!(?:1|21|22)k)(\d+)k", re.ASCII)
"""Of ImageNet there are 1k, 21k or 22k classes."""
_EPOCHS = re.compile(r"\d+[xe]", re.ASCII)
# Without the b, what follows is a crop or schedule: elsewhere it may be a kernel.
_BATCH = re.compile(r"[_-](\d{1,2})x(b)?(\d{1,2})(?=[_-])(?(2)|(?=_\d))", re.ASCII)
RESNEXT = re.compile(r"x-?101[_-]64x4d", re.IGNORECASE)
_HRNET = re.compile(r"hr(net(v2p?)?)?[-_ ]?w?\d+(s|[-_ ]small)?", re.IGNORECASE)
_ORDINARY = re.compile(
    r"(hrnet(v2p)?|hr\d+s?|w\d+|x101|64x4d|fpn|gn|head|ms|mstrain|3rdparty|ssld|in1k|"
    r"\d+(x\d*|xb\d+|e|k)?)",
    re.ASCII,
)
"""Parts of a configuration's name that tell width, schedule, batch or crop: no other layers."""
_CROP = re.compile(r"\d{3,}x\d{3,}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Width:
    """How wide an HRNet is: the channels of its finest branch."""

    channels: int
    small: bool
    """Whether it is the variant with fewer blocks."""

    def as_label(self) -> str:
        """Return it as tables print it, e.g. "W18-Small"."""
        return f"W{self.channels}" + "-Small" * self.small

    def as_backbone(self) -> str:
        """Return it as the manifest's setups name it, e.g. "w18_small"."""
        return f"w{self.channels}" + "_small" * self.small


def width_in_label(label: str) -> tuple[Width, tuple[int, int]] | None:
    """Return the width that a table's label tells, and from where to where it does."""
    found = list(_LABEL_WIDTH.finditer(label))
    if len(found) != 1:
        return None
    return Width(channels=int(found[0][1]), small=bool(found[0][2])), found[0].span()


def width_of_setup(backbone: str) -> Width | None:
    """Return the width of a backbone as the manifest names it; None if it is not an HRNet."""
    match = _SETUP_WIDTH.fullmatch(backbone)
    return Width(channels=int(match[1]), small=bool(match[2])) if match else None


def width_in_name(stem: str) -> Width | None:
    """Return the width that a file's name tells, or None if it tells none, or two."""
    found = {Width(channels=int(w), small=bool(s)) for w, s in _NAME_WIDTH.findall(stem)}
    return found.pop() if len(found) == 1 else None


def labels_of(row: Row) -> tuple[str, ...]:
    """Return the labels that stand for a row's backbone; none if its table has no such column.

    The first is the quotation. Where its width is wrong, a README in which that was corrected is
    as good, and the second label is the corrected one.
    """
    quoted = row.text("backbone")
    if quoted is None:
        return ()
    said, width = width_in_label(quoted), width_of_setup(row.setup.backbone)
    if said is None or width is None or said[0] == width:
        return (quoted,)
    start, end = said[1]
    return quoted, f"{quoted[:start]}{width.as_label()}{quoted[end:]}"


def checkpoint_stem(file_name: str) -> str:
    """Return a checkpoint's name without date, hash and ending: the name of its configuration."""
    match = _CHECKPOINT.fullmatch(file_name)
    if match:
        return match["stem"]
    parts = file_name.split(".")
    while len(parts) > 1 and parts[-1] in _ENDINGS:
        parts.pop()
    return ".".join(parts)


def checkpoint_date(file_name: str) -> date | None:
    """Return the date in a checkpoint's name, if there is one."""
    match = _CHECKPOINT.fullmatch(file_name)
    digits = (match["date"] or match["last"]) if match else None
    try:
        return date.fromisoformat(digits) if digits else None
    except ValueError:
        return None


def published_name(url: str | None) -> str | None:
    """Return the configuration's name in a link to a file that has a date and a hash, too."""
    file_name = link_file_name(url or "")
    published = promised_sha256(file_name) is not None and checkpoint_date(file_name) is not None
    return checkpoint_stem(file_name) if published else None


def log_name(file_name: str) -> tuple[str, str] | None:
    """Return what a log's name has before its date, the last character apart: "_" or "-".

    None: it is not built like that.
    """
    match = _LOG.fullmatch(file_name)
    return (match[1], match[2]) if match else None


def schedule_in_name(stem: str) -> str | None:
    """Return the schedule that a file's name tells, as tables print it, or None."""
    parts = stem.split("_")
    found = [part for part in parts if _EPOCHS.fullmatch(part)]
    found += [f"{match[1]}000" for part in parts if (match := _ITERATIONS.fullmatch(part))]
    return found[0] if len(found) == 1 else None


def crop_in_name(stem: str) -> str | None:
    """Return the crop that a file's name tells, "height x width" as tables print it, or None."""
    found = [part for part in stem.split("_") if _CROP.fullmatch(part)]
    return found[0] if len(found) == 1 else None


def backbone_in_name(name: str) -> str | None:
    """Return the backbone that a configuration's name states: "w18", "w18_small" ...

    A width alone is no HRNet's: that of swinv2-tiny-w8 is a window's.
    """
    if RESNEXT.search(name):
        return "x101_64x4d"
    if re.search(r"(?<![a-z])hr(net|\d)", name) is None:
        return None
    width = width_in_name(name)
    return width.as_backbone() if width else None


def neck_in_name(name: str) -> str | None:
    """Return the neck that a name or label states: the "p" of HRNetV2p is for its pyramid."""
    if "hrnetv2p" in name.lower():
        return "hrfpn"
    return "fpn" if re.search(r"[_-]fpn(\b|_)", name.lower()) else None


def dataset_in_name(name: str) -> str | None:
    """Return the data set that a configuration's name ends with, or has before the crop.

    Farther ahead it is what the weights were trained on before, or what another set replaced.
    """
    ends = ((d, d.replace("_", "[_-]")) for d in DATASETS)
    return next((d for d, end in ends if re.search(rf"_{end}(-\d+x\d+)?$", name)), None)


def may_be_of_another_dataset(name: str) -> bool:
    """Whether a name has a data set where `dataset_in_name` sees none: "ade20k-full" is another."""
    plain = name.replace("-", "_")
    return dataset_in_name(name) is None and any(dataset in plain for dataset in DATASETS)


def batch_in_name(name: str) -> tuple[int, int] | None:
    """Return GPUs and samples per GPU, where a name states them: "_4x4_", "_4xb4-"."""
    match = _BATCH.search(name)
    return (int(match[1]), int(match[3])) if match else None


def method_in_name(task: str, name: str) -> str | None:
    """Return what READMEs call the method that a configuration's name begins with.

    None if a part of the name may mean another method that builds on it.
    """
    plain = name.replace("-", "_")
    stem = next((stem for stem in TASKS[task].methods if plain.startswith(f"{stem}_")), None)
    return TASKS[task].methods[stem] if stem and _says_nothing_else(name, stem) else None


def architecture_of(task: str, method: str, label: str, names: Iterable[str]) -> str | None:
    """Return the architecture of a method on a backbone, by the names that tables print.

    Args:
        task: what the models do.
        method: its printed name.
        label: the backbone's printed name.
        names: of the configuration, as files have it. Where a part of one may mean other layers,
            as "dconv" does, no architecture follows.
    """
    wanted = normalised(method)
    for stem, title in TASKS[task].methods.items():
        if wanted in (normalised(title), stem):
            if not all(_says_nothing_else(name, stem) for name in names):
                return None
            if RESNEXT.search(label):
                return "htc_x101" if stem == "htc" else None
            return f"{stem}_hrnet" if _HRNET.fullmatch(label) else None
    return None


def _says_nothing_else(name: str, stem: str) -> bool:
    known = {*stem.split("_"), *(part for d in DATASETS for part in d.split("_"))}
    parts = re.split("[_-]", name)
    return all(part in known or _ORDINARY.fullmatch(part) for part in parts)


def is_of_this_zoo(task: str, method: str | None, label: str) -> bool:
    """Whether a method on a backbone can be a network that hrnet-zoo has, by their printed names.

    Args:
        task: what the models do.
        method: None where the file has no word for it.
        label: the backbone's; empty where the file has none.
    """
    methods = TASKS[task].methods
    known = {normalised(text) for text in (*methods, *methods.values())}
    has_method = method is None or normalised(method) in known
    is_hrnet = re.match(r"hr(net|\d)", label, re.IGNORECASE) is not None
    return has_method and (not label or is_hrnet or RESNEXT.search(label) is not None)
