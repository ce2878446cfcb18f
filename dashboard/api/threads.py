"""Blocking work off the event loop, each kind with a limit of its own."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

Result = TypeVar("Result")

# Streamlit sends its own files through 28 shared threads; ours must not take those.
READING = CapacityLimiter(16)
# Decoding a preview keeps a core busy.
DECODING = CapacityLimiter(2)
# Threads that only wait for a mesh to be converted.
CONVERTING = CapacityLimiter(4)


async def run(
    call: Callable[..., Result], *arguments: object, limiter: CapacityLimiter = READING
) -> Result:
    """Run a blocking function in a thread and return its result."""
    return await to_thread.run_sync(call, *arguments, limiter=limiter)
