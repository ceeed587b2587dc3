"""The files of deploy/docker and deploy/kubernetes: they parse, Kubernetes knows every field, and they agree."""

import re
import shutil
import subprocess

import pytest
import yaml

from pipelines.settings import PROJECT
from pipelines.sources import SOURCES
from pipelines.sources.base import keys_of

DOCKER, KUBERNETES = PROJECT / "deploy" / "docker", PROJECT / "deploy" / "kubernetes"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
KEYS = {key.variable for source in SOURCES.values() for key in keys_of(source)} - {"SCARETRADE_CONTACT"}


def load(file):
    return yaml.safe_load(file.read_text())


def manifests():
    listed = load(KUBERNETES / "kustomization.yaml")["resources"]
    return [found for name in listed for found in yaml.safe_load_all((KUBERNETES / name).read_text())]


def manifest(kind, name):
    (found,) = (m for m in manifests() if (m["kind"], m["metadata"]["name"]) == (kind, name))
    return found


def pod(name):
    return manifest("Deployment", f"scaretrade-{name}")["spec"]["template"]["spec"]


def postgres_variables(where):
    return {
        value["env"]
        for value in load(where / "dagster.yaml")["storage"]["postgres"]["postgres_db"].values()
        if "env" in value
    }


def launcher(where):
    return load(where / "dagster.yaml")["run_launcher"]["config"]


COMPOSE = load(DOCKER / "compose.yaml")
SERVICES = COMPOSE["services"]


def test_both_instances_differ_only_in_how_runs_start_and_where_their_output_goes():
    one, other = load(DOCKER / "dagster.yaml"), load(KUBERNETES / "dagster.yaml")
    assert {key for key in one | other if one.get(key) != other.get(key)} == {"run_launcher", "compute_logs"}


def test_a_run_container_gets_exactly_what_its_launcher_has():
    for name in ("webserver", "daemon"):
        assert set(launcher(DOCKER)["env_vars"]) == set(SERVICES[name]["environment"])
    assert set(SERVICES["code"]["environment"]) == set(launcher(DOCKER)["env_vars"]) | {"DAGSTER_CURRENT_IMAGE"}
    assert postgres_variables(DOCKER) | KEYS <= set(launcher(DOCKER)["env_vars"])


def test_a_run_container_joins_the_network_and_the_warehouse_of_the_others():
    config = launcher(DOCKER)
    assert config["network"] == COMPOSE["networks"]["scaretrade"]["name"]
    assert config["container_kwargs"]["volumes"] == [f"{COMPOSE['volumes']['warehouse']['name']}:/data"]
    for name in ("code", "webserver", "daemon"):
        assert "warehouse:/data" in SERVICES[name]["volumes"]
        assert SERVICES[name]["networks"] == ["scaretrade"]
    assert "SCARETRADE_HOME=/data" in DOCKERFILE


def test_one_image_for_all_and_it_is_that_of_the_code_location():
    images = {SERVICES[name]["image"] for name in ("code", "webserver", "daemon")}
    assert images == {SERVICES["code"]["environment"]["DAGSTER_CURRENT_IMAGE"]}
    (renamed,) = load(KUBERNETES / "kustomization.yaml")["images"]
    assert images == {launcher(KUBERNETES)["job_image"]} == {f"{renamed['name']}:{renamed['newTag']}"}
    assert {
        container["image"] for name in ("code", "webserver", "daemon") for container in pod(name)["containers"]
    } == {renamed["name"]}


@pytest.mark.parametrize("where", [DOCKER, KUBERNETES], ids=["docker", "kubernetes"])
def test_the_workspace_names_the_code_location_by_host_and_port(where):
    (server,) = (entry["grpc_server"] for entry in load(where / "workspace.yaml")["load_from"])
    if where == DOCKER:
        command = SERVICES[server["host"]]["command"]
    else:
        assert manifest("Service", server["host"])["spec"]["ports"] == [{"port": server["port"]}]
        command = pod("code")["containers"][0]["command"]
    assert command[command.index("--port") + 1] == str(server["port"])
    assert command[command.index("--module-name") + 1] == "pipelines.definitions"


def test_pods_and_runs_read_the_same_environment_and_it_holds_the_address_of_postgres():
    config, values = launcher(KUBERNETES), manifest("ConfigMap", "scaretrade-environment")["data"]
    for name in ("code", "webserver", "daemon"):
        assert pod(name)["containers"][0]["envFrom"] == [
            {"configMapRef": {"name": config["env_config_maps"][0]}},
            {"secretRef": {"name": config["env_secrets"][0]}},
        ]
    assert postgres_variables(KUBERNETES) - set(values) == {"DAGSTER_POSTGRES_PASSWORD"}
    assert manifest("Service", values["DAGSTER_POSTGRES_HOST"])["spec"]["ports"] == [
        {"port": int(values["DAGSTER_POSTGRES_PORT"])}
    ]


def test_a_run_starts_on_the_node_that_holds_the_warehouse():
    claim = manifest("PersistentVolumeClaim", "scaretrade-warehouse")
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    config = launcher(KUBERNETES)
    assert config["volumes"] == pod("code")["volumes"]
    assert config["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert config["volume_mounts"] == pod("code")["containers"][0]["volumeMounts"]
    affinity = config["run_k8s_config"]["pod_spec_config"]["affinity"]["podAffinity"]
    (required,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    code = manifest("Deployment", "scaretrade-code")["spec"]["template"]["metadata"]["labels"]
    assert required["labelSelector"]["matchLabels"] == code


def test_nothing_runs_as_root_and_the_user_is_the_same_everywhere():
    user = re.search(r"^USER (\d+)", DOCKERFILE, re.M)[1]
    assert f"--uid {user} " in DOCKERFILE
    wanted = {"runAsNonRoot": True, "runAsUser": int(user), "fsGroup": int(user)}
    assert all(pod(name)["securityContext"] == wanted for name in ("code", "webserver", "daemon"))
    assert launcher(KUBERNETES)["run_k8s_config"]["pod_spec_config"]["securityContext"] == wanted


def test_the_image_has_every_file_that_it_copies_and_installs_by_hash():
    allowed = {line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    copied = {word for line in re.findall(r"^COPY (.+)", DOCKERFILE, re.M) for word in line.split()[:-1]}
    assert all(any(a == c or a.startswith(f"{c}/") for a in allowed) for c in copied)
    assert all((PROJECT / path).exists() for path in allowed)
    assert "--require-hashes --requirement requirements.lock --requirement deploy/requirements.lock" in DOCKERFILE


def test_the_image_brings_dagsters_parts_of_one_version():
    main, beside = ((PROJECT / name).read_text() for name in ("requirements.lock", "deploy/requirements.lock"))
    minor = re.search(r"^dagster==1\.(\d+)\.(\d+)", main, re.M)
    # Dagster's libraries are numbered 0.(16 + minor): 1.0.0 came with 0.16.0.
    wanted = f"0.{int(minor[1]) + 16}.{minor[2]}"
    for part in ("docker", "k8s", "postgres"):
        assert f"\ndagster-{part}=={wanted} " in beside
    pinned = [set(re.findall(r"^([\w.-]+)", text, re.M)) for text in (main, beside)]
    assert not pinned[0] & pinned[1]
    assert "://" not in beside


def test_kubernetes_knows_every_field_of_the_manifests():
    """By the models of Kubernetes' own client, as Dagster reads them."""
    pytest.importorskip("dagster_k8s", reason="dagster-k8s is missing. Next: make deploy-test")
    from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict
    from kubernetes import client

    for found in manifests():
        model = getattr(client, f"V1{found['kind']}")
        assert k8s_model_from_dict(model, k8s_snake_case_dict(model, found)).metadata.name


def test_kustomize_puts_the_manifests_together():
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is missing: the manifests are not put together")
    done = subprocess.run(["kubectl", "kustomize", str(KUBERNETES)], capture_output=True, text=True, check=True)
    made = list(yaml.safe_load_all(done.stdout))
    assert {m["metadata"]["namespace"] for m in made} == {launcher(KUBERNETES)["job_namespace"]}
    (dagster,) = (m for m in made if m["metadata"]["name"] == launcher(KUBERNETES)["instance_config_map"])
    assert set(dagster["data"]) == {"dagster.yaml", "workspace.yaml"}
    images = {
        c["image"] for m in made if m["kind"] == "Deployment" for c in m["spec"]["template"]["spec"]["containers"]
    }
    assert images == {launcher(KUBERNETES)["job_image"]}


def test_compose_accepts_its_file():
    version = shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True)
    if not version or version.returncode:
        pytest.skip("docker compose is missing: it has not read its file")
    environment = {"PATH": "/usr/bin:/usr/local/bin", "DAGSTER_POSTGRES_PASSWORD": "any", "DOCKER_GROUP": "999"}
    command = ["docker", "compose", "--file", str(DOCKER / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
