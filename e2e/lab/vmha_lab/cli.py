"""The command line of the lab."""
import argparse
import sys

from . import LabError, bmc, guests, hosts, kube_faults, lab, network
from .catalog import FLAVORS
from .settings import BRIDGES, HOSTS, PACES, clean_environment


def main():
    arguments = _parser().parse_args()
    clean_environment()
    try:
        return arguments.act(arguments) or 0
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; `lab down` removes what there is, `lab up` goes on", file=sys.stderr)
        return 130


def _parser():
    parser = argparse.ArgumentParser(prog="lab", description=lab.__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, text, act):
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(act=act)
        return sub

    def host_command(name, text, act):
        sub = command(name, text, act)
        sub.add_argument("name", choices=HOSTS)
        return sub

    up = command("up", "bring up all that is not up", lambda a: lab.up(a.pace))
    up.add_argument("--pace", choices=PACES, default="fast", help="fast: seconds; defaults: nova's and kubelet's own intervals")
    command("down", "end and remove all of it", lambda a: lab.down())
    command("status", "print each part; fails unless all is up", lambda a: 0 if lab.status() else 1)
    command("env", "print what a shell needs: eval \"$(lab env)\"", lambda a: print(lab.environment()))
    host_command("host", "the power of a host", _host).add_argument("action", choices=("off", "on", "freeze", "thaw"))
    net = host_command("net", "cut or heal a cable of a host", _net)
    net.add_argument("network", choices=BRIDGES)
    net.add_argument("action", choices=("cut", "heal"))
    controller = host_command("bmc", "how a host's power controller behaves: " + "; ".join(f"{m}: {text}" for m, text in bmc.MODES.items()), _bmc)
    controller.add_argument("mode", choices=bmc.MODES)
    controller.add_argument("other", nargs="?", choices=HOSTS, metavar="HOST2", help="with mode other")
    mon = command("mon", "stop or start Ceph's only monitor: without it there is no quorum, what is open goes on", lambda a: lab.service("mon", a.action))
    mon.add_argument("action", choices=("stop", "start"))
    cluster = command("kube", kube_faults.__doc__.splitlines()[0], lambda a: kube_faults.ACTIONS[a.action](lab.kubernetes))
    cluster.add_argument("action", choices=kube_faults.ACTIONS, help="; ".join(f"{n}: {act.__doc__}" for n, act in kube_faults.ACTIONS.items()))
    service = command("service", "stop or start a service, e.g. rabbit, osd.0, nova-compute@compute-1",
                      lambda a: lab.service(a.name, a.action))
    service.add_argument("name")
    service.add_argument("action", choices=("stop", "start"))
    boot = command("boot", "make servers and wait until they write", _boot)
    boot.add_argument("name", help="with --count: NAME-1, NAME-2 ...")
    boot.add_argument("--host", choices=HOSTS, default="compute-1")
    boot.add_argument("--count", type=int, default=1)
    boot.add_argument("--flavor", choices=FLAVORS, default="tiny")
    delete = command("delete", "delete servers", lambda a: guests.delete(a.names))
    delete.add_argument("names", nargs="*", help="default: all")
    show = command("guests", "what the guests have written", lambda a: guests.print_report(a.json))
    show.add_argument("--json", action="store_true")
    return parser


def _host(arguments):
    host = hosts.find(arguments.name)
    if arguments.action == "on":
        hosts.power_on(host, hosts.remembered_pace())
    else:
        {"off": hosts.power_off, "freeze": hosts.freeze, "thaw": hosts.thaw}[arguments.action](host)


def _bmc(arguments):
    bmc.set_mode(hosts.find(arguments.name), arguments.mode, arguments.other)


def _net(arguments):
    host = hosts.find(arguments.name)
    (network.cut if arguments.action == "cut" else network.heal)(host, arguments.network)


def _boot(arguments):
    for server in guests.boot(arguments.name, hosts.find(arguments.host), arguments.flavor, arguments.count):
        print(server)
