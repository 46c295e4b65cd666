"""Sentences of the paper with a figure, and the formulas that give it; claims about single operators."""


def test_ten_figures_in_sentences_are_given_by_their_formula_or_need_months(sample):
    rows = sample.published(
        "select statement_id, verdict, warehouse_value, formula, found_by from marts.reconciliation_narrative"
    )
    assert {name: tuple(found) for name, *found in rows} == {
        **{f"N{number}": ("no_data", None, None, "paper") for number in (1, 2, 3, 4, 6, 8, 10)},
        "N5": ("no_data", None, None, "trial"),
        "N7": ("match_other_formula", "14,328", "mean per month, cut off", "paper"),
        # 3.6, 2.7, 3.0, 3.6, 3.7 and 3.5 make 20.1; 2,915 of 87,400 are 3.34%.
        "N9": ("match_other_formula", "3.34%", "mean of rounded months", "paper"),
    }


def test_claims_about_events_agree_with_the_events(sample):
    values = dict(sample.published("select statement_id, value from marts.claims where statement_id in ('C4', 'C13')"))
    ((called_back,),) = sample.published(
        "select 100 * avg(case when called_back_date = arrived_date then 1 else 0 end) from marts.fct_call "
        # Rows that arrived late in the first days are of the month before.
        "where line = '999' and not is_answered and force_code = 'kent' and arrived_date >= '2022-08-01'"
    )
    assert abs(float(values["C4"]) - called_back) < 1e-6
    chats = sample.published(
        "select operator_id, date_trunc('month', requested_date), accepted_at, ended_at from marts.fct_live_chat "
        "where is_accepted and operator_id is not null and force_code = 'kent' and requested_date >= '2022-08-01' "
        "order by all"
    )
    until, several = {}, set()
    for operator, month, accepted, ended in chats:
        if accepted < until.get((operator, month), accepted):
            several.add((operator, month))
        until[operator, month] = max(ended, until.get((operator, month), ended))
    assert abs(float(values["C13"]) - 100 * len(several) / len(until)) < 1e-6
