"""All checks of the project; "nox" alone runs lint, types and tests."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str) -> None:
    """Install the package as a user would, and the tools of the named groups."""
    session.install(".", *nox.project.dependency_groups(PROJECT, *groups))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the installed package."""
    install(session, "test")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly, in the package, the tests and the benchmarks."""
    install(session, "test", "types")
    session.run("mypy")


@nox.session
def bench(session: nox.Session) -> None:
    """Time the hot paths; add -- --benchmark-autosave or --benchmark-compare to compare commits."""
    install(session, "test")
    session.run("pytest", "bench", "--benchmark-columns=min,median,max,rounds", *session.posargs)
