"""Asks an address again and again, in a process of its own: a client that is busy itself would measure itself.

    python -m tests.bench.prober URL SECONDS EVERY

Prints the time of each answer in seconds, as a JSON list.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from urllib.parse import urlsplit

_TIMEOUT = 120.0


def probe(url: str, seconds: float, every: float) -> list[float]:
    """The times of the answers; `_TIMEOUT` for one that has not come by then.

    :raises RuntimeError: an answer was no success.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT)
    taken: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        try:
            connection.request("GET", parts.path)
            answer = connection.getresponse()
            answer.read()
        except TimeoutError:
            connection.close()  # the next request opens it again
            taken.append(time.perf_counter() - began)
            continue
        if answer.status != 200:
            raise RuntimeError(f"{url}: HTTP {answer.status}")
        taken.append(time.perf_counter() - began)
        time.sleep(every)
    return taken


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))))
