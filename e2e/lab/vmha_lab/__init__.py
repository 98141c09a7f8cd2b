"""The lab: real Kubernetes, Ceph and OpenStack with three compute hosts, all on one machine."""


class LabError(Exception):
    """Something the user of the lab must read; printed as one message without a traceback."""


class Hopeless(LabError):
    """Waiting longer cannot help: ends a wait_for at once, where any other error means "not yet"."""
