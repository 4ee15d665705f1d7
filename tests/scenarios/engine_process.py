"""One `nautilusctl engine serve` process of a test: what it says, its log, its clients."""
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from engine_client import WebSocket

BINARY = os.environ["NAUTILUSCTL"]
ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = """
instruments:
  - {symbol: ACME, tick_size: 0.01, min_price: 0.01, max_price: 1000, reference_price: 100}
accounts:
  - {name: alice, cancel_on_disconnect: false}
  - {name: bob, cancel_on_disconnect: false}
"""


class Engine:
    def __init__(self, directory, *more, journal="journal", admin="127.0.0.1:0", **how):
        command = [BINARY, "--project", str(ROOT), "-o", "json", "engine", "serve", "--journal", journal,
                   "--definitions", "definitions.yaml", "--listen", "127.0.0.1:0", "--admin", admin, *more]
        self.process = subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
        self.log = []
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()

    def read_log(self):
        for line in self.process.stderr:
            with self.news:
                self.log.append(line)
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def logged(self, *words, timeout=60):
        """Waits for a line of the log with all these words."""
        def there():
            return any(all(word in line for word in words) for line in self.log) or self.process.poll() is not None
        with self.news:
            assert self.news.wait_for(there, timeout), f"no line with {words}: {''.join(self.log)}"
        if self.process.poll() is not None:
            self.reader.join()
        assert any(all(word in line for word in words) for line in self.log), f"it ended without {words}: {''.join(self.log)}"
        return self

    def serving(self):
        """What it says once it takes orders."""
        text = ""
        while not text.endswith("}\n") or text.count("{") != text.count("}"):
            line = self.process.stdout.readline()
            assert line, f"it ended with {self.process.wait()}: {''.join(self.log)}"
            text += line
        self.at = json.loads(text)
        return self

    def client(self, **logon):
        client = WebSocket(int(self.at["http"].rsplit(":", 1)[1]))
        client.logon(cancel_on_disconnect=False, **logon)
        return client

    def get(self, path):
        with urllib.request.urlopen(self.at["http"] + path, timeout=20) as answer:
            return json.load(answer)

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=60)
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return status


def eventually(check, trouble, seconds=60):
    """Until check() is true: for what nothing announces. `trouble` says what it is instead."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(trouble())
        pause.wait(0.01)


def probe(admin, path):
    """Status and text of the admin listener; 0 and the reason if nobody listens."""
    try:
        with urllib.request.urlopen(f"http://{admin}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()
    except urllib.error.URLError as nobody:
        return 0, str(nobody.reason)
