"""Issue 3, point 1: a host with six instances, one of them shut off, loses its power.

Figures are measured, printed and kept, and decide nothing: the outcome does.
"""
import json
import os
from pathlib import Path

from vmha_e2e import ROOT
from vmha_e2e.checks import require_evacuated_once, require_intact
from vmha_e2e.loss import STOPPED, table
from vmha_e2e.world import condition, fence, is_true, recovery, status


def test_host_is_dead_and_its_fence_is_proven(lost_host):
    node = lost_host.node
    assert lost_host.figures()["Dead"] is not None, "it was never Dead"
    assert fence(node)["reason"].startswith("Dead: power reads Off"), fence(node)
    assert fence(node)["state"] == "Proven"
    assert is_true(node, "HostFenced") and is_true(node, "DataFenced"), status(node)["conditions"]
    assert fence(node)["power"]["state"] == "Proven", fence(node)["power"]
    assert fence(node)["storage"]["state"] == "Proven", fence(node)["storage"]
    assert fence(node)["storage"]["addresses"] == [lost_host.world.lab.machines[lost_host.host]["storageAddress"]]


def test_every_instance_runs_elsewhere_in_the_state_it_had(lost_host):
    for name, guest in lost_host.after.items():
        assert guest["host"] != lost_host.host, f"{name} is still on {guest['host']}"
        assert guest["status"] == ("SHUTOFF" if name == STOPPED else "ACTIVE"), f"{name} is {guest['status']}: {guest['fault']}"
        assert guest["task"] is None, f"{name}: task {guest['task']}"
    assert recovery(lost_host.node)["total"] == recovery(lost_host.node)["recovered"] == len(lost_host.names)


def test_every_instance_is_attested(lost_host):
    lost = lost_host.world.lab.machines[lost_host.host]["storageAddress"]
    for name, instance in lost_host.instances.items():
        assert is_true(instance, "Attested"), f"{name}: {condition(instance, 'Attested')}"
        assert status(instance)["phase"] == "Recovered", f"{name}: {status(instance)}"
        watchers = lost_host.after[name]["watchers"]
        assert not any(watcher.startswith(f"{lost}:") for watcher in watchers), f"{name} is open on the lost host: {watchers}"


def test_nothing_written_is_lost_and_one_copy_wrote_at_a_time(lost_host):
    for name in lost_host.names:
        require_intact(lost_host.before[name], lost_host.after[name])
    for name in lost_host.running:
        assert lost_host.after[name]["boot"] == lost_host.before[name]["boot"] + 1, f"{name} was not booted exactly once"
        assert lost_host.after[name]["counter"] > lost_host.before[name]["counter"], f"{name} does not write"


def test_each_server_was_evacuated_once(lost_host):
    require_evacuated_once(lost_host.world.lab, lost_host.host, lost_host.names, since=lost_host.evacuations_before)


def test_servers_are_unlocked_again(lost_host):
    for name, server in lost_host.world.lab.servers().items():
        assert not server["locked"], f"{name}: {server.get('locked_reason')}"


def test_figures(lost_host, capsys):
    figures = lost_host.figures()
    pace = (lost_host.world.lab.folder / "pace").read_text().strip()
    with capsys.disabled():
        print(f"\n\nPower of {lost_host.host} pulled, {len(lost_host.names)} instances, lab's pace {pace}:\n{table(figures, pace)}\n")
    path = Path(os.environ.get("VMHA_BUILD", ROOT / "build")) / "e2e" / "host-loss.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pace": pace, "seconds": figures}, indent=2) + "\n")
    missing = [name for name, value in figures.items() if value is None]
    assert not missing, f"never happened: {missing}"
