"""The table of the guide's duties: every rpc, rule and test that it names is there."""

import re

import pytest
from running import ROOT

# Compiled contracts and documents: no hub runs.
pytestmark = pytest.mark.any_engine

ROWS = [
    line
    for line in (ROOT / "docs/GUIDE_DUTIES.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| [GL]\d{3} \|", line)
]


def cells(row):
    """Its id, rpc, rule and test."""
    found = [cell.strip() for cell in row.strip().strip("|").split(" | ")]
    return found[0], *found[-3:]


def text_of(paths):
    """All these files as one text."""
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_every_rpc_of_the_table_is_in_the_contract():
    """`Service/Method`, as the contracts declare them."""
    known = set()
    for path in (ROOT / "proto").rglob("*.proto"):
        service = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if found := re.match(r"service (\w+)", line):
                service = found[1]
            if found := re.match(r"\s+rpc (\w+)\(", line):
                known.add(f"{service}/{found[1]}")
    named = {(cells(row)[0], rpc) for row in ROWS for rpc in re.findall(r"`(\w+Service/\w+)`", row)}
    assert len(named) > 100 and not {one for one in named if one[1] not in known}


def test_every_rule_of_the_table_is_a_rule_or_a_reason():
    """The ids of `config/policies/`, and the reason codes in brackets."""
    text = text_of((ROOT / "config/policies").glob("*.cedar"))
    names = set(re.findall(r'@(?:id|reason)\("([^"]+)"\)', text))
    named = {(cells(row)[0], one) for row in ROWS for one in re.findall(r"`([\w-]+)`", cells(row)[2])}
    assert len(named) > 100 and not {one for one in named if one[1] not in names}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:6])
def test_every_test_of_the_table_exists(row):
    """A row of a policy table, a unit test of the domain or a foreign test; none only where the hub carries nothing."""
    _, rpc, _, tests = cells(row)
    if tests in ("n/a", "–"):
        assert rpc.startswith("None")
        return
    named = 0
    for table, name in re.findall(r'`([a-z0-9-]+)` "([^"]+)"', tests):
        assert f'name = "{name}"' in (ROOT / f"config/policies/{table}.tests.toml").read_text(encoding="utf-8"), name
        named += 1
    for path, name in re.findall(r"`([\w/.]+\.(?:rs|py))(?:::(\w+))?`", tests):
        roots = (ROOT, ROOT / "crates/domain/src", ROOT / "crates/domain")
        [file, *_] = [root / path for root in roots if (root / path).is_file()]
        assert not name or re.search(rf"(?:fn|def) {name}\(", file.read_text(encoding="utf-8")), name
        named += 1
    assert named
