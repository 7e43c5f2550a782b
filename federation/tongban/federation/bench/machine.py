"""On what it was measured."""

import os
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median


def told(folder: Path) -> dict[str, str]:
    """Return machine and versions; the folder is where nodes keep their data."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "tongban": version("tongban"),
        "grpcio": version("grpcio"),
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()} {platform.release()}",
        "load_before": f"{os.getloadavg()[0]:.1f}",
        "sync_to_disk": f"{_sync_seconds(folder) * 1000:.2f} ms",
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _sync_seconds(folder: Path) -> float:
    """Return how long it takes to have a page on disk: 0.00 ms is no disk at all."""
    took = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(50):
            begin = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begin)
    return median(took)
