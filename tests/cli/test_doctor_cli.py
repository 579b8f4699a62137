"""hrnet-zoo doctor, on this machine and on machines that are made up."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.http_server import FaultyServer
from support.trees import RunCli, make_cityscapes

from hrnet_zoo import demo
from hrnet_zoo.doctor import processors
from hrnet_zoo.system.wording import GIB
from hrnet_zoo.zoo.manifest import load_zoo

AREAS = ["Python and packages", "torch", "devices", "processors", "pixels", "folders", "data sets"]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look only briefly at what others compute."""
    monkeypatch.setattr(processors, "_LOOK_S", 0.0)


def findings(run_cli: RunCli, *arguments: str | Path, code: int) -> dict[str, dict[str, Any]]:
    """Run doctor and return its findings by area and name."""
    finished = run_cli("doctor", "--format", "json", *arguments)
    assert (finished.code, finished.err) == (code, "")
    content = json.loads(finished.out)
    assert content["ready"] is (code == 0)
    return {f"{one['area']}: {one['name']}": one for one in content["findings"]}


def test_this_machine_for_people(run_cli: RunCli) -> None:
    finished = run_cli("doctor", "--device", "cpu")
    assert (finished.code, finished.err) == (0, "")
    lines = finished.out.splitlines()
    assert [line for line in lines if line in AREAS] == AREAS
    assert lines[-1].startswith("ready: what was asked for can work")
    assert finished.out.isascii()
    assert not [line for line in lines if len(line) > 80 and "/" not in line]


def test_this_machine_for_programs(run_cli: RunCli) -> None:
    found = findings(run_cli, "--device", "cpu", code=0)
    for one in found.values():
        assert set(one) == {"area", "name", "state", "found", "remedy"}
        assert one["state"] in ("fine", "note")
        assert (one["remedy"] is None) == (one["state"] == "fine")
    assert torch.__version__.startswith(found["torch: torch"]["found"])
    assert found["devices: --device cpu"]["found"] == "the CPU"


@pytest.mark.parametrize("module", ["numpy", "platformdirs", "pydantic"])
def test_a_package_that_cannot_be_imported_is_a_line(module: str) -> None:
    code = (
        f"import sys; sys.modules['{module}'] = None\n"
        "from hrnet_zoo.cli import main\n"
        "sys.argv = ['hrnet-zoo', 'doctor', '--device', 'cpu', '--format', 'json']\nmain()"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 3
    assert "Traceback" not in finished.stderr
    found = [one["found"] for one in json.loads(finished.stdout)["findings"]]
    assert [text for text in found if "cannot be imported" in text]
    assert not [text for text in found if "failed itself" in text]


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a GPU that is not there")
def test_a_gpu_that_is_not_there_cannot_work(run_cli: RunCli) -> None:
    found = findings(run_cli, "--device", "cuda:1", code=3)
    assert found["devices: --device cuda:1"]["state"] == "broken"


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_driver_too_old(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    def refuse() -> None:
        raise RuntimeError(
            "The NVIDIA driver on your system is too old (found version 12020). Please update"
        )

    pynvml = types.SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlSystemGetDriverVersion=lambda: "535.104.05",
    )
    monkeypatch.setitem(sys.modules, "pynvml", pynvml)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "init", refuse)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    cuda = findings(run_cli, "--device", device, code=3)["torch: CUDA"]
    assert cuda["state"] == "broken"
    assert "wants driver 580 or newer; there is a GPU with driver 535.104.05" in cuda["found"]
    assert "Update the NVIDIA driver to 580" in cuda["remedy"]
    assert findings(run_cli, "--device", "cpu", code=0)["torch: CUDA"]["state"] == "note"


@pytest.fixture
def made_up_gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Exception | None], None]:
    """Return a function that pretends there is a GPU of this name that computes, or fails so."""

    def pretend(name: str, failure: Exception | None) -> None:
        empty = torch.empty

        @functools.wraps(empty)
        def made(*size: Any, device: torch.device | None = None, **more: Any) -> torch.Tensor:
            if failure is not None and device is not None and device.type == "cuda":
                raise failure
            return empty(*size, **more)

        properties = types.SimpleNamespace(uuid="0")
        for function, value in (
            ("is_available", True),
            ("device_count", 1),
            ("get_device_name", name),
            ("get_device_capability", (6, 1)),
            ("get_arch_list", ["sm_75", "sm_90"]),
            ("mem_get_info", (15 * GIB, 16 * GIB)),
            ("get_device_properties", properties),
        ):
            monkeypatch.setattr(torch.cuda, function, lambda *_, value=value: value)
        monkeypatch.setattr(torch, "empty", made)
        monkeypatch.setitem(sys.modules, "pynvml", None)

    return pretend


def test_a_gpu_too_old_for_this_torch(
    run_cli: RunCli, made_up_gpu: Callable[[str, Exception | None], None]
) -> None:
    reason = "CUDA error: no kernel image is available for execution on the device\nCompile with"
    made_up_gpu("NVIDIA GeForce GTX 1080", RuntimeError(reason))
    gpu = findings(run_cli, code=3)["devices: cuda:0"]
    assert gpu["state"] == "broken"
    assert gpu["found"].startswith("NVIDIA GeForce GTX 1080, sm_61: ")
    assert "no kernel image is available for execution on the device" in gpu["found"]
    assert "sm_61" in gpu["found"]
    assert "sm_75, sm_90" in gpu["found"]
    assert findings(run_cli, "--device", "cpu", code=0)["devices: cuda:0"]["state"] == "note"


def test_a_slice_of_a_gpu(
    run_cli: RunCli, made_up_gpu: Callable[[str, Exception | None], None]
) -> None:
    made_up_gpu("NVIDIA A100-SXM4-40GB MIG 2g.10gb", None)
    found = findings(run_cli, "--device", "cuda:0", code=0)
    assert found["devices: cuda:0"]["state"] == "fine"
    assert "computes; 15.0 of 16.0 GiB free" in found["devices: cuda:0"]["found"]
    assert found["devices: cuda:0 MIG"]["state"] == "note"
    assert "nvidia-ml-py is not installed" in found["devices: cuda:0 NVML"]["found"]


def test_a_cache_that_cannot_be_written_to(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HRNET_ZOO_CACHE", str(tmp_path / "file" / "cache"))
    finished = run_cli("doctor", "--device", "cpu")
    assert finished.code == 3
    assert "  broken  cache" in finished.out
    assert "-> Make it writable, or set HRNET_ZOO_CACHE" in finished.out
    assert finished.out.splitlines()[-1].startswith("not ready: see what is broken; 1 broken")


def test_an_invalid_settings_file_stops_nothing(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own.toml").write_text("cache = [")
    monkeypatch.setenv("HRNET_ZOO_SETTINGS", str(tmp_path / "own.toml"))
    monkeypatch.delenv("HRNET_ZOO_CACHE")
    found = findings(run_cli, "--device", "cpu", code=3)
    assert found["folders: settings"]["state"] == "broken"
    assert [name for name, one in found.items() if one["state"] == "broken"] == [
        "folders: settings"
    ]


def test_data_folders(run_cli: RunCli, tmp_path: Path) -> None:
    cpu = ("--device", "cpu")
    missing = findings(run_cli, *cpu, "--data-root", tmp_path / "nowhere", code=3)
    assert missing["data sets: folder"]["state"] == "broken"
    make_cityscapes(tmp_path)
    part = findings(run_cli, *cpu, "--data-root", tmp_path, code=0)
    assert part["data sets: cityscapes"]["found"] == "3 of 500 images"
    named = findings(run_cli, *cpu, "--data", f"coco={tmp_path}", code=3)
    assert named["data sets: coco"]["state"] == "broken"
    assert findings(run_cli, *cpu, "--data", f"scenes={demo.DATA_ROOT}", code=0)


def test_the_network_is_asked_only_when_told(run_cli: RunCli) -> None:
    with FaultyServer() as local:
        url = next(row.checkpoint_url for row in load_zoo().rows if row.checkpoint_url)
        local.serve("/" + url.split("/", 3)[3], b"weights")
        arguments = ("--device", "cpu", "--network", "--mirror", local.address)
        found = findings(run_cli, *arguments, code=0)
        assert [one for name, one in found.items() if name.startswith("network")]
        assert len(local.asked) == 1
    refused = findings(run_cli, *arguments, code=3)
    (one,) = [one for name, one in refused.items() if name.startswith("network")]
    assert one["state"] == "broken"
    assert "Connection refused" in one["found"]
    assert run_cli("doctor", "--mirror", local.address).code == 2


def test_verify_points_here_when_it_could_not_run(run_cli: RunCli) -> None:
    row = load_zoo(demo.MANIFEST).rows[0].name
    demo_zoo = ("verify", row, "--zoo", demo.MANIFEST, "--device", "cpu")
    finished = run_cli(*demo_zoo, "--data-root", "nowhere")
    assert finished.code == 3
    assert '"hrnet-zoo doctor" tells what this machine has and lacks' in finished.err
    finished = run_cli(*demo_zoo, "--data-root", demo.DATA_ROOT, "--limit", 1)
    assert "doctor" not in finished.err
