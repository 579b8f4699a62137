"""The same weights in upstream's packages and in ours: answers, mIoU and times side by side."""
