"""The main scenario: a host with six instances, one of them shut off, loses its power; how long each step takes."""
import time

from .checks import last_evacuation
from .record import Witness
from .resources import policy
from .world import fence, is_recovered, is_true, phase, recovery, verdict

HOST = "compute-1"
RUNNING, STOPPED = 5, "loss-6"
RECOVERY_SECONDS = 300
WRITE_SECONDS = 120

AIMS = {  # seconds, at the lab's default pace (fast)
    "Dead": 6, "fence proven after Dead": 3, "first instance ACTIVE elsewhere": 15, "all instances elsewhere": 35,
    "first write after ACTIVE, slowest guest": 8}
SLOWER_AT_DEFAULTS = 15  # nova reports every 10 s and is down after 60, kubelet renews every 10: each aim may take this much longer


class HostLoss:
    def __init__(self, world, healthy_seconds=10):
        self.world = world
        self.host = HOST
        self.names = [f"loss-{number}" for number in range(1, RUNNING + 2)]
        self.running = [name for name in self.names if name != STOPPED]
        self._policy = policy(**{"return": {"healthySeconds": healthy_seconds}})
        self.at = None  # when the power was pulled
        self.before = self.after = self.witness = None

    def happen(self):
        self.prepare()
        self.pull_power()
        self.follow()

    def prepare(self, on_boot=lambda *_: None):
        self.world.boot("loss", self.host, len(self.names))
        self.world.lab.shut_off(STOPPED)
        self.world.begin(self._policy)
        self.world.wait_ready(self.names)
        self.evacuations_before = last_evacuation(self.world.lab, self.host)
        self.witness = Witness(self.names, on_boot)
        self.witness.start()

    def pull_power(self):
        from .lab import run
        self.at = time.monotonic()
        run("host", self.host, "off")
        self.before = self.world.lab.guests()  # nothing of the host writes any more: what must not be lost

    def follow(self):
        world = self.world
        world.wait(f"{self.host} recovered", lambda record: is_recovered(record.get("cn", self.host)), RECOVERY_SECONDS)
        self.node = world.recorder.get("cn", self.host)
        world.wait("each instance Recovered", lambda _: all(phase(each) == "Recovered" for each in world.instances(self.names)), WRITE_SECONDS)
        self.instances = dict(zip(self.names, world.instances(self.names)))
        boots = {name: self.before[name]["boot"] for name in self.names}
        deadline = time.monotonic() + WRITE_SECONDS
        while not self._all_seen(boots) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.witness.stop()
        self.after = world.lab.guests()

    def _all_seen(self, boots):
        """The witness looks now and then: vmha may be done before it has seen the last one."""
        return all(self.witness.active_elsewhere(name, self.host) for name in self.names) and \
            all(self.witness.first_write(name, boots[name]) for name in self.running)

    def figures(self):
        """name -> seconds, or None where it never came."""
        dead = self._first(lambda node: verdict(node) == "Dead")
        proven = self._first(lambda node: is_true(node, "DataFenced"))
        elsewhere = [self.witness.active_elsewhere(name, self.host) for name in self.names]
        active = [self.witness.active_elsewhere(name, self.host) for name in self.running]
        writes = [self.witness.first_write(name, self.before[name]["boot"]) for name in self.running]
        # nova's list is read twice a second, disks four times: a write may be seen before the state that led to it
        pauses = [max(0.0, written - begun) if written and begun else None for written, begun in zip(writes, active)]
        return {
            "Dead": _since(self.at, dead),
            "fence proven after Dead": _since(dead, proven),
            "first instance ACTIVE elsewhere": _since(self.at, min((at for at in active if at), default=None)),
            "all instances elsewhere": _since(self.at, None if None in elsewhere else max(elsewhere)),
            "first write after ACTIVE, slowest guest": None if None in pauses else max(pauses),
            "power proven": _since(self.at, self._first(lambda node: is_true(node, "HostFenced"))),
            "storage proven": _since(self.at, self._first(lambda node: fence(node).get("storage", {}).get("state") == "Proven")),
            "nova told": _since(self.at, self._first(lambda node: "startedTime" in recovery(node))),
            "all recovered and attested": _since(self.at, self._first(is_recovered)),
        }

    def _first(self, condition):
        return self.world.recorder.first("cn", self.host, self.at, condition)


def _since(start, end):
    return None if start is None or end is None else round(end - start, 2)


def table(figures, pace="fast"):
    """The figures beside their aims, as lines of text."""
    slower = 0 if pace == "fast" else SLOWER_AT_DEFAULTS
    lines = [f"{'':42} {'measured':>10} {'aim':>8}"]
    for name, value in figures.items():
        aim = AIMS[name] + slower if name in AIMS else None
        shown = "never" if value is None else f"{value:.1f} s"
        late = "" if aim is None or (value is not None and value <= aim) else "   over the aim"
        lines.append(f"{name:42} {shown:>10} {'' if aim is None else f'{aim} s':>8}{late}")
    return "\n".join(lines)
