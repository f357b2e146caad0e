"""The demo city divides by the structural index, so its release has passed the incentive audit and may be approved."""

import json
from pathlib import Path

from tests.road.conftest import released


def test_the_demo_city_passes_its_incentive_audit(release: Path) -> None:
    manifest = json.loads((release / "internal/manifest.json").read_text("utf-8"))
    assert manifest["draft_reasons"] == []
    assert released(release, "alloc__incentive_reasons").is_empty()
    cells = released(release, "alloc__incentives")
    paid = {
        item["id"]
        for stream in manifest["settings"]["allocation"]["streams"]
        for item in stream.get("indicators") or []
    }
    # The score of a policy, by which an award is given, is asked about beside what is paid for.
    assert set(cells["indicator"]) == paid | {"score"}
    assert "loses" not in set(cells["verdict"])
    assert cells["npv_fen"].sum() > 0
    page = (release / "internal/site/money.html").read_text("utf-8")
    assert "没有一种使自己以后各年合计少拿钱" in page
