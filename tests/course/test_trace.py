import sys

import pytest

from tutor.course.model import After
from tutor.course.trace import traced

LOOP = """\
x = 1
for k in range(4):
    x = 2 * x
    y = x + k
print(x)
print(y)
"""


def test_a_block_prints() -> None:
    assert traced(LOOP) == "16\n19"


@pytest.mark.parametrize(
    ("line", "times", "watch", "value"),
    [(3, 1, "x", 2), (3, 3, "x", 8), (4, 2, "(x, y)", (4, 5)), (1, 1, "x", 1), (6, 1, "x + y", 35), (4, 4, "k", 3)],
)
def test_the_value_at_a_moment_is_that_when_the_line_has_run(line: int, times: int, watch: str, value: object) -> None:
    assert traced(LOOP, watch, After(line=line, times=times)) == value


def test_the_last_line_of_a_function_has_run_before_it_returns() -> None:
    code = "def f(n):\n    n = n + 1\n    return n\ny = f(1) + f(5)\n"
    assert traced(code, "n", After(line=2, times=2)) == 6
    assert traced(code, "y") == 8


def test_a_moment_that_never_comes_is_an_error_and_nothing_is_left_behind() -> None:
    before = sys.gettrace()
    with pytest.raises(LookupError, match="line 3 does not run 5 times"):
        traced(LOOP, "x", After(line=3, times=5))
    with pytest.raises(ZeroDivisionError):
        traced("1 / 0", "x", After(line=1))
    assert sys.gettrace() is before
