"""docs/ against what is there: alerts, links, fields and flags of the program, metrics, rights, Helm values."""
import re
import subprocess

import pytest
import yaml
from conftest import CHART, ROOT, controller, run

DOCS = sorted((ROOT / "docs").glob("*.md")) + [ROOT / "README.md", CHART / "README.md", ROOT / "e2e" / "README.md"]


def anchor(heading):
    """As the usual renderers make it: lower case, blanks to hyphens, other signs away."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def anchors(path):
    return {anchor(match) for match in re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)}


def known_fields(folder, text):
    """What the program says it knows, where `text` has a field it does not know."""
    (folder / "x.yaml").write_text(text)
    said = run(controller(), "--config", folder / "x.yaml").stderr
    return said.split("known here are ")[1].strip().split(", ")


def test_each_alert_leads_to_a_section_that_says_what_to_do():
    rules = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"][0]["rules"]
    sections = re.split(r"^## ", (ROOT / "docs" / "runbook.md").read_text(), flags=re.MULTILINE)[1:]
    named = {section.splitlines()[0]: section for section in sections}
    assert [rule["alert"] for rule in rules] == list(named), "the same, in the same order"
    for rule in rules:
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{anchor(rule['alert'])}"
        assert rule["labels"]["severity"] in ("warning", "critical") and rule["annotations"]["summary"]
        assert "**Means.**" in named[rule["alert"]] and len(named[rule["alert"]]) > 300


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("http"):
            continue
        path, _, part = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} is not there"
        assert not part or part in anchors(file), f"{target}: no such heading"


def test_each_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    assert not [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md" and f"({page.name})" not in index]


def test_the_page_of_the_configuration_has_each_field_and_flag(tmp_path):
    fields = []
    for field in known_fields(tmp_path, "nothing: 1\n"):
        (tmp_path / "y.yaml").write_text(f"{field}: {{nothing: 1}}\n")
        said = run(controller(), "--config", tmp_path / "y.yaml").stderr
        inside = said.split("known here are ")[1].strip().split(", ") if "known here are" in said else None
        fields += [f"{field}.{name}" for name in inside] if inside else [field]
    page = (ROOT / "docs" / "configuration.md").read_text()
    table = page.split("| field | default | |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+(?:\.\w+)?)`", table, re.MULTILINE) == fields
    flags = set(re.findall(r"--[a-z-]+", subprocess.run([controller(), "--help"], capture_output=True, text=True, check=True).stdout))
    table = page.split("| flag | |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(--[a-z-]+)`", table)) == flags
    values = yaml.safe_load((ROOT / "docs" / "examples" / "vmha.yaml").read_text())
    assert run(controller(), "--config", ROOT / "docs" / "examples" / "vmha.yaml", "--kubeconfig", tmp_path / "none").returncode == 2 and values


def test_the_page_of_the_configuration_has_each_metric():
    source = (ROOT / "controller" / "telemetry.cc").read_text()
    metrics = set(re.findall(r'"((?:vmha|controller_runtime|workqueue|leader_election|rest_client)_[a-z_]+)"', source))
    page = (ROOT / "docs" / "configuration.md").read_text().split("## Metrics")[1]
    assert len(metrics) > 20 and set(re.findall(r"`([a-z]+_[a-z_]+)`", page)) == metrics


def test_ceph_rights_are_the_same_everywhere():
    grant = "allow rw pool=vms object_prefix vmha_canary"
    assert all(grant in (ROOT / page).read_text() for page in ("README.md", "docs/install.md", "docs/security.md"))
    lab = (ROOT / "e2e" / "lab" / "vmha_lab" / "ceph.py").read_text()
    assert 'mon=\'allow r, allow command "osd blocklist"\'' in lab
    for page in ("README.md", "docs/install.md", "docs/security.md"):
        assert 'mon \'allow r, allow command "osd blocklist"\'' in (ROOT / page).read_text()
