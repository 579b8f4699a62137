"""Servers of published files that were closed."""

from __future__ import annotations

import re

_HOSTS = (
    "open-mmlab.s3.ap-northeast-2.amazonaws.com",
    "s3.ap-northeast-2.amazonaws.com/open-mmlab",  # the same bucket, as a folder of its region
    "openmmlab.oss-accelerate.aliyuncs.com",
)
RETIRED = re.compile(rf"https?://({'|'.join(map(re.escape, _HOSTS))})(?=/)", re.IGNORECASE)
"""How an address begins whose server was closed; the group is that server."""
SERVED_BY = "https://download.openmmlab.com"
"""The project's own server, which has the same paths."""
