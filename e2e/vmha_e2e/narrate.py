"""The difference between two versions of a resource, as sentences for people."""
from .world import fence, has_fence, phase, recovery, status, verdict

SEEN, DECIDED, PROVEN, RECOVERED, RETURNED, WARNING = "seen", "decided", "proven", "recovered", "returned", "warning"


def changes(kind, name, before, now):
    """[(what kind of news, sentence)]; `before` and `now` are resources or None."""
    if not now:
        return []
    return list(_node(name, before, now) if kind == "cn" else _instance(name, before, now) if kind == "pi" else [])


def _node(name, before, now):
    if not has_fence(now) or verdict(now) == "Healthy":  # what a fenced host's evidence does is no news: it is down, or starting
        yield from _evidence(name, before, now)
        if verdict(now) != verdict(before) and verdict(now):
            yield (SEEN if verdict(now) == "Healthy" else WARNING), f"{name} is {verdict(now)}"
    yield from _fence(name, fence(before), fence(now))
    yield from _recovery(name, recovery(before), recovery(now))
    if phase(before) == "Returning" and phase(now) == "Healthy":
        yield RETURNED, f"{name} takes new instances again"


def _evidence(name, before, now):
    def states(resource):
        return {each["source"]: each for each in status(resource).get("verdict", {}).get("evidence", [])}
    known = states(before)
    for source, evidence in states(now).items():
        old = known.get(source, {}).get("state")
        if old is not None and evidence["state"] != old and "Unknown" not in (old, evidence["state"]):
            yield SEEN, f"{name}: {source} {evidence['state']} ({evidence.get('detail', '')})"


def _fence(name, before, now):
    if not now:
        return
    if now["id"] != before.get("id"):
        yield DECIDED, f"fence {now['id']}: {now.get('reason', '')}"
        before = {}
    for method in ("power", "storage"):
        old, new = before.get(method, {}), now.get(method, {})
        if new.get("state") == old.get("state"):
            continue
        if new.get("state") == "Proven":
            more = f", {', '.join(new['addresses'])} refused since osdmap epoch {new.get('osdmapEpoch')}" if method == "storage" else ""
            yield PROVEN, f"{method} fence of {name}: {new.get('message', '')}{more}"
        elif new.get("state") in ("Failed", "Skipped"):
            yield WARNING, f"{method} fence of {name} {new['state'].lower()}: {new.get('message', '')}"
    if now["state"] != before.get("state"):
        if now["state"] == "Proven":
            yield PROVEN, f"{name} can write to no disk any more: recovery may begin"
        elif now["state"] == "Lifting":
            yield RETURNED, f"{name} is back after a proven power cycle and nova has cleaned up: lifting the fence"
        elif now["state"] in ("Lifted", "Held", "Withdrawn"):
            yield RETURNED, f"fence {now['id']} is {now['state'].lower()}"


def _recovery(name, before, now):
    if now and now.get("fenceID") != before.get("fenceID"):
        yield DECIDED, f"nova is told that {name} is down; its instances are evacuated"
    if now.get("finishedTime") and not before.get("finishedTime"):
        yield RECOVERED, f"{now.get('recovered', 0)} of {now.get('total', 0)} instances of {name} recovered"


def _instance(name, before, now):
    old, new = recovery(before), recovery(now)
    if not new or (new.get("phase"), new.get("attempt"), new.get("fenceID")) == (old.get("phase"), old.get("attempt"), old.get("fenceID")):
        if phase(now) != phase(before) and phase(now) == "Recovered":
            yield RECOVERED, f"{name} is {status(now).get('vmState')} on {status(now).get('host')}"
        return
    step = new["phase"]
    if step == "Requested":
        yield DECIDED, f"{name}: nova evacuates it from {new.get('from')}" + (f" to {new['to']}" if new.get("to") else "")
    elif step == "Moved":
        yield SEEN, f"{name} is on {new.get('to')}"
    elif step == "Attested":
        yield PROVEN, f"{name}: its disk is open on {new.get('to')} and nowhere else"
    elif step in ("Failed", "Skipped"):
        yield WARNING, f"{name} {step.lower()}: {new.get('message', '')}"
    if phase(now) != phase(before) and phase(now) == "Recovered":
        yield RECOVERED, f"{name} is {status(now).get('vmState')} on {status(now).get('host')}"
