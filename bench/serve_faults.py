"""Faults that a server meets, under load: serve_faults.py HONE FOLDER [RELOADS]. Fails on a wrong or lost answer."""
import http.client
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

hone, folder = sys.argv[1], pathlib.Path(sys.argv[2])
reloads = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
idle_wanted = 10000
models = folder / "fault-models"
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def publish(factor):
    """y = x · factor, as the next version, in one step."""
    new = models / f".{factor}"
    new.mkdir(parents=True)
    (new / "model.hone").write_text(
        f'graph "m" {{\n  input %x: f32[4]\n  const %k: f32[4] = fill({factor})\n  %y: f32[4] = Mul(%x, %k)\n  output %y\n}}\n')
    (models / "m").mkdir(exist_ok=True)
    new.rename(models / "m" / str(factor))
    old = models / "m" / str(factor - 2)
    if old.exists():
        shutil.rmtree(old)


class Server:
    def __init__(self, *options, port=0):
        self.log = open(folder / "fault-log", "w+")
        self.process = subprocess.Popen([hone, "serve", str(models), "--http-port", str(port), *options], stderr=self.log)
        for _ in range(1000):
            text = (folder / "fault-log").read_text()
            if "listening on http" in text:
                break
            time.sleep(0.01)
        self.port = int(text.rsplit(":", 1)[1])

    def rss(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1000

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(60)


class Load:
    """Clients that ask without a pause. An answer is right when all its numbers are of one version that was there."""

    def __init__(self, port, clients=3, is_end_expected=False):
        self.port, self.is_ending, self.is_end_expected = port, False, is_end_expected
        self.answers, self.wrong, self.lost, self.newest, self.seconds = 0, [], [], 0, []
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [4], "data": [1, 2, 3, 4]}]})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not self.is_ending:
            begun = time.time()
            try:
                connection.request("POST", "/v2/models/m/infer", body)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as e:
                if self.is_end_expected:
                    return
                self.lost.append(repr(e))
                connection.close()
                continue
            self.seconds.append(time.time() - begun)
            data = json.loads(text)["outputs"][0]["data"] if answer.status == 200 else None
            if data is None or data != [data[0] * i for i in (1, 2, 3, 4)]:
                self.wrong.append((answer.status, text))
            else:
                self.newest = max(self.newest, data[0])
            self.answers += 1

    def end(self):
        self.is_ending = True
        for thread in self.threads:
            thread.join()
        return self


def row(what, found):
    print(f"| {what} | {found} |", flush=True)


print("| fault | found |\n|---|---|")
failed = False
publish(1)

server = Server("--poll", "0.02", "--max-connections", str(idle_wanted + 100), "--idle-timeout", "600")
load = Load(server.port)
time.sleep(1)
before = server.rss()
for version in range(2, reloads + 2):
    publish(version)
    time.sleep(0.04)
    if version == max(2, reloads // 5):
        early = server.rss()
time.sleep(1)
load.end()
row(f"{reloads} new versions under load", f"{load.answers} answers, {len(load.wrong)} wrong, {len(load.lost)} lost; the newest serves: "
    f"{load.newest == reloads + 1}; {before:.1f} MB before, {early:.1f} after a fifth, {server.rss():.1f} after all")
failed |= bool(load.wrong or load.lost) or load.newest != reloads + 1

before = server.rss()
count = min(idle_wanted, most - 100)
idle = []
for _ in range(count):
    idle.append(socket.create_connection(("127.0.0.1", server.port)))
load = Load(server.port, 1)
time.sleep(2)
load.end()
held = server.rss()
for one in idle:
    one.close()
time.sleep(1)
row(f"{count} idle connections", f"{load.answers} answers beside them, {len(load.wrong) + len(load.lost)} wrong or lost, median "
    f"{statistics.median(load.seconds) * 1e6:.0f} µs; {(held - before) * 1000 / count:.1f} kB each")
failed |= bool(load.wrong or load.lost)

load = Load(server.port, is_end_expected=True)
time.sleep(1)
code = server.end()
load.end()
row("SIGTERM under load", f"exit status {code}, {load.answers} answers, {len(load.wrong)} wrong")
failed |= code != 0 or bool(load.wrong)

server = Server()
load = Load(server.port, is_end_expected=True)
time.sleep(0.5)
server.end(signal.SIGKILL)
load.end()
begun = time.time()
server = Server(port=server.port)
load = Load(server.port)
time.sleep(0.5)
load.end()
row("kill -9 under load, then again", f"serves after {(min(load.seconds) + time.time() - begun - 0.5) * 1000:.0f} ms on the same port, "
    f"{load.answers} answers, {len(load.wrong) + len(load.lost)} wrong or lost")
failed |= bool(load.wrong or load.lost)
server.end()
for load_part in (load.wrong[:2], load.lost[:2]):
    if load_part:
        print(load_part, file=sys.stderr)
sys.exit(1 if failed else 0)
