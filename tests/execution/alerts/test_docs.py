"""The operators' page names every kind that this app raises, with its severity."""

import re

import pytest
from django.conf import settings

from execution.alerts.kinds import Kind, kinds

PAGE = (settings.BASE_DIR / "docs/operators/alerts.md").read_text()


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_the_operators_page_names_it(kind: Kind) -> None:
    row = re.search(rf"^\| `{kind.name}` \| (\w+) \|", PAGE, re.MULTILINE)
    assert row is not None
    assert row[1] == kind.severity.label.lower()
