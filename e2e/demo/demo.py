"""The demo: a host with six instances loses its power, and you watch what vmha does about it.

Everything is real: nova, libvirt and QEMU, Ceph, kube-apiserver, Redfish controllers, on this machine. Beside it, in another shell:

    eval "$(e2e/lab/lab env)"; kubectl get cn,pi -n openstack -w
"""
import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vmha_e2e import lab  # noqa: E402
from vmha_e2e.loss import HostLoss, table  # noqa: E402
from vmha_e2e.narrate import DECIDED, PROVEN, RECOVERED, RETURNED, SEEN, WARNING, changes  # noqa: E402
from vmha_e2e.world import World, fence, verdict  # noqa: E402

COLOURS = {SEEN: "36", DECIDED: "33", PROVEN: "35", RECOVERED: "32", RETURNED: "34", WARNING: "31"}
HEALTHY_SECONDS = 10
RETURN_SECONDS = 300


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the lab up at the end (`make lab-down` ends it)")
    parser.add_argument("--pace", choices=("fast", "defaults"), default="fast", help="of the lab: seconds, or nova's and kubelet's own intervals")
    options = parser.parse_args()
    lab.clean_environment()
    world = None
    try:
        heading("The lab")
        lab.up(options.pace)
        world = World()
        world.reset()
        show(world, options.pace)
        return 0
    except AssertionError as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return 130
    finally:
        if world:
            world.end()
        if not options.keep:
            heading("Taking the lab down")
            lab.down()


def show(world, pace):
    loss = HostLoss(world, HEALTHY_SECONDS)
    heading(f"Six instances on {loss.host}, one of them shut off; resources applied, vmha-controller started")
    story = Story()
    loss.prepare(story.tell_boot)
    print(world.kubectl.must("get", "-n", "openstack", "hap,cn,pi"))
    world.recorder.on_change(lambda seen, before: story.tell(seen, before))
    heading(f"Power of {loss.host} is pulled (seconds since then)")
    story.begin(time.monotonic())
    loss.pull_power()
    loss.follow()
    heading(f"{loss.host} comes back")
    world.wait(f"{loss.host} in service again", lambda record: fence(record.get("cn", loss.host)).get("state") == "Lifted"
               and verdict(record.get("cn", loss.host)) == "Healthy", RETURN_SECONDS)
    story.end()
    print(world.kubectl.must("get", "-n", "openstack", "hap,cn,pi"))
    heading("Summary")
    figures = loss.figures()
    figures["host in service again"] = round(world.recorder.first("cn", loss.host, loss.at, lambda node: fence(node).get("state") == "Lifted") - loss.at, 2)
    print(table(figures, pace))
    lost = sum(len(stretch["missing"]) for guest in loss.after.values() for stretch in guest["writers"])
    wrote = sum(guest["counter"] for guest in loss.after.values())
    print(f"\n{len(loss.names)} of {len(loss.names)} instances are in the state they had, on other hosts. "
          f"Of {wrote} records written by the guests {lost} are missing.")


class Story:
    """Prints what happens as it happens."""

    def __init__(self):
        self._began = None
        self._over = False

    def begin(self, at):
        self._began = at

    def end(self):
        self._over = True

    def tell(self, seen, before):
        if self._began is None or self._over:
            return
        for news, sentence in changes(seen.kind, seen.name, before, seen.object):
            self.line(seen.at, news, sentence)

    def tell_boot(self, at, name, boot):
        if self._began is not None and boot > 1:
            self.line(at, RECOVERED, f"{name} writes to its disk again")

    def line(self, at, news, sentence):
        print(f"{at - self._began:7.1f} s  {paint(f'{news:9}', COLOURS[news])}  {sentence}", flush=True)


def heading(text):
    print(f"\n{paint(text, '1')}", flush=True)


def paint(text, code):
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() else text


if __name__ == "__main__":
    sys.exit(main())
