"""examples/serve.py under load: how long answers take, and whether any is lost.

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/serving.py

A server of its own process answers on the loopback interface for a tiny classifier of
series with random weights, 375 steps a request. So many clients at a time each send a
request as soon as the one before is answered. Then requests that must be refused, and
more of them at once than the server takes.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

import environment
import keras
import numpy as np

from keras_maelre import MaelreClassifier
from keras_maelre.preprocessing import SeriesPreprocessor

SERVER = pathlib.Path(__file__).parent.parent / "examples" / "serve.py"
STEPS = 375
MEGABYTES = 1
REFUSED = {
    "not JSON": b"[1, 2",
    "not numbers": b'["a"]',
    "empty": b"",
    "longer than the input": json.dumps([0.0, 1.0] * STEPS).encode(),
    f"more than {MEGABYTES} MB": b"1" * (MEGABYTES * 10**6 + 1),
}


def main():
    args = parse()
    with tempfile.TemporaryDirectory() as folder:
        MaelreClassifier.from_preset(
            "tiny_series",
            num_classes=4,
            preprocessor=SeriesPreprocessor((STEPS, 1)),
        ).save_to_preset(folder)
        for concurrent in (max(args.clients) + 1, 4):
            server, port = start(folder, concurrent)
            try:
                if concurrent > 4:
                    sustained(port, args)
                else:
                    crowded(port, concurrent, args)
            finally:
                server.terminate()
                server.wait()
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(f"\n{keras.backend.backend()}, {threads} thread(s);", end=" ")
    print(environment.one_line("keras", "fastapi", "uvicorn"))


def sustained(port, args):
    columns = "clients", "requests", "answered", "a second", "median ms", "95 %", "99 %"
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    body = json.dumps(np.random.default_rng(0).normal(size=STEPS).tolist()).encode()
    for _ in range(3):
        post(port, body)
    for clients in args.clients:
        begin = time.monotonic()
        found = together(port, body, clients, args.requests // clients)
        seconds = time.monotonic() - begin
        good = [1000 * took for status, took in found if status == 200]
        p50, p95, p99 = np.percentile(good, (50, 95, 99))
        print(
            f"| {clients} | {len(found)} | {len(good)} | {len(found) / seconds:.0f} | "
            f"{p50:.0f} | {p95:.0f} | {p99:.0f} |",
            flush=True,
        )
    print("\n| refused | status | reason |\n|---|---|---|")
    for name, bad in REFUSED.items():
        status, answer = post(port, bad)
        print(f"| {name} | {status} | {json.loads(answer)['detail']} |")
    status, _ = post(port, body)
    print(f"\nA request after these: {status}")


def crowded(port, concurrent, args):
    body = json.dumps(np.random.default_rng(0).normal(size=STEPS).tolist()).encode()
    clients = max(args.clients)
    found = together(port, body, clients, args.requests // clients)
    counts = collections.Counter(status for status, _ in found)
    print(
        f"\n{clients} clients of a server that takes {concurrent} connections: "
        + ", ".join(f"{count} times {status}" for status, count in counts.items())
    )


def start(folder, concurrent):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = {"port": port, "megabytes": MEGABYTES, "concurrent": concurrent}
    command = [sys.executable, SERVER, folder]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return server, port
        except OSError:
            if server.poll() is not None:
                raise RuntimeError("The server stopped before it answered.") from None
            time.sleep(0.1)
    server.terminate()
    raise RuntimeError("The server did not answer within a minute.")


def together(port, body, clients, requests):
    """Returns status and seconds of every request; a lost one has no status."""
    found = []

    def send():
        for _ in range(requests):
            begin = time.monotonic()
            try:
                status, _ = post(port, body)
            except OSError:
                status = None
            found.append((status, time.monotonic() - begin))

    threads = [threading.Thread(target=send) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def post(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/predict", body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--requests", type=int, default=480, help="a row")
    return parser.parse_args()


if __name__ == "__main__":
    main()
