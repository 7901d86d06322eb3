"""The end of the process by somebody else's ``exit()`` in C or ``STOP`` in Fortran, noticed.

Python hears nothing of it, and the exit code would be the model's own: 0, as after a good run.
``_exit`` in C calls no handler and can't be heard here: the JSON report keeps its ``complete`` of
false, and under pytest-xdist the lost worker fails the run.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Callable
from typing import Any

__all__ = ["PrematureExit"]

# While a model is called, os._exit is another function.
_end = os._exit


class PrematureExit:
    """Calls ``last_words`` if the process exits before :meth:`disarm`, then ends it with 1.

    Systems whose C library has no ``__cxa_atexit`` are left as they are.

    Parameters
    ----------
    last_words : callable () -> None
        Python still works while it is called.
    """

    def __init__(self, last_words: Callable[[], None]) -> None:
        self._last_words = last_words
        self._process = os.getpid()
        self._is_armed = True
        self._finalize: Any = None
        with contextlib.suppress(ImportError, AttributeError, OSError, TypeError):
            self._register()
        # C calls its handlers after Python is gone, too: by then there must be none.
        atexit.register(self.disarm)

    def _register(self) -> None:
        import ctypes

        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
        library = ctypes.CDLL(None)
        register, finalize = library["__cxa_atexit"], library["__cxa_finalize"]
        register.argtypes = [function, ctypes.c_void_p, ctypes.c_void_p]
        finalize.argtypes = [ctypes.c_void_p]
        # Kept, since C holds on to them.
        self._handler = function(self._at_exit)
        self._token = ctypes.create_string_buffer(1)
        if register(self._handler, None, ctypes.addressof(self._token)) == 0:
            self._finalize = finalize

    def _at_exit(self, _: object) -> None:
        # A forked child that exits is no end of the run.
        if not self._is_armed or os.getpid() != self._process:
            return
        self._is_armed = False
        try:
            self._last_words()
        finally:
            _end(1)

    def disarm(self) -> None:
        """The process may exit now."""
        self._is_armed = False
        if self._finalize is not None and os.getpid() == self._process:
            import ctypes

            finalize, self._finalize = self._finalize, None
            # Calls the handler, which does nothing any more, and forgets it.
            finalize(ctypes.addressof(self._token))
        atexit.unregister(self.disarm)
