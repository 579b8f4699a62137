"""Where the data sets come from, under what terms, and what preparing them does: text only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Download:
    """The official download of one data set, for people."""

    archives: tuple[str, ...]
    """Files to download."""
    obtained_from: str
    terms: str
    preparation: str
    """What `data prepare` does, or what to do without it."""


_CONTEXT = Download(
    archives=("VOCtrainval_03-May-2010.tar", "trainval_merged.json"),
    obtained_from=(
        "images: the PASCAL VOC project, host.robots.ox.ac.uk; annotations: PASCAL in Detail, "
        "as its API names them. No registration."
    ),
    terms="Images are from Flickr and under its terms of use; for research.",
    preparation=(
        "Unpack the tar, which makes VOCdevkit/VOC2010. --source is the folder of "
        "trainval_merged.json, from which label images (0 to 59) and the lists are made. Reading "
        "it takes some gigabytes of memory."
    ),
)

DOWNLOADS: dict[str, Download] = {
    "cityscapes": Download(
        archives=("leftImg8bit_trainvaltest.zip", "gtFine_trainvaltest.zip"),
        obtained_from="cityscapes-dataset.com, after registration",
        terms="Cityscapes licence: non-commercial use such as research; no redistribution.",
        preparation=(
            "Optional: labelIds are read as they are. --source is the folder of "
            "gtFine_trainvaltest.zip or of the unpacked gtFine; labelTrainIds are written. The "
            "images are to be unpacked by hand."
        ),
    ),
    "ade20k": Download(
        archives=("ADEChallengeData2016.zip",),
        obtained_from="MIT Scene Parsing Benchmark, sceneparsing.csail.mit.edu. No registration.",
        terms="Images for non-commercial research and education; annotations under BSD 3-Clause.",
        preparation="None: unpack the zip into ade/.",
    ),
    "voc12aug": Download(
        archives=("VOCtrainval_11-May-2012.tar", "benchmark.tgz (only for training)"),
        obtained_from=(
            "the PASCAL VOC project, host.robots.ox.ac.uk; the second from the Semantic "
            "Boundaries Dataset (SBD), UC Berkeley. No registration."
        ),
        terms="Images are from Flickr and under its terms of use; for research.",
        preparation=(
            "None for validation: unpack the tar, which makes VOCdevkit/VOC2012. For the Aug "
            "training split, --source is the unpacked benchmark.tgz; its .mat files become PNG in "
            'SegmentationClassAug. That takes pip install "hrnet-zoo[voc]".'
        ),
    ),
    "pascal_context": _CONTEXT,
    "pascal_context_59": _CONTEXT,
    "loveda": Download(
        archives=("Val.zip", "Train.zip (only for training)"),
        obtained_from="Zenodo, by the RSIDEA group of Wuhan University. No registration.",
        terms="CC BY-NC-SA 4.0, and Google Earth's terms: academic use only.",
        preparation="--source is the folder of the zips; Rural and Urban are merged.",
    ),
    "potsdam": Download(
        archives=("2_Ortho_RGB.zip", "5_Labels_all_noBoundary.zip"),
        obtained_from=(
            "ISPRS, 2D Semantic Labeling Contest - Potsdam, isprs.org, after a request form. Both "
            "zips are inside Potsdam.zip, which is to be unpacked."
        ),
        terms="Research use; ISPRS asks to be named.",
        preparation=(
            "--source is the folder of the two zips; 6000 x 6000 tiles become clips of 512 x 512, "
            "colours become labels."
        ),
    ),
    "vaihingen": Download(
        archives=(
            "ISPRS_semantic_labeling_Vaihingen.zip",
            "ISPRS_semantic_labeling_Vaihingen_ground_truth_eroded_COMPLETE.zip",
        ),
        obtained_from=(
            "ISPRS, 2D Semantic Labeling Contest - Vaihingen, isprs.org, after a request form. "
            "Both zips are inside Vaihingen.zip, which is to be unpacked."
        ),
        terms="Research use; ISPRS and the German Society for Photogrammetry ask to be named.",
        preparation=(
            "--source is the folder of the two zips; tiles become clips of 512 x 512, colours "
            "become labels."
        ),
    ),
    "isaid": Download(
        archives=(
            "val/images/*.zip (DOTA-v1.0 images)",
            "val/Semantic_masks/images.zip (iSAID)",
            "train/... likewise (only for training)",
        ),
        obtained_from=(
            "images: DOTA-v1.0, captain-whu.github.io/DOTA; masks: iSAID, "
            "captain-whu.github.io/iSAID. No registration."
        ),
        terms="Academic use only; Google Earth's terms hold for its images.",
        preparation=(
            "--source is a folder with the zips in the folders named above; images become "
            "patches of 896 x 896 that overlap by 384, colours become labels."
        ),
    ),
    "coco": Download(
        archives=("val2017.zip", "annotations_trainval2017.zip"),
        obtained_from="COCO, cocodataset.org. No registration.",
        terms="Annotations under CC BY 4.0; images are from Flickr and under its terms of use.",
        preparation=(
            "Optional: both zips can be unpacked into coco/ by hand. --source is the folder of the "
            "zips; the images and instances_val2017.json are checked and put in place."
        ),
    ),
}
"""Data set name -> its download."""
