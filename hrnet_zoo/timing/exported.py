"""Segmentation networks run by other engines than torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.timing.engines import as_runtime_error, imported
from hrnet_zoo.timing.graphs import PerShape
from hrnet_zoo.timing.observations import Engine, Precision
from hrnet_zoo.timing.variants import DTYPES

Run = Callable[[Tensor], Tensor]
"""Maps an image batch of one shape, contiguous, to its coarse logits."""

Exporter = Callable[[ExportedProgram, Tensor, Precision], Run]
"""Makes a program ready for inputs like an example [N, 3, H, W]."""


class _CoarseLogits(nn.Module):
    """As much of a segmentor as is exported, since only modules can be."""

    def __init__(self, model: Segmentor) -> None:
        super().__init__()
        self._model = model

    def forward(self, image: Tensor) -> Tensor:
        return self._model.coarse_logits(image)


def exported_network(model: Segmentor, engine: Engine, precision: Precision = "fp32") -> Run:
    """Return what computes the coarse logits of a segmentor in another engine.

    Engines are fastest when they know the shape of their input, so one is made ready for every
    shape that occurs, when it first does; TensorRT takes minutes for it.

    Args:
        model: on the CPU, or for TensorRT on the GPU; its weights are turned into the precision's
            type.
        engine: a key of `EXPORTERS`.
        precision: what to compute in.

    Returns:
        Maps [N, 3, H, W] float32 to [N, K, H/4, W/4] float32, on the model's device.
    """
    dtype, exporter = DTYPES[precision], EXPORTERS[engine]
    part = _CoarseLogits(model).eval().to(dtype)

    def made_ready(x: Tensor) -> Run:
        # Inference tensors cannot be exported.
        with torch.inference_mode(mode=False), torch.no_grad():
            example = torch.zeros(x.shape, dtype=dtype, device=x.device)
            return exporter(torch.export.export(part, (example,)), example, precision)

    run = PerShape(made_ready)
    return lambda image: run(image.to(dtype).contiguous()).to(torch.float32)


def _in_openvino(program: ExportedProgram, example: Tensor, _precision: Precision) -> Run:
    openvino = imported("openvino")
    model = openvino.convert_model(program)
    model.reshape(list(example.shape))
    settings = {
        # Where the processor has bfloat16, that would be the default.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    request = openvino.compile_model(model, "CPU", settings).create_infer_request()
    # Results are copied: the next call would write over them.
    return lambda image: _classes_together(
        torch.from_numpy(request.infer({0: image.numpy()}, share_inputs=True)[0])
    )


def _in_onnxruntime(program: ExportedProgram, _example: Tensor, _precision: Precision) -> Run:
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

    def run(image: Tensor) -> Tensor:
        with as_runtime_error():
            return _classes_together(torch.from_numpy(session.run(None, {name: image.numpy()})[0]))

    return run


def _classes_together(logits: Tensor) -> Tensor:
    """Lay the classes of a pixel side by side: resizing and argmax are four times as fast so."""
    return logits.contiguous(memory_format=torch.channels_last)


def in_tensorrt(program: ExportedProgram, example: Tensor, precision: Precision) -> Run:
    """Return a program as one TensorRT engine.

    This was written on machines without a GPU, and has never been run with torch_tensorrt.

    Source:
        Torch-TensorRT 2.8, py/torch_tensorrt/dynamo/_compiler.py, compile: typed explicitly, every
        layer computes in the program's own type. From 2.10 on that is the default, and
        enabled_precisions, the older way, is refused beside it.
    """
    with as_runtime_error():
        compiled = imported("torch_tensorrt").dynamo.compile(
            program,
            inputs=[example],
            device=example.device,
            use_explicit_typing=True,
            # By default TensorRT rounds the factors of float32 products to TF32.
            disable_tf32=precision != "tf32",
            # What TensorRT cannot do would run in torch otherwise, under TensorRT's name.
            require_full_compilation=True,
        )

    def run(image: Tensor) -> Tensor:
        with as_runtime_error():
            logits: Tensor = compiled(image)
        return logits

    return run


EXPORTERS: dict[Engine, Exporter] = {
    "openvino": _in_openvino,
    "onnxruntime": _in_onnxruntime,
    "tensorrt": in_tensorrt,
}
