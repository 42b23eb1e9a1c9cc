"""Crawlee for Python: one pool of as many sessions as the argument says. Prints one line of JSON."""

import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from datetime import timedelta

logging.disable(logging.CRITICAL)
os.environ["CRAWLEE_STORAGE_DIR"] = tempfile.mkdtemp(prefix="crawlee-")

from crawlee.sessions import SessionPool  # noqa: E402  (it reads the variable)


def resident() -> int:
    """Bytes of this process that are in memory."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))


def pool(sessions: int) -> SessionPool:
    return SessionPool(
        max_pool_size=sessions,
        persistence_enabled=True,
        persist_state_key="SESSIONS",
        create_session_settings={"max_usage_count": 10**9, "max_age": timedelta(days=10)},
    )


async def main(sessions: int) -> None:
    # It looks through all of them for each use.
    uses = 30_000 if sessions < 100_000 else 2_000
    before, began = resident(), time.perf_counter()
    async with pool(sessions) as opened:
        create = time.perf_counter() - began
        began = time.perf_counter()
        for _ in range(uses):
            (await opened.get_session()).mark_good()
        use = time.perf_counter() - began
        began = time.perf_counter()
        await opened._state.persist_state()
        persist = time.perf_counter() - began
        memory = resident() - before
    began = time.perf_counter()
    async with pool(sessions):
        reopen = time.perf_counter() - began
    figures = {"create": create / sessions, "use": use / uses, "persist": persist, "reopen": reopen}
    print(json.dumps(figures | {"resident": memory / sessions}))


asyncio.run(main(int(sys.argv[1])))
