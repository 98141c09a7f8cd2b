"""Issue 4, point 2: a host hangs, its power controller works. It is powered off, Off is proven, and only then its instances are recovered."""
import time

from vmha_e2e.checks import last_evacuation, require_recovered
from vmha_e2e.lab import run
from vmha_e2e.record import Witness
from vmha_e2e.resources import QUICK, policy
from vmha_e2e.world import fence, is_recovered, is_true, verdict

HOST = "compute-2"


def test_a_hung_host_is_powered_off_with_proof_and_recovered(world, capsys):
    names = world.boot("hung", HOST, 2)
    world.begin(policy(**QUICK, **{"return": {"powerOn": False}}))
    world.wait_ready(names)
    earlier = last_evacuation(world.lab, HOST)
    witness = Witness(names)
    witness.start()
    at = time.monotonic()
    run("host", HOST, "freeze")
    before = {name: guest for name, guest in world.lab.guests().items() if name in names}

    world.wait(f"{HOST} recovered", lambda record: is_recovered(record.get("cn", HOST)), 300)
    witness.stop()
    node = world.recorder.get("cn", HOST)
    when = {what: world.recorder.first("cn", HOST, at, condition) for what, condition in (
        ("Dead", lambda seen: verdict(seen) == "Dead"), ("host fenced", lambda seen: is_true(seen, "HostFenced")), ("recovered", is_recovered))}
    with capsys.disabled():
        print(f"\n{HOST} hung: " + ", ".join(f"{what} after {seen - at:.1f} s" for what, seen in when.items()))

    assert fence(node)["reason"].startswith("Dead: nova-compute"), fence(node)["reason"]  # no power reading told it: it read On
    assert is_true(node, "HostFenced") and fence(node)["power"]["state"] == "Proven", fence(node)["power"]
    assert not world.lab.is_on(HOST), "it is still powered on"
    actions = world.lab.power_actions(at)
    assert actions and all((action["host"], action["commands"]) == (HOST, ["off"]) for action in actions), actions
    for name in names:
        begun = next(seen for seen, _, _, task in witness.states[name] if task and seen > at)
        assert actions[0]["at"] < begun, f"{name} was evacuated before its host was asked to be off"
        assert witness.first_write(name, before[name]["boot"]) > when["Dead"]
    require_recovered(world, HOST, before, earlier)
