"""All checks of the project; "nox" alone runs lint, types and tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
ALONE = "pytest.mark.alone"


def install(session: nox.Session, *groups: str) -> None:
    """Install the package as a user would, and the tools of the named groups."""
    session.install(".", *nox.project.dependency_groups(PROJECT, *groups))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the installed package, on all processors."""
    install(session, "test")
    # What was chosen may be of one kind only; pytest says 5 where nothing is left.
    fine = [0, 5] if session.posargs else [0]
    all_passed = True
    try:
        session.run(
            "pytest",
            "-m",
            "not alone",
            "--numprocesses=auto",
            "--maxprocesses=8",
            "--dist=worksteal",
            *session.posargs,
            # Processes with as many threads each as there are processors would stand in each
            # other's way, all the more if their threads spin while they wait.
            env={"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
            success_codes=fine,
        )
    except CommandFailed:
        all_passed = False
    # Only the files that have some: nothing else runs while pytest looks for them in the others.
    files = [str(path) for path in Path("tests").rglob("test_*.py") if ALONE in path.read_text()]
    session.run("pytest", "-m", "alone", *(session.posargs or sorted(files)), success_codes=fine)
    if not all_passed:
        session.error("tests failed before those that take times")


@nox.session
def gate(session: nox.Session) -> None:
    """Verify the demo's zoo, compare it with the records committed for it, and their bundle."""
    session.install(".[sign]")
    with tempfile.TemporaryDirectory() as folder:
        # Whatever the verdicts are, comparing tells what is news about them.
        session.run("hrnet-zoo", "demo", "--output", folder, success_codes=[0, 1, 3])
        records = str(Path(folder, "records"))
        zoo = "hrnet_zoo/demo/zoo.yaml"
        session.run("hrnet-zoo", "compare", "reports/demo/records", records, "--zoo", zoo)
    bundle, key = "reports/demo/bundle.zip", "reports/demo/bundle.key.pub"
    session.run("hrnet-zoo", "bundle", "verify", bundle, "--trust", key, "--zoo", zoo)


@nox.session
def rehearse(session: nox.Session) -> None:
    """Go through all that a GPU is asked for, small and on the CPU: bench/gpu_session.py."""
    install(session, "test")
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "bench/gpu_session.py", "--rehearse", "--output", folder)


@nox.session
def faults(session: nox.Session) -> None:
    """Kill, stop and hinder commands at moments that are drawn; add -- --rounds=N of each fault."""
    install(session, "test")
    env = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    session.run("pytest", "tests/test_faults.py", "-s", "--rounds=20", *session.posargs, env=env)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Try hostile input with new seeds: -- --minutes 30 --area records; see tests/hostile."""
    install(session, "test")
    paths = os.pathsep.join(("tests", "tools"))
    session.run("python", "-m", "hostile.fuzz", *session.posargs, env={"PYTHONPATH": paths})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly, in the package, the tests and the benchmarks."""
    install(session, "test", "browser", "types")
    session.run("mypy")


@nox.session(python="3.11", venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that the package asks for; wants "nox[uv]"."""
    groups = nox.project.dependency_groups(PROJECT, "test")
    session.install("--resolution=lowest-direct", ".[report,sign]", *groups)
    session.run("pytest", "-m", "not alone", "--numprocesses=auto", *session.posargs)


@nox.session
def pin(session: nox.Session) -> None:
    """Write constraints.txt anew, which the action installs; add -- and options of uv."""
    session.install("uv")
    session.run(
        "uv",
        "pip",
        "compile",
        "pyproject.toml",
        "--extra=report",  # what the action draws its report with
        "--group=build",  # what it builds the package with
        "--universal",
        "--python-version=3.11",
        "--generate-hashes",
        "--no-annotate",
        "--upgrade",
        "--quiet",
        "--custom-compile-command=nox -s pin",
        "--output-file=constraints.txt",
        *session.posargs,
    )


@nox.session
def audit(session: nox.Session) -> None:
    """Ask for known weaknesses of what constraints.txt pins; needs an index that knows of them."""
    session.install("pip-audit")
    # Strict, because an index that knows nothing would otherwise be taken for one without findings.
    pinned = ("--requirement=constraints.txt", "--require-hashes", "--disable-pip")
    session.run("pip-audit", "--strict", *pinned, *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Look at the HTML report in a real Chromium, which must be installed."""
    session.install(".[report]", *nox.project.dependency_groups(PROJECT, "browser"))
    session.run("pytest", "tests/browser", *session.posargs)


@nox.session(python="3.11")
def parity(session: nox.Session) -> None:
    """Compare with upstream under the same weights; add -- --quick or -- --json FILE."""
    # One environment holds both packages, so that times can be taken in turns. Python, NumPy and
    # OpenCV are those the goldens were made with; upstream predates NumPy 2.
    session.install(
        ".",
        "numpy==1.26.4",
        "opencv-python-headless==4.11.0.86",
        # mmcv's setup.py needs pkg_resources, which newer setuptools lack; torch wants at least 77.
        "setuptools==80.9.0",
        "wheel==0.45.1",
        # What upstream's packages import; newer yapf has another interface than mmcv calls.
        "addict==2.4.0",
        "yapf==0.40.1",
        "matplotlib==3.11.2",
        "prettytable==3.18.0",
    )
    # Without dependencies: mmcv asks for opencv-python, which would overwrite the headless one.
    # Without isolation: a fresh build environment would hold the newest setuptools.
    # Without operators: HRNet-FCN needs none.
    session.install("--no-deps", "--no-build-isolation", "mmcv==1.4.0", env={"MMCV_WITH_OPS": "0"})
    session.install("--no-deps", "mmsegmentation==0.20.2")
    session.run(
        "python",
        "bench/parity/run.py",
        *session.posargs,
        # Upstream would use a GPU by itself; both are compared where the goldens were made.
        env={"PYTHONPATH": os.pathsep.join(("bench", "tools")), "CUDA_VISIBLE_DEVICES": ""},
    )


@nox.session(python="3.11")
def parity_detection(session: nox.Session) -> None:
    """Compare detectors with upstream's likewise; needs a C++20 compiler."""
    # Versions and their reasons are those of the session above; pycocotools is that of the goldens.
    session.install(
        ".",
        "numpy==1.26.4",
        "opencv-python-headless==4.11.0.86",
        "setuptools==80.9.0",
        "wheel==0.45.1",
        "addict==2.4.0",
        "yapf==0.40.1",
        "matplotlib==3.11.2",
        "pycocotools==2.0.11",
        "six==1.17.0",
        "terminaltables==3.1.10",
        "ninja==1.13.2",  # torch compiles with it
    )
    # The last 1.x release; its kernels are those the goldens were made with. Without operators:
    # mmcv would compile seventy files, and as C++17, which the headers of torch 2.15 refuse. run.py
    # compiles the two operators it needs.
    session.install("--no-deps", "--no-build-isolation", "mmcv==1.7.2", env={"MMCV_WITH_OPS": "0"})
    # It works as the documented numbers were made; later ones choose FCOS's candidates differently.
    session.install("--no-deps", "--no-build-isolation", "mmdet==2.3.0")
    # Its archive lacks the configurations. They are in this wheel, which is never imported.
    wheel = Path(session.virtualenv.location, "mmdet-2.28.2")
    session.install("--no-deps", "--target", str(wheel), "mmdet==2.28.2")
    session.run(
        "python",
        "bench/parity_detection/run.py",
        str(wheel / "mmdet" / ".mim" / "configs"),
        *session.posargs,
        env={"PYTHONPATH": os.pathsep.join(("bench", "tools")), "CUDA_VISIBLE_DEVICES": ""},
    )


@nox.session(python="3.11")
def parity_classification(session: nox.Session) -> None:
    """Compare classifiers with upstream's likewise; add -- --quick."""
    session.install(
        ".",
        "addict==2.4.0",
        "einops==0.8.2",
        # Newer ones import a package that they do not ask for.
        "importlib-metadata==8.5.0",
        "markdown==3.11.3",
        "mat4py==0.6.0",
        "matplotlib==3.11.2",
        "model-index==0.1.11",
        "termcolor==3.3.0",
        "yapf==0.43.0",
    )
    # Without dependencies: they ask for opencv-python, which would overwrite the headless one.
    session.install("--no-deps", "mmpretrain==1.2.0", "mmcv-lite==2.1.0", "mmengine==0.10.7")
    session.run(
        "python",
        "bench/parity_classification.py",
        *session.posargs,
        env={"PYTHONPATH": os.pathsep.join(("bench", "tools")), "CUDA_VISIBLE_DEVICES": ""},
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Time the hot paths; add -- --benchmark-autosave or --benchmark-compare to compare commits."""
    install(session, "test")
    session.run("pytest", "bench", "--benchmark-columns=min,median,max,rounds", *session.posargs)


@nox.session
def bench_compare(session: nox.Session) -> None:
    """Time the hot paths of a commit and of the working tree; add -- REV and options of pytest."""
    if not session.posargs:
        session.error("name the commit to compare with: nox -s bench_compare -- main")
    revision, *options = session.posargs
    install(session, "test")
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        there, storage = Path(folder, "commit"), Path(folder, "results").as_uri()
        session.run("git", "worktree", "add", "--detach", str(there), revision, external=True)
        try:
            for name, package in (("commit", there), ("here", here)):
                session.run(
                    "pytest",
                    "bench",
                    # A commit may lack what a later benchmark times.
                    "--continue-on-collection-errors",
                    "--benchmark-quiet",
                    f"--benchmark-storage={storage}",
                    f"--benchmark-save={name}",
                    *options,
                    # Both are run from their sources, so that nothing else differs.
                    env={"PYTHONPATH": str(package)},
                    success_codes=[0, 1] if package == there else [0],
                )
        finally:
            session.run("git", "worktree", "remove", "--force", str(there), external=True)
        session.run(
            "pytest-benchmark",
            f"--storage={storage}",
            "compare",
            "--group-by=group,fullname",
            "--columns=min,median,iqr,rounds",
        )
