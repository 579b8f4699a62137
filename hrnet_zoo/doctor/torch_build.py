"""torch: its version, its build against the driver, cuDNN, and TF32 that was asked for outside."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.doctor.finding import Area, Finding, State, first_line, guarded
from hrnet_zoo.doctor.software import (
    ELSEWHERE,
    import_failure,
    installed,
    is_older,
    package,
    requirements,
)
from hrnet_zoo.settings import variables

_OLDEST_DRIVER = {12: "525.60", 13: "580"}
"""Major version of CUDA -> the oldest Linux driver for programs built for it.

Source:
    NVIDIA, CUDA Toolkit Release Notes, table "CUDA Toolkit and Minimum Required Driver Version for
    CUDA Minor Version Compatibility".
"""

_PROC_DRIVER = Path("/proc/driver/nvidia")


@dataclass(frozen=True, kw_only=True)
class Cuda:
    """What torch, the driver and the environment say of CUDA."""

    built_for: str | None
    """The version torch was built for: "13.0"; None: it was built without CUDA."""
    usable: bool
    """Whether torch can use a GPU."""
    num_gpus: int
    """GPUs that torch or the driver counts."""
    driver: str | None = None
    """The driver's version; None: there is none, or it does not say."""
    refusal: str | None = None
    """What torch says when it is to use a GPU and cannot."""
    visible: str | None = None
    """CUDA_VISIBLE_DEVICES, if it is set."""


def cuda_here() -> Cuda:
    """Ask torch, the driver and the environment."""
    import torch

    usable = torch.cuda.is_available()
    listed, driver = _driver()
    refusal = None
    if not usable:
        try:
            torch.cuda.init()  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - builds without CUDA assert, others differ
            refusal = first_line(error)
    return Cuda(
        built_for=torch.version.cuda,
        usable=usable,
        num_gpus=max(torch.cuda.device_count(), 0 if usable else listed),
        driver=driver,
        refusal=refusal,
        visible=variables("CUDA_VISIBLE_DEVICES").get("CUDA_VISIBLE_DEVICES"),
    )


def _driver() -> tuple[int, str | None]:
    """Return how many GPUs the driver has and its version, from NVML or else from Linux."""
    with suppress(Exception):  # no such package, no driver, or one that does not fit its library
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
        try:
            return int(nvml.nvmlDeviceGetCount()), str(nvml.nvmlSystemGetDriverVersion())
        finally:
            nvml.nvmlShutdown()
    try:
        text = (_PROC_DRIVER / "version").read_text(encoding="utf-8")
        gpus = len(list((_PROC_DRIVER / "gpus").iterdir()))
    except OSError:
        return 0, None
    version = re.search(r"\b\d{3}\.[\d.]+", text)
    return gpus, version[0] if version else None


def cuda(facts: Cuda, device: str) -> Finding:
    """Say whether torch can use the GPUs that are there.

    Args:
        facts: what was found.
        device: that was asked for; a GPU that "cpu" does without may be as it likes.
    """
    build = f"built for CUDA {facts.built_for}" if facts.built_for else "built without CUDA"
    gpus = "a GPU" if facts.num_gpus == 1 else f"{facts.num_gpus} GPUs"
    if facts.usable:
        driver = f", driver {facts.driver}" if facts.driver else ""
        return Finding(Area.TORCH, "CUDA", State.FINE, f"{build}{driver}; sees {gpus}")
    if facts.num_gpus == 0:
        return Finding(
            Area.TORCH, "CUDA", State.FINE, f"{build}; there is no NVIDIA GPU, or no driver"
        )
    if facts.built_for is None:
        remedy = "Install a torch for CUDA: see pytorch.org/get-started/locally."
        return Finding(Area.TORCH, "CUDA", State.NOTE, f"{build}, but there is {gpus}", remedy)
    if facts.visible is not None and facts.visible.strip() in ("", "-1"):
        found = f'{build}; CUDA_VISIBLE_DEVICES="{facts.visible}" hides {gpus}'
        return Finding(Area.TORCH, "CUDA", State.NOTE, found, "Unset CUDA_VISIBLE_DEVICES.")
    state = State.NOTE if device == "cpu" else State.BROKEN
    oldest = _OLDEST_DRIVER.get(int(facts.built_for.partition(".")[0]))
    wanted = f"{oldest} or newer" if oldest else "one of its time"
    found = (
        f"{build}, which wants driver {wanted}; there is {gpus} with driver "
        f"{facts.driver or '(unknown)'}, but torch cannot use it: {facts.refusal}"
    )
    if oldest and facts.driver and not is_older(facts.driver, oldest):
        remedy = (
            "The driver is new enough. Try nvidia-smi; restart after an update of the driver, and "
            "start containers with --gpus all. Until then: --device cpu."
        )
    else:
        remedy = (
            f"Update the NVIDIA driver to {wanted}, or install a torch for an older CUDA: "
            "see pytorch.org/get-started/previous-versions. Until then: --device cpu."
        )
    return Finding(Area.TORCH, "CUDA", state, found, remedy)


def cudnn(version: int | None, failure: str | None, *, needed: bool) -> Finding:
    """Say which cuDNN torch found.

    Args:
        version: as torch gives it: 92400 for 9.24.0, and 8902 for 8.9.2; None: there is none.
        failure: why torch does not take it; None: it does.
        needed: whether there is a GPU to use.
    """
    if failure is not None:
        remedy = (
            "Unset LD_LIBRARY_PATH, or take other cuDNN libraries out of it: torch brings its own."
        )
        return Finding(Area.TORCH, "cuDNN", State.BROKEN if needed else State.NOTE, failure, remedy)
    if version is None:
        return Finding(Area.TORCH, "cuDNN", State.FINE, "none, as in builds without CUDA")
    thousands = 10_000 if version >= 90_000 else 1_000
    parts = (version // thousands, version % thousands // 100, version % 100)
    return Finding(Area.TORCH, "cuDNN", State.FINE, ".".join(map(str, parts)))


def tf32(overrides: Mapping[str, str], matmul: str, convolution: str) -> Finding:
    """Say whether something outside of hrnet-zoo decides about TF32.

    Args:
        overrides: the environment variables that do.
        matmul: how torch computes float32 products when it starts: "none", "ieee", "tf32".
        convolution: likewise.
    """
    if not overrides:
        found = (
            f"torch starts with: products {matmul}, convolutions {convolution}; verify sets both"
        )
        return Finding(Area.TORCH, "TF32", State.FINE, found)
    found = ", ".join(f"{name}={value}" for name, value in overrides.items())
    remedy = (
        f"Unset {' and '.join(overrides)}: hrnet-zoo says itself where TF32 may be used, and a "
        "library that is told otherwise gives other digits or times."
    )
    return Finding(Area.TORCH, "TF32", State.NOTE, found, remedy)


def check(device: str) -> Iterator[Finding]:
    """Look at torch and at what it finds here; nothing more if it cannot be imported."""
    needed = {n.package: n for n in requirements()}
    versions = installed(ELSEWHERE)
    torch_works = True
    for name in ELSEWHERE:
        finding = package(needed[name], versions.get(name), import_failure(name))
        torch_works &= finding.state is State.FINE or name != "torch"
        yield Finding(Area.TORCH, finding.name, finding.state, finding.found, finding.remedy)
    if not torch_works:
        return
    yield from guarded(Area.TORCH, "CUDA", lambda: [cuda(cuda_here(), device)])
    yield from guarded(Area.TORCH, "cuDNN", lambda: [_cudnn_here(device)])
    yield from guarded(Area.TORCH, "TF32", lambda: [_tf32_here()])


def _cudnn_here(device: str) -> Finding:
    import torch

    version, failure = None, None
    try:
        version = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    except RuntimeError as error:  # another one than torch was built with
        failure = first_line(error)
    return cudnn(version, failure, needed=device != "cpu" and torch.cuda.is_available())


def _tf32_here() -> Finding:
    import torch

    overrides = variables("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE")
    if hasattr(torch.backends.cudnn, "conv"):
        matmul = torch.backends.cuda.matmul.fp32_precision
        convolution = torch.backends.cudnn.conv.fp32_precision
    else:  # torch 2.8
        matmul = torch.get_float32_matmul_precision()
        convolution = "tf32" if torch.backends.cudnn.allow_tf32 else "ieee"
    return tf32(overrides, matmul, convolution)
