"""The wheel and the source archive, as they would be published."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import tailrace
from tailrace._errors import status_of

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", str(folder))
    return folder


def run(*command: str, cwd: Path = ROOT) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_wheel_works_in_a_fresh_environment(built: Path, tmp_path: Path) -> None:
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "tailrace/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if not name.startswith(("tailrace/", f"tailrace-{tailrace.__version__}.dist-info/"))]
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--no-compile",
        str(wheel),
    )
    # Its dependencies are those of this environment: nothing is fetched.
    paths = {name: str(tmp_path / "venv") for name in ("base", "platbase")}
    site = Path(sysconfig.get_path("purelib", vars=paths))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    program = (
        "import tailrace, openai; client = tailrace.Tailrace(api_key='x'); assert isinstance(client, openai.OpenAI);"
        "print(tailrace.__file__, tailrace.__version__)"
    )
    where, version = run(str(python), "-c", program, cwd=tmp_path).split()
    assert Path(where).is_relative_to(tmp_path)
    assert version == tailrace.__version__


def test_the_source_archive_has_what_a_build_needs(built: Path) -> None:
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        names = {Path(*Path(name).parts[1:]).as_posix() for name in files.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "src/tailrace/__init__.py", "src/tailrace/py.typed"} <= names
    assert not [name for name in names if name.startswith("tests")]


def test_the_version_is_that_of_the_server() -> None:
    package = (ROOT.parent / "packages/server/package.json").read_text()
    assert f'"version": "{tailrace.__version__}"' in package


def test_error_events_have_the_status_of_the_servers_table() -> None:
    rows = re.findall(
        r"^\| \[`(\w+)`\]\(errors/\w+\.md\) \| (\d+) \|", (ROOT.parent / "docs/errors.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) > 30
    assert {code: status_of({"code": code}) for code, _ in rows} == {code: int(status) for code, status in rows}
