"""What must be true of guests and records after a recovery."""
from . import wait_for
from .world import condition, is_true


def require_intact(before, after):
    """Nothing that was on the disk is lost, and one copy wrote at a time. Both are reports of the lab's `guests`."""
    name = after["name"]
    assert after["counter"] >= before["counter"], f"{name}: the disk shows {after['counter']}, it had {before['counter']}"
    assert after.get("errors", 0) == before.get("errors", 0), f"{name}: the guest met {after['errors']} disk errors"
    stretches = after["writers"]
    for stretch in stretches:
        assert not stretch["missing"], f"{name}: records {stretch['missing'][:10]} of boot {stretch['boot']} are missing"
    for earlier, later in zip(stretches, stretches[1:]):
        assert later["first"] > earlier["last"], f"{name}: two copies wrote: {stretches}"
        assert later["boot"] > earlier["boot"], f"{name}: an older copy wrote after a newer one: {stretches}"
        # sector 1 is written first, the journal second: at the loss of power the journal's last record may have stayed behind
        assert later["first"] <= earlier["last"] + 2, f"{name}: records were lost: {stretches}"


def require_evacuated_once(lab, host, servers, since=0):
    """Nova has one evacuation record a server from this host, later than record number `since`, and it went well."""
    ids = {name: server["id"] for name, server in lab.servers().items()}
    records = [record for record in lab.evacuations(host) if record["id"] > since]
    for name in servers:
        own = [record for record in records if record["instance_uuid"] == ids[name]]
        said = [(record["id"], record["status"], record["dest_compute"]) for record in own]
        assert len(own) == 1, f"{name}: {len(own)} evacuation records: {said}"
        assert own[0]["status"] in ("done", "completed"), f"{name}: {said}"


def require_recovered(world, host, before, since):
    """Every guest of `before` runs elsewhere, attested, evacuated once (after record `since`), and nothing of its disk is lost. Returns
    the guests as they are now."""
    after = world.lab.guests()
    for name in before:
        instance = world.instance(name)
        assert after[name]["host"] != host and after[name]["status"] == "ACTIVE" and not after[name]["task"], after[name]
        assert is_true(instance, "Attested"), f"{name}: {condition(instance, 'Attested')}"
        require_intact(before[name], after[name])
    require_evacuated_once(world.lab, host, before, since)
    return after


class OldGuests:
    """The guests that a lost host still has, whatever nova says. Their consoles tell each write (".") and each one that was refused ("E")."""

    def __init__(self, lab, host, names):
        """From now on, when none of their writes arrives any more."""
        self._lab, self._host = lab, host
        ids = {name: server["id"] for name, server in lab.servers().items()}
        self._ids = {name: ids[name] for name in names}
        self._before = {name: len(lab.console(host, server)) for name, server in self._ids.items()}

    def require_refused(self):
        """They try to write, which must be possible again but for the fence, and not one write succeeds."""
        wait_for("old guests that are refused", lambda: all("E" in self._printed(name) for name in self._ids), 60)
        self.require_silent()

    def require_silent(self):
        """But for the answer, late, to the one write that a guest has under way: taken before its network was cut, it is on the disk that the new guest
        began with (require_intact would show one that came later)."""
        for name in self._ids:
            printed = self._printed(name)
            assert "." not in printed[1:], f"the old {name} has written: {printed[-40:]!r}"

    def _printed(self, name):
        return self._lab.console(self._host, self._ids[name])[self._before[name]:]


def require_never(world, host, since, what, condition):
    """No version of the host's ComputeNode since then, as the watch delivered them, was so."""
    at = world.recorder.first("cn", host, since, condition)
    assert at is None, f"{host}: {what}, {at - since:.1f} s after the test's instant"


def last_evacuation(lab, host):
    return max((record["id"] for record in lab.evacuations(host)), default=0)


def untouched(world, hosts):
    """Nothing of a fence or a recovery is to be seen, in status, nova, Ceph and power. Returns what is wrong, or an empty text."""
    services = world.lab.services()
    listed = world.lab.ceph.blocklist()
    for host in hosts:
        address = world.lab.machines[host]["storageAddress"]
        service = services[host]
        if service["forced_down"] or service["status"] != "enabled":
            return f"{host}: nova's service is {service['status']}, forced down {service['forced_down']}"
        if any(entry.startswith(f"{address}:0/0") for entry in listed):
            return f"{host}: {address} is blocklisted"
        if not world.lab.is_on(host):
            return f"{host}: its power is off"
        node = world.recorder.get("cn", host)
        if "fence" in node.get("status", {}):
            return f"{host}: a fence in status: {node['status']['fence']}"
    return ""
