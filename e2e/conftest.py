"""Fixtures of the tests in the lab. The lab is brought up when it is not, and then taken down again at the end."""
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

_world = None


@pytest.fixture(scope="session")
def _lab_world():
    """One for all tests; left as it was found."""
    global _world
    from vmha_e2e import lab
    from vmha_e2e.world import World
    lab.clean_environment()
    was_up = lab.is_up()
    if not was_up:
        lab.up()
    try:
        _world = World()
        yield _world
    finally:
        if _world:
            _world.reset()
        if not was_up:
            lab.down()


@pytest.fixture
def world(_lab_world):
    """A lab without faults, servers, fences and vmha; afterwards again."""
    _lab_world.reset()
    yield _lab_world
    _lab_world.reset()


@pytest.fixture(scope="module")
def shared_world(_lab_world):
    """The same for all tests of one file together."""
    _lab_world.reset()
    yield _lab_world
    _lab_world.reset()


@pytest.fixture(scope="session")
def lost_host(_lab_world):
    """A host whose power was pulled, and its recovery up to the end; test_host_loss.py and test_host_returns.py look at the same one."""
    from vmha_e2e.loss import HostLoss
    _lab_world.reset()
    _lab_world.use_account()
    loss = HostLoss(_lab_world)
    loss.happen()
    return loss


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what vmha said and what it wrote, before the reset takes it away."""
    report = (yield).get_result()
    if call.excinfo is None or _world is None or report.skipped:
        return
    report.sections.append(("vmha-controller", _world.controller.tail(80)))
    if _world.recorder:
        report.sections.append(("resources", _world.recorder.describe()))
    table = subprocess.run([Path(__file__).parent / "lab" / "lab", "guests"], capture_output=True, text=True)
    report.sections.append(("guests", table.stdout + table.stderr))
