"""kubectl, as a user calls it."""
import json
import subprocess

from . import NAMESPACE

SECONDS = 60


class Kubectl:
    def __init__(self, env):
        self.env = env

    def run(self, *arguments, data=None):
        return subprocess.run(["kubectl", *arguments], capture_output=True, text=True, input=data, env=self.env, timeout=SECONDS)

    def must(self, *arguments, data=None):
        done = self.run(*arguments, data=data)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr.strip()}"
        return done.stdout

    def apply(self, *resources):
        listed = {"apiVersion": "v1", "kind": "List", "items": list(resources)}
        return self.must("apply", "-f", "-", data=json.dumps(listed))

    def get(self, kind, name):
        done = self.run("get", "-n", NAMESPACE, kind, name, "-o", "json")
        if done.returncode != 0 and "NotFound" in done.stderr:
            return None
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def list(self, kind):
        return json.loads(self.must("get", "-n", NAMESPACE, kind, "-o", "json"))["items"]

    def get_node(self, name):
        """A Node of Kubernetes, which has no namespace."""
        return json.loads(self.must("get", "node", name, "-o", "json"))

    def patch(self, kind, name, **spec):
        self.must("patch", "-n", NAMESPACE, kind, name, "--type", "merge", "-p", json.dumps({"spec": spec}))

    def watch(self, kind):
        """A process that prints {"type", "object"} for what is there and then for each change."""
        return subprocess.Popen(["kubectl", "get", "-n", NAMESPACE, kind, "-w", "-o", "json", "--output-watch-events"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=self.env)
