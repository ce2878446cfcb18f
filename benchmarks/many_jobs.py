"""Make many jobs fast: directories, records and quality figures, as a pipeline would leave them."""

import json
import os
import random
import string
from collections.abc import Iterator
from pathlib import Path

import redis

ALPHABET = string.digits + string.ascii_lowercase
RECORDS_AT_ONCE = 2000
MODELS = (["reconviagen"], ["nvdiffrec"], ["reconviagen", "nvdiffrec"])
# Of a hundred jobs: how they ended.
ENDS = (
    [("SUCCESS", {"status": "completed"})] * 91
    + [("FAILURE", {"exc_type": "ValueError", "exc_message": ["no features were found"]})] * 5
    + [("SUCCESS", {"status": "cancelled"})] * 2
    + [("SUCCESS", {"status": "failed", "error": "out of memory"})] * 2
)


def make_jobs(storage: Path, records: redis.Redis, count: int, with_files: int) -> list[str]:
    """Make `count` finished jobs, of which `with_files` of those that succeeded have outputs."""
    storage.mkdir(parents=True, exist_ok=True)
    chance = random.Random(1)
    job_ids = ["".join(chance.choices(ALPHABET, k=8)) for _ in range(count)]
    pipeline = records.pipeline(transaction=False)
    for number, job_id in enumerate(job_ids):
        state, result = chance.choice(ENDS)
        pipeline.set(f"celery-task-meta-{job_id}", record(job_id, state, result, chance))
        (storage / job_id).mkdir()
        if result.get("status") == "completed" and number < with_files:
            make_outputs(storage / job_id / "output", chance)
        if number % RECORDS_AT_ONCE == 0:
            pipeline.execute()
    pipeline.execute()
    return job_ids


def record(job_id: str, state: str, result: object, chance: random.Random) -> str:
    moment = (
        f"2026-{chance.randint(1, 10):02}-{chance.randint(1, 28):02}"
        f"T{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:00.{chance.randint(0, 999999):06}"
    )
    return json.dumps(
        {
            "status": state,
            "result": result,
            "traceback": None,
            "children": [],
            "date_done": f"{moment}+00:00",
            "task_id": job_id,
        }
    )


def make_outputs(output: Path, chance: random.Random) -> None:
    output.mkdir()
    for model in chance.choice(MODELS):
        directory = f"{output}/{model}"
        os.mkdir(directory)  # noqa: PTH102  a million of them
        write(f"{directory}/mesh.glb", b"glTF" * 20)
        write(f"{directory}/quality.json", quality(chance))


def quality(chance: random.Random) -> bytes:
    psnr, ssim = chance.uniform(15, 35), chance.uniform(0.6, 0.99)
    limits = (("normal", 25, 0.85), ("warning", 20, 0.75), ("failure", 0, 0))
    status = next(name for name, least, alike in limits if psnr >= least and ssim >= alike)
    metrics = {"psnr": psnr, "ssim": ssim, "depth_mae": 0.01, "depth_rmse": 0.02}
    return json.dumps({"status": status, "metrics": metrics}).encode()


def write(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, content)
    os.close(descriptor)


def naive_list(storage: Path, records: redis.Redis) -> list[tuple[str, str]]:
    """One page without a memory: every name, every record, every output directory, then a sort."""
    names = [entry.name for entry in os.scandir(storage)]
    found = []
    for start in range(0, len(names), RECORDS_AT_ONCE):
        part = names[start : start + RECORDS_AT_ONCE]
        values = records.mget([f"celery-task-meta-{name}" for name in part])
        found += list(_naive_states(storage, zip(part, values, strict=True)))
    return sorted(found, reverse=True)[:50]


def _naive_states(storage: Path, pairs: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, str]]:
    for name, value in pairs:
        told = json.loads(value)
        is_there = os.path.isdir(f"{storage}/{name}/output")  # noqa: PTH112
        yield told["date_done"], told["status"] if is_there else "expired"
