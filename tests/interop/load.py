"""Steady load from a few keep-alive connections, each answer judged.

A `Load` asks the same requests in turn until it is told to stop. An exchange that breaks is lost, whatever the
reason; the only connection that may close is one that the answer before announced with `Connection: close`.
"""

import http.client
import threading
import time

from gate import send


class Load:
    """`requests` are (label, method, target, token).

    `observe(worker, label, status, began)` judges, returning a complaint or None.
    """

    def __init__(self, gate, requests, observe, workers=4, pause=0.001):
        self.gate, self.requests, self.observe, self.pause = gate, requests, observe, pause
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.complaints, self.answers = [], 0
        gate.tokens.update(token for *_, token in requests if token)
        self.threads = [threading.Thread(target=self.work, args=(n,), daemon=True) for n in range(workers)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Lets every exchange that has begun finish."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive(), "a request was never answered"

    def run(self, seconds):
        """At least `seconds` of load."""
        before = self.answers
        time.sleep(seconds)
        assert self.answers > before, "no answers: the load has stalled"

    def check(self):
        self.stop()
        assert not self.complaints, "\n".join(self.complaints[:20])
        assert self.answers > 20, self.answers

    def work(self, number):
        connection = http.client.HTTPConnection("127.0.0.1", self.gate.proxy, timeout=20)
        turn = number
        while not self.stopping.is_set():
            label, method, target, token = self.requests[turn % len(self.requests)]
            turn += 1
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            began = time.monotonic()
            try:
                answer = send(connection, method, target, headers)
                complaint = self.observe(number, label, answer.status, began)
            except (OSError, http.client.HTTPException) as error:
                complaint = f"{label}: lost: {error!r}"
                connection.close()
            with self.lock:
                self.answers += 1
                if complaint:
                    self.complaints.append(complaint)
            time.sleep(self.pause)
        connection.close()
