import subprocess
import sys

import pytest

from core.benchmark.cluster.runner import NOT_INSTALLED, ClusterRunner
from core.benchmark.jobs import JobError
from core.benchmark.local import LocalRunner
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.runner import runner
from core.process import ROOT
from core.settings import Settings


def test_this_machine_measures_by_default() -> None:
    found = runner(Settings(_env_file=None))  # type: ignore[call-arg]  # pydantic-settings adds it
    try:
        assert isinstance(found, LocalRunner)
    finally:
        found.close()


def test_a_scheduler_in_the_settings_means_its_cluster() -> None:
    found = runner(Settings(_env_file=None, dask_scheduler="tcp://127.0.0.1:1"))  # type: ignore[call-arg]
    try:
        assert isinstance(found, ClusterRunner)
        assert "tcp://127.0.0.1:1" in found.problem
    finally:
        found.close()


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    found = ClusterRunner("tcp://127.0.0.1:1")
    assert found.problem == NOT_INSTALLED
    assert found.machines() == ()
    with pytest.raises(JobError) as caught:
        found.submit(BenchmarkPlan(), "ada")
    assert str(caught.value) == (
        "UTH_DASK_SCHEDULER is set and the package distributed is not installed: install "
        "requirements-cluster.txt, or unset it."
    )
    found.close()
    found.close()


def test_core_needs_no_dask() -> None:
    modules = [
        path.relative_to(ROOT).as_posix().removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in (ROOT / "core" / "benchmark").rglob("*.py")
    ]
    code = f"import sys\nsys.modules.update(dask=None, distributed=None)\nimport {', '.join(modules)}"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)
