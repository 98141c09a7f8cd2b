"""The lab: real Kubernetes, Ceph and OpenStack with three compute hosts, all on one machine."""


class LabError(Exception):
    """Something the user of the lab must read; printed as one message without a traceback."""
