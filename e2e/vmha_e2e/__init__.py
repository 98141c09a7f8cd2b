"""What the tests in real systems and the demo share: the lab, kubectl, vmha-controller as a process, and a record of what happened when.

Times are this machine's monotonic clock, in seconds.
"""
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "e2e" / "lab"))

NAMESPACE = "openstack"


def wait_for(what, condition, seconds, pause=0.3):
    """Polls until condition() is true and returns that value; an AssertionError when the time is over. The time only bounds a test that
    hangs: it never decides one that goes on."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(pause)
