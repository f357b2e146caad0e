"""Nothing is lost: whatever lands, every line of every file taken is accounted for, and what counts is what should."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.intake.office import KEY, MONTHS, Office

HEADER = "编号,金额,日期\n"
# A line as a sender may write it: sound, wrong in a value, without key, blank, torn.
LINES = st.one_of(
    st.builds("{},{}.00,2025-01-{:02d}".format, st.sampled_from("abcd"), st.integers(1, 2), st.integers(1, 2)),
    st.sampled_from(
        ["a,oops,2025-01-05", ",1.00,2025-01-05", "", ",,", "a,1.00", "b,1.00,2025-01-05,x", 'c,"1.00,2025-01-05']
    ),
)
NOTES = st.sampled_from(
    ["", "rows: 2", "rows: 0", "sequence: 2", "supersedes: [0.csv]", "supersedes: [1.csv]\nsequence: 3"]
)
DELIVERIES = st.lists(
    st.tuples(
        st.lists(LINES, max_size=5), NOTES, st.sampled_from(["H1", "H2"]), st.sampled_from(MONTHS[:2]), st.booleans()
    ),
    min_size=1,
    max_size=4,
)


def _make(tmp_path_factory, bench, delivery):
    return Office(tmp_path_factory.mktemp("office"), bench, delivery=delivery, rules=[])


@given(drawn=DELIVERIES, delivery=st.sampled_from(["increment", "snapshot", "cumulative"]))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_is_accounted_for(tmp_path_factory, bench, drawn, delivery):
    office = _make(tmp_path_factory, bench, delivery)
    texts = {}
    for number, (lines, note, institution, period, at_once) in enumerate(drawn):
        texts[f"{institution}/{number}.csv"] = lines
        text = HEADER + "".join(f"{line}\n" for line in lines)
        office.land(f"{number}.csv", text, f"period: {period}\n{note}\n", institution)
        if not at_once:
            office.run()
    office.run()
    files, refused = office.files(), office.refused()
    for name, lines in texts.items():
        row = files.get(name)
        if row is None:
            assert name in refused or lines in [other for key, other in texts.items() if key != name]
        elif row["status"] == "refused":
            assert name in refused
            assert row["records"] == 0
        else:
            assert row["records"] == len(lines)
    counted = sum(len(office.counted(period)) for period in MONTHS)
    assert counted == sum(row["current"] for row in files.values())
    assert office.intake.stage_feed(KEY, MONTHS) == []
