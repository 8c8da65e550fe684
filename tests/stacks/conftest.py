"""One office for the proofs that need every stack: bringing it up costs more than they do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stacks.office import Office


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = Office.open(tmp_path_factory.mktemp("office"))
    try:
        yield made
    finally:
        made.close()
