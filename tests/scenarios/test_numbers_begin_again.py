"""A telephone system that restarts its call ids after 30 days: what a run says, and the setting that cures it."""

from datetime import date, timedelta

from tests.roots import CALLS, DataRoot

FIRST, BEGUN = date(2022, 10, 2), date(2022, 11, 1)
OPTION = f"keysBeginAgain: [{BEGUN}]\n"


def land(root: DataRoot) -> None:
    """33 days of 24 calls; of every second call, the older or the newer one with its id has a second segment."""
    for number in range(33):
        day = FIRST + timedelta(number)
        lines = []
        for call in range(24):
            start = f"c{number % 30}-{call},{{}},101,{day} 10:{call:02}:{{}},5,{{}},60,07700 900{call:03}"
            has_second = call % 4 == (0 if day < BEGUN else 2)
            lines.append(start.format(1, "00", "transferred" if has_second else "answered"))
            lines += [start.format(2, "30", "answered")] * has_second
        root.land(f"call_segments_{day}.csv", CALLS, *lines)


def months(root: DataRoot) -> list[tuple]:
    """Calls, segments, and greatest number of segments of a call, by month."""
    return root.published(
        "select month(arrived_date), count(*), sum(segments), max(segments) from marts.fct_call group by all order by 1"
    )


def test_newer_calls_are_rejected_and_with_the_setting_all_calls_count(root):
    land(root)
    done = root.fcir("run")
    assert done.code == 1
    assert "Found: 30 of 30 rows." in done.out + done.err
    assert OPTION.strip() in done.out + done.err
    file = root.home / "config" / "contracts" / "call_segments.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(OPTION, encoding="utf-8")
    done = root.fcir("run")
    assert done.code == 0, done.out + done.err
    assert months(root) == [(10, 720, 900, 2), (11, 72, 90, 2)]
    mixed = "select count(*) from marts.fct_call_segment as s join marts.fct_call as c using (force_code, call_id)"
    assert root.published(f"{mixed} where s.call_epoch = c.call_epoch and s.arrived_date <> c.arrived_date") == [(0,)]
    traced = root.fcir("trace", "calls_101.received", "2022-11")
    assert traced.code == 0, traced.out + traced.err
    assert "72" in traced.out
