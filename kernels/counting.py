"""Counting arithmetic: arrays that add up the operations done with them, whoever does them.

Every number that an elementwise function returns counts as one operation, be it a sum, a product or a tanh. A product
of matrices (m × k)(k × n) takes k products and k − 1 sums for each of its m n entries: m n (2k − 1). The sum of n
numbers takes n − 1. Moving numbers about is free.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Operations:
    """A count that watched arrays share."""

    def __init__(self) -> None:
        self.count = 0

    def watch(self, array: Any) -> Counted:
        """The same numbers as an array whose arithmetic is counted here, and that of all results too."""
        watched = np.asarray(array, dtype=np.float64).view(Counted)
        watched.operations = self
        return watched


class Counted(np.ndarray[Any, np.dtype[Any]]):
    """An array that reports to its `Operations`."""

    operations: Operations | None = None

    def __array_finalize__(self, source: Any) -> None:
        # Views, slices and copies report to the same place.
        self.operations = getattr(source, "operations", None)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Do the arithmetic on plain arrays and count it."""
        if any(not isinstance(x, np.ndarray | np.generic | int | float) for x in inputs):
            return NotImplemented  # a dual number or a variable on a tape, which knows better what to do
        plain = [x.view(np.ndarray) if isinstance(x, Counted) else x for x in inputs]
        result = np.asarray(getattr(ufunc, method)(*plain, **kwargs))
        operations = next(x.operations for x in inputs if isinstance(x, Counted))
        if operations is None:
            return result
        if method == "reduce":
            operations.count += np.size(plain[0]) - result.size
        elif ufunc is np.matmul:
            operations.count += result.size * (2 * np.shape(plain[0])[-1] - 1)
        else:
            operations.count += result.size
        return operations.watch(result)
