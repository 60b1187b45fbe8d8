"""Handwritten digits: 1,797 of 8×8 pixels that come with the package, and MNIST's 28×28 if the files are there."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MNIST_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


class Digits(NamedTuple):
    """Images of digits with what they show."""

    images: npt.NDArray[np.uint8]
    """(n, height, width), 0 is paper."""
    labels: npt.NDArray[np.uint8]
    """(n,) 0 … 9."""
    ink: int
    """The value of full ink: 16 for the shipped digits, 255 for MNIST."""

    @property
    def flat(self) -> npt.NDArray[np.float64]:
        """(n, height·width) one image a row, scaled to 0 … 1."""
        return self.images.reshape(len(self.images), -1) / self.ink


def load_digits() -> Digits:
    """The shipped digits: 1,797 images of 8×8, values 0 … 16 (UCI optdigits, see LICENSE-digits.txt)."""
    with np.load(Path(__file__).parent / "data" / "digits.npz") as file:
        return Digits(file["images"], file["labels"], ink=16)


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read one file of bytes in the IDX format, plain or gzipped.

    Raises ValueError, in one line, for a file that cannot be read, is no IDX file of bytes, or is cut short.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from None
    # Magic number: two zeros, the type (8 = unsigned byte), the number of axes; then each axis' length in four bytes.
    if len(data) < 4 or data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * data[3]:
        raise ValueError(f"{path}: is not an IDX file of bytes; put the original MNIST file there")
    start = 4 + 4 * data[3]
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    if len(data) - start != math.prod(shape):
        size = f"holds {len(data) - start} bytes, its header says {math.prod(shape)}"
        raise ValueError(f"{path}: {size}; download it again")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def load_mnist(folder: Path) -> Digits:
    """MNIST's 60,000 training images from a folder with the four IDX files, each plain or `.gz`, `-idx` or `.idx`.

    Raises ValueError, in one line, for a missing folder or a missing or unusable file.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    found = {part: _find(folder, name) for part, name in MNIST_FILES.items()}
    images, labels = read_idx(found["train_images"]), read_idx(found["train_labels"])
    if images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise ValueError(f"{folder}: images {images.shape} and labels {labels.shape} are not those of MNIST")
    if len(images) < 2 or not images.any():
        raise ValueError(f"{folder}: its {len(images)} images are too few or all blank")
    return Digits(images, labels, ink=255)


def _find(folder: Path, name: str) -> Path:
    for stem in (name, name.replace("-idx", ".idx")):
        for path in (folder / stem, folder / f"{stem}.gz"):
            if path.is_file():
                return path
    raise ValueError(f"{folder}: has no {name} (or {name}.gz); it must hold the four MNIST IDX files")
