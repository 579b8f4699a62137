"""Segmentation networks run by OpenVINO or ONNX Runtime instead of torch: in FP32, on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram

from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.timing.engines import as_runtime_error, imported
from hrnet_zoo.timing.observations import Engine

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Maps an image batch of one shape, contiguous, to its coarse logits."""

Exporter = Callable[[ExportedProgram, tuple[int, ...]], Run]
"""Makes a program ready for inputs of a shape [N, 3, H, W]."""


class ExportedNetwork:
    """The coarse logits of a segmentor as another engine computes them.

    Engines are fastest when they know the shape of their input, so one is made ready for every
    shape that occurs, when it first does. It may use as many threads as torch.
    """

    def __init__(self, model: FCN, engine: Engine) -> None:
        self._model = CoarseLogits(model).eval()
        self._exporter = EXPORTERS[engine]
        self._runs: dict[tuple[int, ...], Run] = {}

    def __call__(self, image: Tensor) -> Tensor:
        """Map [N, 3, H, W] float32 on the CPU to [N, K, H/4, W/4]."""
        image = image.contiguous()
        shape = tuple(image.shape)
        if shape not in self._runs:
            # Inference tensors cannot be exported.
            with torch.inference_mode(mode=False), torch.no_grad():
                program = torch.export.export(self._model, (torch.zeros(shape),))
                self._runs[shape] = self._exporter(program, shape)
        logits = torch.from_numpy(self._runs[shape](image.numpy()))
        # Resizing and argmax are four times as fast with the classes of a pixel side by side.
        return logits.contiguous(memory_format=torch.channels_last)


class CoarseLogits(nn.Module):
    """As much of a segmentor as is exported, since only modules can be."""

    def __init__(self, model: FCN) -> None:
        super().__init__()
        self._model = model

    def forward(self, image: Tensor) -> Tensor:
        """Map [N, 3, H, W] to [N, K, H/4, W/4]."""
        return self._model.coarse_logits(image)


def _in_openvino(program: ExportedProgram, shape: tuple[int, ...]) -> Run:
    openvino = imported("openvino")
    model = openvino.convert_model(program)
    model.reshape(list(shape))
    settings = {
        # Where the processor has bfloat16, that would be the default.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    request = openvino.compile_model(model, "CPU", settings).create_infer_request()

    def run(image: NDArray[np.float32]) -> NDArray[np.float32]:
        # Results are copied: the next call would write over them.
        logits: NDArray[np.float32] = request.infer({0: image}, share_inputs=True)[0]
        return logits

    return run


def _in_onnxruntime(program: ExportedProgram, _shape: tuple[int, ...]) -> Run:
    onnxruntime = imported("onnxruntime")
    exported = torch.onnx.export(program, (), dynamo=True, verbose=False)
    assert exported is not None
    content = exported.model_proto.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that wait busily for the next call would slow down the variant whose turn it is.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    with as_runtime_error():
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(image: NDArray[np.float32]) -> NDArray[np.float32]:
        with as_runtime_error():
            logits: NDArray[np.float32] = session.run(None, {name: image})[0]
        return logits

    return run


EXPORTERS: dict[Engine, Exporter] = {"openvino": _in_openvino, "onnxruntime": _in_onnxruntime}
