"""Data sets whose labels are images: which files they have, found and paired but not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hrnet_zoo.datasets.data_set import DataSet
from hrnet_zoo.datasets.problems import Note, ProblemKind, noting
from hrnet_zoo.errors import DatasetError

if TYPE_CHECKING:
    # Commands that only list rows import this module, and need no decoder.
    from hrnet_zoo.datasets.check_report import CheckReport
    from hrnet_zoo.datasets.inventory import Inventory
    from hrnet_zoo.datasets.label_samples import LabelSamples, Pair

IGNORED = 255
"""Label of pixels that do not count."""


@dataclass(frozen=True, kw_only=True)
class LabelFiles:
    """One kind of label file a data set may have."""

    suffix: str
    """What follows the image's stem in the name of its label file."""
    remap: Mapping[int, int] | None = None
    """Stored value -> label; a value without an entry is an error. None: stored as labels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelImages(DataSet):
    """A data set for segmentation: images and label images, as upstream lays them out."""

    label_dir: str
    """Folder of the label files, below `root`."""
    image_suffix: str
    """End of an image's file name; what precedes it is the stem it shares with its label."""
    labels: tuple[LabelFiles, ...]
    """Kinds of label file, the preferred one first."""
    split_file: str | None = None
    """List of stems, below `root`; None: every image in `image_dir` and its subfolders."""
    reduce_zero_label: bool = False
    """Stored 0 means ignored, and class c is stored as c + 1."""
    boundaries_ignored: bool = False
    """Pixels along the edges of objects are stored as ignored; labels with edges exist too."""

    has_label_files: ClassVar[bool] = True

    def open(self, folder: Path) -> LabelSamples:
        """Return the validation split, its images and labels paired."""
        from hrnet_zoo.datasets.label_samples import LabelSamples  # noqa: PLC0415

        found = self.inventory(folder)
        found.require_readable(self.title)
        return LabelSamples(root=found.root, images=found.items)

    def inventory(self, folder: Path) -> Inventory[Pair]:
        """Return what is there of the split and what is wrong with it; reads no image."""
        from hrnet_zoo.datasets.inventory import Inventory  # noqa: PLC0415
        from hrnet_zoo.datasets.label_samples import (  # noqa: PLC0415
            Pair,
            files_by_stem,
            listed_stems,
            look_at,
        )

        expected = (
            f"images named *{self.image_suffix} in {self.root}/{self.image_dir} and labels named "
            f"*{self.labels[-1].suffix} in {self.root}/{self.label_dir}"
        )
        root = self.find_root(folder, expected=expected)
        absent: list[Note] = []
        images: dict[str, Path] = {}
        labelled: dict[str, tuple[Path, LabelFiles]] = {}
        stems: list[str] = []
        with noting(ProblemKind.ABSENT, absent):
            images = files_by_stem(root / self.image_dir, self.image_suffix)
            if not images:
                pattern = root / self.image_dir / "**" / f"*{self.image_suffix}"
                msg = f"{self.title} in {root} is incomplete: no file {pattern} was found."
                raise DatasetError(msg)
        with noting(ProblemKind.ABSENT, absent):
            if not (root / self.label_dir).is_dir():
                msg = f"{self.title} lacks its labels: there is no folder {root / self.label_dir}."
                raise DatasetError(msg)
            for kind in reversed(self.labels):  # of two files for one image the last counts
                files = files_by_stem(root / self.label_dir, kind.suffix)
                labelled |= {stem: (path, kind) for stem, path in files.items()}
        with noting(ProblemKind.ABSENT, absent):
            stems = listed_stems(root / self.split_file) if self.split_file else sorted(images)
        tables = {kind.suffix: self.table(kind) for kind in self.labels}
        pairs = [
            Pair(name=stem, path=images[stem], label=label, table=tables[kind.suffix])
            for stem in (() if absent else stems)
            for label, kind in ([labelled[stem]] if stem in images and stem in labelled else ())
        ]
        return Inventory(
            root=root,
            items=pairs,
            look_at=look_at,
            num_images=len(images if absent else images.keys() & stems),
            num_labels=len(labelled.keys() & stems if self.split_file and not absent else labelled),
            label_files=dict(Counter(labelled[pair.name][1].suffix for pair in pairs)),
            notes=absent or self._notes(stems, images, labelled),
        )

    def table(self, kind: LabelFiles) -> bytes:
        """Return the label that each of the 256 values of a label file stands for."""
        from hrnet_zoo.datasets.label_samples import INVALID  # noqa: PLC0415

        num_classes = len(self.classes)
        labels = {value: value for value in (*range(num_classes), IGNORED)}
        if self.reduce_zero_label:
            labels = {0: IGNORED, IGNORED: IGNORED} | {c + 1: c for c in range(num_classes)}
        if kind.remap is not None:
            labels = {stored: labels[value] for stored, value in kind.remap.items()}
        return bytes(labels.get(value, INVALID) for value in range(256))

    def _notes(
        self, stems: list[str], images: Mapping[str, object], labelled: Mapping[str, object]
    ) -> list[Note]:
        notes: list[Note] = []
        if len(stems) != self.num_images:
            what = f"{self.split_file} lists" if self.split_file else f"{self.image_dir} holds"
            text = f"{what} {len(stems)} images; the complete split has {self.num_images}"
            notes.append((ProblemKind.COUNT, text))
        notes += [(ProblemKind.MISSING_IMAGE, stem) for stem in stems if stem not in images]
        unlabelled = [stem for stem in stems if stem in images and stem not in labelled]
        notes += [(ProblemKind.NO_LABEL, stem) for stem in unlabelled]
        # Where a list says what belongs to the split, there may be label files of other images.
        unlisted = [] if self.split_file else sorted(labelled.keys() - stems)
        return notes + [(ProblemKind.NO_IMAGE, stem) for stem in unlisted]

    def notes_on(self, labels: frozenset[int]) -> list[Note]:
        """Tell labels that have boundaries from those that leave them out; both are intact."""
        if not self.boundaries_ignored or IGNORED in labels:
            return []
        text = (
            f"no file in {self.label_dir} has an ignored pixel, but {self.title} leaves out the "
            "boundaries of objects; take the labels from the archive that hrnet-zoo data show "
            "names"
        )
        return [(ProblemKind.BOUNDARIES, text)]

    def tree(self) -> list[str]:
        """Draw the folders; in ASCII, which every terminal and log file can show."""
        folders = [
            (self.image_dir, f"<name>{self.image_suffix}"),
            (self.label_dir, " or ".join(f"<name>{kind.suffix}" for kind in self.labels)),
        ]
        if self.split_file:
            folder, _, file = self.split_file.rpartition("/")
            folders.append((folder, f"{file}, one <name> per line"))
        also = "" if self.split_file else ", subfolders included"
        return [*self.drawn(folders), f"<name> is the same for an image and its label{also}"]

    def stored(self) -> list[str]:
        """Return how labels are stored, one statement a line."""
        lines = ["PNG files with one 8-bit index per pixel, greyscale or palette"]
        last = len(self.classes) - 1
        if self.reduce_zero_label:
            lines.append(
                f"0 and {IGNORED} are ignored; class c is stored as c + 1, so 1 to {last + 1}"
            )
        for kind in self.labels if not self.reduce_zero_label else ():
            which = f"*{kind.suffix}: " if len(self.labels) > 1 else ""
            if kind.remap is None:
                lines.append(f"{which}0 to {last} are the classes, {IGNORED} is ignored")
            else:
                kept = sum(label != IGNORED for label in kind.remap.values())
                mapped = f"of which {kept} are mapped to classes and the others ignored"
                lines.append(f"{which}ids, {mapped}")
        if len(self.labels) > 1:
            lines.append("where an image has both, the first is used")
        if self.boundaries_ignored:
            lines.append("the boundaries of objects are ignored pixels")
        return lines

    def files(self) -> Mapping[str, object]:
        """Return where labels are and how they are stored, for programs."""
        return {
            "image_suffix": self.image_suffix,
            "label_dir": self.label_dir,
            "label_suffixes": [kind.suffix for kind in self.labels],
            "split_file": self.split_file,
            "reduce_zero_label": self.reduce_zero_label,
            "ignore_index": IGNORED,
        }

    def counted(self, report: CheckReport) -> list[tuple[str, str]]:
        """Return how many labels and pairs there are, and which kinds of several are used."""
        which = ""
        if len(self.labels) > 1 and report.label_files:
            kinds = [f"*{suffix} ({count})" for suffix, count in sorted(report.label_files.items())]
            which = f", {'mixed: ' if len(kinds) > 1 else ''}{' and '.join(kinds)}"
        return [("labels", f"{report.num_labels}{which}"), ("pairs", str(report.num_pairs))]
