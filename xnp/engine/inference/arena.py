"""Who lies where: values that are never needed at the same time share memory.

    value       written by step    last read by step            memory, from left to right
    a           0                  1                            [ a a a a ][ b b ]
    b           1                  2                            [ c ]      [ b b ]       a is dead: its place is free
    c           2                  3                            [ c ][ d d ]             and so is b's

Training must keep every value for the way back. Inference has no way back, so the network needs little more memory than
its largest step. The large values choose first; each takes the lowest place where it meets nobody of its own time.
"""

from typing import NamedTuple


class Life(NamedTuple):
    """How large a value is, and from which step to which it is needed, both included."""

    size: int
    first: int
    last: int


def arrange(lives: dict[int, Life]) -> tuple[dict[int, int], int]:
    """Give each value an offset.

    Returns
    -------
    value -> offset, and the size of all together. Twice the sizes have twice the offsets.

    Examples
    --------
    >>> arrange({0: Life(40, 0, 1), 1: Life(20, 1, 2), 2: Life(10, 2, 3), 3: Life(20, 3, 4)})
    ({0: 0, 1: 40, 3: 0, 2: 20}, 60)
    """
    offsets: dict[int, int] = {}
    for value, life in sorted(lives.items(), key=lambda item: (-item[1].size, item[1].first)):
        neighbours = sorted(
            (offsets[other], offsets[other] + lives[other].size)
            for other in offsets
            if lives[other].first <= life.last and life.first <= lives[other].last
        )
        offset = 0
        for start, stop in neighbours:
            if offset + life.size <= start:
                break
            offset = max(offset, stop)
        offsets[value] = offset
    return offsets, max((offset + lives[value].size for value, offset in offsets.items()), default=0)
