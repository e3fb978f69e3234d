"""The documents do what they say: their commands and programs run, and their links lead somewhere."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdc.errors import ConfigError
from cdc.testing.servers import Address, PostgresServer, standing
from cdc.testing.servers.choice import NAMES
from tests.support.database import Database, dropped
from tests.support.documents import ROOT, Runner, shell

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SHOP = """
create table orders (id int primary key, total decimal(10,2));
insert into orders values (1, 12.50);
"""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def has_blocks(path: Path) -> bool:
    return re.search(r"^\s*```\w", path.read_text(), re.MULTILINE) is not None


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of the documents' own: they make roles and slots."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def shop(server: PostgresServer) -> Iterator[Database]:
    """The database that pages other than the tutorial are about."""
    at = server.address
    Database(at.host, at.port, at.user, "postgres").execute("create database shop")
    database = Database(at.host, at.port, at.user, "shop")
    database.execute(SHOP)
    yield database
    dropped(database)


@pytest.fixture
def variables(shop: Database, kafka: Address, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """What the programs of a page find in the environment. Servers that it starts by `up` are its own, and end with it."""
    with tempfile.TemporaryDirectory(prefix="cdc-docs-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        found = {"DATABASE_URL": shop.url, "KAFKA": kafka.url, "CDC_STANDING": folder, "TMPDIR": folder}
        for key, value in found.items():
            monkeypatch.setenv(key, value)
        yield found
        for each in NAMES:
            standing.down(each)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("path", [path for path in DOCUMENTS if has_blocks(path)], ids=name)
def test_the_blocks_of_a_document_run(path, shop, variables, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    if "MYSQL_URL" in path.read_text():
        database = request.getfixturevalue("mysql_database")
        database.execute(SHOP)
        monkeypatch.setenv("MYSQL_URL", database.url)
    with shell(tmp_path, **variables) as bash:
        Runner(tmp_path, bash, shop).run(path)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```bash\necho one; false; echo two\n```", "a command failed; stdout:\none"),
        ("```bash\necho one\necho two\n```\n\n```text\none\n```", "expected:\none\n\nprinted:\none\ntwo"),
        ("```python\nprint(1)\n```\n\n```text\n…2\n```", "printed:\n1"),
        ('```json\n{"name": "s", "connector.class": "postgres", "slot.nam": "s"}\n```', "slot.nam"),
        ("```rust\n```", "no way to run a block of rust"),
    ],
)
def test_a_page_that_is_wrong_fails(page, message, tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"# Title\n\n{page}\n")
    with shell(tmp_path) as bash, pytest.raises((AssertionError, ConfigError), match=re.escape(message)) as caught:
        Runner(tmp_path, bash, Database("", 0, "", "")).run(path)
    assert re.search(r"page\.md:\d", str(caught.value.__notes__))


def test_a_page_may_leave_out_lines_and_say_what_is_not_run(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(
        "<!-- not run: it fails -->\n```bash\nfalse\n```\n```\nno language\n```\n"
        "```bash\nname=Ann; seq 3\n```\n\n```text\n1\n…\n```\n\n```bash\necho I am $name\n```\n\n```text\nI …nn\n```\n"
    )
    with shell(tmp_path) as bash:
        Runner(tmp_path, bash, Database("", 0, "", "")).run(path)


def heading(line: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", line.lstrip("#").strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path):
    broken = []
    for link in LINK.findall(path.read_text()):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if "://" in link or link.startswith("mailto:"):
            continue
        headings = [heading(line) for line in target.read_text().splitlines() if line.startswith("#")] if anchor else []
        if not target.exists() or (anchor and anchor not in headings):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_files_of_the_code_are_where_they_are_said_to_be(path):
    missing = [file for file in re.findall(r"`(cdc/[\w./]+)`", path.read_text()) if not (ROOT / file).exists()]
    assert not missing
