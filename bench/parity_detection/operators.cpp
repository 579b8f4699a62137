// Hands mmcv's own CPU kernels for NMS and RoIAlign to Python, and nothing else of mmcv.
// One translation unit: torch's headers take longer to compile than everything else together.
#include <torch/extension.h>

#include "pytorch/nms.cpp"
#include "pytorch/roi_align.cpp"

#include "pytorch/cpu/nms.cpp"
#include "pytorch/cpu/roi_align.cpp"

// The names of the parameters are those by which mmcv's Python code passes them.
PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) {
  namespace py = pybind11;
  module.def("nms", &nms, py::arg("boxes"), py::arg("scores"), py::arg("iou_threshold"),
             py::arg("offset"));
  module.def("roi_align_forward", &roi_align_forward, py::arg("input"), py::arg("rois"),
             py::arg("output"), py::arg("argmax_y"), py::arg("argmax_x"),
             py::arg("aligned_height"), py::arg("aligned_width"), py::arg("spatial_scale"),
             py::arg("sampling_ratio"), py::arg("pool_mode"), py::arg("aligned"));
}
