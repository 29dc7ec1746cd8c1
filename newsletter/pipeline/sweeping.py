"""How often the garbage collector looks through the program while much is made; it knows nothing of what is made."""

import contextlib
import gc
import itertools
from collections.abc import AsyncIterator

OBJECTS_BETWEEN_SWEEPS = 20_000
SPANS_BETWEEN_WHOLE_SWEEPS = 16

_spans = itertools.count(1)

# The thresholds to go back to, once for each span under way.
_before: list[tuple[int, int, int]] = []


@contextlib.asynccontextmanager
async def less_to_sweep() -> AsyncIterator[None]:
    """Keep the garbage collector to what is made meanwhile, and let it look seldom: issues and mails leave no cycles.

    To look through the whole program again and again takes a fifth of a run. Of spans that overlap the first to begin
    changes how it looks, and the last to end gives that back.
    """
    _before.append(_before[0] if _before else gc.get_threshold())
    if len(_before) == 1:
        # Mostly the young alone: to look through all of the program takes longer than a small run.
        gc.collect(2 if next(_spans) % SPANS_BETWEEN_WHOLE_SWEEPS == 0 else 1)
        gc.freeze()
        gc.set_threshold(OBJECTS_BETWEEN_SWEEPS, *_before[0][1:])
    try:
        yield
    finally:
        before = _before.pop()
        if not _before:
            gc.set_threshold(*before)
            gc.unfreeze()
