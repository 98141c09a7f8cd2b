"""The account of manifests/, with its rights and no other, for vmha-controller in the lab. The API server's audit log says what it did with them."""
import json
from pathlib import Path

import yaml

from . import NAMESPACE, ROOT

NAME = "vmha"
USER = f"system:serviceaccount:{NAMESPACE}:{NAME}"
RIGHTS = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
REFUSALS = {401, 403}
TOKEN_SECONDS = 24 * 3600  # the tests end earlier


def manifests():
    return [each for each in yaml.safe_load_all((ROOT / "manifests" / "vmha.yaml").read_text()) if each and each["kind"] in RIGHTS]


def make_kubeconfig(kubectl, folder):
    """Applies account and rights; returns a kubeconfig with a token of the account."""
    kubectl.apply(*manifests())
    admin = yaml.safe_load(Path(kubectl.env["KUBECONFIG"]).read_text())
    token = folder / "vmha-controller.token"
    token.touch(mode=0o600)
    token.write_text(kubectl.must("create", "token", NAME, "-n", NAMESPACE, f"--duration={TOKEN_SECONDS}s").strip())
    path = folder / "vmha-controller.kubeconfig"
    path.write_text(yaml.safe_dump({**admin, "users": [{"name": user["name"], "user": {"tokenFile": str(token)}} for user in admin["users"]]}))
    return path


def granted(objects):
    """(verb, group, resource, namespace) of each right in these Roles and ClusterRoles; namespace "" is the whole cluster."""
    return {(verb, group, resource, role["metadata"].get("namespace", ""))
            for role in objects if role["kind"] in ("Role", "ClusterRole") for rule in role["rules"]
            for verb in rule["verbs"] for group in rule["apiGroups"] for resource in rule["resources"]}


def audited(log, user=USER):
    """What this user asked for, as (verb, group, resource, namespace) -> answers' codes."""
    found = {}
    for line in Path(log).read_text().splitlines():
        event = json.loads(line)
        if event["user"]["username"] != user or "objectRef" not in event:
            continue
        about = event["objectRef"]
        resource = about["resource"] + (f"/{about['subresource']}" if "subresource" in about else "")
        key = (event["verb"], about.get("apiGroup", ""), resource, about.get("namespace", ""))
        found.setdefault(key, set()).add(event["responseStatus"]["code"])
    return found


def allowed(asked):
    """Asked for and not refused at least once; that there was nothing (404) or that somebody was faster (409) is an answer, too."""
    return {key for key, codes in asked.items() if codes - REFUSALS}


def refused(asked):
    return sorted(key for key, codes in asked.items() if codes & REFUSALS)
