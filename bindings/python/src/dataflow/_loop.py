# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the library in an asyncio loop."""
import asyncio


async def readable(fd, timeout):
    """Waits until fd is readable, at most `timeout` seconds."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(fd, lambda: ready.done() or ready.set_result(None))
    try:
        await asyncio.wait_for(ready, timeout)
    except asyncio.TimeoutError:
        pass
    finally:
        loop.remove_reader(fd)
