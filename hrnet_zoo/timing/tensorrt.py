"""Segmentation networks run by TensorRT, on an NVIDIA GPU.

Written on machines without a GPU: what calls torch_tensorrt has never been run with it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.export import ExportedProgram

from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.timing.engines import as_runtime_error, imported
from hrnet_zoo.timing.exported import CoarseLogits
from hrnet_zoo.timing.observations import Precision

Network = Callable[[Tensor], Tensor]
Compiler = Callable[[ExportedProgram, Tensor, Precision], Network]
"""Makes a program ready for inputs like an example, [N, 3, H, W]."""


def compiled_by_tensorrt(
    program: ExportedProgram, example: Tensor, precision: Precision
) -> Network:
    """Return a program as one TensorRT engine.

    Source:
        Torch-TensorRT 2.8, py/torch_tensorrt/dynamo/_compiler.py, compile: typed explicitly, every
        layer computes in the program's own type. From 2.10 on that is the default, and
        enabled_precisions, the older way, is refused beside it.
    """
    with as_runtime_error():
        compiled: Network = imported("torch_tensorrt").dynamo.compile(
            program,
            inputs=[example],
            device=example.device,
            use_explicit_typing=True,
            # By default TensorRT rounds the factors of float32 products to TF32.
            disable_tf32=precision != "tf32",
            # What TensorRT cannot do would run in torch otherwise, under TensorRT's name.
            require_full_compilation=True,
        )
    return compiled


class TensorRTNetwork:
    """The coarse logits of a segmentor as TensorRT computes them.

    An engine is built for every shape that occurs, when it first does; that takes minutes.
    """

    def __init__(
        self,
        model: FCN,
        precision: Precision,
        dtype: torch.dtype,
        compiler: Compiler = compiled_by_tensorrt,
    ) -> None:
        """Keep a network.

        Args:
            model: on the GPU; its weights are turned into ``dtype``.
            precision: what to compute in.
            dtype: what weights and activations are kept in then.
            compiler: what makes exported networks ready.
        """
        self._model = CoarseLogits(model).eval().to(dtype)
        self._precision = precision
        self._dtype = dtype
        self._compiler = compiler
        self._networks: dict[tuple[int, ...], Network] = {}

    def __call__(self, image: Tensor) -> Tensor:
        """Map [N, 3, H, W] float32 to [N, K, H/4, W/4] float32, on the model's device."""
        x = image.to(self._dtype).contiguous()
        shape = tuple(x.shape)
        if shape not in self._networks:
            self._networks[shape] = self._made_ready(shape, x.device)
        with as_runtime_error():
            return self._networks[shape](x).to(torch.float32)

    def _made_ready(self, shape: tuple[int, ...], device: torch.device) -> Network:
        # Inference tensors cannot be exported.
        with torch.inference_mode(mode=False), torch.no_grad():
            example = torch.zeros(shape, dtype=self._dtype, device=device)
            program = torch.export.export(self._model, (example,))
            return self._compiler(program, example, self._precision)
