"""The same weights in mmdetection and in ours: detections, masks and times side by side."""
