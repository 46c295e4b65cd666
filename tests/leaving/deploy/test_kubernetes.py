"""The example for Kubernetes: valid, closed to what it does not need, and it names what this project has.

No cluster runs it here. Dagster's own launcher makes the job of a run, with an API that only keeps it.
"""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import typer
import yaml

from dagster_project.cli.app import app
from dagster_project.cli.storage import instance_configuration
from dagster_project.settings import PROJECT_ROOT, Settings
from tests.leaving.deploy.programs import missing

FOLDER = PROJECT_ROOT / "deploy" / "kubernetes"
OBJECTS: list[dict[str, Any]] = [
    item for file in sorted(FOLDER.glob("*.yaml")) for item in yaml.safe_load_all(file.read_text(encoding="utf-8"))
]
DEPLOYMENTS = [item for item in OBJECTS if item["kind"] == "Deployment"]
CONTAINERS = [
    container for item in DEPLOYMENTS for container in item["spec"]["template"]["spec"]["containers"]
]  # fmt: skip
OWN = [container for container in CONTAINERS if "fcir" in container["image"]]
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
PROGRAMS = {script.name for script in entry_points(group="console_scripts")}
# Read by libpq, by Dagster, and by its command `api grpc`.
OTHER_VARIABLES = {
    "PGPASSWORD",
    "PGSSLROOTCERT",
    "DAGSTER_HOME",
    "DAGSTER_CONTAINER_IMAGE",
    "DAGSTER_CONTAINER_CONTEXT",
}


def named(kind: str, name: str) -> dict[str, Any]:
    [found] = [item for item in OBJECTS if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    return found


def variables(container: dict[str, Any]) -> dict[str, str]:
    """Environment of a container; of a secret, only the name."""
    maps = [source["configMapRef"]["name"] for source in container.get("envFrom", []) if "configMapRef" in source]
    found = {name: value for each in maps for name, value in named("ConfigMap", each)["data"].items()}
    return found | {item["name"]: item.get("value", "") for item in container.get("env", [])}


def require(package: str) -> None:
    if find_spec(package) is None:
        missing(package, "uv sync --locked --inexact --extra kubernetes --group deploy")


@pytest.mark.parametrize("item", OBJECTS, ids=lambda item: f"{item['kind']}-{item['metadata']['name']}")
def test_an_object_is_valid_and_of_the_namespace(item: dict[str, Any]):
    require("kubernetes_validate")
    import kubernetes_validate

    kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)
    if item["kind"] in {"Namespace", "PersistentVolume"}:
        assert "namespace" not in item["metadata"]
    else:
        assert item["metadata"]["namespace"] == "fcir"


def test_a_misspelt_key_is_found():
    require("kubernetes_validate")
    import kubernetes_validate

    wrong = json.loads(json.dumps(named("Deployment", "fcir-kent")).replace("runAsNonRoot", "runAsNonroot"))
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def assert_is_closed(pod: dict[str, Any]) -> None:
    """A pod runs as a user without rights, on files that it cannot change, within limits."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        closed = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert container["securityContext"] == closed
        assert {*container["resources"]["requests"]} == {*container["resources"]["limits"]} == {"cpu", "memory"}


@pytest.mark.parametrize("item", DEPLOYMENTS, ids=lambda item: str(item["metadata"]["name"]))
def test_a_pod_has_no_more_rights_than_it_needs(item: dict[str, Any]):
    pod = item["spec"]["template"]["spec"]
    assert_is_closed(pod)
    assert all("livenessProbe" in container for container in pod["containers"])
    calls = item["spec"]["template"]["metadata"]["labels"].get("fcir/calls-kubernetes") == "true"
    assert pod["serviceAccountName"] == ("dagster" if calls else "fcir-run")
    # The rights of Dagster are enough to mount the volume of every force: a program of others never gets its token.
    assert [container["name"] for container in pod["containers"] if has_token(pod, container)] == [
        container["name"] for container in pod["containers"] if calls and container in OWN
    ]


# Where the client of Kubernetes looks for the files of a pod's account.
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def has_token(pod: dict[str, Any], container: dict[str, Any]) -> bool:
    """Whether a container has the token of the pod's account, mounted by Kubernetes or by the example."""
    tokens = {
        volume["name"]
        for volume in pod["volumes"]
        if any("serviceAccountToken" in source for source in volume.get("projected", {}).get("sources", []))
    }
    mounts = [mount for mount in container.get("volumeMounts", []) if mount["name"] in tokens]
    return pod["automountServiceAccountToken"] or bool(mounts)


def test_the_token_of_the_web_server_is_where_its_client_looks():
    require("kubernetes")
    from kubernetes.config import incluster_config

    pod = named("Deployment", "dagster-webserver")["spec"]["template"]["spec"]
    [container] = [container for container in pod["containers"] if has_token(pod, container)]
    sources = mounted(pod, container, f"{ACCOUNT}/token")["projected"]["sources"]
    files = {f"{ACCOUNT}/{name}" for name in re.findall(r"'path': '([^']+)'", str(sources))}
    assert {incluster_config.SERVICE_TOKEN_FILENAME, incluster_config.SERVICE_CERT_FILENAME} <= files
    assert files == {f"{ACCOUNT}/{name}" for name in ("token", "ca.crt", "namespace")}
    assert [mount["readOnly"] for mount in container["volumeMounts"] if mount["mountPath"] == ACCOUNT] == [True]


def test_secrets_are_named_and_not_written():
    names = {
        item["valueFrom"]["secretKeyRef"]["name"]
        for container in CONTAINERS
        for item in container.get("env", [])
        if item["name"] == "PGPASSWORD"
    }
    assert names == {"fcir-postgres"}
    assert [item for item in OBJECTS if item["kind"] == "Secret"] == []
    # An address with a password would be refused.
    storage = named("ConfigMap", "fcir-common")["data"]["FCIR_DAGSTER_STORAGE"]
    assert Settings(dagster_storage=storage, _env_file=None).dagster_storage == storage


def commands_of_the_readme() -> list[str]:
    """The lines with which deploy/README.md starts the example."""
    text = (PROJECT_ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```\n(docker build .*?)^```$", text, re.M | re.S)
    return block.splitlines()


def test_the_password_is_what_is_typed_without_the_end_of_the_line(tmp_path: Path):
    lines = commands_of_the_readme()
    [asked] = [number for number, line in enumerate(lines) if "read -rs PASSWORD" in line]
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        "#!/bin/sh\n"
        'printf "%s " "$@" >"$KEPT/arguments"\n'
        'for each; do case $each in --from-file=password=*) cat "${each#*=*=}" >"$KEPT/password";; esac; done\n',
        encoding="utf-8",
    )
    kubectl.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "KEPT": str(tmp_path)}
    typed = r" a\pass $word "
    script = "\n".join(lines[asked : asked + 2])
    subprocess.run(["bash", "-c", script], input=f"{typed}\n".encode(), env=environment, check=True)
    assert (tmp_path / "password").read_bytes() == typed.encode()
    # Another user of the machine sees the arguments of a program.
    assert typed not in (tmp_path / "arguments").read_text(encoding="utf-8")


def mounted(pod: dict[str, Any], container: dict[str, Any], file: str) -> dict[str, Any]:
    """The volume of a pod that has a file of a container."""
    [name] = [mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == str(Path(file).parent)]
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == name]
    return volume


def assert_verifies_postgres(pod: dict[str, Any], container: dict[str, Any]) -> None:
    """A container sends the password only to a server whose certificate it has verified."""
    found = variables(container)
    assert parse_qs(urlsplit(found["FCIR_DAGSTER_STORAGE"]).query) == {"sslmode": ["verify-full"]}
    name = mounted(pod, container, found["PGSSLROOTCERT"])["configMap"]["name"]
    created = f"kubectl -n fcir create configmap {name} --from-file={Path(found['PGSSLROOTCERT']).name}"
    assert created in commands_of_the_readme()


@pytest.mark.parametrize("item", DEPLOYMENTS, ids=lambda item: str(item["metadata"]["name"]))
def test_postgres_is_verified(item: dict[str, Any]):
    pod = item["spec"]["template"]["spec"]
    own = [container for container in pod["containers"] if container in OWN]
    assert own
    for container in own:
        assert_verifies_postgres(pod, container)


def test_commands_and_modules_exist():
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for container in OWN:
        program, *arguments = container["command"]
        if program == "python":
            assert find_spec(arguments[arguments.index("-m") + 1]) is not None
        else:
            assert program in PROGRAMS
        if program == "fcir":
            options = {option for parameter in verbs[arguments[0]].params for option in parameter.opts}
            assert {argument for argument in arguments if argument.startswith("--")} <= options


def test_the_user_of_the_image_has_a_name_and_is_that_of_the_pods():
    users = re.findall(r"\buseradd --uid (\d+) --gid (\d+) .*\bfcir$", DOCKERFILE, re.M)
    assert users == re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.M)
    pods = [item["spec"]["template"]["spec"]["securityContext"] for item in DEPLOYMENTS]
    assert {(str(pod["runAsUser"]), str(pod["runAsGroup"])) for pod in pods} == {*users}


def test_settings_exist():
    known = {f"FCIR_{name.upper()}" for name in Settings.model_fields}
    for container in OWN:
        assert {*variables(container)} - known - OTHER_VARIABLES == set()


def test_image_is_of_this_version_and_its_extras_exist():
    assert {container["image"] for container in OWN} == {f"registry.example/fcir:{version('fcir')}"}
    project = (PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [install] = re.findall(r"^RUN (uv sync .*)$", DOCKERFILE, re.M)
    extras = re.findall(r"--extra ([a-z]+)", install)
    assert extras == ["postgres", "kubernetes"]
    assert all(re.search(rf"^{extra} = \[", project, re.M) for extra in extras)
    [uv] = {*re.findall(r"\buv\W+([0-9.]+[0-9])", DOCKERFILE)}
    assert f"UV_VERSION := {uv}\n" in (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")


def test_instance_is_that_of_postgres_with_runs_as_jobs():
    own = yaml.safe_load(named("ConfigMap", "dagster-instance")["data"]["dagster.yaml"])
    expected = yaml.safe_load(instance_configuration(Settings(dagster_storage="postgresql://a@b/c", _env_file=None)))
    assert own.pop("run_launcher")["class"] == "K8sRunLauncher"
    monitoring = own.pop("run_monitoring")
    assert expected.pop("run_monitoring").keys() <= monitoring.keys()
    assert own == expected
    storage = own["storage"]["custom"]
    assert hasattr(import_module(storage["module"]), storage["class"])


def test_each_code_location_has_the_name_of_its_force_and_a_service():
    workspace = yaml.safe_load(named("ConfigMap", "dagster-instance")["data"]["workspace.yaml"])
    servers = {item["spec"]["template"]["metadata"]["labels"].get("force"): item for item in DEPLOYMENTS}
    for location in workspace["load_from"]:
        server = location["grpc_server"]
        [container] = servers[server["location_name"]]["spec"]["template"]["spec"]["containers"]
        assert variables(container)["FCIR_FORCE"] == server["location_name"]
        service = named("Service", server["host"])["spec"]
        assert service["selector"] == servers[server["location_name"]]["spec"]["selector"]["matchLabels"]
        assert [port["port"] for port in service["ports"]] == [server["port"]]
        assert container["command"][-1] == str(server["port"])


def assert_is_bound(claim: dict[str, Any], volume: dict[str, Any]) -> None:
    """A claim gets this volume, which exists before, and no other one; no other claim gets it."""
    wanted, offered = claim["spec"], volume["spec"]
    assert wanted["volumeName"] == volume["metadata"]["name"]
    assert offered["claimRef"] == {name: claim["metadata"][name] for name in ("namespace", "name")}
    # Without the empty class, Kubernetes asks the default class for a new volume.
    assert wanted["storageClassName"] == offered["storageClassName"] == ""
    assert wanted["accessModes"] == offered["accessModes"]
    assert wanted["resources"]["requests"] == offered["capacity"]
    assert offered["persistentVolumeReclaimPolicy"] == "Retain"


def test_the_landing_folder_is_a_share_that_systems_deliver_to():
    share = named("PersistentVolume", "fcir-landing-kent")
    assert_is_bound(named("PersistentVolumeClaim", "landing-kent"), share)
    assert share["spec"]["accessModes"] == ["ReadOnlyMany"]
    assert share["spec"]["nfs"]["readOnly"] is True


def test_the_readme_names_every_example_to_replace():
    text = (PROJECT_ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    [replaced] = re.findall(r"^- \*\*Replace\*\*(.*?)^- ", text, re.M | re.S)
    used = {name for item in OBJECTS for name in re.findall(r"\b[a-z]+\.example\b", json.dumps(item))}
    assert used == set(re.findall(r"`([a-z]+\.example)`", replaced))


def test_the_readme_restarts_every_pod_that_keeps_an_old_config_map():
    text = (PROJECT_ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    [restarted] = re.findall(r"`kubectl -n fcir\s+rollout restart ([^`]+)`", text)
    # Kubernetes changes neither the environment of a running container nor files that are mounted with subPath.
    keeping = {
        f"deploy/{item['metadata']['name']}"
        for item in DEPLOYMENTS
        for container in item["spec"]["template"]["spec"]["containers"]
        if any("configMapRef" in source for source in container["envFrom"])
    }
    assert {*restarted.split()} == keeping


def test_only_the_login_can_be_reached_from_outside():
    policies = [item for item in OBJECTS if item["kind"] == "NetworkPolicy"]
    assert named("NetworkPolicy", "deny-all")["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    reached = {item["metadata"]["name"] for item in policies if item["spec"].get("ingress")}
    assert reached == {"code-servers", "login"}
    [login] = named("NetworkPolicy", "login")["spec"]["ingress"]
    assert [port["port"] for port in login["ports"]] == [4180]
    [server] = [container for container in OWN if container["name"] == "webserver"]
    assert "--host" not in server["command"], "the UI listens on loopback of its pod"


class Recorder:
    """Stands for the API of Kubernetes: keeps the calls and the jobs that are created, and has one pod."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.jobs: list[Any] = []
        self.pods: list[Any] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*_: Any, namespace: str = "fcir", body: Any = None, **__: Any) -> Any:
            assert namespace == "fcir"
            self.calls.append(name)
            if body is not None:
                self.jobs.append(body)
            items = self.pods if name == "list_namespaced_pod" else []
            return SimpleNamespace(items=items, status=SimpleNamespace(active=1, failed=0, succeeded=0), data=b"a line")

        return call

    def rights(self) -> set[tuple[str, str]]:
        """The verbs of the calls, each with its resource."""
        verbs = {"read": "get"}
        resources = {
            "job": "jobs",
            "job_status": "jobs/status",
            "event": "events",
            "pod": "pods",
            "pod_log": "pods/log",
        }
        parts = [call.split("_namespaced_") for call in self.calls]
        return {(verbs.get(verb, verb), resources[resource]) for verb, resource in parts}


@dataclass(frozen=True)
class Launch:
    """A nightly run of kent that Dagster's launcher has started, as configured in the two config maps."""

    launcher: Any
    run: Any
    kubernetes: Recorder


@contextmanager
def launched(tmp_path: Path, environment: dict[str, str]) -> Iterator[Launch]:
    """Start a nightly run from a code server with this environment."""
    require("dagster_k8s")
    import dagster as dg
    from dagster_k8s import K8sRunLauncher

    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}], "current-context": "c"}
    context = {
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    }
    kubeconfig.write_text(yaml.safe_dump(cluster | context), encoding="utf-8")
    instance = yaml.safe_load(named("ConfigMap", "dagster-instance")["data"]["dagster.yaml"])
    recorder = Recorder()
    launcher = K8sRunLauncher(
        **instance["run_launcher"]["config"],
        load_incluster_config=False,
        kubeconfig_file=str(kubeconfig),
        k8s_client_batch_api=recorder,
        k8s_client_core_api=recorder,
    )

    @dg.job
    def nightly() -> None: ...

    with dg.DagsterInstance.local_temp(str(tmp_path)) as storage:
        launcher.register_instance(storage)
        run = storage.create_run_for_job(nightly, remote_job_origin=None, job_code_origin=code_origin(environment))
        launcher.launch_run(SimpleNamespace(dagster_run=run))  # type: ignore[arg-type]
        yield Launch(launcher, run, recorder)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    [server] = named("Deployment", "fcir-kent")["spec"]["template"]["spec"]["containers"]
    with launched(tmp_path, variables(server)) as found:
        yield found


def job_of(launch: Launch) -> dict[str, Any]:
    """The job of a run."""
    import kubernetes

    made: dict[str, Any] = kubernetes.client.ApiClient().sanitize_for_serialization(launch.kubernetes.jobs[0])
    return made


@pytest.fixture
def job(launch: Launch) -> dict[str, Any]:
    return job_of(launch)


def code_origin(environment: dict[str, str]) -> Any:
    """The origin of the job in the image, in the form in which Dagster stores it with a run."""
    import dagster as dg

    return dg.deserialize_value(
        json.dumps(
            {
                "__class__": "PipelinePythonOrigin",
                "pipeline_name": "nightly",
                "repository_origin": {
                    "__class__": "RepositoryPythonOrigin",
                    "code_pointer": {
                        "__class__": "ModuleCodePointer",
                        "fn_name": "definitions",
                        "module": "dagster_project.definitions",
                    },
                    "container_context": json.loads(environment["DAGSTER_CONTAINER_CONTEXT"]),
                    "container_image": environment["DAGSTER_CONTAINER_IMAGE"],
                    "entry_point": ["dagster"],
                    "executable_path": "/opt/fcir/bin/python",
                },
            }
        )
    )


def test_a_run_is_a_valid_job_that_is_closed_too(job: dict[str, Any]):
    require("kubernetes_validate")
    import kubernetes_validate

    kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
    pod = job["spec"]["template"]["spec"]
    assert_is_closed(pod)
    assert pod["automountServiceAccountToken"] is False
    assert (job["spec"]["backoffLimit"], pod["restartPolicy"]) == (0, "Never")
    assert job["spec"]["template"]["metadata"]["labels"]["fcir/calls-postgres"] == "true"


def test_a_run_starts_a_program_of_the_image(job: dict[str, Any]):
    [container] = job["spec"]["template"]["spec"]["containers"]
    entry_point = [word for words in re.findall(r"^ENTRYPOINT (.+)$", DOCKERFILE, re.M) for word in json.loads(words)]
    started = [*container.get("command", entry_point), *container["args"]]
    assert started[:3] == ["dagster", "api", "execute_run"]
    assert started[0] in PROGRAMS


def test_a_run_has_the_settings_and_the_data_of_its_force(job: dict[str, Any]):
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    [server] = named("Deployment", "fcir-kent")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == server["image"]
    found, own = variables(container), variables(server)
    assert {name: value for name, value in own.items() if name.startswith("FCIR_")} == {
        name: value for name, value in found.items() if name.startswith("FCIR_")
    }
    assert {"PGPASSWORD", "DAGSTER_HOME"} <= found.keys()
    assert_verifies_postgres(pod, container)
    assert {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]} == {
        mount["name"]: mount["mountPath"] for mount in server["volumeMounts"]
    } | {"home": found["DAGSTER_HOME"]}
    claims = {volume["name"]: volume.get("persistentVolumeClaim", {}).get("claimName") for volume in pod["volumes"]}
    assert (claims["data"], claims["landing"]) == ("fcir-kent", "landing-kent")
    # On the node of the code server, since the lock of the warehouse works within one kernel.
    [together] = pod["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    labels = named("Deployment", "fcir-kent")["spec"]["template"]["metadata"]["labels"]
    assert together["labelSelector"]["matchLabels"].items() <= labels.items()


def test_a_command_in_the_code_server_may_take_as_much_as_a_run(job: dict[str, Any]):
    run = job["spec"]["template"]["spec"]
    server = named("Deployment", "fcir-kent")["spec"]["template"]["spec"]
    assert server["containers"][0]["resources"]["limits"] == run["containers"][0]["resources"]["limits"]
    [of_run, of_server] = [
        [volume["emptyDir"] for volume in pod["volumes"] if volume["name"] == "tmp"] for pod in (run, server)
    ]
    assert of_server == of_run


def test_dagster_may_make_the_calls_that_it_makes(launch: Launch):
    import kubernetes.client as k8s

    state = k8s.V1ContainerState(running=k8s.V1ContainerStateRunning())
    status = k8s.V1ContainerStatus(
        name="dagster", image="i", image_id="i", ready=True, restart_count=0, state=state, last_state=None
    )
    pod = k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(name="pod"),
        spec=k8s.V1PodSpec(containers=[k8s.V1Container(name="dagster")]),
        status=k8s.V1PodStatus(phase="Running", container_statuses=[status]),
    )
    # What run monitoring asks for, without a pod and with one, and the end of a run.
    launch.launcher.check_run_worker_health(launch.run)
    assert "Could not find job" in launch.launcher.get_run_worker_debug_info(launch.run)
    launch.kubernetes.pods.append(pod)
    assert "a line" in launch.launcher.get_run_worker_debug_info(launch.run)
    assert launch.launcher.terminate(launch.run.run_id) is True

    needed = launch.kubernetes.rights()
    assert {("create", "jobs"), ("delete", "jobs"), ("delete", "pods"), ("get", "pods/log")} <= needed
    granted = {
        (verb, resource)
        for rule in named("Role", "dagster-runs")["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }
    assert needed - granted == set()
    changes = {"create", "delete", "update", "patch"}
    assert {right for right in granted if right[0] in changes} == {right for right in needed if right[0] in changes}


def test_what_the_readme_adds_for_spark_is_valid_and_reaches_the_code_server_and_its_runs(tmp_path: Path):
    require("kubernetes_validate")
    import kubernetes_validate

    def validate(item: dict[str, Any]) -> None:
        kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)

    readme = (PROJECT_ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## Spark\n")[2]
    objects, settings = (
        [*yaml.safe_load_all(block)] for block in re.findall(r"^```yaml\n(.*?)^```$", section, re.M | re.S)
    )
    [lines] = re.findall(r"^```json\n(.*?)^```$", section, re.M | re.S)
    volume, mount = map(json.loads, lines.splitlines())
    policy, share, claim = objects
    for item in objects:
        validate(item)
    assert_is_bound(claim, share)
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]

    # The code server and its runs, and no other pods, reach the server that the settings name.
    server = json.loads(json.dumps(named("Deployment", "fcir-kent")))
    pod = server["spec"]["template"]["spec"]
    [container] = pod["containers"]
    context = json.loads(variables(container)["DAGSTER_CONTAINER_CONTEXT"])
    for volumes, mounts in (
        (pod["volumes"], container["volumeMounts"]),
        (context["k8s"]["volumes"], context["k8s"]["volume_mounts"]),
    ):
        volumes.append(volume)
        mounts.append(mount)
    validate(server)
    with launched(tmp_path, variables(container) | {"DAGSTER_CONTAINER_CONTEXT": json.dumps(context)}) as launch:
        run = job_of(launch)
    validate(run)
    assert mount in run["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert volume in run["spec"]["template"]["spec"]["volumes"]
    selected = policy["spec"]["podSelector"]["matchLabels"].items()
    assert [
        item["metadata"]["name"]
        for item in [*DEPLOYMENTS, run]
        if selected <= item["spec"]["template"]["metadata"]["labels"].items()
    ] == ["fcir-kent", run["metadata"]["name"]]

    [named_settings] = settings
    found = Settings(
        **{name.removeprefix("FCIR_").lower(): value for name, value in named_settings.items()}, _env_file=None
    )
    [rule] = policy["spec"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": f"{found.spark_host}/32"}}]
    assert [port["port"] for port in rule["ports"]] == [found.spark_port]
    assert str(found.lake_folder) == mount["mountPath"]
