"""Data sets whose labels are images: which files they have, and what is said about these."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hrnet_zoo.datasets.data_set import DataSet

if TYPE_CHECKING:
    from hrnet_zoo.datasets.check_report import CheckReport, Note

IGNORED = 255
"""Label of pixels that do not count."""


@dataclass(frozen=True, kw_only=True)
class LabelFiles:
    """One kind of label file a data set may have."""

    suffix: str
    """What follows the image's stem in the name of its label file."""
    remap: Mapping[int, int] | None = None
    """Stored value -> label; a value without an entry is an error. None: stored as labels."""


@dataclass(frozen=True, kw_only=True)
class LabelLayout(DataSet, ABC):
    """Images and label images, as upstream lays them out."""

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

    def tree(self) -> list[str]:
        """Draw the folders; in ASCII, which every terminal and log file can show."""
        folders = [
            (self.image_dir, f"<name>{self.image_suffix}"),
            (self.label_dir, " or ".join(f"<name>{kind.suffix}" for kind in self.labels)),
        ]
        if self.split_file:
            folder, _, file = self.split_file.rpartition("/")
            folders.append((folder, f"{file}, one <name> per line"))
        lines = [f"{self.root}/"]
        for number, (folder, file) in enumerate(folders, 1):
            branch, beside = ("`", " ") if number == len(folders) else ("|", "|")
            lines += [f"{branch}-- {folder}/", f"{beside}   `-- {file}"]
        also = "" if self.split_file else ", subfolders included"
        return [*lines, f"<name> is the same for an image and its label{also}"]

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

    def notes_on(self, labels: frozenset[int]) -> list[Note]:
        """Tell labels that have boundaries from those that leave them out; both are intact."""
        from hrnet_zoo.datasets.check_report import ProblemKind  # noqa: PLC0415

        if not self.boundaries_ignored or IGNORED in labels:
            return []
        text = (
            f"no file in {self.label_dir} has an ignored pixel, but {self.title} leaves out the "
            "boundaries of objects; take the labels from the archive that hrnet-zoo data show "
            "names"
        )
        return [(ProblemKind.BOUNDARIES, text)]

    def counted(self, report: CheckReport) -> list[tuple[str, str]]:
        """Return how many labels and pairs there are, and which kinds of several are used."""
        which = ""
        if len(self.labels) > 1 and report.label_files:
            kinds = [f"*{suffix} ({count})" for suffix, count in sorted(report.label_files.items())]
            which = f", {'mixed: ' if len(kinds) > 1 else ''}{' and '.join(kinds)}"
        return [("labels", f"{report.num_labels}{which}"), ("pairs", str(report.num_pairs))]
