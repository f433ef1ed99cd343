"""docs/recordings-and-clients.md: each reported fault has tests, and they exist."""

import re

from tests.support.program import ROOT

REPORTS = 22


def test_each_report_has_tests_that_exist() -> None:
    rows = [row for row in (ROOT / "docs/recordings-and-clients.md").read_text().splitlines() if row.startswith("| ")]
    numbers = [int(row.split("|")[1]) for row in rows if row.split("|")[1].strip().isdecimal()]
    assert numbers == list(range(1, REPORTS + 1))
    for row in rows:
        if row.startswith("| |") and "before" in row:
            continue
        tests = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
        assert tests, row
        for file, test in tests:
            assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE), (file, test)
