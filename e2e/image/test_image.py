"""What is in the image that scripts/image makes, and that its program runs there as a pod would run it: a fixed user without rights, nothing writable.

/usr/bin/python3 -m pytest e2e/image        (as root; builds the image first)

Needs no container engine: the layers are unpacked here and entered with unshare and chroot.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "e2e" / "lab"
LIMIT = int(re.search(r"below (\d+) MB", (ROOT / "Dockerfile").read_text())[1]) * 10**6
USER = 65532
# The root read-only, as the chart's security context has it, and what the chart mounts over it. chroot gives up all rights when it changes the user.
ENTER = """set -e
mount --bind "$1" "$1"; mount -t proc proc "$1/proc"; mount -t tmpfs -o size=16m,mode=1777 tmpfs "$1/tmp"; mount --bind /dev "$1/dev"
mount --bind "$2" "$1/etc/vmha"; mount -o remount,bind,ro "$1"
shift 2; exec setpriv --no-new-privs -- "$@"
"""


class Image:
    def __init__(self, archive, folder):
        self.root, self.config_folder = folder / "root", folder / "etc"
        for part in (self.root, self.config_folder):
            part.mkdir()
        self.config_folder.chmod(0o755)
        unpacked = folder / "archive"
        subprocess.run(["tar", "-C", archive.parent, "-xf", archive, "--one-top-level=" + str(unpacked)], check=True)
        manifest, = json.loads((unpacked / "manifest.json").read_text())
        self.names = manifest["RepoTags"]
        self.config = json.loads((unpacked / manifest["Config"]).read_text())
        layers = [unpacked / layer for layer in manifest["Layers"]]
        self.bytes = sum(layer.stat().st_size for layer in layers)
        for layer in layers:
            self._apply(layer)
        shutil.rmtree(unpacked)
        for mounted in ("etc/vmha", "proc", "dev", "tmp"):
            (self.root / mounted).mkdir(parents=True, exist_ok=True)

    def _apply(self, layer):
        """A layer over those before it: `.wh.X` takes X away (OCI image specification, layer.md)."""
        with tarfile.open(layer) as tar:
            gone = [name for name in tar.getnames() if os.path.basename(name).startswith(".wh.")]
        for name in gone:
            folder, what = self.root / os.path.dirname(name), os.path.basename(name).removeprefix(".wh.")
            for path in list(folder.iterdir()) if what == ".wh..opq" else [folder / what]:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        subprocess.run(["tar", "-C", self.root, "--numeric-owner", "--exclude=.wh.*", "-xpf", layer], check=True)

    def command(self, *command):
        chroot = ["chroot", f"--userspec={USER}:{USER}", "--groups=", self.root]
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh", self.root, self.config_folder, *chroot, *command]

    def run(self, *command):
        return subprocess.run([str(part) for part in self.command(*command)], capture_output=True, text=True, timeout=300, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    built = subprocess.run([ROOT / "scripts" / "image"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    said = built.stdout.splitlines()[-1]
    folder = tmp_path_factory.mktemp("image")
    if not said.startswith("/"):  # a Docker engine has it
        subprocess.run(["docker", "save", "-o", folder / "saved.tar", said], check=True)
        said = folder / "saved.tar"
    return Image(Path(said), folder)


def test_it_is_as_small_as_stated(image):
    print(f"{image.bytes / 1e6:.0f} MB unpacked")
    assert image.bytes < LIMIT
    assert image.bytes > 0.8 * LIMIT, "much smaller than stated: state less"


def test_it_starts_the_program_as_a_user_by_number(image):
    config = image.config["config"]
    assert config["User"] == f"{USER}:{USER}"
    assert config["Entrypoint"] == ["/usr/bin/vmha-controller"] and config["Cmd"] == ["--config", "/etc/vmha/vmha.yaml"]


def test_labels_say_what_it_is(image):
    version = re.search(r"project\(vmha VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    labels = image.config["config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "vmha" and labels["org.opencontainers.image.version"] == version
    assert {name.rpartition("/")[2] for name in image.names} == {f"vmha:{version}"}
    assert image.run("/usr/bin/vmha-controller", "--version").stdout == f"vmha-controller {version}\n"


def test_nothing_raises_rights_and_nothing_is_writable(image):
    assert image.run("find", "/", "-xdev", "-type", "f", "-perm", "/6000").stdout == ""
    assert "Read-only file system" in image.run("touch", "/usr/bin/x").stderr
    assert image.run("sh", "-c", "id -u; id -g; id -G; grep CapEff /proc/self/status").stdout.split() == [
        str(USER), str(USER), str(USER), "CapEff:", "0000000000000000"]
    owned = image.run("find", "/", "-xdev", "(", "-uid", str(USER), "-o", "-perm", "-o+w", "-not", "-type", "l", "-not", "-perm", "-1000", ")")
    assert owned.stdout == "", "what the program could change"


def test_only_what_runs(image):
    absent = ["usr/bin/gcc", "usr/bin/g++", "usr/bin/cmake", "usr/bin/ninja", "usr/include/rados", "src", "usr/bin/git", "usr/bin/ceph", "usr/sbin/sshd"]
    assert not [path for path in absent if (image.root / path).exists()]
    assert not list((image.root / "var/lib/apt/lists").glob("*_Packages*")) and not list((image.root / "var/cache/apt").glob("*.bin"))
    missing = image.run("ldd", "/usr/bin/vmha-controller")
    assert missing.returncode == 0 and "not found" not in missing.stdout
    assert b".debug_info" not in subprocess.run(["readelf", "-S", image.root / "usr/bin/vmha-controller"], capture_output=True, check=True).stdout


def test_programs_of_the_power_controllers_run(image):
    assert "ipmitool version" in image.run("ipmitool", "-V").stdout
    for program in ("snmpget", "ssh"):
        assert image.run("which", program).returncode == 0
    agents = ["fence_apc", "fence_apc_snmp", "fence_ipmilan", "fence_ilo5", "fence_redfish", "fence_eaton_snmp", "fence_raritan_px3", "fence_idrac", "fence_pve"]
    for agent in agents:
        told = image.run(agent, "-o", "metadata")
        assert told.returncode == 0 and f'name="{agent}"' in told.stdout, f"{agent}: {told.stderr}"


def wait_for(what, look, seconds=90):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return found


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=10).read() == b"ok\n"
    except urllib.error.HTTPError:
        return False


@pytest.fixture
def api_server(tmp_path):
    folder = tmp_path / "kube"
    subprocess.run([LAB / "kube-start", folder], check=True, capture_output=True)
    try:
        kubectl = Path(subprocess.run([LAB / "kube-assets"], check=True, capture_output=True, text=True).stdout.strip()) / "kubectl"
        for command in (["create", "-f", ROOT / "crds"], ["create", "namespace", "openstack"], ["wait", "--for=condition=Established", "crd", "--all"]):
            subprocess.run([kubectl, "--kubeconfig", folder / "admin.conf", *command], check=True, capture_output=True)
        yield folder
    finally:
        subprocess.run([LAB / "kube-stop", folder], check=True)


def test_it_leads_and_answers_without_rights_on_a_read_only_root(image, api_server, tmp_path):
    (image.config_folder / "vmha.yaml").write_text((ROOT / "docs" / "examples" / "vmha.yaml").read_text())
    shutil.copy(api_server / "admin-inline.conf", image.config_folder / "kubeconfig")
    (image.config_folder / "kubeconfig").chmod(0o644)
    log = tmp_path / "log"
    command = image.command(*image.config["config"]["Entrypoint"], *image.config["config"]["Cmd"], "--kubeconfig", "/etc/vmha/kubeconfig", "--listen", "127.0.0.1:0")

    def said(message):
        assert process.poll() is None, log.read_text()
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        return [line for line in lines if line["msg"] == message]

    with open(log, "wb") as out:
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_for("it leads", lambda: said("Leading"))
        url = f"http://127.0.0.1:{said('Started')[0]['port']}"
        for path in ("/livez", "/readyz"):
            wait_for(path, lambda: answers(url + path))
        # As the kubelet does it: the program is process 1 of its namespace and ends by itself, with 0, which unshare passes on.
        program, = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(program), signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
    finally:
        process.kill()  # --kill-child
        process.wait()
