"""Short commands of the system: run to their end with a time limit, an error carries what they said."""
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

from . import LabError


def run(*argv, seconds=180, data=None, env=None):
    """Runs a command, returns its standard output; a LabError when it fails or takes longer than `seconds`."""
    argv = [str(a) for a in argv]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, input=data, env=env)
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(argv[:6])}: no end within {seconds} s") from None
    except OSError as error:
        raise LabError(f"{argv[0]}: {error.strerror}") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-1500:]
        raise LabError(f"{' '.join(argv[:8])} ended with {done.returncode}: {said}")
    return done.stdout


def succeeds(*argv, seconds=60):
    try:
        run(*argv, seconds=seconds)
        return True
    except LabError:
        return False


_started = time.monotonic()
_printing = threading.Lock()


@contextmanager
def step(what):
    """Prints a line when a step has ended: seconds since the start, the step, how long it took."""
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        _say(f"{time.monotonic() - _started:7.1f} s  FAILED: {what}")
        raise
    _say(f"{time.monotonic() - _started:7.1f} s  {what} ({time.monotonic() - begun:.1f} s)")


def _say(line):
    with _printing:
        print(line, file=sys.stderr, flush=True)
