"""Ctrl-C, answered between two steps: a stop in the middle of an update would leave half of the weights changed."""

import signal
import threading
from types import FrameType, TracebackType


class Interrupt:
    """While it is open, the first Ctrl-C only sets `asked`; a second one interrupts at once, as usual.

    Outside the main thread Python delivers no signals; then nothing is changed.

    >>> with Interrupt() as interrupt:
    ...     print(interrupt.asked)
    False
    """

    asked = False

    def __enter__(self) -> "Interrupt":
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self._before)
