"""Ctrl-C, answered between two steps: a stop in the middle of an update would leave half of the weights changed."""

import os
import signal
import threading
from contextlib import suppress
from types import FrameType


class Interrupt:
    """While it is open, the first Ctrl-C only sets `asked`, and says so; a second one interrupts at once, as usual.

    Nothing is changed outside the main thread, where Python delivers no signals, nor where Ctrl-C is ignored, as it is
    for a process that a script put into the background.

    >>> with Interrupt() as interrupt:
    ...     print(interrupt.asked)
    False
    """

    asked = False

    def __enter__(self) -> "Interrupt":
        self._before = signal.getsignal(signal.SIGINT)
        self._ours = threading.current_thread() is threading.main_thread() and callable(self._before)
        if self._ours:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self._before)
        with suppress(OSError):  # not print, which may be at work just now, and cannot be called twice at a time
            os.write(2, b"\nstopping after this step; Ctrl-C again stops at once\n")
