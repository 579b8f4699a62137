"""hrnet-zoo time, on the demo's networks: what is timed, what agrees, what is said of the rest."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.trees import RunCli
from torch import nn

import hrnet_zoo.demo
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.models.folding import folded
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import read_records
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.host_memory import keep_freed_memory
from hrnet_zoo.timing.medians import median, median_interval, ratio_interval
from hrnet_zoo.timing.observations import Agreement, Calibration, TrainedFigure
from hrnet_zoo.zoo.manifest import load_zoo

SEGMENTOR, DETECTOR, _ = (row.name for row in load_zoo(hrnet_zoo.demo.MANIFEST).rows)
DEMO = (
    "--zoo",
    hrnet_zoo.demo.MANIFEST,
    "--device",
    "cpu",
    "--output",
    "records",
    "--processes",
    1,
)
SMALL = ("--scale", "96x64")
IMAGES = sorted((hrnet_zoo.demo.DATA_ROOT / "scenes" / "leftImg8bit").rglob("*.png"))
VARIANT_FIELDS = {
    "name", "engine", "precision", "batch", "description", "outcome", "reason", "samples",
    "processes", "median_ms", "interval_ms", "p90_ms", "p99_ms", "images_per_s", "speed_up",
    "speed_up_interval", "agreement", "largest_logit_difference", "limit", "gpu_busy", "gflops",
    "gflops_share", "bytes_moved", "gbs", "gbs_share",
}  # fmt: skip


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what lower precision does to trained networks, which takes longer than the rest."""

    def none(*_arguments: object) -> list[TrainedFigure]:
        return []

    monkeypatch.setattr("hrnet_zoo.demo.trained.TrainedNetworks.figures", none)


def by_name(text: str) -> dict[str, dict[str, Any]]:
    (row,) = json.loads(text)
    return {variant["name"]: variant for variant in row["variants"]}


@pytest.mark.usefixtures("fewer_images")
def test_a_segmentor_is_timed_and_agrees(run_cli: RunCli) -> None:
    finished = run_cli(
        "time", SEGMENTOR, *DEMO, "--weights", "published", "--image", IMAGES[0], "--image",
        IMAGES[1], "--precision", "fp32", "--precision", "bf16", "--limit-seconds", 2, "--threads",
        1, "--format", "json",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    variants = by_name(finished.out)
    assert list(variants) == ["documented", "fast", "fast-bf16"]
    (row,) = json.loads(finished.out)
    assert row["documented_fps"] is None
    assert row["weights"] == "published"
    assert row["network_input"] == [180, 270]
    assert row["num_threads"] == 1
    assert row["multiply_adds"] > 1e8
    for variant in variants.values():
        assert set(variant) == VARIANT_FIELDS
        assert variant["outcome"] == "timed"
        if variant["samples"] >= 6:
            low, high = variant["interval_ms"]
            assert low <= variant["median_ms"] <= high
        assert variant["images_per_s"] == pytest.approx(1000 / variant["median_ms"], rel=1e-3)
    assert variants["documented"]["agreement"] is None
    assert variants["fast"]["agreement"] >= 0.9999
    assert 0 < variants["fast"]["largest_logit_difference"] < 1e-3
    (trained,) = row["trained"]
    assert (trained["precision"], trained["network"]) == ("bf16", SEGMENTOR)
    # The accuracy on these four; tests of the demo hold that of all of its images.
    assert trained["images"] == 4
    assert trained["fp32"] == pytest.approx(77.616, abs=2e-3)
    assert trained["difference"] == trained["lower"] - trained["fp32"] != 0
    # Trained weights; half precision changes few labels, but it does change some.
    assert 0.98 < variants["fast-bf16"]["agreement"] < 1


@pytest.mark.usefixtures("no_figures")
def test_the_rates_are_held_against_the_ceilings_of_this_machine(run_cli: RunCli) -> None:
    finished = run_cli(
        "time", SEGMENTOR, DETECTOR, *DEMO, "--precision", "fp32", "--precision", "bf16",
        "--limit-seconds", 0.5, "--format", "json",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    for row in json.loads(finished.out):
        variants = {variant["name"]: variant for variant in row["variants"]}
        documented, fast, half = (variants[n] for n in ("documented", "fast", "fast-bf16"))
        assert set(row["other_gflops"]) == {"bf16"}
        ceilings = {"fp32": row["peak_gflops"], **row["other_gflops"]}
        # Folded BatchNorms move nothing, and numbers of half the size less.
        assert 0 < half["bytes_moved"] < fast["bytes_moved"] < documented["bytes_moved"]
        for variant in variants.values():
            gbs = variant["bytes_moved"] / variant["median_ms"] / 1e6
            assert variant["gbs"] == pytest.approx(gbs, rel=1e-3)
            assert variant["gbs_share"] == pytest.approx(gbs / row["copy_gbs"], rel=1e-3)
            share = variant["gflops"] / ceilings[variant["precision"]]
            assert variant["gflops_share"] == pytest.approx(share, rel=1e-3)
            assert variant["gpu_busy"] is None


def test_latencies_are_kept_where_the_ceilings_cannot_be_measured(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(_device: torch.device) -> float:
        msg = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        raise RuntimeError(msg)

    def no_profiler(*_arguments: object) -> float:
        msg = "CUPTI_ERROR_INSUFFICIENT_PRIVILEGES"
        raise RuntimeError(msg)

    monkeypatch.setattr("hrnet_zoo.timing.bottlenecks.copy_gbs", no_memory)
    monkeypatch.setattr("hrnet_zoo.timing.bottlenecks.gpu_busy_seconds", no_profiler)
    finished = run_cli("time", SEGMENTOR, *DEMO, "--limit-seconds", 0.5, "--format", "json")
    assert finished.code == 0, finished.err
    (row,) = json.loads(finished.out)
    assert row["multiply_adds"] is row["copy_gbs"] is None
    for variant in row["variants"]:
        assert variant["median_ms"] > 0
        assert variant["bytes_moved"] > 0
        assert variant["gpu_busy"] is variant["limit"] is None
    assert "what the machine can do at most was not measured: no memory is left" in finished.err
    assert "fast: what limits it is not fully known: CUPTI_ERROR_INSUFF" in finished.err


def test_latencies_are_kept_whatever_fails_after_them(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_arguments: object) -> float:
        msg = "CUDA error: CUBLAS_STATUS_NOT_SUPPORTED\nwhen calling `cublasGemmEx`"
        raise RuntimeError(msg)

    monkeypatch.setattr("hrnet_zoo.timing.bottlenecks.peak_gflops", unsupported)
    monkeypatch.setattr("hrnet_zoo.demo.trained.TrainedNetworks.figures", unsupported)
    finished = run_cli(
        "time", SEGMENTOR, *DEMO, "--precision", "bf16", "--limit-seconds", 0.5, "--format", "json"
    )
    assert finished.code == 0, finished.err
    reason = "CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasGemmEx`"
    assert f"what the machine can do at most was not measured: {reason}" in finished.err
    assert f"what bf16 does to a trained network is not known: {reason}" in finished.err
    (record,) = read_records(Path("records"), TimingRecord)
    assert record.work is None
    assert record.trained == []
    assert all(variant.seconds for variant in record.variants)


def test_the_record_holds_every_sample(run_cli: RunCli) -> None:
    finished = run_cli("time", SEGMENTOR, *DEMO, "--limit-seconds", 1, "--format", "json")
    assert finished.code == 0, finished.err
    variants = by_name(finished.out)
    (record,) = read_records(Path("records"), TimingRecord)
    assert record.row == SEGMENTOR
    assert record.weights == "filled"
    assert record.checkpoint is None
    assert record.environment.packages["torch"]
    assert record.machine.num_processors >= 1
    assert record.keeps_freed_memory == keep_freed_memory()
    assert record.input.is_documented_scale
    documented, fast = record.variants
    assert len(documented.seconds) == len(fast.seconds) == variants["fast"]["samples"] > 0
    assert len(documented.warm_up_s) > 0
    for timed in record.variants:
        interval = median_interval(timed.seconds)
        shown = variants[timed.name]
        assert shown["median_ms"] == pytest.approx(1000 * median(timed.seconds), abs=1e-3)
        if interval is not None:
            assert shown["interval_ms"][0] == pytest.approx(1000 * interval.low, abs=1e-3)
    ratio = ratio_interval(documented.seconds, fast.seconds)
    assert variants["fast"]["speed_up"] == (ratio.median if ratio else None)
    # Records of accuracy are read from the same folder.
    assert list(read_records(Path("records"), AccuracyRecord)) == []


def test_a_machine_that_cannot_be_described_costs_no_samples(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undescribable(_variables: object) -> object:
        msg = "the driver is too old"
        raise PrerequisiteError(msg)

    def never(*_arguments: object, **_more: object) -> object:
        pytest.fail("samples were taken first")

    monkeypatch.setattr("hrnet_zoo.runs.time.describe_environment", undescribable)
    monkeypatch.setattr("hrnet_zoo.runs.time.sample", never)
    finished = run_cli("time", SEGMENTOR, *DEMO, "--limit-seconds", 0.5)
    assert finished.code == 3
    assert "the driver is too old" in finished.err


def test_a_detector_is_timed_under_both_protocols(run_cli: RunCli) -> None:
    finished = run_cli(
        "time", DETECTOR, *DEMO, "--weights", "published", "--image", IMAGES[2], "--limit-seconds",
        2, "--format", "json",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    variants = by_name(finished.out)
    assert list(variants) == ["documented", "documented-loading", "fast"]
    assert variants["fast"]["agreement"] >= 0.99
    assert "decode" in variants["documented-loading"]["description"]


def test_filled_weights_are_said_aloud(run_cli: RunCli) -> None:
    finished = run_cli("time", SEGMENTOR, DETECTOR, *DEMO, "--limit-seconds", 0.5)
    assert finished.code == 0, finished.err
    assert finished.out.count("filled weights exaggerate disagreement") == 2
    for name in (SEGMENTOR, DETECTOR):
        assert f"{name} on cpu" in finished.out
    assert "documented-loading" in finished.out
    assert "stopped by --limit-seconds after" in finished.out


@pytest.fixture
def wrong_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let fast segmentors give a few labels that are not the documented way's."""

    def doctored(model: nn.Module) -> nn.Module:
        model = folded(model)
        assert isinstance(model, FCN)
        bias = model.decode_head.conv_seg.bias
        assert bias is not None
        bias.data = bias.data + torch.linspace(0, 0.05, len(bias))
        return model

    monkeypatch.setattr("hrnet_zoo.tasks.segmentation.timed.folded", doctored)


@pytest.mark.usefixtures("no_figures", "wrong_labels")
def test_a_variant_with_other_labels_is_refused(run_cli: RunCli) -> None:
    finished = run_cli(
        "time", SEGMENTOR, *DEMO, "--weights", "published", "--image", IMAGES[0],
        "--precision", "fp32", "--precision", "bf16", "--limit-seconds", 1, "--format", "json",
    )  # fmt: skip
    assert finished.code == 3
    fast, half = (by_name(finished.out)[name] for name in ("fast", "fast-bf16"))
    assert fast["outcome"] == "refused"
    assert fast["samples"] == 0
    assert fast["median_ms"] is None
    assert fast["agreement"] < 0.9999
    assert "99.99%" in fast["reason"]
    # Lower precision is labelled, not refused.
    assert half["outcome"] == "timed"


@pytest.mark.usefixtures("no_figures", "wrong_labels")
def test_kernels_that_differ_by_themselves_allow_variants_to_differ(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hrnet_zoo.runs.time.has_noise", lambda _device: True)
    arguments = (
        "time", SEGMENTOR, *DEMO, "--weights", "published", "--image", IMAGES[0],
        "--limit-seconds", 0.5,
    )  # fmt: skip
    # This machine's kernels differ by little, so the bar stays what it is.
    finished = run_cli(*arguments)
    assert finished.code == 3
    assert "fast: refused: " in finished.out
    assert "and FP32 needs 99.9900% where that agrees with itself in " in finished.out
    noisy = Agreement(share=0.9, num_compared=10)
    monkeypatch.setattr("hrnet_zoo.tasks.segmentation.timed.TimedSegmentor.noise", lambda _: noisy)
    finished = run_cli(*arguments)
    assert finished.code == 0
    said = "layout: 90.0000% of the labels are the same, so variants in FP32 had to agree in 95.0"
    assert said in finished.out
    first, second = read_records(Path("records"), TimingRecord)
    assert first.calibration is not None
    assert first.calibration.agreement.share > 0.9999
    assert second.calibration == Calibration(agreement=noisy, least=0.95)
    assert second.variants[1].outcome == "timed"


def test_a_missing_compiler_takes_out_that_variant_only(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_compiler(*_args: object, **_kwargs: object) -> object:
        def fails(*_inputs: object) -> object:
            msg = "InvalidCxxCompiler: No working\n  C++ compiler.\n\nSet TORCHDYNAMO_VERBOSE=1 for"
            raise RuntimeError(msg)

        return fails

    monkeypatch.setattr(torch, "compile", no_compiler)
    finished = run_cli(
        "time", SEGMENTOR, *DEMO, "--engine", "compile", "--engine", "torch", "--limit-seconds", 1,
    )  # fmt: skip
    assert finished.code == 3
    assert "compile: unavailable: InvalidCxxCompiler: No working C++ compiler.\n" in finished.out
    assert "\n  fast " in finished.out


def test_exported_engines_give_the_same_labels(run_cli: RunCli) -> None:
    finished = run_cli(
        "time", SEGMENTOR, *DEMO, "--weights", "published", "--image", IMAGES[0], "--image",
        IMAGES[1], "--engine", "openvino", "--engine", "onnxruntime", "--limit-seconds", 2,
        "--threads", 1, "--format", "json",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    variants = by_name(finished.out)
    assert list(variants) == ["documented", "openvino", "onnxruntime"]
    for name, title in (("openvino", "OpenVINO"), ("onnxruntime", "ONNX Runtime")):
        assert variants[name]["engine"] == name
        assert variants[name]["samples"] == variants["documented"]["samples"] > 0
        assert variants[name]["agreement"] >= 0.9999
        assert 0 < variants[name]["largest_logit_difference"] < 1e-3
        assert f"network in {title}" in variants[name]["description"]
        assert variants[name]["bytes_moved"] is variants[name]["limit"] is None
    (record,) = read_records(Path("records"), TimingRecord)
    assert record.environment.packages["openvino"]


@pytest.mark.parametrize(
    ("engine", "module"), [("openvino", "openvino"), ("onnxruntime", "onnxscript")]
)
def test_an_engine_that_is_not_installed_takes_out_that_variant_only(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, engine: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    finished = run_cli(
        "time", SEGMENTOR, *DEMO, "--engine", engine, "--engine", "torch", "--limit-seconds", 1
    )
    assert finished.code == 3
    assert f"{engine}: unavailable: " in finished.out
    assert f'pip install "hrnet-zoo[{engine}]"' in finished.out
    assert "\n  fast " in finished.out


def test_an_engine_that_cannot_export_a_network_says_why(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object, **_kwargs: object) -> object:
        msg = "Could not guard on\n data-dependent expression"
        raise RuntimeError(msg)

    monkeypatch.setattr(torch.export, "export", fails)
    finished = run_cli("time", SEGMENTOR, *DEMO, "--engine", "onnxruntime", "--limit-seconds", 0.5)
    assert finished.code == 3
    assert (
        "onnxruntime: unavailable: Could not guard on data-dependent expression\n" in finished.out
    )
    assert "\n  documented " in finished.out


def test_a_batch_is_timed_as_a_whole_and_counted_per_image(run_cli: RunCli) -> None:
    finished = run_cli(
        "time", SEGMENTOR, *DEMO, "--weights", "published", "--image", IMAGES[0], "--image",
        IMAGES[1], "--engine", "torch", "--engine", "onnxruntime", "--batch", 3,
        "--limit-seconds", 2, "--threads", 1, "--format", "json",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    variants = by_name(finished.out)
    (record,) = read_records(Path("records"), TimingRecord)
    documented, *others = record.variants
    assert documented.batch == variants["documented"]["batch"] == 1
    for timed in others:
        shown = variants[timed.name]
        assert timed.batch == shown["batch"] == 3
        assert shown["agreement"] >= 0.9999
        assert shown["median_ms"] == pytest.approx(1000 * median(timed.seconds), abs=1e-3)
        assert shown["images_per_s"] == pytest.approx(3000 / shown["median_ms"], rel=1e-3)
        per_image = [seconds / 3 for seconds in timed.seconds]
        ratio = ratio_interval(documented.seconds, per_image)
        assert shown["speed_up"] == (ratio.median if ratio else None)
        macs = json.loads(finished.out)[0]["multiply_adds"]
        assert shown["gflops"] == pytest.approx(2 * macs / median(per_image) / 1e9, rel=1e-3)


def test_detectors_take_no_batch(run_cli: RunCli) -> None:
    finished = run_cli("time", DETECTOR, *DEMO, "--batch", 2, "--limit-seconds", 0.5)
    assert finished.code == 3
    assert "fast: unavailable: detectors compute one image at a time" in finished.out
    assert "\n  documented " in finished.out


def test_a_batch_that_is_too_large_is_named_and_not_made_smaller(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = FCN.coarse_logits
    seen = set()

    def little_memory(self: FCN, image: torch.Tensor) -> torch.Tensor:
        seen.add(len(image))
        if len(image) > 1:
            msg = "CUDA out of memory."
            raise torch.OutOfMemoryError(msg)
        return compute(self, image)

    monkeypatch.setattr(FCN, "coarse_logits", little_memory)
    finished = run_cli("time", SEGMENTOR, *DEMO, "--batch", 64, "--limit-seconds", 0.5)
    assert finished.code == 3
    assert "fast: unavailable: cpu ran out of memory on an input of 270 x 180" in finished.out
    assert "batch 64. Free memory on it, or pass a smaller --batch or --scale" in finished.out
    assert seen == {1, 64}
    assert "\n  documented " in finished.out


def test_exported_engines_are_for_segmentation_in_fp32(run_cli: RunCli) -> None:
    finished = run_cli(
        "time", SEGMENTOR, DETECTOR, *DEMO, "--engine", "onnxruntime", "--precision", "bf16",
        "--limit-seconds", 0.5,
    )  # fmt: skip
    assert finished.code == 3
    said = "onnxruntime-bf16: unavailable: ONNX Runtime "
    assert f"{said}computes only in fp32" in finished.out
    assert f"{said}runs only segmentation rows" in finished.out
    assert finished.out.count("\n  documented ") == 2


@pytest.mark.usefixtures("no_figures")
def test_engines_of_gpus_are_unavailable_on_a_cpu(run_cli: RunCli) -> None:
    finished = run_cli(
        "time", SEGMENTOR, DETECTOR, *DEMO, *SMALL, "--engine", "cudagraph", "--engine", "tensorrt",
        "--engine", "torch", "--precision", "fp32", "--precision", "bf16", "--batch", 1,
        "--limit-seconds", 1,
    )  # fmt: skip
    assert finished.code == 3
    assert finished.out.count("\n  fast ") == 2
    records = list(read_records(Path("records"), TimingRecord))
    assert [record.row for record in records] == [SEGMENTOR, DETECTOR]
    for engine, reason in (
        ("cudagraph", "CUDA graphs need an NVIDIA GPU, which cpu is not"),
        ("tensorrt", "TensorRT needs an NVIDIA GPU, which cpu is not"),
    ):
        assert finished.out.count(f"{engine}: unavailable: {reason}\n") == 2
        assert finished.out.count(f"{engine}-bf16: unavailable: {reason}\n") == 2
        for record in records:
            (unavailable,) = (v for v in record.variants if v.name == engine)
            assert (unavailable.engine, unavailable.outcome) == (engine, "unavailable")
            assert unavailable.reason == reason
            assert unavailable.seconds == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_tf32_is_unavailable_without_a_gpu(run_cli: RunCli) -> None:
    finished = run_cli("time", SEGMENTOR, *DEMO, "--precision", "tf32", "--limit-seconds", 0.5)
    assert finished.code == 3
    assert "fast-tf32: unavailable: TF32 is a mode of NVIDIA GPUs" in finished.out
    assert "\n  documented " in finished.out


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_out_of_memory_names_the_size_and_leaves_no_record(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(_self: FCN, _image: torch.Tensor) -> torch.Tensor:
        raise error

    monkeypatch.setattr(FCN, "coarse_logits", full)
    finished = run_cli(
        "time", SEGMENTOR, DETECTOR, *DEMO, "--weights", "published", "--limit-seconds", 0.5
    )
    assert finished.code == 3
    assert "ran out of memory on an input of 270 x 180 pixels" in finished.err
    assert "nothing was made smaller" in finished.err
    # The other row was timed all the same.
    assert f"{DETECTOR} on cpu" in finished.out
    assert [record.row for record in read_records(Path("records"), TimingRecord)] == [DETECTOR]


def test_a_mistake_of_ours_is_not_taken_for_a_missing_prerequisite(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: FCN, _image: torch.Tensor) -> torch.Tensor:
        msg = "shapes do not match"
        raise RuntimeError(msg)

    monkeypatch.setattr(FCN, "coarse_logits", broken)
    assert run_cli("time", SEGMENTOR, *DEMO, "--weights", "published").code == 70
    assert not list(Path("records").rglob("*.json"))


def test_a_file_that_is_no_checkpoint_is_refused_without_bad_advice(
    tmp_path: Path, run_cli: RunCli
) -> None:
    file = tmp_path / "garbage.pth"
    file.write_text("garbage\n")
    finished = run_cli("time", SEGMENTOR, *DEMO, "--checkpoint", file)
    assert finished.code == 3
    (line,) = (line for line in finished.err.splitlines() if "read as" in line)
    assert line.startswith(f"{SEGMENTOR}: {file} cannot be read as a checkpoint")
    assert "weights_only" not in finished.err


@pytest.mark.alone  # it counts how many rounds fit into seconds
def test_twins_are_of_two_processes(run_cli: RunCli) -> None:
    finished = run_cli(
        "time", SEGMENTOR, *DEMO, "--scale", "96x64", "--aa", 1, "--limit-seconds", 8, "--threads",
        1, "--format", "json",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    (row,) = json.loads(finished.out)
    assert row["twins"]["pairs"] == row["twins"]["decided"] == 1
    assert row["twins"]["false_alarms"] is None
    assert row["twins"]["between_processes"] >= 0
    assert row["variants"] == []
    assert row["network_input"] == [64, 96]
    assert any("not the documented scale" in remark for remark in row["remarks"])
    (record,) = read_records(Path("records"), TimingRecord)
    (pair,) = record.twins
    assert pair.separate
    assert min(len(pair.first_s), len(pair.second_s)) >= 6
    assert len(record.machines) == 2


def test_processes_take_samples_one_after_the_other(run_cli: RunCli) -> None:
    finished = run_cli(
        "time", SEGMENTOR, *DEMO, *SMALL, "--processes", 2, "--limit-seconds", 2, "--format", "json"
    )
    assert finished.code == 0, finished.err
    (record,) = read_records(Path("records"), TimingRecord)
    documented, fast = record.variants
    assert [len(part) for part in documented.by_process] == documented.processes
    assert len(documented.processes) == len(record.machines) == 2
    assert documented.processes == fast.processes
    assert sum(fast.processes) == len(fast.seconds)
    assert (record.asked and record.asked.processes, record.asked and record.asked.limit_s) == (
        2,
        2,
    )
    assert record.sampling is not None
    assert record.sampling.limit_s == 2
    assert fast.agreement is not None
    assert fast.bytes_moved
    for variant, seen in by_name(finished.out).items():
        assert seen["processes"] == 2, variant
    assert "(process 2 of 2)" in finished.err


def test_what_goes_wrong_in_a_process_is_explained(run_cli: RunCli) -> None:
    finished = run_cli("time", SEGMENTOR, *DEMO, "--processes", 2, "--image", "none.png")
    assert finished.code == 3
    assert "none.png cannot be read" in finished.err
    assert "Traceback" not in finished.err
    assert list(Path("records").rglob("*.json")) == []


@pytest.mark.parametrize("is_there", [True, False])
def test_auto_times_openvino_where_it_can_be_used(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    if not is_there:
        monkeypatch.setitem(sys.modules, "openvino", None)
    finished = run_cli(
        "time", SEGMENTOR, *DEMO, "--engine", "auto", "--limit-seconds", 0.5, "--format", "json"
    )
    assert finished.code == 0, finished.err
    assert list(by_name(finished.out)) == ["documented", "fast", *(["openvino"] * is_there)]
    assert ("OpenVINO is not timed: OpenVINO cannot be used" in finished.err) != is_there


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fcn_hr5s_180x270"], 2, f"Close: {SEGMENTOR}"),
        ([SEGMENTOR, "--scale", "0x5"], 2, "is not WIDTHxHEIGHT"),
        ([SEGMENTOR, "--scale", "96"], 2, "is not WIDTHxHEIGHT"),
        ([SEGMENTOR, DETECTOR, "--checkpoint", "a.pth"], 2, "give one NAME"),
        ([SEGMENTOR, "--checkpoint", "a.pth"], 3, "there is nothing"),
        ([SEGMENTOR, "--image", "none.png"], 3, "none.png cannot be read"),
        ([SEGMENTOR, "--engine", "tflite"], 2, "tflite"),
        ([SEGMENTOR, "--limit-seconds", "0"], 2, "limit-seconds"),
        ([SEGMENTOR, "--batch", "0"], 2, "--batch"),
    ],
)
def test_what_makes_no_sense_is_explained(
    run_cli: RunCli, arguments: list[str], code: int, message: str
) -> None:
    finished = run_cli("time", *arguments, *DEMO)
    assert finished.code == code
    assert message in finished.err
    assert "Traceback" not in finished.err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_is_not_replaced_by_the_cpu(run_cli: RunCli) -> None:
    finished = run_cli("time", SEGMENTOR, "--zoo", hrnet_zoo.demo.MANIFEST, "--device", "cuda")
    assert finished.code == 3
    assert "torch sees no CUDA GPU here" in finished.err


def test_a_folder_that_cannot_be_written_to_is_found_before_timing(run_cli: RunCli) -> None:
    Path("records").write_text("a file")
    finished = run_cli("time", SEGMENTOR, *DEMO)
    assert finished.code == 3
    assert "cannot be written" in finished.err
