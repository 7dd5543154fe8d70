"""The service under load: ``python benchmarks/load.py --minutes 15`` (the default is a short look).

In turn: its capacity with 32 clients; a share of it for so many minutes, with the memory of all its processes; five
times as much, and how long until it answers as before; a worker killed; SIGTERM with requests in flight. Traffic stays
on the loopback. Prints a table for docs/serving.md; exit code 1 where something failed.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable

import numpy as np
from served import Connection, Load, Served, crop_file, load, request_bytes, serving

CLIENTS = 32
#: Requests that are on their way when SIGTERM comes: few enough that a slow machine lets all of them in.
IN_FLIGHT = 8
#: Seconds after which memory counts: threads, arenas and caches are there.
WARM = 0.2
#: A probe's answer is as before when it takes less than this many times its former median.
AS_BEFORE = 3


def requests() -> Callable[[int], bytes]:
    made = [request_bytes("/classify", "image/png", crop_file(seed)) for seed in range(64)]
    return lambda number: made[number % len(made)]


async def watched(service: Served, request: Callable[[int], bytes], seconds: float, rate: float):
    """The load, and the service's memory in MB once a second."""
    running = asyncio.create_task(load(service.port, request, seconds, CLIENTS, rate))
    memory = []
    while not running.done():
        memory.append(service.memory())
        await asyncio.sleep(max(0.2, seconds / 200))
    return await running, memory


async def recovery(service: Served, request: bytes, normal: float) -> float:
    """Seconds until five answers in a row come as before."""
    start, connection, in_a_row = time.perf_counter(), Connection(service.port), 0
    while in_a_row < 5 and time.perf_counter() - start < 120:
        begin = time.perf_counter()
        status = await connection.ask(request)
        fast = 1000 * (time.perf_counter() - begin) < AS_BEFORE * normal
        in_a_row = in_a_row + 1 if status == 200 and fast else 0
    return time.perf_counter() - start


async def replaced(service: Served, request: bytes) -> tuple[float, int]:
    """Seconds from a worker's kill to the next answer, and how many requests failed meanwhile."""
    service.workers()[0].kill()
    start, failed = time.perf_counter(), 0
    while await Connection(service.port).ask(request, timeout=120) != 200:
        failed += 1
        await asyncio.sleep(0.05)
    return time.perf_counter() - start, failed


async def ended(service: Served, request: Callable[[int], bytes]) -> tuple[Load, float]:
    """The answers of requests that were on their way when SIGTERM came, and how long the service took to end."""
    result = Load(seconds=1)

    async def ask(number: int) -> None:
        status = await Connection(service.port).ask(request(number))
        result.times.setdefault(status, []).append(0.0)

    asking = [asyncio.create_task(ask(number)) for number in range(IN_FLIGHT)]
    await asyncio.sleep(0.15)
    start = time.perf_counter()
    service.process.send_signal(signal.SIGTERM)
    await asyncio.gather(*asking)
    await asyncio.to_thread(service.process.wait, 60)
    return result, time.perf_counter() - start


def main(minutes: float, share: float, times: float) -> bool:
    request, probe = requests(), requests()(0)
    print("| load | measured |")
    print("| --- | --- |")
    with serving() as service:
        asyncio.run(load(service.port, request, 5, CLIENTS))
        full = asyncio.run(load(service.port, request, 10, CLIENTS))
        capacity = full.rate()
        print(
            f"| capacity, {CLIENTS} clients | {capacity:.0f} requests/s, p50 {full.quantile(0.5):.0f} ms |", flush=True
        )

        calm, memory = asyncio.run(watched(service, request, 60 * minutes, share * capacity))
        kept = memory[int(WARM * len(memory)) :]
        growth = np.mean(kept[-len(kept) // 4 :]) / np.mean(kept[: len(kept) // 4 or 1]) - 1
        print(
            f"| {share:.0%} of it for {minutes:g} min | {calm.statuses()}, p50 {calm.quantile(0.5):.0f} ms, "
            f"p99 {calm.quantile(0.99):.0f} ms; memory {kept[0]:.0f} to {kept[-1]:.0f} MB ({growth:+.1%}) |",
            flush=True,
        )

        # So many that they would wait for over a second, and fewer than the connections that are let in.
        over = asyncio.run(load(service.port, request, 12, 15 * CLIENTS, times * capacity))
        back = asyncio.run(recovery(service, probe, calm.quantile(0.5)))
        good = f"{over.rate():.0f} good answers/s ({over.rate() / capacity:.2f} of capacity)"
        print(
            f"| {times:g} times as much for 12 s | {over.statuses()}, {good}, "
            f"p50 {over.quantile(0.5):.0f} ms; as before after {back:.1f} s |",
            flush=True,
        )

        seconds, failed = asyncio.run(replaced(service, probe))
        print(f"| a worker killed | answers again after {seconds:.1f} s, {failed} requests failed |", flush=True)

        last, took = asyncio.run(ended(service, request))
        print(f"| SIGTERM with {IN_FLIGHT} in flight | {last.statuses()}, ended after {took:.1f} s |")
    only_good = set(calm.times) == {200} and set(last.times) == {200}
    shed = set(over.times) <= {200, 503}
    return only_good and shed and abs(growth) < 0.05 and back < 5


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--share", type=float, default=0.8)
    parser.add_argument("--times", type=float, default=5.0)
    given = parser.parse_args()
    sys.exit(0 if main(given.minutes, given.share, given.times) else 1)
