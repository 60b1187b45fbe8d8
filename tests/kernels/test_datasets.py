"""The shipped digits are scikit-learn's; IDX files are read as the format says."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets as theirs

from kernels import datasets


def write_idx(path: Path, array: np.ndarray, compress: bool = False) -> None:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    data = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data) if compress else data)


def write_mnist(folder: Path, n: int = 40, compress: bool = False) -> np.ndarray:
    images = np.random.default_rng(0).integers(0, 256, (n, 28, 28))
    for part, name in datasets.MNIST_FILES.items():
        array = images if "images" in part else np.arange(n) % 10
        write_idx(folder / (name + ".gz" * compress), array, compress)
    return images


def test_the_digits_are_those_of_uci() -> None:
    ours, reference = datasets.load_digits(), theirs.load_digits()
    assert np.array_equal(ours.images, reference.images)
    assert np.array_equal(ours.labels, reference.target)
    assert ours.flat.shape == (1797, 64)
    assert ours.flat.min() == 0
    assert ours.flat.max() == 1


@pytest.mark.parametrize("compress", [False, True])
def test_mnist_plain_and_gzipped(tmp_path: Path, compress: bool) -> None:
    images = write_mnist(tmp_path, compress=compress)
    digits = datasets.load_mnist(tmp_path)
    assert np.array_equal(digits.images, images)
    assert digits.ink == 255


def test_file_names_with_a_dot_are_found(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    for path in tmp_path.iterdir():
        path.rename(tmp_path / path.name.replace("-idx", ".idx"))
    assert len(datasets.load_mnist(tmp_path).labels) == 40


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x0d\x01\0\0\0\x01x", "not an IDX file"),
        (b"\0\0\x08\x01\0\0\0\x05abc", "holds 3 bytes, its header says 5"),
        (b"\x1f\x8bbroken", "cannot be read"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message) as error:
        datasets.read_idx(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte"):
        datasets.load_mnist(tmp_path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 28, 20), "not those of MNIST"),
        ((5, 8, 8), "not those of MNIST"),
        ((1, 28, 28), "too few"),
        ((3, 28, 28), "blank"),
    ],
)
def test_images_that_are_not_mnist_are_refused(tmp_path: Path, shape: tuple[int, ...], message: str) -> None:
    arrays = {"images": np.zeros(shape, np.uint8), "labels": np.zeros(shape[0], np.uint8)}
    for part, name in datasets.MNIST_FILES.items():
        array = arrays[part.split("_")[1]]
        head = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
        (tmp_path / name).write_bytes(head + array.tobytes())
    with pytest.raises(ValueError, match=message):
        datasets.load_mnist(tmp_path)


def test_a_damaged_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "images"
    whole = gzip.compress(bytes(range(256)) * 20)
    path.write_bytes(whole[:40] + b"\xff" * 20 + whole[60:])
    with pytest.raises(ValueError, match="cannot be read"):
        datasets.read_idx(path)
