"""Ask for known vulnerabilities in requirements.lock; without a network, say so."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ANSWER_TIMEOUT_S = 5  # for one package; a service that is away costs this once
OVERALL_TIMEOUT_S = 120

PIP_AUDIT = (
    *(sys.executable, "-m", "pip_audit", "--requirement", ROOT / "requirements.lock"),
    *("--require-hashes", "--disable-pip", "--timeout", str(ANSWER_TIMEOUT_S)),
    *("--format", "json", "--progress-spinner", "off"),
)


def ask() -> list[dict[str, Any]]:
    """Get one entry per package; none where the advisory service does not answer."""
    try:
        answer = subprocess.run(
            PIP_AUDIT, capture_output=True, text=True, timeout=OVERALL_TIMEOUT_S, check=False
        )
        entries: list[dict[str, Any]] = json.loads(answer.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return []
    return entries


def main() -> int:
    """Fail on a known vulnerability, and on nothing else."""
    packages = ask()
    known = [package for package in packages if "vulns" in package]
    if not known:
        print("Audit skipped: advisory service not reachable.")
        return 0
    found = [(package, vulnerability) for package in known for vulnerability in package["vulns"]]
    for package, vulnerability in found:
        fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
    print(f"Audited {len(known)} of {len(packages)} packages, {len(found)} vulnerabilities.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
