"""The steps of a recovery, as the world or the status shows them."""
from .checks import last_evacuation
from .world import fence, is_true, phase, verdict


class Steps:
    """Has each step of this host's loss happened?"""

    def __init__(self, world, host, earlier):
        self._world, self.host = world, host
        self._address = world.lab.machines[host]["storageAddress"]
        self._earlier = earlier  # the newest evacuation of before
        self._listed = self._forced = False

    def _node(self):
        return self._world.recorder.get("cn", self.host)

    def suspected(self):
        return verdict(self._node()) != "Healthy"

    def fence_intent(self):
        return fence(self._node()).get("state") == "Fencing"

    def power_proof(self):
        return fence(self._node()).get("power", {}).get("state") == "Proven"

    def storage_proof(self):
        return fence(self._node()).get("storage", {}).get("state") == "Proven"

    def force_down(self):
        self._forced = self._forced or self._world.lab.services()[self.host]["forced_down"]
        return self._forced

    def first_evacuate_request(self):
        return last_evacuation(self._world.lab, self.host) > self._earlier

    def first_moved(self):
        return any(phase(instance) == "Recovered" or instance["status"].get("recovery", {}).get("phase") in ("Moved", "Attested")
                   for instance in self._world.recorder.all("pi").values())

    def attest(self):
        return any(is_true(instance, "Attested") and instance["status"].get("recovery", {}).get("phase") == "Attested"
                   for instance in self._world.recorder.all("pi").values())

    def switched_on(self):
        """After its instances were safe: the power controller reads On again."""
        return fence(self._node()).get("state") in ("Proven", "Lifting", "Lifted") and self._world.lab.is_on(self.host)

    def lift(self):
        """The blocklist entry was there and is gone."""
        listed = self._world.lab.ceph.is_fenced(self._address)
        self._listed = self._listed or listed
        return fence(self._node()).get("state") == "Lifting" and not listed

    def unforced(self):
        return self.force_down() and not self._world.lab.services()[self.host]["forced_down"]
