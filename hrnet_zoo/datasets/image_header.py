"""What an image file says of itself, looked at before anything decodes it.

A few bytes may call themselves gigabytes of pixels, and decoders go by the content, not the name:
Pillow starts Ghostscript for an EPS file that is called .png.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.errors import DatasetError

if TYPE_CHECKING:
    from PIL import Image

IMAGE_FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP")
"""Of images, as Pillow calls them; those of rare files last, because it loads what reads them."""
LABEL_FORMATS = ("PNG",)
"""Of label images."""
MOST_PIXELS = 2**27
"""Of an image; twice as many as the largest of any data set here has (iSAID, 12029 x 5014)."""


def opened(content: bytes, path: Path, formats: tuple[str, ...]) -> Image.Image:
    """Return an image of which no more than the header was read.

    Args:
        content: the file's bytes.
        path: named in messages only.
        formats: Pillow's names of those that it may have.

    Raises:
        DatasetError: it is of another format, its header is damaged, or it has too many pixels.
    """
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415

    try:
        image = Image.open(io.BytesIO(content), formats=formats)
    except UnidentifiedImageError:
        known = formats[0] if len(formats) == 1 else f"{', '.join(formats[:-1])} or {formats[-1]}"
        raise damaged(path, f"not an image in {known}, or damaged") from None
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except Exception as error:  # noqa: BLE001 - damaged bytes make Pillow fail in any way
        raise damaged(path, str(error) or type(error).__name__) from None
    if image.width * image.height > MOST_PIXELS:
        raise _too_large(path)
    return image


def _too_large(path: Path) -> DatasetError:
    return DatasetError(
        f"{path} says that it has more than {MOST_PIXELS} pixels, and no larger images are read. "
        "Copy it again from the original download, or cut it into tiles."
    )


def damaged(path: Path, reason: str) -> DatasetError:
    """Return the error that says why a file cannot be decoded."""
    return DatasetError(
        f"{path} cannot be decoded ({reason}). Copy it again from the original download."
    )
